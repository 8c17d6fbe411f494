/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What templates make of the namespaces that there are: a pair for each that one matches, with a
 * name and addresses that stay the same; and of the pairs that are declared to be laid over one.
 * Pure: the same input gives the same pairs and leases.
 */

#include "core/conflict.h"
#include "core/lease.h"
#include "core/template.h"

/* Everything in it is borrowed. */
struct template_world {
	const struct template *const *templates; /* sorted by name, unique */
	size_t n_templates;
	const struct pool *const *pools; /* sorted by name, unique */
	size_t n_pools;
	const char *const *namespaces; /* the names that there are now; sorted, unique */
	size_t n_namespaces;
	const char *const *netns_dirs; /* where names live: a path below one of them is a name */
	size_t n_netns_dirs;
	/* All that files declare: their labels, names and addresses. Those with overrides are to be made. */
	const struct pair *declared;
	size_t n_declared;
	size_t max_pairs; /* those that are declared included; more are left out */
	enum claim_addresses addresses;
	bool incomplete; /* a file is broken: pools that nobody declares may be its pools */
};

struct template_pairs {
	struct pair *items; /* owned; sorted by name, unique; of declared ones those with overrides */
	size_t n;
	bool incomplete; /* some were left out that may exist: what is not among them may stay */
};

/*
 * The pair of a namespace that cannot be had is there all the same, without what it lacks, and says
 * why in "blocked": its template or pool is exhausted or not declared, its body does not fit the namespace's
 * name, or another pair has its address, or its peer's name in that namespace. Of two that have one
 * name, only the first is there; the other is a conflict that names both namespaces. leases are those
 * of before, and become those of now. 0, or -ENOMEM with nothing changed but conflicts.
 */
int template_expand(const struct template_world *world, struct leases *leases,
		    struct template_pairs *ret, struct conflicts *conflicts);

void template_pairs_done(struct template_pairs *pairs);
