/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See amendments.h.
 *
 *	QUEUED ──JOB_LOAD──> FOLLOWED: its pairs are as declared ──> DONE
 *	                        └─ they are not, or time is over ──> its counterpart is QUEUED ──> DONE
 *
 * The counterpart of a pair that is created is its deletion, and of a trial its end: by Revert, or
 * by Confirm where nobody asked to be asked.
 */
#include "engine/amendments.h"

#include "base/log.h"
#include "engine/reconcile_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define UNDO_MS 10000 /* what is undone is waited for that long */
#define AGAIN_MS 1000 /* a trial that could not be ended is ended then */

enum progress { QUEUED, LOADING, FOLLOWED, DONE };

/* A pair that is waited for. */
struct followed {
	char name[IFNAMSIZ];
	unsigned int n_failures; /* when that began: those are of what was declared before */
};

struct amending {
	struct amending *next;
	struct amendment amendment;
	struct amendment counterpart; /* once there is one: what is QUEUED and so on is that */
	bool has_counterpart;
	enum progress progress;
	uint64_t until_ms;
	struct followed *pairs; /* owned */
	size_t n_pairs;
	amended_fn fn; /* NULL: nobody waits */
	void *ctx;
};

static struct amendment *current(struct amending *amending)
{
	return amending->has_counterpart ? &amending->counterpart : &amending->amendment;
}

static void amending_free(struct amending *amending)
{
	amendment_done(&amending->amendment);
	amendment_done(&amending->counterpart);
	free(amending->pairs);
	free(amending);
}

/* ---- beginning ---- */

/* What can be told without looking. */
static int admit(struct reconcile *r, struct amendment *amendment)
{
	switch (amendment->kind) {
	case AMEND_CREATE:
	case AMEND_DELETE:
		return 0;
	case AMEND_TRY:
		if (trial_is_there(r)) {
			amendment_fail(amendment, AMEND_E_TRIAL, NULL);
			return 0;
		}
		return trial_begin(r, amendment);
	case AMEND_CONFIRM:
	case AMEND_REVERT:
		if (!trial_is_there(r) || r->trial.stage == TRIAL_ENDS ||
		    (amendment->trial && amendment->trial != r->trial.number) ||
		    (amendment->kind == AMEND_CONFIRM && r->trial.stage == TRIAL_BEGINS)) {
			amendment_fail(amendment, AMEND_E_NO_TRIAL, NULL);
			return 0;
		}
		amendment->trial = r->trial.number;
		amendment->resume_ms = r->trial.until_ms;
		trial_set_stage(r, amendment, TRIAL_ENDS);
		return 0;
	}
	return 0;
}

/* Who wants no answer waits for none: somebody has to say when it is enough. */
static bool is_full_of(const struct reconcile *r)
{
	size_t n = 0;

	for (const struct amending *a = r->amending; a; a = a->next)
		n++;
	return n >= AMENDMENTS_MAX;
}

int amendments_add(struct reconcile *r, struct amendment *amendment, uint64_t until_ms,
		   amended_fn fn, void *ctx, struct amending **ret)
{
	struct amending *amending = calloc(1, sizeof(*amending)), **last;
	int result = !amending ? -ENOMEM : is_full_of(r) ? -ENOBUFS : admit(r, amendment);

	if (result < 0) {
		free(amending);
		amendment_done(amendment);
		return result;
	}
	*amending = (struct amending){ .amendment = *amendment,
				       .counterpart = AMENDMENT_NONE,
				       .progress = amendment->fault ? DONE : QUEUED,
				       .until_ms = until_ms,
				       .fn = fn,
				       .ctx = ctx };
	*amendment = AMENDMENT_NONE;
	for (last = &r->amending; *last; last = &(*last)->next)
		;
	*last = amending;
	if (ret)
		*ret = amending;
	return 0;
}

uint64_t amendments_number(const struct amending *amending)
{
	return amending->amendment.trial;
}

void amendments_forget(struct amending *amending)
{
	amending->fn = NULL;
}

bool amendments_are_due(const struct reconcile *r)
{
	for (const struct amending *a = r->amending; a; a = a->next)
		if (a->progress == QUEUED)
			return true;
	return false;
}

int amendments_join(struct reconcile *r, struct job *job)
{
	for (struct amending *a = r->amending; a; a = a->next) {
		if (a->progress != QUEUED)
			continue;
		if (ARRAY_APPEND(job->amendments, job->n_amendments, current(a)) < 0)
			return -ENOMEM;
	}
	for (struct amending *a = r->amending; a; a = a->next)
		if (a->progress == QUEUED)
			a->progress = LOADING;
	return 0;
}

