/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Amendments under way: made with the next JOB_LOAD, then followed until the pairs that they concern
 * are as declared, or not; then, where that is promised, undone. A trial that is in force ends by
 * itself when its time is over.
 */

#include "core/amendment.h"
#include "engine/reconcile.h"

struct amending;

#define AMENDMENTS_MAX 4096 /* under way */

/* When it is done, in a turn; what came of it is in amendment, which is fn's for the call. */
typedef void (*amended_fn)(void *ctx, const struct amendment *amendment);

/*
 * Takes what amendment holds, also on failure. until_ms: when those who wait for its pairs give up;
 * fn NULL: nobody waits. 0, -ENOBUFS (AMENDMENTS_MAX are under way) or -ENOMEM.
 */
int amendments_add(struct reconcile *r, struct amendment *amendment, uint64_t until_ms,
		   amended_fn fn, void *ctx, struct amending **ret);

/* The trial that it begins or ends; 0: none. */
uint64_t amendments_number(const struct amending *amending);

/* Nobody waits for it any more; it goes on. */
void amendments_forget(struct amending *amending);

/* A trial: from when its files count until they are written or gone. */
struct trial_state {
	uint64_t number; /* 0: there was none yet */
	enum { TRIAL_BEGINS, TRIAL_ON, TRIAL_ENDS, TRIAL_CONFIRMED, TRIAL_REVERTED } stage;
	uint64_t until_ms; /* ON: when it is reverted; UINT64_MAX: never by itself */
	char **files; /* owned; their names */
	size_t n_files;
	uint64_t confirmed; /* the number of the last one that was; 0: none was */
};

const struct trial_state *amendments_trial(const struct reconcile *r);
