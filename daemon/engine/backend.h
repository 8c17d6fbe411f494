/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What the engine asks of the world, as jobs. One job is under way at a time; submitting never
 * blocks and never completes a job before it returns: the answer comes through
 * reconcile_complete(). The kernel floor has one backend (a worker thread), the tests another.
 */

#include "core/amendment.h"
#include "core/catalog.h"
#include "core/hand.h"
#include "core/plan.h"
#include "core/traffic.h"

enum job_kind {
	JOB_LOAD, /* read the configuration */
	JOB_EXPAND, /* declare anew what depends on which namespaces there are */
	JOB_LOOK, /* see how pairs are in the kernel */
	JOB_RUN, /* carry out steps */
	JOB_MEASURE, /* read what pairs' devices count */
	JOB_DRAFT, /* write the file that declares a device of somebody else's */
	JOB_ADOPT, /* take over a device that is declared */
	JOB_RELEASE, /* give one back */
	JOB_PING, /* have the kernel answer something, as a sign of life */
};

/* How one task of JOB_RUN ended. */
struct outcome {
	int error; /* 0: all steps done; -ESTALE: not as expected, look again; else -errno */
	size_t n_done; /* steps that were carried out before that */
	struct diag why; /* the failed step in words, with the kernel's own (extack, verifier log) */
};

struct job {
	enum job_kind kind;
	/* JOB_LOAD: in (NULL: none yet) and out; JOB_EXPAND: out; others: in; a counted reference. */
	struct desired *desired;

	/* JOB_LOAD: in: what is in force; out: with the files as they are now. */
	struct catalog catalog;
	/* JOB_LOAD: in: what to do before; out: with what came of it. The array is owned, they are not. */
	struct amendment **amendments;
	size_t n_amendments;
	/* JOB_EXPAND, JOB_DRAFT, JOB_RELEASE: in; borrowed, and unchanged until completion. */
	const struct catalog *in_force;

	/* JOB_LOOK: in: what to look at; out: a sighting of each, with all: of whatever is ours. */
	bool all;
	char (*names)[IFNAMSIZ]; /* owned; sorted */
	size_t n_names;
	struct observed observed;

	/* JOB_RUN: in: what to do, at most a chunk of tasks, so that urgent work is not far behind. */
	struct plan plan;
	struct outcome *outcomes; /* out: one per task */

	/* JOB_MEASURE: in: which devices; out: what each counts, where it is still there. */
	struct meter *meters; /* owned */
	size_t n_meters;
	uint64_t taken_ms; /* out: by util_now_ms() */
	struct hand *hand; /* JOB_DRAFT, JOB_ADOPT, JOB_RELEASE: what about; borrowed; out: its answer */

	int error; /* out: the job as a whole failed; nothing else is filled */
	struct diag why;
};

void job_free(struct job *job); /* takes NULL */

struct backend {
	void *ctx;
	/* Takes the job. 0 or -errno (then the job is still the caller's). */
	int (*submit)(void *ctx, struct job *job);
	/* Brings the run counts of programs up to date. At once and without waiting. */
	void (*refresh)(void *ctx, struct slot *slots, size_t n);
};
