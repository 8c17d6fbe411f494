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
#include "engine/reconcile.h"

#include "base/log.h"
#include "engine/journal.h"
#include "engine/pace.h"

#include <errno.h>

#define CHUNK 64 /* pairs a JOB_RUN: what waits behind it waits for at most so many */
#define LOOK_CHUNK 256 /* pairs a JOB_LOOK */
#define CONFIG_DELAY_MS 50 /* an editor writes more than one file */
#define LOOK_AGAIN_MS 250 /* after a look that failed as a whole */
#define STALE_MAX 5

struct reconcile {
	const struct backend *backend; /* borrowed */
	const struct reconcile_observer *observer; /* borrowed */
	struct table table;
	struct catalog catalog; /* with the backend while JOB_LOAD is under way */
	struct desired *desired;
	struct observed world; /* kinds and objects; no sightings */
	bool busy, loading; /* a job is under way; it is JOB_LOAD */
	bool resting; /* the last turn found nothing to do now, only perhaps something for later */
	bool config_dirty, all_dirty;
	uint64_t config_due_ms; /* 0: set at the next turn */
	uint64_t next_audit_ms; /* UINT64_MAX: none */
	size_t n_dirty, n_pending;
	uint64_t generation;
	uint64_t jitter; /* state of a small generator: pairs that failed together retry apart */
};

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
	table_done(&r->table);
	catalog_done(&r->catalog);
	desired_unref(r->desired);
	observed_done(&r->world);
	free(r);
}

/* ---- marks ---- */

static void set_dirty(struct reconcile *r, struct entry *entry, bool dirty)
{
	r->n_dirty += dirty - entry->dirty;
	entry->dirty = dirty;
}

static void set_pending(struct reconcile *r, struct entry *entry, bool pending)
{
	r->n_pending += pending - entry->pending;
	entry->pending = pending;
}

void reconcile_mark_config(struct reconcile *r)
{
	r->config_dirty = true;
}

void reconcile_mark_all(struct reconcile *r)
{
	r->all_dirty = true;
}

void reconcile_mark_pair(struct reconcile *r, const char *name)
{
	struct entry *entry = table_find(&r->table, name);

	if (entry)
		set_dirty(r, entry, true);
}

/* A device of no known pair: it may hold, or have given up, the name a pair wants for its peer. */
static void mark_conflicts(struct reconcile *r, int nsid)
{
	for (size_t i = 0; i < r->table.n; i++) {
		struct entry *entry = r->table.entries[i];

		if (entry->has_task && entry->task.verdict == VERDICT_CONFLICT &&
		    entry->seen.nsid == nsid)
			set_dirty(r, entry, true);
	}
}

void reconcile_mark_link(struct reconcile *r, int nsid, int ifindex, const char *name)
{
	struct entry *entry = table_find_device(&r->table, nsid, ifindex);

	if (entry)
		set_dirty(r, entry, true);
	if (nsid == -1)
		reconcile_mark_pair(r, name);
	else if (!entry && name[0])
		mark_conflicts(r, nsid);
}

void reconcile_mark_netns(struct reconcile *r, const char *name)
{
	for (size_t i = 0; r->desired && i < r->desired->n_pairs; i++) {
		const struct pair *pair = &r->desired->pairs[i];
		struct entry *entry;

		if (name && strcmp(pair->netns.text, name) != 0)
			continue;
		entry = table_find(&r->table, pair->name);
		if (!entry)
			continue;
		set_dirty(r, entry, true);
		entry->urgent = true;
		pace_forgive(entry);
	}
}

/* ---- telling ---- */

static void tell(struct reconcile *r, struct entry *entry)
{
	entry->history.generation = ++r->generation;
	r->observer->on_pair(r->observer->ctx, entry->name, false);
}

static const struct pair *wanted(const struct reconcile *r, const struct entry *entry)
{
	return r->desired ? desired_find_pair(r->desired, entry->name) : NULL;
}

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
	if (news && (wanted(r, entry) || entry->task.verdict == VERDICT_HELD))
		journal_verdict(entry, wanted(r, entry));
	tell(r, entry);
}

static void settle(struct reconcile *r, struct entry *entry, struct task *task)
{
	bool ready = task->verdict == VERDICT_READY;

	set_pending(r, entry, false);
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
			int own = !wanted(r, entry) ? 0 : entry->urgent ? 1 : 2;

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
static int plan_entries(struct reconcile *r, struct entry *const *entries, size_t n,
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
		set_pending(r, entry, false);
		entry->in_flight = true;
		plan->tasks[kept++] = *task;
	}
	plan->n_tasks = kept;
}

