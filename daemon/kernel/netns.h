/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Network namespaces: from a name, path or pid to an identity, and the visits inside. The only
 * caller of setns(2); only the worker thread may call what enters. Failing to come home aborts the
 * process: a thread lost in a foreign namespace would change the wrong host.
 */

#include "core/model.h"

#include <sys/types.h>

struct netns {
	int fd; /* owned; -1: none */
	uint64_t cookie; /* SO_NETNS_COOKIE: unique since boot, unlike the inode (Linux 5.14) */
};
#define NETNS_NONE (struct netns){ .fd = -1 }

enum { NETNS_E_ABSENT = 1 /* there is no such namespace now; why says so */ };

/* Where names live, such as /run/netns: the first directory that has a namespace of a name counts. */
struct netns_dirs {
	const char *const *paths; /* borrowed */
	size_t n; /* at least 1 */
};

/*
 * Opens what ref names. A file that is not, or not yet, a namespace (ip-netns(8) creates the file
 * before it mounts) or cannot be opened counts as absent. 0, NETNS_E_ABSENT or -errno with why.
 */
int netns_open(const struct netns_ref *ref, struct netns_dirs dirs, struct netns *ret,
	       struct diag *why);

/*
 * The names of namespaces in any of the directories; what else has a name there is none, or none yet.
 * A directory that is not there has none. 0, or -errno with why; ret has those of the directories
 * that could be listed even then.
 */
struct netns_names {
	char **items; /* owned; sorted, unique */
	size_t n;
};
int netns_list(struct netns_dirs dirs, struct netns_names *ret, struct diag *why);
void netns_names_done(struct netns_names *names);

/* A descriptor that somebody else has opened; a copy of it is kept. As netns_open. */
int netns_open_fd(int fd, struct netns *ret, struct diag *why);

/*
 * What names a namespace for as long as it is there, so that it is found again without a descriptor:
 * a name, a path, or a process in it other than besides. ret has its cookie; the caller owns the
 * text. 0, NETNS_E_ABSENT when nothing names it, or -errno with why.
 */
int netns_find_ref(const struct netns *netns, struct netns_dirs dirs, pid_t besides,
		   struct netns_ref *ret, struct diag *why);

int netns_open_current(struct netns *ret);
void netns_done(struct netns *netns);

/* Enters for the calls between; they nest not. netns_leave returns to where the thread was. */
int netns_enter(const struct netns *netns);
void netns_leave(void);
