/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others want to know of the kernel: how everything is (a look that is like the engine's own),
 * and what pairs' devices count. See reconcile_state.h.
 */
#include "base/log.h"
#include "engine/reconcile_state.h"

#include <errno.h>

#define FRESH_MS 100 /* counters that are not older are told again */
/* Pairs a JOB_MEASURE: about 5 ms, for which what is urgent may have to wait. */
#define MEASURE_CHUNK 256

/* ---- looks ---- */

uint64_t reconcile_ask_look(struct reconcile *r)
{
	r->look_asked = true;
	return r->n_looks_begun + 1;
}

int reconcile_look_result(const struct reconcile *r, uint64_t look, const struct diag **ret_why)
{
	if (r->n_looks_over < look)
		return -EAGAIN;
	*ret_why = &r->look_why;
	return r->look_error;
}

void reconcile_note_look(struct reconcile *r, struct job *job)
{
	diag_done(&r->look_why);
	r->look_why = STEAL(job->why);
	r->look_error = job->error;
	r->n_looks_over = r->n_looks_begun;
	if (r->observer->on_looked)
		r->observer->on_looked(r->observer->ctx);
}

/* ---- counters ---- */

void reconcile_set_unmeasured(struct reconcile *r, struct entry *entry, bool unmeasured)
{
	r->n_unmeasured += unmeasured - entry->unmeasured;
	entry->unmeasured = unmeasured;
}

void reconcile_ask_meters(struct reconcile *r, const char *name, uint64_t now_ms)
{
	for (size_t i = 0; i < r->table.n; i++) {
		struct entry *entry = name ? table_find(&r->table, name) : r->table.entries[i];

		if (entry && (!entry->measured_ms || now_ms - entry->measured_ms > FRESH_MS))
			reconcile_set_unmeasured(r, entry, true);
		if (name)
			return;
	}
}

bool reconcile_is_measuring(const struct reconcile *r, const char *name)
{
	const struct entry *entry = table_find(&r->table, name);

	return entry && entry->unmeasured;
}

/* The first entry behind a name; all of them are behind the empty one. */
static size_t position_behind(const struct table *table, const char *name)
{
	size_t i = 0;

	while (i < table->n && strcmp(table->entries[i]->name, name) <= 0)
		i++;
	return i;
}

static void add_meter(struct job *job, const struct entry *entry)
{
	struct meter *meter = &job->meters[job->n_meters++];

	memcpy(meter->name, entry->name, IFNAMSIZ);
	meter->nsid = entry->seen.nsid;
	for (enum side side = 0; side < N_SIDES; side++)
		meter->end[side].ifindex = entry->seen.end[side].ifindex;
}

/* Goes round, so that those that are asked for all the time do not keep the others waiting. */
static void start_measure(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));
	size_t first = position_behind(&r->table, r->measured_last);

	if (job)
		job->meters = calloc(MEASURE_CHUNK, sizeof(*job->meters));
	if (!job || !job->meters) {
		job_free(job);
		return;
	}
	job->kind = JOB_MEASURE;
	for (size_t i = 0; i < r->table.n && job->n_meters < MEASURE_CHUNK; i++) {
		const struct entry *entry = r->table.entries[(first + i) % r->table.n];

		if (!entry->unmeasured)
			continue;
		add_meter(job, entry);
		memcpy(r->measured_last, entry->name, IFNAMSIZ);
	}
	reconcile_submit_aside(r, job);
}

void reconcile_complete_measure(struct reconcile *r, struct job *job)
{
	if (job->error) {
		AUTO_FREE char *text = diag_text(&job->why);

		/* What asks so is not able to look either, and that is told. */
		log_debug("%s", text ? text : strerror(-job->error));
	}
	for (size_t i = 0; i < job->n_meters; i++) {
		const struct meter *meter = &job->meters[i];
		struct entry *entry = table_find(&r->table, meter->name);

		if (!entry)
			continue;
		reconcile_set_unmeasured(r, entry, false);
		entry->meter = *meter;
		entry->measured_ms = job->taken_ms;
	}
	if (r->observer->on_measured)
		r->observer->on_measured(r->observer->ctx);
}

/* ---- programs ---- */

int reconcile_usage(struct reconcile *r, struct usage *ret)
{
	AUTO(usage_done) struct usage usage = {};
	int error = 0;

	if (!r->desired)
		return -EAGAIN;
	usage_init(&usage, r->desired);
	for (size_t i = 0; i < r->table.n && error == 0; i++) {
		const struct entry *entry = r->table.entries[i];

		error = usage_add(&usage, entry->name, reconcile_wanted(r, entry), &entry->seen);
	}
	if (error == 0)
		error = usage_sort(&usage);
	if (error < 0)
		return error;
	r->backend->refresh(r->backend->ctx, usage.loaded, usage.n_loaded);
	*ret = STEAL(usage);
	return 0;
}

const struct object *reconcile_object(const struct reconcile *r, const char *program)
{
	return observed_find_object(&r->world, program);
}

/* ---- turns ---- */

void reconcile_start_asked(struct reconcile *r)
{
	if (r->look_asked && r->desired) {
		r->all_dirty = true;
		reconcile_start_look(r);
	} else if (r->n_unmeasured) {
		start_measure(r);
	}
	r->obliged = r->busy;
}
