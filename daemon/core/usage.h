/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Where program definitions are used: in chains that are declared, and in those that are there. */

#include "core/model.h"

/* One place of a chain. */
struct usage_place {
	size_t program; /* index in desired->programs */
	char pair[IFNAMSIZ];
	enum side side;
	unsigned int position; /* from 1: in the chain that is there, else in the one declared */
	uint32_t link_id, prog_id; /* 0: it is not there, but declared */
};

struct usage {
	struct desired *desired; /* counted reference */
	struct usage_place *places; /* owned; as they were added, after usage_sort by definition */
	size_t n_places;
	size_t *first; /* owned; after usage_sort: where each definition's places begin, and the end */
	/* Programs, each once: in how many chains one is makes no difference to its run counts. */
	struct slot *loaded; /* owned */
	size_t n_loaded;
};

/* Takes a reference. */
void usage_init(struct usage *usage, struct desired *desired);
void usage_done(struct usage *usage);

/* Adds the places of one pair; want and seen may be NULL. 0 or -ENOMEM. */
int usage_add(struct usage *usage, const char *pair, const struct pair *want,
	      const struct sighting *seen);
int usage_sort(struct usage *usage); /* 0 or -ENOMEM */

/* After usage_sort: the places of a definition by index, as a range. */
const struct usage_place *usage_of(const struct usage *usage, size_t program, size_t *ret_n);
/* Runs and time of all that is loaded from a definition. */
void usage_count(const struct usage *usage, size_t program, uint64_t *ret_runs,
		 uint64_t *ret_time_ns);
