/* SPDX-License-Identifier: GPL-2.0-only */
/* See template_candidate.h. */
#include "core/template_candidate.h"

#include "core/config_derived.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void candidates_done(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++) {
		free(candidates->items[i].owner);
		free(candidates->items[i].blocked);
	}
	free(candidates->items);
	*candidates = (struct candidates){};
}

int candidate_block(struct candidate *candidate, const char *format, ...)
{
	va_list args;
	int n;

	if (candidate->blocked)
		return 0;
	va_start(args, format);
	n = vasprintf(&candidate->blocked, format, args);
	va_end(args);
	if (n < 0)
		candidate->blocked = NULL;
	return n < 0 ? -ENOMEM : 0;
}

/* A declared pair with labels, and the name of the namespace that they are said of. */
struct labelled {
	const char *netns;
	const struct pair *pair;
};

struct labelled_list {
	struct labelled *items; /* owned; sorted by name */
	size_t n;
};

static void labelled_list_done(struct labelled_list *list)
{
	free(list->items);
}

/* The name of a namespace, however a pair refers to it; NULL: it has none. */
static const char *name_of(const struct template_world *world, const struct netns_ref *ref)
{
	if (ref->by == NETNS_BY_NAME)
		return ref->text;
	for (size_t i = 0; ref->by == NETNS_BY_PATH && i < world->n_netns_dirs; i++) {
		size_t len = strlen(world->netns_dirs[i]);

		if (strncmp(ref->text, world->netns_dirs[i], len) == 0 && ref->text[len] == '/')
			return ref->text + len + 1;
	}
	return NULL;
}

static int compare_labelled(const void *a, const void *b)
{
	return strcmp(((const struct labelled *)a)->netns, ((const struct labelled *)b)->netns);
}

static int find_labelled(const struct template_world *world, struct labelled_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < world->n_declared && r == 0; i++) {
		const struct pair *pair = &world->declared[i];
		struct labelled labelled = { name_of(world, &pair->netns), pair };

		if (pair->n_labels && labelled.netns)
			r = ARRAY_APPEND(ret->items, ret->n, labelled);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_labelled);
	return r;
}

/* The labels of a namespace; first is where those of namespaces before it end. */
static int labels_of(const struct labelled_list *list, const char *netns, size_t *first,
		     const struct label ***ret, size_t *ret_n)
{
	size_t i = *first;
	int r = 0;

	while (i < list->n && strcmp(list->items[i].netns, netns) < 0)
		i++;
	*first = i;
	*ret_n = 0;
	for (; i < list->n && strcmp(list->items[i].netns, netns) == 0; i++)
		for (size_t j = 0; j < list->items[i].pair->n_labels && r == 0; j++)
			r = ARRAY_APPEND(*ret, *ret_n,
					 (const struct label *)&list->items[i].pair->labels[j]);
	return r;
}

static int compare_pool_name(const void *key, const void *item)
{
	return strcmp(key, (*(const struct pool *const *)item)->name);
}

const struct pool *template_find_pool(const struct template_world *world, const char *name)
{
	const struct pool *const *pool = NULL;

	if (world->n_pools)
		pool = bsearch(name, world->pools, world->n_pools, sizeof(*pool),
			       compare_pool_name);
	return pool ? *pool : NULL;
}

static int compare_template_name(const void *key, const void *item)
{
	return strcmp(key, (*(const struct template *const *)item)->name);
}

static const struct template *find_template(const struct template_world *world, const char *name)
{
	const struct template *const *template = NULL;

	if (world->n_templates)
		template = bsearch(name, world->templates, world->n_templates, sizeof(*template),
				   compare_template_name);
	return template ? *template : NULL;
}

/* Whose addresses they are: of a pair that is declared also when it moves to another template. */
static int name_owner(struct candidate *candidate)
{
	/* No template's name begins so. */
	int n = candidate->derived ? asprintf(&candidate->owner, "=%s/%s", candidate->derived->name,
					      candidate->derived->netns.text)
				   : asprintf(&candidate->owner, "%s/%s", candidate->template->name,
					      candidate->netns);

	if (n < 0)
		candidate->owner = NULL;
	return n < 0 ? -ENOMEM : 0;
}

/* What a candidate needs of its pool, or why it cannot have it. */
static int find_needs(const struct template_world *world, struct candidate *candidate)
{
	const struct template *template = candidate->template;
	const struct pool *pool;
	unsigned int uses;
	int r = 0;

	if (!template)
		return candidate_block(candidate, "no file declares template %s", candidate->derived->template);
	uses = template->uses;
	if (uses && candidate->derived)
		r = config_derived_uses(candidate->derived, template, &uses);
	if (r < 0 || !uses)
		return r;
	pool = template_find_pool(world, template->pool);
	if (!pool)
		return candidate_block(candidate, "no file declares pool %s", template->pool);
	if ((uses & TEMPLATE_USE_IP6) && !pool->size[FAMILY_IPV6])
		return candidate_block(candidate, "pool %s has no IPv6 addresses", template->pool);
	candidate->pool = pool;
	if (uses & TEMPLATE_USE_IP)
		candidate->needs[pool->size[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6] = true;
	if (uses & TEMPLATE_USE_IP6)
		candidate->needs[FAMILY_IPV6] = true;
	return name_owner(candidate);
}

static int add_candidate(const struct template_world *world, struct candidates *ret, struct candidate candidate)
{
	int r = find_needs(world, &candidate);

	if (r == 0)
		r = ARRAY_APPEND(ret->items, ret->n, candidate);
	if (r < 0) {
		free(candidate.owner);
		free(candidate.blocked);
	}
	return r;
}

static int find_matched(const struct template_world *world, struct candidates *ret)
{
	AUTO(labelled_list_done) struct labelled_list list = {};
	AUTO_FREE const struct label **labels = NULL;
	size_t first = 0;
	int r = find_labelled(world, &list);

	for (size_t i = 0; i < world->n_namespaces && r == 0; i++) {
		const char *netns = world->namespaces[i];
		struct template_labels all = {};

		r = labels_of(&list, netns, &first, &labels, &all.n);
		all.items = labels;
		for (size_t j = 0; j < world->n_templates && r == 0; j++)
			if (template_matches(world->templates[j], netns, &all))
				r = add_candidate(world, ret, (struct candidate){ .template = world->templates[j],
									 .netns = netns });
	}
	return r;
}

/* What {netns} is where a namespace has no name: the end of its path, or the process. */
static const char *short_name_of(const struct template_world *world, const struct netns_ref *ref)
{
	const char *name = name_of(world, ref);
	const char *slash = strrchr(ref->text, '/');

	return name ? name : slash ? slash + 1 : ref->text;
}

static int find_derived(const struct template_world *world, struct candidates *ret)
{
	int r = 0;

	for (size_t i = 0; i < world->n_declared && r == 0; i++) {
		const struct pair *pair = &world->declared[i];

		if (pair->overrides)
			r = add_candidate(world, ret, (struct candidate){
				.template = find_template(world, pair->template),
				.netns = short_name_of(world, &pair->netns),
				.derived = pair });
	}
	ret->n_derived = ret->n;
	return r;
}

int candidates_find(const struct template_world *world, struct candidates *ret)
{
	int r = find_derived(world, ret);

	return r == 0 ? find_matched(world, ret) : r;
}
