/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A device that goes from one hand to the other: adopted, from somebody to metad, or released, from
 * metad to nobody. It is the same device all the while, with its addresses, programs and traffic.
 */

#include "core/model.h"

#include <sys/types.h>

/* How a file begins that was written to adopt a pair, so that it may go with it. */
#define HAND_COMMENT "# Adopted by metad as it was; "

enum hand_verb { HAND_ADOPT, HAND_RELEASE };

enum hand_result {
	HAND_DONE,
	HAND_NO_DEVICE, /* there is none of that name */
	HAND_NO_PAIR, /* a device, but not one of a pair */
	HAND_IS_OURS, /* to be adopted, and metad's already */
	HAND_NOT_OURS, /* to be released, and not metad's */
	HAND_NO_NETNS, /* the namespace of the peer is not known, or is another one */
	HAND_UNFIT, /* no declaration would describe it */
	HAND_READ_ONLY, /* no file can be written where it would have to be; file says where */
	HAND_FAILED, /* anything else */
};

/*
 * Whoever asks fills the upper part; the rest is the answer, to be read when it is over. Both who
 * asks and who does it have a reference, counted by the main thread.
 */
struct hand {
	unsigned int n_refs;
	enum hand_verb verb;
	char name[IFNAMSIZ]; /* of the device, and the pair */
	struct netns_ref netns; /* adopt: where the peer is; text NULL: an fd, or to be found out */
	int netns_fd; /* owned; adopt: -1: none */
	pid_t caller; /* adopt: who asks: what it is in is no lasting name; 0: unknown */
	bool runtime; /* adopt: to be declared until the next boot */
	bool dry_run; /* adopt: only the answer is made */

	bool over;
	enum hand_result result;
	struct diag why; /* where it is not HAND_DONE */
	char *file; /* owned; adopt: that declares it, or would; release: that went, NULL: none */
	char *content; /* owned; adopt: of that file; NULL: it was there already */
	bool wrote; /* adopt: the file is new */
	struct diag_list notes; /* what stays somebody else's, and what will be changed */
	char **pins; /* owned; release: where links are pinned now */
	size_t n_pins;
	struct diag declared_at; /* release: what still declares it; text empty */
};

/* One reference. name is a device's. NULL: out of memory. */
struct hand *hand_new(enum hand_verb verb, const char *name);
struct hand *hand_ref(struct hand *hand);
void hand_unref(struct hand *hand); /* takes NULL */

/* Sets result and why; returns the result. */
__attribute__((format(printf, 3, 4))) enum hand_result hand_refuse(struct hand *hand,
								   enum hand_result result,
								   const char *format, ...);
/* One more sentence for whoever asked. */
__attribute__((format(printf, 2, 3))) void hand_note(struct hand *hand, const char *format, ...);
