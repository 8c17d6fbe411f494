/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What adopting and releasing have in common: both ends of a pair, opened where they are. Functions
 * return 0, HAND_… (> 0) with the hand's why, or -errno. Worker thread.
 */

#include "core/hand.h"
#include "kernel/belongings.h"
#include "kernel/context.h"
#include "kernel/link.h"

struct handover {
	struct kernel *kernel; /* borrowed, as all that has no other word */
	struct hand *hand;
	struct netns_dirs dirs;
	struct link link[N_SIDES];
	struct netns netns; /* owned; of the peer */
	struct netlink *inside; /* owned; in there */
	struct belongings belongings[N_SIDES]; /* owned */
};
#define HANDOVER(of_kernel, of_job)                                                                \
	(struct handover)                                                                          \
	{                                                                                          \
		.kernel = (of_kernel), .hand = (of_job)->hand,                                     \
		.dirs = context_netns_dirs((of_job)->desired), .netns = NETNS_NONE                 \
	}

void handover_done(struct handover *handover);

/* The configuration directory of files that last until the next boot; NULL: there is none. */
const char *handover_runtime_dir(const struct kernel *kernel);

/* The device itself. HAND_NO_DEVICE. */
int handover_find(struct handover *handover);
/* Whether it can become metad's: it is the primary of a pair, nobody's port, and not metad's yet. */
int handover_check(struct handover *handover);
/* Opens the peer's end in that namespace. HAND_NO_NETNS. */
int handover_open_peer(struct handover *handover, const struct netns_ref *ref);
/*
 * The same where the hand says: by a reference, a descriptor, or nothing, for whichever name leads
 * there. *ret is what names it from now on, owned by the caller.
 */
int handover_find_peer(struct handover *handover, struct netns_ref *ret);

struct netlink *handover_netlink(const struct handover *handover, enum side side);
/* Gives the belongings of both ends to metad, or to nobody in particular. */
int handover_mark(struct handover *handover, enum belongings_whose whose);
/* The device's link group: the mark of ownership itself. */
int handover_set_group(struct handover *handover, uint32_t group);
