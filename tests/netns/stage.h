/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where tests of the kernel floor play: a network and a mount namespace of the test's own, which
 * take all that it made with them when it ends, however it ends, and a second network namespace
 * for peers. Devices are of kind veth.
 */

#include "kernel/link.h"
#include "kernel/netlink.h"

#include <sys/types.h>

#define STAGE_DIR "/mnt" /* an empty file system of the test's own */

struct stage {
	struct netlink *host; /* in the namespace of the test */
	pid_t resident; /* a process in a namespace of its own */
	struct netns inside; /* that namespace */
	struct netlink *in_netns; /* a socket there */
};
extern struct stage stage;

void stage_set(void); /* exits with 77 where it may not */
void stage_strike(void);

/* Another process in a new network namespace, which goes when the process is ended. */
pid_t stage_start_resident(void);
void stage_end_resident(pid_t pid);
/* netns_open() with STAGE_DIR as the directory of names. */
int stage_open_netns(enum netns_by by, const char *text, struct netns *ret, struct diag *why);

/* Requests: 0 or -errno, said on standard error; whether one is refused with error and words. */
int stage_call(struct netlink *netlink, struct nl_msg *message);
bool stage_refused(struct netlink *netlink, struct nl_msg *message, int error, const char *words);
bool stage_says(const struct diag *diag, const char *words);

/* A pair as declared, with nothing but names. Owns nothing. */
struct pair stage_pair(const char *name, const char *peer_name, enum mode mode);
struct netlink_result stage_create(const struct pair *pair);
void stage_delete(int ifindex);
struct link stage_get(struct netlink *netlink, const char *name);
size_t stage_count_links(struct netlink *netlink);
