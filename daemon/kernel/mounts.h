/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where namespaces are mounted as files, from /proc/self/mountinfo. A namespace that is replaced
 * under one name is another mount at the same place.
 */

#include "base/util.h"

struct mount {
	char *path; /* owned */
	uint64_t id; /* of the namespace: its inode */
};

struct mounts {
	struct mount *items; /* owned; sorted by path */
	size_t n;
};

int mounts_read(struct mounts *ret);
void mounts_done(struct mounts *mounts);

/* Calls fn for each path at which old and new differ. */
void mounts_compare(const struct mounts *old, const struct mounts *fresh,
		    void (*fn)(void *ctx, const char *path), void *ctx);
