/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where network namespaces are mounted as files, from /proc/self/mountinfo. A namespace that is
 * replaced under one name is another inode at the same path. Other mounts leave no trace here.
 *
 * The kernel gives an inode to a later namespace again: one that has replaced a dead one between
 * two readings may look like it. The devices that died with the old one are then the only sign.
 */

#include "base/util.h"

struct mount {
	char *path; /* owned; as the kernel spells it: absolute, without links */
	uint64_t inode; /* of the namespace */
	unsigned int nth; /* its line in the table */
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
