# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# A virtual machine from its start to its end. Sourced after setup.sh, by scripts that set work (a directory
# for its files), root (where root.img is) and kernel. What is said on its second serial port is streamed.

readonly REPORTS='BUG:|WARNING:|Oops|KASAN:|UBSAN:|KCSAN:|kernel panic|Kernel panic|general protection|'\
'unable to handle|circular locking|recursive locking|inconsistent lock|invalid wait context|'\
'suspicious RCU|rcu: INFO:|rcu_preempt detected|unregister_netdevice: waiting|refcount_t:|'\
'ref_tracker: .*(users at|already released)|blocked for more than|soft lockup|hard LOCKUP|unreferenced object|'\
'sleeping function called|scheduling while atomic|held lock freed|ODEBUG:|list_(add|del) corruption|'\
'possible memory leak|bad unlock balance'
accel=(-accel 'tcg,thread=multi') cpus=2 memory=2048 seconds=600 timed_out='' qemu_pid=''

# shellcheck disable=SC2317
cleanup() {
	[ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null || true
	[ -z "$work" ] || rm -rf "$work"
}

# run_qemu DISK ARCHIVE WORD…: with words for the kernel. In the background the shell of it becomes QEMU, so
# that its pid is QEMU's own.
run_qemu() {
	local disk=$1 archive=$2
	shift 2
	exec qemu-system-x86_64 "${accel[@]}" -cpu max -smp "$cpus" -m "$memory" -nodefaults -no-user-config \
		-display none -monitor none -no-reboot -nic none \
		-drive "if=none,id=root,$disk" \
		-device nvme,drive=root,serial=root \
		-drive "file=$archive,if=none,id=tree,format=raw,readonly=on" \
		-device nvme,drive=tree,serial=tree \
		-serial "file:$work/console" -serial "file:$work/output" \
		-kernel "$kernel" -append "root=PARTUUID=6d657461-01 rootwait rw console=ttyS0 no_timer_check \
panic=-1 oops=panic quiet loglevel=6 dummy.numdummies=0 $*"
}

# follow ARGUMENT…: streams what is said until the machine that run_qemu starts is off, or its time is up.
follow() {
	local deadline=$((SECONDS + seconds))
	: >"$work/output"
	run_qemu "$@" </dev/null >"$work/qemu" 2>&1 &
	qemu_pid=$!
	tail -n +1 -s 0.2 -f --pid="$qemu_pid" "$work/output" 2>/dev/null |
		stdbuf -o0 tr -d '\r' | grep --line-buffered -v '^vm-status ' &
	while kill -0 "$qemu_pid" 2>/dev/null; do
		if [ $SECONDS -ge $deadline ]; then
			kill -KILL "$qemu_pid"
			timed_out=yes
			break
		fi
		sleep 0.2
	done
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=''
	wait
	# The next start begins another one.
	cat "$work/console" >>"$work/consoles" || true
}

judge() {
	local status
	if grep -nE "$REPORTS" "$work/consoles" >"$work/reports"; then
		echo "the kernel reports:" >&2
		grep -E -B 2 -A 40 -m 3 "$REPORTS" "$work/consoles" >&2
		exit 99
	fi
	if [ -n "$timed_out" ]; then
		echo "the virtual machine was still running after $seconds seconds; the kernel said last:" >&2
		tail -n 15 "$work/console" >&2
		exit 124
	fi
	status=$(tr -d '\r' <"$work/output" | sed -n 's/^vm-status //p' | tail -n 1)
	if [ -z "$status" ]; then
		echo "the virtual machine ended without saying how; QEMU and the kernel said last:" >&2
		tail -n 20 "$work/qemu" "$work/console" >&2
		exit 98
	fi
	exit "$status"
}
