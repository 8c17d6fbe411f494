/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where the configuration is watched: its directories, those of drop-ins, and files elsewhere that
 * links in them lead to. The last two are found by looking, and change with what is found.
 */

#include "kernel/places.h"

/* Roles of places; others of the same struct places begin behind them. */
enum config_place {
	CONFIG_PLACE_DIR, /* a configuration directory: its settings count */
	CONFIG_PLACE_PAIRS, /* its pairs.d */
	CONFIG_PLACE_DROPINS, /* a directory of one file's drop-ins */
	CONFIG_PLACE_TARGET, /* what a link leads to */
	N_CONFIG_PLACES,
};

/* Adds the directories, which may not exist yet, and follows. 0 or -errno. */
int config_places_add(struct places *places, const char *const *dirs, size_t n);

/*
 * Looks again at what the directories lead to, and arms; to be called after a change and before
 * the configuration is read, so that no change falls in between. 0 or -errno, as of places_arm.
 */
int config_places_follow(struct places *places);

/* Whether an event in such a place may mean another configuration. name NULL: the place itself. */
bool config_places_is_change(const struct place *place, uint32_t mask, const char *name);
