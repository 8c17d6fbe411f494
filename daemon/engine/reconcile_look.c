/* SPDX-License-Identifier: GPL-2.0-only */
/* What is there, as far as it was marked; see reconcile_state.h. */
#include "base/log.h"
#include "engine/reconcile_state.h"

#define LOOK_CHUNK 256 /* pairs a JOB_LOOK */
#define LOOK_AGAIN_MS 250 /* after a look that failed as a whole */

void reconcile_start_look(struct reconcile *r)
{
	struct job *job = calloc(1, sizeof(*job));
	bool all = r->all_dirty;

	if (job)
		job->names = calloc(LOOK_CHUNK, sizeof(*job->names));
	if (!job || !job->names) {
		job_free(job);
		return;
	}
	job->kind = JOB_LOOK;
	job->desired = desired_ref(r->desired);
	job->all = all;
	r->all_dirty = false;
	for (int urgent = 1; urgent >= 0; urgent--) {
		for (size_t i = 0; i < r->table.n; i++) {
			struct entry *entry = r->table.entries[i];

			if (!job->all && (!entry->dirty || entry->urgent != urgent ||
					  job->n_names == LOOK_CHUNK))
				continue;
			entry->in_flight = true;
			reconcile_set_dirty(r, entry, false);
			if (!job->all)
				memcpy(job->names[job->n_names++], entry->name, IFNAMSIZ);
		}
	}
	qsort(job->names, job->n_names, sizeof(*job->names),
	      (int (*)(const void *, const void *))strcmp);
	reconcile_submit(r, job);
	if (r->busy && all) {
		r->n_looks_begun++;
		r->look_asked = false;
	}
}

static void take_sighting(struct reconcile *r, struct entry *entry, struct sighting *seen)
{
	sighting_done(&entry->seen);
	entry->seen = STEAL(*seen);
	entry->has_seen = true;
	reconcile_set_pending(r, entry, true);
}

void reconcile_complete_look(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	if (job->error) {
		AUTO_FREE char *text = diag_text(&job->why);

		if (!r->blind)
			log_error("cannot look at the kernel: %s",
				  text ? text : strerror(-job->error));
		r->blind = true;
		r->next_audit_ms = now_ms + LOOK_AGAIN_MS;
		return;
	}
	r->blind = false;
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
