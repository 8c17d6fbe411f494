/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The difference between what is wanted and what is there, as steps. Pure: no I/O, no clock, no
 * log; the same input gives the same bytes. Laws, tested as properties:
 *  - plan(x, x) has no steps;
 *  - a plan applied to a model of the kernel gives the wanted state, conflicts and waits apart;
 *  - no step names a device or a program that is not metad's;
 *  - a pair that cannot be finished stays closed.
 */

#include "core/step.h"

enum verdict {
	VERDICT_READY, /* nothing to do */
	VERDICT_CHANGE, /* the steps make it ready */
	VERDICT_WAIT, /* for a namespace or an object file that is not there yet */
	VERDICT_CONFLICT, /* somebody else has a name that is wanted; untouched */
	VERDICT_BLOCKED, /* no usable kind, no address, or a change needs "recreate: auto" */
	VERDICT_HELD, /* nobody declares it, but a broken file might: not deleted */
};

/* What the kernel must still be like when the steps run; else the pair is looked at again. */
struct expect {
	int ifindex, peer_ifindex; /* of the primary and the peer; 0: it does not exist */
	uint64_t netns; /* cookie of the namespace of the peer */
	uint64_t revision[N_SIDES]; /* of the chains, 0: not looked at */
};

/* All that is to be done about one pair. */
struct task {
	char name[IFNAMSIZ];
	const struct pair *want; /* borrowed from the plan's desired; NULL: it goes away */
	enum kind kind; /* resolved: never auto where there is a device or will be */
	enum verdict verdict;
	struct diag why; /* what is waited for, conflicts, blocks, or why it is made anew */
	struct diag limits; /* what is asked for and left out: by this kind or kernel, or for want of an object */
	struct expect expect;
	struct step *steps; /* owned; in the order they run */
	size_t n_steps;
};

struct plan {
	struct desired *desired; /* counted reference */
	struct task *tasks; /* owned; sorted by name, those that go away first */
	size_t n_tasks;
};

/*
 * Plans the pairs that observed has sightings of; desired pairs without a sighting are not looked
 * at (the engine passes what is dirty). 0 or -ENOMEM.
 */
int plan_make(struct desired *desired, const struct observed *observed, struct plan *ret);
void plan_done(struct plan *plan);
size_t plan_n_steps(const struct plan *plan);

const char *verdict_name(enum verdict verdict);
