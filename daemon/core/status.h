/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What people are told about one pair: derived from what is wanted, what was seen and how the last
 * attempt ended. Pure, and a view: everything in it is borrowed from the engine until its next
 * turn.
 */

#include "core/plan.h"
#include "core/traffic.h"

enum state {
	STATE_NEW, /* declared, not looked at yet */
	STATE_CHANGING, /* steps are under way or about to be */
	STATE_READY,
	STATE_WAITING, /* for a namespace or an object file */
	STATE_CONFLICT,
	STATE_BLOCKED,
	STATE_HELD,
	STATE_FAILED, /* the last attempt failed; it is tried again after a pause */
};

/* What the engine remembers of a pair between turns. */
struct history {
	unsigned int n_failures; /* in a row */
	uint64_t retry_ms; /* until the next attempt, from now; 0: none is planned */
	struct diag error; /* of the last attempt; text NULL: it succeeded */
	uint64_t n_repairs; /* times that something was put back which had been in order */
	uint64_t generation; /* counts every change of this status */
};

struct status {
	const char *name;
	enum state state;
	uint64_t state_ms; /* how long it has been in it, or metad has run */
	enum kind kind; /* in use, or to be; KIND_AUTO: none is usable */
	bool closed; /* nothing can flow: an end is down, or missing */
	const struct pair *want; /* NULL: nobody declares it any more */
	const struct sighting *seen; /* NULL: not looked at yet */
	const struct diag *why; /* waits, conflicts, blocks; text NULL: nothing to say */
	const struct diag *limits; /* what this kind does not do of what is asked for */
	const struct history *history;
	const struct meter *meter; /* NULL: nobody has asked for counters yet */
	uint64_t measured_ms; /* by util_now_ms(), when they were read */
};

/* task and seen may be NULL. */
void status_make(const char *name, const struct pair *want, const struct sighting *seen,
		 const struct task *task, const struct history *history, struct status *ret);

/* Of what people are told of it in short: another one when that is another. Never 0. */
uint64_t status_digest(const struct status *status);

const char *state_name(enum state state); /* "ready"; never NULL */
