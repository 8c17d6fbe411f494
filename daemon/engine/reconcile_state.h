/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The state that the parts of the engine share; nobody else includes this. reconcile.c has marks,
 * turns and answers, reconcile_load.c what is declared, reconcile_look.c what is there,
 * reconcile_run.c plans and their outcomes, reconcile_hand.c what changes hands, and reconcile_ask.c
 * what others want to know.
 */

#include "engine/amendments.h"
#include "engine/reconcile.h"
#include "engine/table.h"

/* How far the first of those that wait to change hands has come. */
enum hand_stage {
	HAND_STAGE_BEGIN,
	HAND_STAGE_LOAD, /* a file has come or gone, and is to be read */
	HAND_STAGE_TAKE, /* adopt: it is declared */
	HAND_STAGE_SEE, /* the pair is to be looked at */
};

struct reconcile {
	const struct backend *backend; /* borrowed */
	const struct reconcile_observer *observer; /* borrowed */
	struct table table;
	struct catalog catalog; /* with the backend while JOB_LOAD is under way */
	struct desired *desired;
	struct observed world; /* kinds and objects; no sightings */
	bool busy, loading; /* a job is under way; it is JOB_LOAD */
	bool resting; /* the last turn found nothing to do now, only perhaps something for later */
	bool ping_due; /* JOB_PING is wanted */
	bool aside; /* the job under way changes nothing that is to be settled */
	bool obliged; /* the last job was for somebody who asked: one of our own comes next */
	bool look_asked; /* for a look at everything */
	uint64_t n_looks_begun, n_looks_over; /* at everything */
	int look_error; /* of the last of them: 0 or -errno */
	struct diag look_why;
	size_t n_unmeasured;
	char measured_last[IFNAMSIZ]; /* where the next portion begins: behind it */
	bool config_dirty, all_dirty;
	bool load_is_news; /* the last one: not only what was asked for by amendments */
	bool reload_due; /* with the next reading everything is to be looked at */
	bool names_dirty; /* namespaces came or went, and templates may match them */
	bool blind; /* the last look failed as a whole; another comes after a while */
	bool run_owed; /* what was declared last has had no turn yet */
	struct hand **hands; /* owned, and so is each; the first is being worked on */
	size_t n_hands;
	enum hand_stage hand_stage;
	uint64_t config_due_ms; /* 0: set at the next turn */
	uint64_t next_audit_ms; /* UINT64_MAX: none */
	size_t n_dirty, n_pending;
	uint64_t generation;
	uint64_t now_ms; /* of the turn or the completion under way */
	uint64_t revision; /* reconcile_revision */
	struct amending *amending; /* owned; in the order in which they came */
	struct trial_state trial;
	bool amended; /* somebody is to be told */
	uint64_t jitter; /* state of a small generator: pairs that failed together retry apart */
};

/* What more than one part does; in reconcile.c. */
void reconcile_set_dirty(struct reconcile *r, struct entry *entry, bool dirty);
void reconcile_set_pending(struct reconcile *r, struct entry *entry, bool pending);
void reconcile_tell(struct reconcile *r, struct entry *entry); /* its status may have changed */
const struct pair *reconcile_wanted(const struct reconcile *r, const struct entry *entry);
void reconcile_submit(struct reconcile *r, struct job *job); /* takes it */
void reconcile_submit_aside(struct reconcile *r, struct job *job); /* what is settled stays so */
void reconcile_set_unmeasured(struct reconcile *r, struct entry *entry, bool unmeasured);

/* Amendments (engine/amendments.h): whether some are to be made, and those that a job makes. */
bool amendments_are_due(const struct reconcile *r);
int amendments_join(struct reconcile *r, struct job *job); /* 0 or -ENOMEM with none of them */
/* What is declared otherwise now; full: other things may be, too. */
struct amendments_news {
	char (*names)[IFNAMSIZ];
	size_t n_names;
	bool full;
};
void amendments_loaded(struct reconcile *r, const struct job *job,
		       const struct amendments_news *news, uint64_t now_ms);
void amendments_turn(struct reconcile *r, uint64_t now_ms);
uint64_t amendments_wake_ms(const struct reconcile *r); /* UINT64_MAX: at no time */
void amendments_done(struct reconcile *r);

/* The trial of an amendment; another may have begun since, and that is left alone. */
int trial_begin(struct reconcile *r, struct amendment *amendment); /* 0 or -ENOMEM */
bool trial_is_there(const struct reconcile *r);
void trial_set_stage(struct reconcile *r, const struct amendment *amendment, int stage);
/* It is on, until then. */
void trial_resume(struct reconcile *r, const struct amendment *amendment, uint64_t until_ms);
void trial_done(struct trial_state *trial);

/* Each starts a job, and takes in what came of it. */
void reconcile_start_load(struct reconcile *r);
void reconcile_complete_load(struct reconcile *r, struct job *job, uint64_t now_ms);
void reconcile_start_expand(struct reconcile *r);
void reconcile_complete_expand(struct reconcile *r, struct job *job);
void reconcile_start_look(struct reconcile *r);
void reconcile_complete_look(struct reconcile *r, struct job *job, uint64_t now_ms);
void reconcile_start_run(struct reconcile *r, uint64_t now_ms); /* as far as there are steps */
void reconcile_complete_run(struct reconcile *r, struct job *job, uint64_t now_ms);
void reconcile_start_asked(struct reconcile *r); /* what somebody has asked for, if anything */
void reconcile_complete_measure(struct reconcile *r, struct job *job);
void reconcile_note_look(struct reconcile *r, struct job *job); /* at everything; after it was taken in */

/* Plans entries as last seen; they lend their sightings for the call. 0 or -errno. */
int reconcile_plan(struct reconcile *r, struct entry *const *entries, size_t n, struct plan *ret);

/* Goes on with the first that changes hands, if it can; may start a job. */
void reconcile_turn_hands(struct reconcile *r, uint64_t now_ms);
void reconcile_complete_hand(struct reconcile *r, struct job *job, uint64_t now_ms);
void reconcile_free_hands(struct reconcile *r);