/* ---- after the files were read ---- */

static void follow(struct reconcile *r, struct amending *amending, const char *name)
{
	const struct entry *entry = table_find(&r->table, name);
	struct followed pair = { .n_failures = entry ? entry->history.n_failures : 0 };

	memcpy(pair.name, name, strnlen(name, IFNAMSIZ - 1));
	if (ARRAY_APPEND(amending->pairs, amending->n_pairs, pair) < 0)
		log_error("out of memory: %s is not waited for", name);
}

/* Pairs that are declared otherwise than before, and those that something else may have changed. */
static void follow_trial(struct reconcile *r, struct amending *amending,
			 const struct amendments_news *news)
{
	for (size_t i = 0; i < news->n_names; i++)
		follow(r, amending, news->names[i]);
	for (size_t i = 0; news->full && i < r->table.n; i++) {
		const struct entry *entry = r->table.entries[i];

		if (entry->has_task && entry->task.verdict == VERDICT_READY &&
		    !entry->history.n_failures)
			follow(r, amending, entry->name);
	}
}

/* Who waits for a pair that somebody else has deleted waits in vain, and has nothing to undo. */
static void end_creations(struct reconcile *r, const char *pair)
{
	for (struct amending *a = r->amending; a; a = a->next) {
		if (a->progress != FOLLOWED || a->has_counterpart ||
		    a->amendment.kind != AMEND_CREATE || strcmp(a->amendment.pair, pair) != 0)
			continue;
		amendment_fail(&a->amendment, AMEND_E_NOT_CONVERGED, "it was deleted meanwhile");
		a->progress = DONE;
	}
}

/* Where it was declared is known: no broken file needs to be feared for. */
static void let_go(struct reconcile *r, const struct amendment *amendment)
{
	struct entry *entry = table_find(&r->table, amendment->pair);

	if (entry)
		entry->let_go = amendment->existed;
}

static void keep(struct reconcile *r, const struct amendment *amendment)
{
	struct entry *entry = table_find(&r->table, amendment->pair);

	if (entry)
		entry->let_go = false;
}

static void begin_following(struct reconcile *r, struct amending *amending,
			    const struct amendments_news *news)
{
	const struct amendment *amendment = current(amending);

	amending->progress = FOLLOWED;
	amending->n_pairs = 0;
	switch (amendment->kind) {
	case AMEND_CREATE:
		keep(r, amendment);
		follow(r, amending, amendment->pair);
		return;
	case AMEND_DELETE:
		end_creations(r, amendment->pair);
		let_go(r, amendment);
		follow(r, amending, amendment->pair);
		return;
	case AMEND_TRY:
		follow_trial(r, amending, news);
		return;
	case AMEND_CONFIRM:
		trial_set_stage(r, amendment, TRIAL_CONFIRMED);
		return;
	case AMEND_REVERT:
		trial_set_stage(r, amendment, TRIAL_REVERTED);
		follow_trial(r, amending, news);
		return;
	}
}

static void oppose(struct amending *amending, enum amendment_kind kind, uint64_t now_ms)
{
	struct amendment *amendment = &amending->amendment;

	amending->has_counterpart = true;
	amendment_done(&amending->counterpart);
	amending->counterpart.kind = kind;
	amending->counterpart.trial = amendment->trial;
	memcpy(amending->counterpart.pair, amendment->pair, IFNAMSIZ);
	amending->progress = QUEUED;
	amending->until_ms = now_ms + UNDO_MS;
}

/* The first reason is the one that is told. */
static void undo(struct reconcile *r, struct amending *amending, uint64_t now_ms)
{
	if (amending->amendment.kind == AMEND_TRY)
		trial_set_stage(r, &amending->amendment, TRIAL_ENDS);
	oppose(amending, amending->amendment.kind == AMEND_CREATE ? AMEND_DELETE : AMEND_REVERT,
	       now_ms);
}

/* What could not be made leaves nothing, but for a confirmation that failed: its trial goes on. */
static void refused(struct reconcile *r, struct amending *amending, uint64_t now_ms)
{
	struct amendment *amendment = current(amending);

	amending->progress = DONE;
	switch (amendment->kind) {
	case AMEND_CREATE:
	case AMEND_DELETE:
		return;
	case AMEND_TRY:
		trial_set_stage(r, amendment, TRIAL_REVERTED);
		return;
	case AMEND_CONFIRM:
		if (amendment->fault == AMEND_E_NO_TRIAL) {
			trial_set_stage(r, amendment, TRIAL_REVERTED);
		} else if (amending->has_counterpart) {
			amendment_fail(&amending->amendment, amendment->fault, "%s",
				       amendment->why.text ? amendment->why.text : "");
			undo(r, amending, now_ms);
		} else {
			trial_resume(r, amendment, amendment->resume_ms);
		}
		return;
	case AMEND_REVERT:
		if (amendment->fault == AMEND_E_NO_TRIAL)
			trial_set_stage(r, amendment, TRIAL_REVERTED);
		else
			trial_resume(r, amendment, now_ms + AGAIN_MS);
		return;
	}
}

