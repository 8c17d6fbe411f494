/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine of reconcile.h: a state machine over the pairs of a table.
 *
 *	mark ──> dirty ──JOB_LOOK──> pending ──plan──> nothing to do: settled
 *	           ^                                └─> JOB_RUN ──> dirty again: success is looked at
 *	           └───────────────── later, after a failure ──────────────────────┘
 *
 * Invariant: at most one job is under way, and an entry that is part of it is neither planned nor
 * forgotten until it completes.
 */
#include "base/log.h"
#include "engine/pace.h"
#include "engine/reconcile_state.h"

#include <errno.h>

#define CONFIG_DELAY_MS 50 /* an editor writes more than one file */

int reconcile_new(const struct backend *backend, const struct reconcile_observer *observer,
		  struct reconcile **ret)
{
	struct reconcile *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->backend = backend;
	r->observer = observer;
	r->next_audit_ms = UINT64_MAX;
	r->jitter = (uintptr_t)r | 1;
	*ret = r;
	return 0;
}

void reconcile_free(struct reconcile *r)
{
	if (!r)
		return;
	amendments_done(r);
	reconcile_free_hands(r);
	table_done(&r->table);
	catalog_done(&r->catalog);
	desired_unref(r->desired);
	observed_done(&r->world);
	diag_done(&r->look_why);
	free(r);
}

/* ---- what the parts share ---- */

void reconcile_set_dirty(struct reconcile *r, struct entry *entry, bool dirty)
{
	r->n_dirty += dirty - entry->dirty;
	entry->dirty = dirty;
}

void reconcile_set_pending(struct reconcile *r, struct entry *entry, bool pending)
{
	r->n_pending += pending - entry->pending;
	entry->pending = pending;
}

const struct pair *reconcile_wanted(const struct reconcile *r, const struct entry *entry)
{
	return r->desired ? desired_find_pair(r->desired, entry->name) : NULL;
}

void reconcile_submit(struct reconcile *r, struct job *job)
{
	int error = r->backend->submit(r->backend->ctx, job);

	if (error < 0) {
		log_error("cannot hand a job to the worker: %s", strerror(-error));
		if (job->kind == JOB_LOAD) {
			r->catalog = STEAL(job->catalog);
			job->error = error;
			amendments_loaded(r, job, &(struct amendments_news){}, 0);
		}
		job_free(job);
		return;
	}
	r->busy = true;
	r->resting = false;
}

void reconcile_submit_aside(struct reconcile *r, struct job *job)
{
	bool resting = r->resting;

	reconcile_submit(r, job);
	r->aside = r->busy;
	r->resting = resting;
}

/* ---- marks ---- */

void reconcile_mark_config(struct reconcile *r)
{
	r->config_dirty = true;
	r->reload_due = true;
}

void reconcile_mark_files(struct reconcile *r)
{
	r->config_dirty = true;
}

void reconcile_mark_all(struct reconcile *r)
{
	r->all_dirty = true;
	r->names_dirty |= r->desired && r->desired->has_templates;
}

void reconcile_mark_pair(struct reconcile *r, const char *name)
{
	struct entry *entry = table_find(&r->table, name);

	if (entry)
		reconcile_set_dirty(r, entry, true);
}

/* A device of no known pair: it may hold, or have given up, the name a pair wants for its peer. */
static void mark_conflicts(struct reconcile *r, int nsid)
{
	for (size_t i = 0; i < r->table.n; i++) {
		struct entry *entry = r->table.entries[i];

		if (entry->has_task && entry->task.verdict == VERDICT_CONFLICT &&
		    entry->seen.nsid == nsid)
			reconcile_set_dirty(r, entry, true);
	}
}

void reconcile_mark_link(struct reconcile *r, int nsid, int ifindex, const char *name)
{
	struct entry *entry = table_find_device(&r->table, nsid, ifindex);

	if (entry)
		reconcile_set_dirty(r, entry, true);
	if (nsid == -1)
		reconcile_mark_pair(r, name);
	else if (!entry && name[0])
		mark_conflicts(r, nsid);
}

