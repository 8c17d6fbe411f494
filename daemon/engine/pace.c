/* SPDX-License-Identifier: GPL-2.0-only */
/* See pace.h. */
#include "engine/pace.h"

#define FIRST_MS 250
#define MAX_MS 60000
#define QUICK_MS 1000 /* runs closer than this are a quarrel ... */
#define QUICK_RUNS_MAX 5 /* ... when there are more than this in a row */

/* Doubles from FIRST_MS to MAX_MS, a quarter more or less by chance. */
static uint64_t pause_ms(unsigned int n_failures, uint64_t *jitter)
{
	uint64_t pause = MIN((uint64_t)FIRST_MS << MIN(n_failures - 1, 10u), (uint64_t)MAX_MS);

	*jitter = *jitter * 6364136223846793005ULL + 1442695040888963407ULL;
	return pause - pause / 4 + (*jitter >> 33) % (pause / 2 + 1);
}

void pace_failed(struct entry *entry, uint64_t *jitter, uint64_t now_ms)
{
	entry->history.n_failures++;
	entry->not_before_ms = now_ms + pause_ms(entry->history.n_failures, jitter);
}

void pace_succeeded(struct entry *entry, uint64_t now_ms)
{
	bool quick = now_ms - entry->last_run_ms < QUICK_MS;

	entry->n_quick_runs = quick ? entry->n_quick_runs + 1 : 0;
	entry->last_run_ms = now_ms;
	if (entry->n_quick_runs > QUICK_RUNS_MAX)
		entry->not_before_ms = now_ms + QUICK_MS;
}

void pace_forgive(struct entry *entry)
{
	entry->not_before_ms = 0;
	entry->n_stale = 0;
}
