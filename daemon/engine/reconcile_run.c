/* SPDX-License-Identifier: GPL-2.0-only */
/* From what was seen to steps, and what came of them; see reconcile_state.h. */
#include "engine/journal.h"
#include "engine/pace.h"
#include "engine/reconcile_state.h"

#include <errno.h>

#define CHUNK 64 /* pairs a JOB_RUN: what waits behind it waits for at most so many */
#define STALE_MAX 5

/* ---- planning ---- */

/* Replaces what the last plan said; takes the words of task. Tells when it says something new. */
static void remember_task(struct reconcile *r, struct entry *entry, struct task *task)
{
	const char *old_why = entry->has_task ? entry->task.why.text : NULL;
	bool same_why = (!old_why && !task->why.text) ||
			(old_why && task->why.text && strcmp(old_why, task->why.text) == 0);
	/* That a pair is found in order at the first look is not worth a line. */
	bool news = entry->has_task ? entry->task.verdict != task->verdict ||
					      (!same_why && task->verdict != VERDICT_CHANGE)
				    : task->verdict != VERDICT_READY;

	diag_done(&entry->task.why);
	diag_done(&entry->task.limits);
	entry->task = (struct task){ .kind = task->kind, .verdict = task->verdict };
	if (task->verdict == VERDICT_CHANGE)
		diag_copy(&task->why, &entry->task.why);
	else
		entry->task.why = STEAL(task->why);
	entry->task.limits = STEAL(task->limits);
	entry->has_task = true;
	if (news && (reconcile_wanted(r, entry) || entry->task.verdict == VERDICT_HELD))
		journal_verdict(entry, reconcile_wanted(r, entry), r->generation + 1);
	reconcile_tell(r, entry);
}

static void settle(struct reconcile *r, struct entry *entry, struct task *task)
{
	bool ready = task->verdict == VERDICT_READY;

	reconcile_set_pending(r, entry, false);
	entry->urgent = false;
	if (entry->history.n_failures || entry->history.error.text) {
		entry->history.n_failures = 0;
		diag_done(&entry->history.error);
	}
	remember_task(r, entry, task);
	entry->was_ready |= ready;
}

/* In the order of urgency: names to give free, namespaces that have just appeared, the rest. */
static size_t choose_pending(struct reconcile *r, uint64_t now_ms, struct entry *chosen[static CHUNK])
{
	size_t n = 0;

	for (int rank = 0; rank < 3; rank++) {
		for (size_t i = 0; i < r->table.n && n < CHUNK; i++) {
			struct entry *entry = r->table.entries[i];
			int own = !reconcile_wanted(r, entry) ? 0 : entry->urgent ? 1 : 2;

			if (entry->pending && own == rank && entry->not_before_ms <= now_ms)
				chosen[n++] = entry;
		}
	}
	return n;
}

static int compare_names(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Plans entries as last seen. The view borrows their sightings for the call. */
int reconcile_plan(struct reconcile *r, struct entry *const *entries, size_t n,
			struct plan *ret)
{
	AUTO_FREE struct sighting *sightings = calloc(n + 1, sizeof(*sightings));
	struct observed view = r->world;

	if (!sightings)
		return -ENOMEM;
	view.sightings = sightings;
	view.n_sightings = n;
	for (size_t i = 0; i < n; i++) {
		sightings[i] = entries[i]->seen;
		sightings[i].let_go = entries[i]->let_go;
		memcpy(sightings[i].name, entries[i]->name, IFNAMSIZ);
	}
	return plan_make(r->desired, &view, ret);
}

/* Takes out of plan what needs no steps; what is left is in flight. */
static void keep_tasks_with_steps(struct reconcile *r, struct plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_tasks; i++) {
		struct task *task = &plan->tasks[i];
		struct entry *entry = table_find(&r->table, task->name);

		if (!task->n_steps) {
			settle(r, entry, task);
			free(task->steps);
			diag_done(&task->why);
			diag_done(&task->limits);
			continue;
		}
		reconcile_set_pending(r, entry, false);
		entry->in_flight = true;
		plan->tasks[kept++] = *task;
	}
	plan->n_tasks = kept;
}

static bool is_forgotten(void *ctx, struct entry *entry)
{
	struct reconcile *r = ctx;

	if (entry->in_flight || entry->dirty || entry->pending || !entry->has_seen ||
	    reconcile_wanted(r, entry) || entry->seen.owner == OWNER_METAD)
		return false;
	reconcile_set_unmeasured(r, entry, false);
	r->revision++;
	r->generation++;
	r->observer->on_pair(r->observer->ctx, entry->name, true);
	return true;
}

/* Plans what is pending until a chunk has steps, and hands that to the worker. */
void reconcile_start_run(struct reconcile *r, uint64_t now_ms)
{
	struct entry *chosen[CHUNK];
	size_t n;

	while (!r->busy && (n = choose_pending(r, now_ms, chosen)) > 0) {
		AUTO(plan_done) struct plan plan = {};
		struct job *job;

		r->revision++;
		qsort(chosen, n, sizeof(chosen[0]), compare_names);
		if (reconcile_plan(r, chosen, n, &plan) < 0)
			return;
		keep_tasks_with_steps(r, &plan);
		if (!plan.n_tasks)
			continue;
		job = calloc(1, sizeof(*job));
		if (!job)
			return;
		job->kind = JOB_RUN;
		job->plan = STEAL(plan);
		reconcile_submit(r, job);
	}
	r->run_owed = false;
	if (!r->busy)
		table_prune(&r->table, is_forgotten, r);
}

/* ---- outcomes ---- */

static void note_failure(struct reconcile *r, struct entry *entry, const struct task *task,
			 struct outcome *outcome, uint64_t now_ms)
{
	bool news = !entry->history.error.text || !outcome->why.text ||
		    strcmp(entry->history.error.text, outcome->why.text) != 0;

	pace_failed(entry, &r->jitter, now_ms);
	diag_done(&entry->history.error);
	entry->history.error = STEAL(outcome->why);
	if (!entry->history.error.text)
		diag_set(&entry->history.error, "%s", strerror(-outcome->error));
	if (news)
		journal_failure(entry, task->want, r->generation + 1, outcome->error);
}

static void note_success(struct reconcile *r, struct entry *entry, const struct task *task,
			 uint64_t now_ms)
{
	journal_done(entry, task, r->generation + 1);
	entry->n_stale = 0;
	entry->history.n_repairs += journal_is_repair(entry, task);
	pace_succeeded(entry, now_ms);
}

void reconcile_complete_run(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	for (size_t i = 0; i < job->plan.n_tasks; i++) {
		struct task *task = &job->plan.tasks[i];
		struct outcome *outcome = &job->outcomes[i];
		struct entry *entry = table_find(&r->table, task->name);

		entry->in_flight = false;
		reconcile_set_dirty(r, entry, true);
		if (!job->error && outcome->error == 0) {
			note_success(r, entry, task, now_ms);
		} else if (outcome->error == -ESTALE && ++entry->n_stale < STALE_MAX) {
			continue;
		} else {
			if (job->error)
				outcome->error = job->error;
			note_failure(r, entry, task, outcome, now_ms);
		}
		remember_task(r, entry, task);
	}
}
