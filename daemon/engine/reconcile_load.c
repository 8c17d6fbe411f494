/* SPDX-License-Identifier: GPL-2.0-only */
/* What is declared; see reconcile_state.h. */
#include "base/log.h"
#include "core/model_equal.h"
#include "engine/pace.h"
#include "engine/reconcile_state.h"

#include <errno.h>
#include <stdio.h>

#define LOAD_AGAIN_MS 1000 /* after a reading that failed as a whole */

void reconcile_start_load(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = JOB_LOAD;
	if (amendments_join(r, job) < 0) {
		job_free(job);
		return;
	}
	job->desired = r->desired ? desired_ref(r->desired) : NULL;
	job->catalog = STEAL(r->catalog);
	r->config_dirty = false;
	r->names_dirty = false;
	r->config_due_ms = 0;
	reconcile_submit(r, job);
	r->loading = r->busy;
}

/* Somebody waits for its namespace to have it, or for its name to be free. */
static void mark_difference(void *ctx, const char *name)
{
	struct reconcile *r = ctx;
	struct entry *entry = table_find(&r->table, name);

	if (!entry)
		return;
	reconcile_set_dirty(r, entry, true);
	entry->let_go &= !reconcile_wanted(r, entry);
	entry->urgent = true;
	pace_forgive(entry);
}

/* ---- files ---- */

static void add_name(void *ctx, const char *name)
{
	struct amendments_news *news = ctx;
	char(*names)[IFNAMSIZ] = reallocarray(news->names, news->n_names + 1, sizeof(*names));

	if (!names) {
		news->full = true;
		return;
	}
	snprintf(names[news->n_names++], IFNAMSIZ, "%s", name);
	news->names = names;
}

static void mark_all_anew(struct reconcile *r)
{
	for (size_t i = 0; i < r->table.n; i++) {
		struct entry *entry = r->table.entries[i];

		entry->was_ready = false;
		entry->let_go &= !reconcile_wanted(r, entry);
		pace_forgive(entry);
	}
	r->all_dirty = true;
}

/* Whether more can be another than the pairs that differ. */
static bool is_full(const struct reconcile *r, const struct desired *before)
{
	return r->reload_due || !before || !r->catalog.only_pairs_changed ||
	       before->incomplete != r->desired->incomplete;
}

static void mark_different(struct reconcile *r, const struct amendments_news *news)
{
	for (size_t i = 0; i < news->n_names; i++) {
		struct entry *entry = table_find(&r->table, news->names[i]);

		mark_difference(r, news->names[i]);
		if (entry)
			entry->was_ready = false;
	}
	r->run_owed = true;
}

static void take_desired(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	AUTO(desired_unrefp) struct desired *before = r->desired;
	struct amendments_news news = {};

	r->desired = STEAL(job->desired);
	if (table_add_desired(&r->table, r->desired) < 0)
		log_error("out of memory: not all pairs are managed");
	if (before)
		desired_each_difference(before, r->desired, add_name, &news);
	news.full |= is_full(r, before);
	r->load_is_news = r->reload_due || !before || (r->catalog.changed && !job->n_amendments);
	r->reload_due = false;
	if (news.full)
		mark_all_anew(r);
	else
		mark_different(r, &news);
	amendments_loaded(r, job, &news, now_ms);
	free(news.names);
}

void reconcile_complete_load(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	r->catalog = STEAL(job->catalog);
	if (job->error || !job->desired) {
		AUTO_FREE char *text = diag_text(&job->why);

		log_error("cannot read the configuration: %s", text ? text : strerror(ENOMEM));
		/* Whatever it was asked for is still to be done, and amendments may have been made. */
		r->config_dirty = true;
		r->config_due_ms = now_ms + LOAD_AGAIN_MS;
		amendments_loaded(r, job, &(struct amendments_news){}, now_ms);
	} else {
		take_desired(r, job, now_ms);
	}
	r->observer->on_loaded(r->observer->ctx);
}

/* ---- namespaces that templates match ---- */

void reconcile_start_expand(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = JOB_EXPAND;
	job->in_force = &r->catalog;
	r->names_dirty = false;
	reconcile_submit(r, job);
}

void reconcile_complete_expand(struct reconcile *r, struct job *job)
{
	AUTO(desired_unrefp) struct desired *before = r->desired;

	if (job->error || !job->desired) {
		AUTO_FREE char *text = diag_text(&job->why);

		before = NULL;
		log_error("cannot declare pairs for namespaces: %s", text ? text : strerror(ENOMEM));
		return;
	}
	r->desired = STEAL(job->desired);
	if (table_add_desired(&r->table, r->desired) < 0)
		log_error("out of memory: not all pairs are managed");
	desired_each_difference(before, r->desired, mark_difference, r);
	/* What was held because it might have been declared is not among the differences. */
	r->all_dirty |= before->incomplete && !r->desired->incomplete;
	r->run_owed = true;
	if (r->observer->on_conflicts &&
	    !diag_list_equal(&before->conflicts, &r->desired->conflicts))
		r->observer->on_conflicts(r->observer->ctx);
}
