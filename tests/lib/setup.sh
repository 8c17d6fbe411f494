# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2016
# Packages that building and testing need, on Debian 12 (with backports) and Debian 13. Sourced by
# quickstart and tests/run. Never names a mirror: what this machine's apt uses is used.

readonly BUILD_PACKAGES=(clang gcc iproute2 libbpf-dev libev-dev libjansson-dev libnl-3-dev
	libsystemd-dev libyaml-dev linux-libc-dev llvm meson ninja-build pkg-config procps
	iputils-ping bpftool git)
# For Debian packages: debian/build.
readonly PACKAGING_PACKAGES=(build-essential debhelper python3 scdoc)
# For virtual machines: tests/vm.
readonly VM_PACKAGES=(e2fsprogs fakeroot fdisk kmod python3 qemu-system-x86 tar)
# Older in Debian 12 than metad needs, or broken there (QEMU 7.2 corrupts its guests).
readonly BACKPORTED_PACKAGES=(libbpf-dev linux-libc-dev meson bpftool iproute2 qemu-system-x86 debhelper)

say() {
	printf '\n== %s\n' "$*"
}

die() {
	local name=${0#"$PWD/"}
	printf '%s: %s\n' "${name#./}" "$*" >&2
	exit 1
}

# May ask for a password, at a terminal.
may_be_root() {
	[ "$(id -u)" -eq 0 ] && return
	command -v sudo >/dev/null || return
	if [ -t 0 ]; then
		sudo true
	else
		sudo -n true 2>/dev/null
	fi
}

# become_root SCRIPT ARGUMENT…: runs the script again as root, where that is allowed. Its name is given
# as seen from the top of the tree: $0 is of the directory that the caller has left.
become_root() {
	[ "$(id -u)" -ne 0 ] || return 0
	! may_be_root || exec sudo -- "$PWD/$1" "${@:2}"
}

# Where tools of the system are, which not everybody has in the path.
PATH=$PATH:/usr/sbin:/sbin

codename() {
	(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -- "$@"
	fi
}

# Runs apt-get with its talk in a log, which is shown only when it fails.
quiet_apt() {
	local log
	log=$(mktemp)
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@" \
		>"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		cannot_install "apt-get $* failed"
	fi
	rm -f "$log"
}

# What somebody who may can do about it, word by word.
cannot_install() {
	local commands='apt-get update'
	if [ ${#backported[@]} -gt 0 ] && ! backports_known; then
		commands="echo 'deb $(archive_site) bookworm-backports main' >/etc/apt/sources.list.d/"
		commands+='bookworm-backports.list && apt-get update'
	fi
	[ ${#plain[@]} -eq 0 ] ||
		commands+=" && apt-get install -y --no-install-recommends ${plain[*]}"
	[ ${#backported[@]} -eq 0 ] || commands+=" && apt-get install -y --no-install-recommends \
-t bookworm-backports ${backported[*]}"
	die "$1. What root has to run:
    $commands"
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The archive that bookworm itself comes from, as apt knows it. By its signed origin: the archives of
# others call their suites bookworm too, and Debian's may be written as oldstable.
archive_site() {
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' \
		'Origin: Debian' 'Label: Debian' | awk 'NR == 1'
}

backports_known() {
	[ -n "$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Codename: bookworm-backports')" ]
}

# The "Signed-By:" line of the archive's own entry; nothing where apt's default keys are used.
archive_key() {
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
		awk -v RS= -v uri="URIs: $1" 'index($0, uri) && match($0, /Signed-By: *\/[^\n]*/) {
			key = substr($0, RSTART, RLENGTH)
		} END { print key }'
}

add_backports() {
	local site
	backports_known && return
	site=$(archive_site)
	[ -n "$site" ] || die "apt knows no source of bookworm to take backports from"
	echo "Debian 12: adding bookworm-backports to /etc/apt/sources.list.d"
	as_root tee /etc/apt/sources.list.d/bookworm-backports.sources >/dev/null <<-SOURCES
		Types: deb
		URIs: $site
		Suites: bookworm-backports
		Components: main
		$(archive_key "$site")
	SOURCES
	quiet_apt update
}

# Whether a package comes from backports already.
is_backported() {
	dpkg-query -W -f '${Version}' "$1" 2>/dev/null | grep -q 'bpo12'
}

# install_packages PACKAGE…: those that are missing; no apt at all when none is.
install_packages() {
	local package plain=() backported=()
	for package in "$@"; do
		if [ "$(codename)" = bookworm ] &&
			[[ " ${BACKPORTED_PACKAGES[*]} " == *" $package "* ]]; then
			is_backported "$package" || backported+=("$package")
		else
			is_installed "$package" || plain+=("$package")
		fi
	done
	[ $((${#plain[@]} + ${#backported[@]})) -gt 0 ] || return 0
	case $(codename) in
	bookworm | trixie) ;;
	*) die "packages are missing (${plain[*]} ${backported[*]}), and only Debian 12 and 13 are known here" ;;
	esac
	may_be_root || cannot_install "packages are missing, and this user may not install any"
	say "Installing packages: ${plain[*]} ${backported[*]}"
	quiet_apt update
	[ ${#backported[@]} -eq 0 ] || add_backports
	[ ${#plain[@]} -eq 0 ] || quiet_apt install "${plain[@]}"
	[ ${#backported[@]} -eq 0 ] || quiet_apt install -t bookworm-backports "${backported[@]}"
}

# configure DIR OPTION…: a build directory with these options, kept when it is there already.
configure() {
	local dir=$1
	shift
	[ ! -e "$dir" ] || [ -w "$dir" ] ||
		die "$PWD/$dir is $(stat -c %U "$dir")'s, who has built there; remove it to build as another"
	if [ -f "$dir/build.ninja" ]; then
		meson configure "$dir" "$@" >/dev/null
	else
		meson setup "$dir" "$@" >"$dir.log" 2>&1 || {
			tail -n 20 "$dir.log" >&2
			die "meson setup $dir failed"
		}
		rm -f "$dir.log"
	fi
}

# build DIR: progress on one line, the compiler's words only when it fails.
build() {
	local log
	log=$(mktemp)
	if ! ninja -C "$1" >"$log" 2>&1; then
		grep -v '^\[' "$log" | tail -n 60 >&2
		rm -f "$log"
		die "building in $1 failed"
	fi
	tail -n 1 "$log"
	rm -f "$log"
}