static void submit(struct reconcile *r, struct job *job)
{
	int error = r->backend->submit(r->backend->ctx, job);

	if (error < 0) {
		log_error("cannot hand a job to the worker: %s", strerror(-error));
		if (job->kind == JOB_LOAD)
			r->catalog = STEAL(job->catalog);
		job_free(job);
		return;
	}
	r->busy = true;
	r->resting = false;
}

static bool is_forgotten(void *ctx, struct entry *entry)
{
	struct reconcile *r = ctx;

	if (entry->in_flight || entry->dirty || entry->pending || !entry->has_seen ||
	    wanted(r, entry) || entry->seen.owner == OWNER_METAD)
		return false;
	r->generation++;
	r->observer->on_pair(r->observer->ctx, entry->name, true);
	return true;
}

/* Plans what is pending until a chunk has steps, and hands that to the worker. */
static void start_run(struct reconcile *r, uint64_t now_ms)
{
	struct entry *chosen[CHUNK];
	size_t n;

	while (!r->busy && (n = choose_pending(r, now_ms, chosen)) > 0) {
		AUTO(plan_done) struct plan plan = {};
		struct job *job;

		qsort(chosen, n, sizeof(chosen[0]), compare_names);
		if (plan_entries(r, chosen, n, &plan) < 0)
			return;
		keep_tasks_with_steps(r, &plan);
		if (!plan.n_tasks)
			continue;
		job = calloc(1, sizeof(*job));
		if (!job)
			return;
		job->kind = JOB_RUN;
		job->plan = STEAL(plan);
		submit(r, job);
	}
	if (!r->n_pending && !r->busy)
		table_prune(&r->table, is_forgotten, r);
}

/* ---- loading and looking ---- */

static void start_load(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = JOB_LOAD;
	job->catalog = STEAL(r->catalog);
	r->config_dirty = false;
	r->config_due_ms = 0;
	submit(r, job);
	r->loading = r->busy;
}

static void start_look(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->names = calloc(LOOK_CHUNK, sizeof(*job->names));
	if (!job || !job->names) {
		job_free(job);
		return;
	}
	job->kind = JOB_LOOK;
	job->desired = desired_ref(r->desired);
	job->all = r->all_dirty;
	r->all_dirty = false;
	for (int urgent = 1; urgent >= 0; urgent--) {
		for (size_t i = 0; i < r->table.n; i++) {
			struct entry *entry = r->table.entries[i];

			if (!job->all && (!entry->dirty || entry->urgent != urgent ||
					  job->n_names == LOOK_CHUNK))
				continue;
			entry->in_flight = true;
			set_dirty(r, entry, false);
			if (!job->all)
				memcpy(job->names[job->n_names++], entry->name, IFNAMSIZ);
		}
	}
	qsort(job->names, job->n_names, sizeof(*job->names),
	      (int (*)(const void *, const void *))strcmp);
	submit(r, job);
}

static void complete_load(struct reconcile *r, struct job *job)
{
	r->catalog = STEAL(job->catalog);
	if (job->error || !job->desired) {
		AUTO_FREE char *text = diag_text(&job->why);

		log_error("cannot read the configuration: %s", text ? text : strerror(ENOMEM));
		r->observer->on_loaded(r->observer->ctx);
		return;
	}
	desired_unref(r->desired);
	r->desired = STEAL(job->desired);
	if (table_add_desired(&r->table, r->desired) < 0)
		log_error("out of memory: not all pairs are managed");
	for (size_t i = 0; i < r->table.n; i++) {
		r->table.entries[i]->was_ready = false;
		pace_forgive(r->table.entries[i]);
	}
	r->all_dirty = true;
	r->observer->on_loaded(r->observer->ctx);
}

static void take_sighting(struct reconcile *r, struct entry *entry, struct sighting *seen)
{
	sighting_done(&entry->seen);
	entry->seen = STEAL(*seen);
	entry->has_seen = true;
	set_pending(r, entry, true);
}

