/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * An engine for the front that does only what it is told: engine/reconcile.h as far as the front calls
 * it, over pairs that show everything a status can say.
 */

#include "engine/amendments.h"

#ifndef FAKE_PAIRS
#define FAKE_PAIRS 8192
#endif

struct fake {
	char name[IFNAMSIZ];
	struct pair want;
	struct sighting seen;
	struct task task;
	struct history history;
	bool measuring;
	struct meter meter;
	uint64_t measured_ms;
};

struct reconcile {
	struct fake *pairs; /* owned; sorted by name */
	size_t n;
	uint64_t generation;
	uint64_t revision; /* the caller's to count */
	bool load_due, loading;
	struct catalog catalog;
	struct desired *desired;
	struct kind_state kinds[N_KINDS];
	struct feature_state features[N_FEATURES];
	uint64_t n_looks; /* over */
	struct diag look_why; /* of the last one; text NULL: it was well */
};

struct reconcile *fake_new(void); /* with the pairs late, ok and full */
void fake_free(struct reconcile *r);

struct fake *fake_find(struct reconcile *r, const char *name);
/* For all of these the observer is the caller's to tell. */
struct fake *fake_add(struct reconcile *r, const char *name, enum verdict verdict);
void fake_change(struct reconcile *r, struct fake *fake);
void fake_forget(struct reconcile *r, struct fake *fake);
/* Its counters have been read, if somebody asked for them. */
void fake_measure(struct fake *fake);
void fake_use(struct fake *fake); /* it is to have a program */
/* A look at everything is over, and was well if why is NULL. */
void fake_look(struct reconcile *r, const char *why);
/* The last error has a log of so many bytes. */
void fake_set_log(struct fake *fake, size_t len);
