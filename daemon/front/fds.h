/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * File descriptors that came with a message. Anybody may send any: nothing here asks anything of the
 * file behind one, because a file system may be a process of the sender's that never answers.
 */

#include "base/util.h"

#define FDS_MAX 16 /* with one message */

struct fds {
	int items[FDS_MAX]; /* owned; -1: taken */
	size_t n;
	bool overflow; /* there were more, which are closed */
};

void fds_add(struct fds *fds, int fd); /* takes fd */
/* The one that a parameter calls index, which the caller owns then; -1: there is none. */
int fds_take(struct fds *fds, int64_t index);
void fds_done(struct fds *fds); /* closes what is left */

/* Whether it is of a network namespace, and so does no harm. */
bool fds_is_netns(int fd);

/*
 * Whether descriptors wait to be closed because others take too long: who is not trusted is to send
 * no more.
 */
bool fds_is_clogged(void);
