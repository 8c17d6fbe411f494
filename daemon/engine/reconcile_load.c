/* SPDX-License-Identifier: GPL-2.0-only */
/* What is declared; see reconcile_state.h. */
#include "base/log.h"
#include "core/model_equal.h"
#include "engine/pace.h"
#include "engine/reconcile_state.h"

#include <errno.h>

void reconcile_start_load(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = JOB_LOAD;
	job->catalog = STEAL(r->catalog);
	r->config_dirty = false;
	r->names_dirty = false;
	r->config_due_ms = 0;
	reconcile_submit(r, job);
	r->loading = r->busy;
}

void reconcile_complete_load(struct reconcile *r, struct job *job)
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

/* Somebody waits for its namespace to have it, or for its name to be free. */
static void mark_difference(void *ctx, const char *name)
{
	struct reconcile *r = ctx;
	struct entry *entry = table_find(&r->table, name);

	if (!entry)
		return;
	reconcile_set_dirty(r, entry, true);
	entry->urgent = true;
	pace_forgive(entry);
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