/* The files could not be read: what was made all the same counts when they are, or is undone. */
static void unread(struct reconcile *r, struct amending *amending, int error, uint64_t now_ms)
{
	struct amendment *amendment = current(amending);

	amending->progress = DONE;
	if (amendment->made && amendment->kind == AMEND_CONFIRM) {
		trial_set_stage(r, amendment, TRIAL_CONFIRMED);
		return;
	}
	amendment_fail(amendment, AMEND_E_INTERNAL, "%s", strerror(-error));
	if (!amendment->made) {
		refused(r, amending, now_ms);
		return;
	}
	switch (amendment->kind) {
	case AMEND_CREATE:
	case AMEND_TRY:
		undo(r, amending, now_ms);
		return;
	case AMEND_DELETE:
		let_go(r, amendment);
		return;
	case AMEND_CONFIRM:
		return;
	case AMEND_REVERT:
		trial_set_stage(r, amendment, TRIAL_REVERTED);
		return;
	}
}

void amendments_loaded(struct reconcile *r, const struct job *job,
		       const struct amendments_news *news, uint64_t now_ms)
{
	for (struct amending *a = r->amending; a; a = a->next) {
		if (a->progress != LOADING)
			continue;
		if (current(a)->fault)
			refused(r, a, now_ms);
		else if (job->error)
			unread(r, a, job->error, now_ms);
		else
			begin_following(r, a, news);
	}
}

/* ---- following ---- */

enum finding { FINDING_WAIT, FINDING_GOOD, FINDING_BAD };

/* The first reason is the one that is told, with its pair. */
__attribute__((format(printf, 3, 4))) static enum finding
find_bad(struct amendment *amendment, const char *pair, const char *format, ...)
{
	AUTO_FREE char *words = NULL;
	va_list args;

	if (amendment->fault != AMEND_OK)
		return FINDING_BAD;
	va_start(args, format);
	if (vasprintf(&words, format, args) < 0)
		words = NULL;
	va_end(args);
	memcpy(amendment->pair, pair, IFNAMSIZ);
	amendment_fail(amendment, AMEND_E_NOT_CONVERGED, "%s", words ? words : strerror(ENOMEM));
	return FINDING_BAD;
}

static enum finding find_state_bad(struct amendment *amendment, const struct status *status)
{
	const char *words = status->history->error.text;

	if (!words)
		words = status->why->text;
	return find_bad(amendment, status->name, "%s%s%s", state_name(status->state), words ? ": " : "",
			words ? words : "");
}

/* A pair goes on with the program that it has; a trial of another one is no success. */
static bool lacks_program(const struct reconcile *r, const struct pair *want, const struct use **ret)
{
	for (enum side side = 0; side < N_SIDES; side++)
		for (size_t i = 0; i < want->end[side].n_uses; i++) {
			const struct use *use = &want->end[side].uses[i];
			const struct object *object = observed_find_object(&r->world, use->program);

			*ret = use;
			if (!object || !object->digest)
				return true;
		}
	return false;
}

static enum finding look_at(struct reconcile *r, struct amendment *amendment,
			    const struct followed *pair, uint64_t now_ms)
{
	const struct entry *entry = table_find(&r->table, pair->name);
	const struct use *use;
	struct status status;

	if (!entry)
		return FINDING_GOOD;
	reconcile_status(r, pair->name, now_ms, &status);
	if (entry->history.n_failures > pair->n_failures)
		return find_state_bad(amendment, &status);
	if (r->all_dirty || r->blind || entry->dirty || entry->pending || entry->in_flight)
		return FINDING_WAIT;
	switch (status.state) {
	case STATE_READY:
		if (amendment->kind != AMEND_TRY || !status.want ||
		    !lacks_program(r, status.want, &use))
			return FINDING_GOOD;
		return find_bad(amendment, pair->name, "the object of program %s cannot be had", use->program);
	case STATE_NEW:
	case STATE_CHANGING:
	case STATE_FAILED:
		return FINDING_WAIT;
	case STATE_WAITING:
	case STATE_CONFLICT:
	case STATE_BLOCKED:
	case STATE_HELD:
		return find_state_bad(amendment, &status);
	}
	return FINDING_WAIT;
}