static void complete_look(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	if (job->error) {
		AUTO_FREE char *text = diag_text(&job->why);

		log_error("cannot look at the kernel: %s", text ? text : strerror(-job->error));
		r->all_dirty = true;
		r->next_audit_ms = now_ms + LOOK_AGAIN_MS;
		return;
	}
	if (job->all && table_add_sightings(&r->table, &job->observed) < 0)
		log_error("out of memory: not all pairs are managed");
	for (size_t i = 0; i < job->observed.n_sightings; i++) {
		struct entry *entry =
			table_find(&r->table, job->observed.sightings[i].name);

		if (entry)
			take_sighting(r, entry, &job->observed.sightings[i]);
	}
	/* With "all", what was not seen is not there and nobody wants it. */
	for (size_t i = 0; job->all && i < r->table.n; i++) {
		struct entry *entry = r->table.entries[i];
		struct sighting none = { .nsid = -1 };

		memcpy(none.name, entry->name, IFNAMSIZ);
		if (!entry->pending)
			take_sighting(r, entry, &none);
	}
	table_forget_index(&r->table);
	free(job->observed.sightings);
	job->observed.sightings = NULL;
	job->observed.n_sightings = 0;
	observed_done(&r->world);
	r->world = STEAL(job->observed);
	if (job->all)
		r->next_audit_ms = r->desired->settings.audit_ms ?
					   now_ms + r->desired->settings.audit_ms : UINT64_MAX;
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
		journal_failure(entry, task->want);
}

static void note_success(struct entry *entry, const struct task *task, uint64_t now_ms)
{
	journal_done(entry, task);
	entry->n_stale = 0;
	entry->history.n_repairs += journal_is_repair(entry, task);
	pace_succeeded(entry, now_ms);
}

static void complete_run(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	for (size_t i = 0; i < job->plan.n_tasks; i++) {
		struct task *task = &job->plan.tasks[i];
		struct outcome *outcome = &job->outcomes[i];
		struct entry *entry = table_find(&r->table, task->name);

		entry->in_flight = false;
		set_dirty(r, entry, true);
		if (!job->error && outcome->error == 0) {
			note_success(entry, task, now_ms);
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

void reconcile_complete(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	r->busy = false;
	r->loading = false;
	switch (job->kind) {
	case JOB_LOAD:
		complete_load(r, job);
		break;
	case JOB_LOOK:
		for (size_t i = 0; i < r->table.n; i++)
			r->table.entries[i]->in_flight = false;
		complete_look(r, job, now_ms);
		break;
	case JOB_RUN:
		complete_run(r, job, now_ms);
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
	uint64_t wake = until(r->next_audit_ms, now_ms);

	if (r->config_dirty)
		wake = MIN(wake, until(r->config_due_ms, now_ms));
	for (size_t i = 0; r->n_pending && i < r->table.n; i++)
		if (r->table.entries[i]->pending)
			wake = MIN(wake, until(r->table.entries[i]->not_before_ms, now_ms));
	return wake;
}

uint64_t reconcile_turn(struct reconcile *r, uint64_t now_ms)
{
	if (r->busy)
		return UINT64_MAX;
	if (now_ms >= r->next_audit_ms) {
		r->next_audit_ms = UINT64_MAX;
		r->all_dirty = true;
	}
	if (r->config_dirty && !r->config_due_ms)
		r->config_due_ms = r->desired ? now_ms + CONFIG_DELAY_MS : now_ms;
	if (r->config_dirty && now_ms >= r->config_due_ms)
		start_load(r);
	else if (r->desired && (r->all_dirty || r->n_dirty))
		start_look(r);
	else if (r->desired && r->n_pending)
		start_run(r, now_ms);
	r->resting = !r->busy && !r->all_dirty && !r->n_dirty;
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

bool reconcile_is_load_due(const struct reconcile *r)
{
	return r->config_dirty;
}

bool reconcile_is_settled(const struct reconcile *r)
{
	return r->desired && r->resting && !r->busy && !r->config_dirty && !r->all_dirty &&
	       !r->n_dirty;
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
	status_make(entry->name, wanted(r, entry), entry->has_seen ? &entry->seen : NULL,
		    entry->has_task ? &entry->task : NULL, &entry->history, ret);
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

uint64_t reconcile_generation(const struct reconcile *r)
{
	return r->generation;
}

void reconcile_refresh(struct reconcile *r, const char *name)
{
	struct entry *entry = table_find(&r->table, name);

	if (entry && entry->has_seen)
		r->backend->refresh(r->backend->ctx, &entry->seen);
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
	return plan_entries(r, seen, n, ret);
}
