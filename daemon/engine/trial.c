/* SPDX-License-Identifier: GPL-2.0-only */
/* The trial and its stages; see reconcile_state.h. Who moves it from one to the next is amendments.c. */
#include "engine/reconcile_state.h"

#include <errno.h>

void trial_done(struct trial_state *trial)
{
	for (size_t i = 0; i < trial->n_files; i++)
		free(trial->files[i]);
	free(trial->files);
	*trial = (struct trial_state){};
}

const struct trial_state *amendments_trial(const struct reconcile *r)
{
	return &r->trial;
}

bool trial_is_there(const struct reconcile *r)
{
	return r->trial.number && r->trial.stage <= TRIAL_ENDS;
}

/* Before anything is tried, so that the worker need not hand the names back. */
int trial_begin(struct reconcile *r, struct amendment *amendment)
{
	struct trial_state trial = { .number = r->trial.number + 1,
				     .until_ms = UINT64_MAX,
				     .confirmed = r->trial.confirmed };
	int result = 0;

	for (size_t i = 0; i < amendment->n_files && result == 0; i++) {
		char *name = strdup(amendment->files[i].name);

		result = name ? ARRAY_APPEND(trial.files, trial.n_files, name) : -ENOMEM;
		if (result < 0)
			free(name);
	}
	if (result < 0) {
		trial_done(&trial);
		return result;
	}
	trial_done(&r->trial);
	r->trial = trial;
	amendment->trial = trial.number;
	return 0;
}

void trial_set_stage(struct reconcile *r, const struct amendment *amendment, int stage)
{
	if (amendment->trial != r->trial.number)
		return;
	r->trial.stage = stage;
	r->trial.until_ms = UINT64_MAX;
	if (stage == TRIAL_CONFIRMED)
		r->trial.confirmed = amendment->trial;
	r->amended = true;
}

void trial_resume(struct reconcile *r, const struct amendment *amendment, uint64_t until_ms)
{
	trial_set_stage(r, amendment, TRIAL_ON);
	if (amendment->trial == r->trial.number)
		r->trial.until_ms = until_ms;
}