/* Pairs that are good are waited for no longer. */
static enum finding look_at_all(struct reconcile *r, struct amending *amending, uint64_t now_ms)
{
	struct amendment *amendment = &amending->amendment;
	size_t kept = 0;

	for (size_t i = 0; i < amending->n_pairs; i++) {
		enum finding finding = look_at(r, amendment, &amending->pairs[i], now_ms);

		if (finding == FINDING_BAD)
			return FINDING_BAD;
		if (finding == FINDING_WAIT)
			amending->pairs[kept++] = amending->pairs[i];
	}
	amending->n_pairs = kept;
	if (!kept)
		return FINDING_GOOD;
	if (now_ms < amending->until_ms)
		return FINDING_WAIT;
	return find_bad(amendment, amending->pairs[0].name, "it was not %s in time",
			current(amending)->kind == AMEND_DELETE ? "gone" : "ready");
}

static void converged(struct reconcile *r, struct amending *amending, uint64_t now_ms)
{
	const struct amendment *amendment = &amending->amendment;

	amending->progress = DONE;
	if (amending->has_counterpart || amendment->kind != AMEND_TRY)
		return;
	if (amendment->confirm_ms) {
		trial_resume(r, amendment, now_ms + amendment->confirm_ms);
		return;
	}
	trial_set_stage(r, amendment, TRIAL_ENDS);
	oppose(amending, AMEND_CONFIRM, now_ms);
}

static void follow_on(struct reconcile *r, struct amending *amending, uint64_t now_ms)
{
	bool tries = !amending->has_counterpart && amending->amendment.kind == AMEND_TRY;
	bool creates = !amending->has_counterpart && amending->amendment.kind == AMEND_CREATE;

	if (tries && (r->trial.stage != TRIAL_BEGINS || r->trial.number != amending->amendment.trial)) {
		amendment_fail(&amending->amendment, AMEND_E_NOT_CONVERGED, "it was reverted");
		amending->progress = DONE;
		return;
	}
	switch (look_at_all(r, amending, now_ms)) {
	case FINDING_WAIT:
		return;
	case FINDING_GOOD:
		converged(r, amending, now_ms);
		return;
	case FINDING_BAD:
		amending->progress = DONE;
		if (tries || creates)
			undo(r, amending, now_ms);
		return;
	}
}

static void end_trial_in_time(struct reconcile *r, uint64_t now_ms)
{
	struct amendment revert = AMENDMENT_NONE;

	if (r->trial.stage != TRIAL_ON || now_ms < r->trial.until_ms)
		return;
	log_info("trial %llu was not confirmed in time and is reverted",
		   (unsigned long long)r->trial.number);
	revert.kind = AMEND_REVERT;
	if (amendments_add(r, &revert, now_ms + UNDO_MS, NULL, NULL, NULL) < 0)
		r->trial.until_ms = now_ms + 1000;
}

/* In a turn only; what is told may begin something else, at the end of the list. */
static void tell_done(struct reconcile *r)
{
	struct amending **p = &r->amending;

	while (*p) {
		struct amending *amending = *p;

		if (amending->progress != DONE) {
			p = &amending->next;
			continue;
		}
		*p = amending->next;
		if (amending->fn)
			amending->fn(amending->ctx, &amending->amendment);
		amending_free(amending);
		r->amended = true;
	}
	if (r->amended && r->observer->on_amended)
		r->observer->on_amended(r->observer->ctx);
	r->amended = false;
}

void amendments_turn(struct reconcile *r, uint64_t now_ms)
{
	for (struct amending *a = r->amending; a; a = a->next)
		if (a->progress == FOLLOWED)
			follow_on(r, a, now_ms);
	end_trial_in_time(r, now_ms);
	tell_done(r);
}

uint64_t amendments_wake_ms(const struct reconcile *r)
{
	uint64_t wake_ms = r->trial.stage == TRIAL_ON ? r->trial.until_ms : UINT64_MAX;

	for (const struct amending *a = r->amending; a; a = a->next)
		if (a->progress == FOLLOWED)
			wake_ms = MIN(wake_ms, a->until_ms);
	return wake_ms;
}

void amendments_done(struct reconcile *r)
{
	while (r->amending) {
		struct amending *amending = r->amending;

		r->amending = amending->next;
		amending_free(amending);
	}
	trial_done(&r->trial);
}
