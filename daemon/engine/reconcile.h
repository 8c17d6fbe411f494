/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The engine: dirty -> look -> plan -> run -> look again. Sees the world only through backend.h and
 * the time only as an argument, so that tests drive it without a kernel and without waiting.
 * Events only mark; work grows with what is marked, not with what exists.
 */

#include "core/status.h"
#include "core/usage.h"
#include "engine/backend.h"

struct reconcile;

/* Called on the engine's thread for each pair whose status changed; gone: it is no longer known. */
struct reconcile_observer {
	void *ctx;
	void (*on_pair)(void *ctx, const char *name, bool gone);
	void (*on_loaded)(void *ctx); /* a configuration was read; also when nothing in it changed */
	/* Other conflicts between declarations than before, and no file was read; may be NULL. */
	void (*on_conflicts)(void *ctx);
	/* An amendment is done, a trial has another stage, or something has changed hands; may be NULL. */
	void (*on_amended)(void *ctx);
	/* A look at everything is over: what it saw has not been acted on yet. May be NULL. */
	void (*on_looked)(void *ctx);
	void (*on_measured)(void *ctx); /* of some that were asked for; may be NULL */
};

/* backend and observer are borrowed and outlive the engine. */
int reconcile_new(const struct backend *backend, const struct reconcile_observer *observer,
		  struct reconcile **ret);
void reconcile_free(struct reconcile *r); /* only when no job is under way */

/* Marks. All are cheap, may come in any number, and do nothing until the next turn. */
void reconcile_mark_config(struct reconcile *r); /* read it, and look at everything */
void reconcile_mark_files(struct reconcile *r); /* read it, and look at what is another */
void reconcile_mark_all(struct reconcile *r);
void reconcile_mark_pair(struct reconcile *r, const char *name);
void reconcile_mark_link(struct reconcile *r, int nsid, int ifindex, const char *name);
/* By what names it in the configuration: a name, a path or a pid's digits; NULL: all of them. */
void reconcile_mark_netns(struct reconcile *r, const char *name);
/* A JOB_PING, before anything else. What is settled stays so meanwhile. */
void reconcile_mark_ping(struct reconcile *r);

/*
 * Has a device adopted or released, one after the other; takes a reference. It is over after the
 * pair was looked at as what it is then. 0 or -ENOMEM.
 */
int reconcile_hand(struct reconcile *r, struct hand *hand);

/*
 * Asks for a look at everything. Returns its number: it is the first that begins from now on, so that
 * all who ask before then share it.
 */
uint64_t reconcile_ask_look(struct reconcile *r);
/* How that ended: 0, -EAGAIN: not yet; or -errno with why, borrowed until the next turn. */
int reconcile_look_result(const struct reconcile *r, uint64_t look, const struct diag **ret_why);

/*
 * Asks for the counters of a pair, NULL: of all. Those that were read a moment ago are new enough.
 * They come in portions, between the other jobs.
 */
void reconcile_ask_meters(struct reconcile *r, const char *name, uint64_t now_ms);
/* Whether those of a pair are still to come. */
bool reconcile_is_measuring(const struct reconcile *r, const char *name);

/*
 * Starts what is due, at most one job. Returns the milliseconds after which it wants another turn,
 * UINT64_MAX: only after a mark or a completion.
 */
uint64_t reconcile_turn(struct reconcile *r, uint64_t now_ms);

/* The answer to a submitted job; takes it. A turn is due afterwards. */
void reconcile_complete(struct reconcile *r, struct job *job, uint64_t now_ms);

bool reconcile_is_busy(const struct reconcile *r); /* a job is under way */
bool reconcile_is_loading(const struct reconcile *r); /* the files are being read */
bool reconcile_is_news(const struct reconcile *r); /* the last reading found, or was to find, something */
bool reconcile_is_load_due(const struct reconcile *r); /* the files will be read (again) */
/* Loaded, nothing marked, nothing under way; pairs that failed may wait for their next attempt. */
bool reconcile_is_settled(const struct reconcile *r);

/* For status: pairs by position (sorted by name) or by name; false: no such pair. */
size_t reconcile_n_pairs(const struct reconcile *r);
void reconcile_status_at(struct reconcile *r, size_t i, uint64_t now_ms, struct status *ret);
bool reconcile_status(struct reconcile *r, const char *name, uint64_t now_ms, struct status *ret);
/* Run counts change without events: brings those of one pair up to date. */
void reconcile_refresh(struct reconcile *r, const char *name);

/* The youngest history.generation of all pairs: grows with every change of any. */
uint64_t reconcile_generation(const struct reconcile *r);

/*
 * Another number than before whenever anything that a status is made of may be otherwise, but for what
 * reconcile_refresh brings and the time until the next attempt.
 */
uint64_t reconcile_revision(const struct reconcile *r);

/* What is in force and what is wrong with the files; borrowed until the next completion. */
const struct catalog *reconcile_catalog(const struct reconcile *r);
const struct desired *reconcile_desired(const struct reconcile *r); /* NULL: not loaded yet */
const struct kind_state *reconcile_kinds(const struct reconcile *r); /* [N_KINDS] */
const struct feature_state *reconcile_features(const struct reconcile *r); /* [N_FEATURES] */
/* A definition's object as it was looked at last; borrowed until the next turn; NULL: never. */
const struct object *reconcile_object(const struct reconcile *r, const char *program);

/* Where programs are used, with their run counts as they are now. The caller owns it. 0, -EAGAIN: not
 * loaded yet, or -ENOMEM. */
int reconcile_usage(struct reconcile *r, struct usage *ret);

/* The plan for everything as last seen. Pure. The caller owns it. */
int reconcile_preview(struct reconcile *r, struct plan *ret);
