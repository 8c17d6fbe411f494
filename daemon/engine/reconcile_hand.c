/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that change hands; see reconcile_state.h. Each is worked on from begin to end before the
 * next, by jobs between which files are read:
 *
 *	adopt:    JOB_DRAFT writes a file ──read──> declared ──JOB_ADOPT──> metad's ──look──> told
 *	release:  JOB_RELEASE ──read, where a file went──> nobody's ──look──> told
 *
 * Invariant: a device becomes metad's only while it is declared, and nothing is looked at between
 * these steps: what is metad's and not declared would be deleted.
 */
#include "engine/journal.h"
#include "engine/pace.h"
#include "engine/reconcile_state.h"

#include <errno.h>

int reconcile_hand(struct reconcile *r, struct hand *hand)
{
	int error = ARRAY_APPEND(r->hands, r->n_hands, hand);

	if (error == 0)
		hand_ref(hand);
	return error;
}

void reconcile_free_hands(struct reconcile *r)
{
	for (size_t i = 0; i < r->n_hands; i++)
		hand_unref(r->hands[i]);
	free(r->hands);
}

/* The first is through. */
static void finish(struct reconcile *r)
{
	struct hand *hand = r->hands[0];

	memmove(r->hands, r->hands + 1, --r->n_hands * sizeof(*r->hands));
	r->hand_stage = HAND_STAGE_BEGIN;
	if (hand->result == HAND_DONE && !hand->dry_run)
		journal_hand(hand, r->generation + 1);
	hand->over = true;
	if (r->observer->on_amended)
		r->observer->on_amended(r->observer->ctx);
	hand_unref(hand);
}

static void start_job(struct reconcile *r, enum job_kind kind)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return;
	job->kind = kind;
	job->desired = desired_ref(r->desired);
	job->in_force = &r->catalog;
	job->hand = r->hands[0];
	reconcile_submit(r, job);
}

/* At once: nothing is to be looked at with what was declared before. */
static void read_files(struct reconcile *r, uint64_t now_ms)
{
	r->config_dirty = true;
	r->config_due_ms = now_ms;
	r->hand_stage = HAND_STAGE_LOAD;
}

/* As the device is now. */
static void see(struct reconcile *r, const struct hand *hand)
{
	struct entry *entry = table_find(&r->table, hand->name);

	r->hand_stage = HAND_STAGE_SEE;
	if (!entry)
		return;
	pace_forgive(entry);
	entry->was_ready = false;
	entry->urgent = true;
	reconcile_set_dirty(r, entry, true);
}

static bool is_seen(const struct reconcile *r, const struct hand *hand)
{
	const struct entry *entry = table_find(&r->table, hand->name);

	if (r->all_dirty || r->blind)
		return false;
	return !entry || entry->history.n_failures ||
	       (!entry->dirty && !entry->pending && !entry->in_flight);
}

/* Why a file that was written does not declare it. */
static void refuse_undeclared(const struct reconcile *r, struct hand *hand)
{
	const struct catalog_file *found = NULL;

	for (size_t i = 0; i < r->catalog.n_files; i++)
		if (r->catalog.files[i].n_paths &&
		    strcmp(r->catalog.files[i].paths[0], hand->file) == 0)
			found = &r->catalog.files[i];
	if (found && found->diags.n && found->diags.items[0].text) {
		hand_refuse(hand, HAND_UNFIT, "%s", found->diags.items[0].text);
		return;
	}
	for (size_t i = 0; i < r->desired->conflicts.n; i++) {
		const struct diag *conflict = &r->desired->conflicts.items[i];

		if (conflict->file && conflict->text && strcmp(conflict->file, hand->file) == 0) {
			hand_refuse(hand, HAND_UNFIT, "%s", conflict->text);
			return;
		}
	}
	hand_refuse(hand, HAND_UNFIT, "its declaration is not in force");
}

static const struct pair *declaration(const struct reconcile *r, const struct hand *hand)
{
	return desired_find_pair(r->desired, hand->name);
}

static void begin_adopt(struct reconcile *r, struct hand *hand)
{
	const struct pair *pair = declaration(r, hand);

	if (!pair || hand->dry_run) {
		start_job(r, JOB_DRAFT);
		return;
	}
	/* Somebody has written a declaration, or was stopped half way. */
	free(hand->file);
	hand->file = NULL;
	if (util_text_copy(pair->at.file, &hand->file) == 0)
		start_job(r, JOB_ADOPT);
}

static void go_on_loaded(struct reconcile *r, struct hand *hand)
{
	const struct pair *pair = declaration(r, hand);

	if (hand->verb == HAND_RELEASE) {
		if (pair && !hand->declared_at.file)
			diag_copy(&pair->at, &hand->declared_at);
		see(r, hand);
	} else if (hand->result != HAND_DONE) {
		finish(r);
	} else {
		if (!pair || !pair->at.file || strcmp(pair->at.file, hand->file) != 0)
			refuse_undeclared(r, hand);
		r->hand_stage = HAND_STAGE_TAKE;
		start_job(r, JOB_ADOPT);
	}
}

void reconcile_turn_hands(struct reconcile *r, uint64_t now_ms)
{
	if (!r->n_hands || !r->desired || r->busy)
		return;
	switch (r->hand_stage) {
	case HAND_STAGE_BEGIN:
		/* What somebody has just written is to count. */
		if (r->config_dirty)
			return;
		if (r->hands[0]->verb == HAND_ADOPT)
			begin_adopt(r, r->hands[0]);
		else
			start_job(r, JOB_RELEASE);
		return;
	case HAND_STAGE_LOAD:
		if (!r->config_dirty)
			go_on_loaded(r, r->hands[0]);
		return;
	case HAND_STAGE_TAKE:
		start_job(r, JOB_ADOPT);
		return;
	case HAND_STAGE_SEE:
		if (is_seen(r, r->hands[0]))
			finish(r);
		return;
	}
}

void reconcile_complete_hand(struct reconcile *r, struct job *job, uint64_t now_ms)
{
	struct hand *hand = r->hands[0];
	bool ok;

	if (job->error < 0)
		hand_refuse(hand, HAND_FAILED, "%s", strerror(-job->error));
	ok = hand->result == HAND_DONE;
	switch (job->kind) {
	case JOB_DRAFT:
		if (hand->wrote)
			read_files(r, now_ms);
		else
			finish(r);
		return;
	case JOB_ADOPT:
		/* What was written for one that is not metad's after all has gone again. */
		if (ok)
			see(r, hand);
		else
			read_files(r, now_ms);
		return;
	case JOB_RELEASE:
		if (ok)
			read_files(r, now_ms);
		else
			finish(r);
		return;
	case JOB_LOAD:
	case JOB_EXPAND:
	case JOB_LOOK:
	case JOB_RUN:
	case JOB_MEASURE:
	case JOB_PING:
		return;
	}
}
