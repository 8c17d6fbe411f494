# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What this machine lets us do, found out by doing it, and where what takes long to make is kept.
# Sourced after setup.sh.

# host_lacks: in words, the first thing that keeps metad from working here and now; nothing when
# nothing does. Uses what was built.
host_lacks() {
	if [ "$(id -u)" -ne 0 ]; then
		echo 'this needs root, which this user is not and, by sudo, cannot be'
		return
	fi
	tests/lib/probe 2>/dev/null || true
}

# Of this machine, and of this user.
cache_places() {
	printf '%s\n' "${METAD_CACHE:-/var/cache/metad}" \
		"${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/metad"
}

writable_cache() {
	local place places
	mapfile -t places < <(cache_places)
	for place in "${places[@]}"; do
		if mkdir -p "$place" 2>/dev/null && [ -w "$place" ]; then
			printf '%s\n' "$place"
			return
		fi
	done
	die "neither ${places[0]} nor ${places[1]} can be written to; METAD_CACHE names another directory"
}

# cached NAME: where that is; when it is nowhere yet, where it can be made.
cached() {
	local place places
	mapfile -t places < <(cache_places)
	for place in "${places[@]}"; do
		if [ -r "$place/$1" ]; then
			printf '%s\n' "$place/$1"
			return
		fi
	done
	place=$(writable_cache)
	printf '%s\n' "$place/$1"
}
