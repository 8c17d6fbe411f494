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

struct mount_table {
	struct mount *items; /* owned; sorted by path */
	size_t n;
};

struct mounts {
	int fd; /* exceptional when the table has changed */
	int timer_fd; /* readable when a look that was put off is due */
	struct mount_table table; /* as last read */
	uint64_t rested_ns; /* (CLOCK_MONOTONIC) it is not read again before */
};
#define MOUNTS_NONE                                                                                \
	(struct mounts)                                                                            \
	{                                                                                          \
		.fd = -1, .timer_fd = -1                                                           \
	}

/* Reads the table for the first time. 0 or -errno; mounts_done() either way. */
int mounts_init(struct mounts *mounts);
void mounts_done(struct mounts *mounts);

/*
 * Reads the table and calls fn for each path at which something else is mounted than before. Put
 * off for a while when reading takes long and was done just now: then timer_fd brings it back.
 */
typedef void (*mount_fn)(void *ctx, const char *path);
int mounts_look(struct mounts *mounts, mount_fn fn, void *ctx);
