/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The engine over files and a kernel that are models, for what amendments do: jobs and steps fail where
 * they are told to, and each answer is held against the world at the moment when it is given. Time is a
 * number.
 */

#include "engine/amendments.h"
#include "unit/model_kernel.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

#define N_RUNTIME 3 /* pairs t1.. are runtime ones, t0 is declared in a file that trials are about */
#define MTU 1500

/* Where a job that fails has got to. */
enum failing { FAIL_NOT, FAIL_FIRST, FAIL_LAST };

struct fake {
	struct backend backend;
	struct reconcile_observer observer;
	struct reconcile *engine;
	const struct pair *like; /* borrowed */
	struct observed world;
	struct job *job; /* submitted, not yet answered */
	uint64_t now_ms;

	/* The files. */
	bool declared[N_RUNTIME];
	uint32_t mtu, trial_mtu;
	uint64_t trial; /* whose files count; 0: nobody's */
	bool incomplete, full; /* a broken file; nothing can be written */

	size_t n_jobs, fail_job, n_steps, fail_step; /* counted from 1; 0: none */
	enum failing failing;
	struct dice *dice; /* NULL: nothing else fails */
	const char *fail_pair; /* whose creation fails; NULL: nobody's */

	size_t n_asked, n_answered;
	struct amendment last; /* the last answer; owns nothing */
	char why[256];
	bool judged; /* answers are held against the world */
};

/* What a test asks for, in the middle of what else is under way. */
struct asker {
	struct fake *fake;
	uint32_t mtu; /* TRY, CONFIRM: what t0 has if all is well */
	bool answered;
	enum amendment_fault fault;
};

/* like: of what kind its pairs are; borrowed. Only t0 is declared, and made. */
void world_begin(struct fake *fake, const struct desired *like);
/* Whatever happened, in the end all is as the files say, and everything can be done again. */
void world_end(struct fake *fake);

struct sighting *world_device(const struct fake *fake, size_t i); /* of pair "t[i]" */
bool world_has(const struct fake *fake, size_t i);
uint32_t world_mtu(const struct fake *fake); /* of t0's device */

/* Carries out the job that was submitted. */
void world_answer(struct fake *fake);
/* Turns and answers until the engine wants nothing for the next limit_ms. */
void world_pump(struct fake *fake, uint64_t limit_ms);

/* Asks for an amendment of pair "t[i]", 0: of none; mtu: what a trial says, 0: it is broken. */
struct amending *world_ask(struct asker *asker, enum amendment_kind kind, size_t i, uint32_t mtu,
			   uint64_t timeout_ms, uint64_t confirm_ms);
/* The same, and goes on until there is an answer; it is in fake->last. */
enum amendment_fault world_request(struct fake *fake, enum amendment_kind kind, size_t i, uint32_t mtu,
				   uint64_t confirm_ms);
