/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Files that are replaced as a whole: readers and a power failure see the old or the new content. */

#include <stddef.h>
#include <sys/types.h>

struct atomic_part {
	const void *bytes;
	size_t len;
};

/*
 * Makes path consist of the parts, with that mode. The new content is on the disk when this returns; until then it is in path's
 * directory under a hidden name. 0 or -errno with path as it was.
 */
int atomic_write(const char *path, mode_t mode, const struct atomic_part *parts, size_t n);

#define ATOMIC_PRIVATE 0600 /* for copies of files that not everybody may read */
#define ATOMIC_PUBLIC 0644
