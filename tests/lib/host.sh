# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Where on this machine what takes long to make is kept. Sourced after setup.sh.

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
