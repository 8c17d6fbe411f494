# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The disks that virtual machines start from. Sourced.

# make_disk ROOT IMAGE: of what the directory has. One partition, whose name the kernel knows without
# anything to ask (PARTUUID=6d657461-01): disks have no fixed order.
make_disk() {
	truncate -s 3G "$2"
	printf 'label: dos\nlabel-id: 0x6d657461\nstart=2048\n' | sfdisk -q "$2"
	mke2fs -q -t ext4 -d "$1" -E offset=1048576 "$2" 3071M
}
