/* SPDX-License-Identifier: GPL-2.0-only */
/* See catalog_expand.h. The expansion itself is template_expand.c's; here files become its world. */
#include "core/catalog_expand.h"

#include "core/template_expand.h"

#include <errno.h>

/* The nouns that are in force, of several files: sorted by name, unique, borrowed. */
struct nouns {
	const void **items; /* owned */
	size_t n;
};

static void nouns_done(struct nouns *nouns)
{
	free(nouns->items);
}

static int collect_templates(const struct catalog *catalog, struct claims *ret)
{
	int r = 0;

	for (size_t i = 0; i < catalog->n_files && r == 0; i++)
		r = CLAIMS_ADD(ret, i, CLAIM_OTHERS, catalog->files[i].config.templates,
			       catalog->files[i].config.n_templates);
	return r;
}

static int collect_pools(const struct catalog *catalog, struct claims *ret)
{
	int r = 0;

	for (size_t i = 0; i < catalog->n_files && r == 0; i++)
		r = CLAIMS_ADD(ret, i, CLAIM_OTHERS, catalog->files[i].config.pools,
			       catalog->files[i].config.n_pools);
	return r;
}

static int join_nouns(const struct catalog *catalog,
		      int (*collect)(const struct catalog *catalog, struct claims *ret),
		      const char *what, struct conflicts *conflicts, struct nouns *ret)
{
	AUTO(claims_done) struct claims claims = {};
	int r = collect(catalog, &claims);

	if (r == 0)
		r = claims_settle(&claims, CLAIM_ADDRESSES_ANY);
	if (r == 0)
		r = conflicts_add_losers(conflicts, &claims, what);
	for (size_t i = 0; i < claims.n && r == 0; i++)
		if (!claims.items[i].winner)
			r = ARRAY_APPEND(ret->items, ret->n, claims.items[i].noun);
	return r;
}

static bool depends_on_namespaces(const struct nouns *templates)
{
	for (size_t i = 0; i < templates->n; i++)
		if (((const struct template *)templates->items[i])->has_match)
			return true;
	return false;
}

static int compare_name(const void *key, const void *pair)
{
	return strcmp(key, ((const struct pair *)pair)->name);
}

/* The first n are sorted. */
static struct pair *find_declared(struct desired *desired, size_t n, const char *name)
{
	return n ? bsearch(name, desired->pairs, n, sizeof(*desired->pairs), compare_name) : NULL;
}

/* Those that are laid over a template take the place of what was known of them. */
static int take_pairs(struct template_pairs *pairs, struct desired *desired)
{
	size_t n_declared = desired->n_pairs;
	int r = 0;

	for (size_t i = 0; i < pairs->n && r == 0; i++) {
		struct pair *declared = find_declared(desired, n_declared, pairs->items[i].name);

		if (declared) {
			pair_done(declared);
			*declared = pairs->items[i];
		} else {
			r = ARRAY_APPEND(desired->pairs, desired->n_pairs, pairs->items[i]);
		}
		if (r == 0)
			pairs->items[i] = (struct pair){};
	}
	desired->incomplete |= pairs->incomplete;
	return r;
}

/* Trees are the configuration's, which may change; without a world no pair is more than it says. */
static void forget_overrides(struct desired *desired)
{
	for (size_t i = 0; i < desired->n_pairs; i++)
		desired->pairs[i].overrides = NULL;
}

int catalog_expand(const struct catalog *catalog, const struct catalog_world *world,
		   struct desired *desired, struct conflicts *conflicts)
{
	AUTO(nouns_done) struct nouns templates = {};
	AUTO(nouns_done) struct nouns pools = {};
	AUTO(template_pairs_done) struct template_pairs pairs = {};
	struct template_world to;
	int r = join_nouns(catalog, collect_templates, "template", conflicts, &templates);

	if (r == 0)
		r = join_nouns(catalog, collect_pools, "pool", conflicts, &pools);
	if (r < 0)
		return r;
	desired->has_templates = depends_on_namespaces(&templates);
	if (!world) {
		forget_overrides(desired);
		return 0;
	}
	to = (struct template_world){
		.templates = (const struct template *const *)templates.items,
		.n_templates = templates.n,
		.pools = (const struct pool *const *)pools.items,
		.n_pools = pools.n,
		.namespaces = world->namespaces,
		.n_namespaces = world->n_namespaces,
		.netns_dirs = world->netns_dirs,
		.n_netns_dirs = world->n_netns_dirs,
		.declared = desired->pairs,
		.n_declared = desired->n_pairs,
		.max_pairs = desired->settings.max_pairs,
		.addresses = desired->settings.duplicate_addresses ? CLAIM_ADDRESSES_ANY
								   : CLAIM_ADDRESSES_ONCE,
		.incomplete = desired->incomplete,
	};
	r = template_expand(&to, world->leases, &pairs, conflicts);
	if (r == 0)
		r = take_pairs(&pairs, desired);
	forget_overrides(desired);
	return r;
}
