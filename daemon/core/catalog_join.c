/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is in force of all files, as one snapshot; see catalog.h. Declarations that exclude each
 * other are settled by sorting, so that a hundred thousand of them cost no more than a sort. The
 * snapshot copies what it takes: a file that turns bad later stays in force with what it said.
 */
#include "core/catalog.h"

#include "core/catalog_expand.h"
#include "core/model_copy.h"

#include <errno.h>
#include <stdio.h>

/* ---- who is taken ---- */

static int collect_pairs(const struct catalog *catalog, struct claims *ret)
{
	int r = 0;

	for (size_t i = 0; i < catalog->n_files && r == 0; i++)
		r = CLAIMS_ADD(ret, i, CLAIM_PAIRS, catalog->files[i].config.pairs,
			       catalog->files[i].config.n_pairs);
	return r;
}

static int collect_programs(const struct catalog *catalog, struct claims *ret)
{
	int r = 0;

	for (size_t i = 0; i < catalog->n_files && r == 0; i++)
		r = CLAIMS_ADD(ret, i, CLAIM_OTHERS, catalog->files[i].config.programs,
			       catalog->files[i].config.n_programs);
	return r;
}

/* ---- the snapshot ---- */

static int note_too_many(const struct desired *desired, const struct claim *claim,
			 struct conflicts *conflicts)
{
	char *words;
	int n = asprintf(&words,
			 "all files together declare more than %u pairs; pair \"%s\" and those "
			 "after it by name are left out",
			 desired->settings.max_pairs, claim->name);

	return conflicts_add(conflicts, claim->at, n < 0 ? NULL : words);
}

static int take_pairs(const struct claims *claims, struct desired *desired, struct conflicts *conflicts)
{
	for (size_t i = 0; i < claims->n; i++) {
		const struct claim *claim = &claims->items[i];
		struct pair pair = {};
		int r;

		if (claim->winner) {
			/* Left out for another pair's sake: it may exist, and is not to be deleted. */
			desired->incomplete |= strcmp(claim->name, claim->winner->name) != 0;
			continue;
		}
		if (desired->n_pairs == desired->settings.max_pairs) {
			/* What is left out here may exist: it must not be taken for unwanted. */
			desired->incomplete = true;
			return note_too_many(desired, claim, conflicts);
		}
		r = pair_copy(claim->pair, &pair);
		if (r == 0)
			r = ARRAY_APPEND(desired->pairs, desired->n_pairs, pair);
		if (r < 0) {
			pair_done(&pair);
			return r;
		}
	}
	return 0;
}

static int join_pairs(const struct catalog *catalog, struct desired *desired, struct conflicts *conflicts)
{
	AUTO(claims_done) struct claims claims = {};
	int r = collect_pairs(catalog, &claims);

	if (r == 0)
		r = claims_settle(&claims, desired->settings.duplicate_addresses
						   ? CLAIM_ADDRESSES_ANY
						   : CLAIM_ADDRESSES_ONCE);
	if (r == 0)
		r = conflicts_add_losers(conflicts, &claims, "pair");
	return r == 0 ? take_pairs(&claims, desired, conflicts) : r;
}

static int join_programs(const struct catalog *catalog, struct desired *desired, struct conflicts *conflicts)
{
	AUTO(claims_done) struct claims claims = {};
	int r = collect_programs(catalog, &claims);

	if (r == 0)
		r = claims_settle(&claims, CLAIM_ADDRESSES_ANY);
	if (r == 0)
		r = conflicts_add_losers(conflicts, &claims, "program");
	for (size_t i = 0; i < claims.n && r == 0; i++) {
		struct program program = {};

		if (claims.items[i].winner)
			continue;
		r = program_copy(claims.items[i].noun, &program);
		if (r == 0)
			r = ARRAY_APPEND(desired->programs, desired->n_programs, program);
		if (r < 0)
			program_done(&program);
	}
	return r;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_implicit(struct desired *desired, const char *name, const char *object)
{
	struct program program = {};
	int r;

	snprintf(program.name, sizeof(program.name), "%s", name);
	program.object = strdup(object);
	r = program.object ? ARRAY_APPEND(desired->programs, desired->n_programs, program)
			   : -ENOMEM;
	if (r < 0)
		program_done(&program);
	return r;
}

/* The names in the chains of a pair that no file defines. */
static int find_undefined(const struct desired *desired, const struct pair *pair,
			  const char ***names, size_t *n)
{
	int r = 0;

	for (enum side side = 0; side < N_SIDES; side++) {
		const struct end *end = &pair->end[side];

		for (size_t i = 0; i < end->n_uses && r == 0; i++)
			if (!desired_find_program(desired, end->uses[i].program))
				r = ARRAY_APPEND(*names, *n, (const char *)end->uses[i].program);
	}
	return r;
}

/* Names in chains that no file defines stand for the shipped object of that name. */
static int define_implicit(struct desired *desired)
{
	AUTO_FREE const char **names = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < desired->n_pairs && r == 0; i++)
		r = find_undefined(desired, &desired->pairs[i], &names, &n);
	if (n)
		qsort(names, n, sizeof(*names), compare_texts);
	for (size_t i = 0; i < n && r == 0; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			r = add_implicit(desired, names[i], names[i]);
	if (r == 0)
		r = add_implicit(desired, PROGRAM_POLICY_DROP, "drop");
	desired_sort(desired);
	return r;
}

const struct settings *catalog_settings(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].kind == CONFIG_SETTINGS && catalog->files[i].in_force)
			return &catalog->files[i].config.settings;
	return NULL;
}

const struct node *catalog_defaults(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].kind == CONFIG_SETTINGS && catalog->files[i].in_force &&
		    catalog->files[i].config.defaults.n_children)
			return &catalog->files[i].config.defaults;
	return NULL;
}

static int take_settings(const struct catalog *catalog, struct desired *desired)
{
	const struct settings *settings = catalog_settings(catalog);

	desired->incomplete = catalog->unread;
	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].kind == CONFIG_PAIRS && !catalog->files[i].in_force)
			desired->incomplete = true;
	if (!settings)
		return 0;
	settings_done(&desired->settings);
	return settings_copy(settings, &desired->settings);
}

int catalog_join(const struct catalog *catalog, const struct catalog_world *world,
		 struct desired **ret)
{
	AUTO(desired_unrefp) struct desired *desired = desired_new();
	struct conflicts conflicts = {};
	int r;

	if (!desired)
		return -ENOMEM;
	conflicts.list = &desired->conflicts;
	r = take_settings(catalog, desired);
	if (r == 0)
		r = join_pairs(catalog, desired, &conflicts);
	if (r == 0)
		r = catalog_expand(catalog, world, desired, &conflicts);
	if (r == 0)
		r = join_programs(catalog, desired, &conflicts);
	if (r == 0)
		r = define_implicit(desired);
	if (r == 0)
		r = conflicts_finish(&conflicts);
	if (r < 0)
		return r;
	*ret = STEAL(desired);
	return 0;
}