void reconcile_mark_netns(struct reconcile *r, const char *name)
{
	r->names_dirty |= r->desired && r->desired->has_templates;
	for (size_t i = 0; r->desired && i < r->desired->n_pairs; i++) {
		const struct pair *pair = &r->desired->pairs[i];
		struct entry *entry;

		if (name && strcmp(pair->netns.text, name) != 0)
			continue;
		entry = table_find(&r->table, pair->name);
		if (!entry)
			continue;
		reconcile_set_dirty(r, entry, true);
		entry->urgent = true;
		pace_forgive(entry);
	}
}

void reconcile_mark_ping(struct reconcile *r)
{
	r->ping_due = true;
}

void reconcile_complete(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	r->revision++;
	r->now_ms = now_ms;
	r->busy = false;
	r->loading = false;
	r->aside = false;
	switch (job->kind) {
	case JOB_LOAD:
		reconcile_complete_load(r, job, now_ms);
		break;
	case JOB_EXPAND:
		reconcile_complete_expand(r, job);
		break;
	case JOB_LOOK:
		for (size_t i = 0; i < r->table.n; i++)
			r->table.entries[i]->in_flight = false;
		reconcile_complete_look(r, job, now_ms);
		if (job->all)
			reconcile_note_look(r, job);
		break;
	case JOB_RUN:
		reconcile_complete_run(r, job, now_ms);
		break;
	case JOB_MEASURE:
		reconcile_complete_measure(r, job);
		break;
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		reconcile_complete_hand(r, job, now_ms);
		break;
	case JOB_PING:
		break;
	}
	job_free(job);
}

/* ---- turns ---- */

static uint64_t until(uint64_t moment_ms, uint64_t now_ms)
{
	if (moment_ms == UINT64_MAX)
		return UINT64_MAX;
	return moment_ms > now_ms ? moment_ms - now_ms : 0;
}

static uint64_t next_wake_ms(const struct reconcile *r, uint64_t now_ms)
{
	uint64_t wake = amendments_are_due(r)
				? 0
				: until(MIN(r->next_audit_ms, amendments_wake_ms(r)), now_ms);

	if (r->config_dirty)
		wake = MIN(wake, until(r->config_due_ms, now_ms));
	for (size_t i = 0; r->n_pending && i < r->table.n; i++)
		if (r->table.entries[i]->pending)
			wake = MIN(wake, until(r->table.entries[i]->not_before_ms, now_ms));
	return wake;
}

static void start_ping(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	r->ping_due = false;
	if (!job)
		return;
	job->kind = JOB_PING;
	reconcile_submit_aside(r, job);
}

/* What the marks are about. */
static void start_own(struct reconcile *r, uint64_t now_ms)
{
	if (now_ms >= r->next_audit_ms) {
		r->next_audit_ms = UINT64_MAX;
		reconcile_mark_all(r);
		/* Nothing tells when a directory can be read again. */
		r->config_dirty |= r->catalog.unread;
	}
	if (r->config_dirty && !r->config_due_ms)
		r->config_due_ms = r->desired ? now_ms + CONFIG_DELAY_MS : now_ms;
	reconcile_turn_hands(r, now_ms);
	if (r->busy)
		return;
	if ((r->config_dirty && now_ms >= r->config_due_ms) || amendments_are_due(r))
		reconcile_start_load(r);
	else if (r->names_dirty && !(r->run_owed && (r->n_dirty || r->n_pending)))
		reconcile_start_expand(r);
	else if (r->desired && (r->all_dirty || r->n_dirty))
		reconcile_start_look(r);
	else if (r->desired && r->n_pending)
		reconcile_start_run(r, now_ms);
	/* What was owed a turn may have needed none. */
	if (r->names_dirty && !r->busy && !r->config_dirty)
		reconcile_start_expand(r);
}

/* Whoever asks again and again gets every other job at most. */
uint64_t reconcile_turn(struct reconcile *r, uint64_t now_ms)
{
	r->now_ms = now_ms;
	amendments_turn(r, now_ms);
	if (!r->busy && r->ping_due)
		start_ping(r);
	if (!r->busy && !r->obliged)
		reconcile_start_asked(r);
	if (r->busy)
		return UINT64_MAX;
	r->obliged = false;
	start_own(r, now_ms);
	/* What needed no job may be what somebody waits for. */
	amendments_turn(r, now_ms);
	if (!r->busy)
		reconcile_turn_hands(r, now_ms);
	r->resting = !r->busy && !r->all_dirty && !r->n_dirty && !r->names_dirty &&
		     !amendments_are_due(r);
	if (!r->busy)
		reconcile_start_asked(r);
	return r->busy ? UINT64_MAX : next_wake_ms(r, now_ms);
}

