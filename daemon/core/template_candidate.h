/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Who gets a pair of a template, and what each needs for it: the first half of template_expand.h,
 * which alone includes this.
 */

#include "core/template_expand.h"

/* A template and a namespace that it matches, or a pair that is laid over it. */
struct candidate {
	const struct template *template; /* NULL: no file declares it */
	const char *netns;
	const struct pair *derived; /* NULL: it is matched */
	const struct pool *pool; /* NULL: it needs none, or there is none */
	char *owner; /* owned; of its leases; NULL: it needs none */
	bool needs[N_FAMILIES];
	struct ip ips[N_FAMILIES];
	char *blocked; /* owned */
};

struct candidates {
	struct candidate *items; /* owned; derived ones by name, then others by namespace and template */
	size_t n;
	size_t n_derived; /* the first ones */
};

/* 0 or -ENOMEM; what cannot be had is blocked. */
int candidates_find(const struct template_world *world, struct candidates *ret);
void candidates_done(struct candidates *candidates);

/* Keeps the first reason. 0 or -ENOMEM. */
__attribute__((format(printf, 2, 3))) int candidate_block(struct candidate *candidate,
							  const char *format, ...);

/* Borrowed; NULL: no file declares it. */
const struct pool *template_find_pool(const struct template_world *world, const char *name);
