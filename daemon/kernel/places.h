/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Directories and files that are followed by inotify, whether they exist or not: one that does not
 * is awaited at its nearest existing ancestor, where only the one name that leads to it counts.
 * Knows nothing of what a place is for. Invariant: between calls every watch that is set is some
 * place's, so what nobody asked for wakes nobody.
 */

#include "base/util.h"

struct place {
	int role; /* the owner's word for what it is for */
	uint32_t events; /* of inotify(7): what is of interest in it */
	char *path; /* owned, as given */
	char *real; /* owned; the path without links; NULL: it does not exist */
	char *awaited; /* owned; the name in the ancestor that leads here; NULL: it is watched itself */
	int wd; /* of its watch or its ancestor's; -1: none */
	bool changed; /* it is another one than before, and nobody has been told */
};

struct places {
	int fd; /* readable when there is something to drain */
	struct place *items; /* owned */
	size_t n;
	int *stale; /* owned; watches that may have lost their last place */
	size_t n_stale;
	bool must_arm; /* some path may lead elsewhere now */
};

int places_init(struct places *places);
void places_done(struct places *places);

/* One place once; it is watched from the next places_arm on. 0 or -ENOMEM. */
int places_add(struct places *places, int role, uint32_t events, const char *path);
void places_remove(struct places *places, int role);

/*
 * Sets the watches by what the paths lead to now. All are tried; returns the first failure, such
 * as -ENOSPC for too many watches (inotify(7)).
 */
int places_arm(struct places *places);

/*
 * Reads what is there and calls fn for each event that is of interest, with the name it is about
 * if there is one; mask 0: the place itself has appeared, gone, or is another one. Arms again
 * where that is needed, before the latter is told.
 */
typedef void (*place_fn)(void *ctx, const struct place *place, uint32_t mask, const char *name);
int places_drain(struct places *places, place_fn fn, void *ctx);