/* ---- answers ---- */

bool reconcile_is_busy(const struct reconcile *r)
{
	return r->busy;
}

bool reconcile_is_loading(const struct reconcile *r)
{
	return r->loading;
}

bool reconcile_is_news(const struct reconcile *r)
{
	return r->load_is_news;
}

bool reconcile_is_load_due(const struct reconcile *r)
{
	return r->config_dirty;
}

bool reconcile_is_settled(const struct reconcile *r)
{
	return r->desired && r->resting && !r->n_hands && (!r->busy || r->aside) && !r->config_dirty && !r->all_dirty &&
	       !r->n_dirty && !r->names_dirty && !r->blind;
}

size_t reconcile_n_pairs(const struct reconcile *r)
{
	return r->table.n;
}

static void make_status(struct reconcile *r, struct entry *entry, uint64_t now_ms,
			struct status *ret)
{
	entry->history.retry_ms =
		entry->history.n_failures ? until(entry->not_before_ms, now_ms) : 0;
	status_make(entry->name, reconcile_wanted(r, entry), entry->has_seen ? &entry->seen : NULL,
		    entry->has_task ? &entry->task : NULL, &entry->history, ret);
	ret->meter = entry->measured_ms ? &entry->meter : NULL;
	ret->measured_ms = entry->measured_ms;
	ret->state_ms = now_ms > entry->since_ms ? now_ms - entry->since_ms : 0;
}

/* Most looks find everything as it was: whoever watches is not to hear of each. */
void reconcile_tell(struct reconcile *r, struct entry *entry)
{
	struct status status;
	uint64_t digest;

	make_status(r, entry, 0, &status);
	digest = status_digest(&status);
	if (digest == entry->told)
		return;
	if (status.state != entry->state || !entry->told)
		entry->since_ms = r->now_ms;
	entry->state = status.state;
	entry->told = digest;
	entry->history.generation = ++r->generation;
	r->observer->on_pair(r->observer->ctx, entry->name, false);
}

void reconcile_status_at(struct reconcile *r, size_t i, uint64_t now_ms, struct status *ret)
{
	make_status(r, r->table.entries[i], now_ms, ret);
}

bool reconcile_status(struct reconcile *r, const char *name, uint64_t now_ms, struct status *ret)
{
	struct entry *entry = table_find(&r->table, name);

	if (entry)
		make_status(r, entry, now_ms, ret);
	return entry != NULL;
}

uint64_t reconcile_revision(const struct reconcile *r)
{
	return r->revision;
}

uint64_t reconcile_generation(const struct reconcile *r)
{
	return r->generation;
}

void reconcile_refresh(struct reconcile *r, const char *name)
{
	struct entry *entry = table_find(&r->table, name);

	for (enum side side = 0; entry && side < N_SIDES; side++) {
		struct sighted_end *end = &entry->seen.end[side];

		r->backend->refresh(r->backend->ctx, end->chain, end->n_chain);
	}
}

const struct catalog *reconcile_catalog(const struct reconcile *r)
{
	return &r->catalog;
}

const struct desired *reconcile_desired(const struct reconcile *r)
{
	return r->desired;
}

const struct kind_state *reconcile_kinds(const struct reconcile *r)
{
	return r->world.kinds;
}

const struct feature_state *reconcile_features(const struct reconcile *r)
{
	return r->world.features;
}

int reconcile_preview(struct reconcile *r, struct plan *ret)
{
	AUTO_FREE struct entry **seen = calloc(r->table.n + 1, sizeof(*seen));
	size_t n = 0;

	if (!seen)
		return -ENOMEM;
	if (!r->desired)
		return -EAGAIN;
	for (size_t i = 0; i < r->table.n; i++)
		if (r->table.entries[i]->has_seen)
			seen[n++] = r->table.entries[i];
	return reconcile_plan(r, seen, n, ret);
}
