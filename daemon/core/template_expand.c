/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See template_expand.h. First who matches; then addresses for all of them at once; then the pairs;
 * then which of them exclude each other.
 */
#include "core/template_expand.h"

#include "core/config_template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* A template and a namespace that it matches. */
struct candidate {
	const struct template *template;
	const char *netns;
	const struct pool *pool; /* NULL: it needs none, or there is none */
	char *owner; /* owned; of its leases; NULL: it needs none */
	bool needs[N_FAMILIES];
	struct ip ips[N_FAMILIES];
	char *blocked; /* owned */
};

struct expansion {
	const struct template_world *world;
	struct candidate *candidates; /* owned; by namespace, then by template */
	size_t n;
	struct pair *pairs; /* owned; one of each candidate */
	size_t n_pairs;
	struct conflicts *conflicts; /* borrowed */
	bool incomplete;
};

static void expansion_done(struct expansion *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->candidates[i].owner);
		free(x->candidates[i].blocked);
	}
	free(x->candidates);
	for (size_t i = 0; i < x->n_pairs; i++)
		pair_done(&x->pairs[i]);
	free(x->pairs);
}

void template_pairs_done(struct template_pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++)
		pair_done(&pairs->items[i]);
	free(pairs->items);
	*pairs = (struct template_pairs){};
}

__attribute__((format(printf, 3, 4))) static int note(struct expansion *x, const struct diag *at,
						      const char *format, ...)
{
	va_list args;
	char *words;
	int n;

	va_start(args, format);
	n = vasprintf(&words, format, args);
	va_end(args);
	return conflicts_add(x->conflicts, at, n < 0 ? NULL : words);
}

/* Keeps the first reason. */
__attribute__((format(printf, 2, 3))) static int block(struct candidate *candidate,
						       const char *format, ...)
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

/* ---- who matches ---- */

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

static const struct pool *find_pool(const struct template_world *world, const char *name)
{
	const struct pool *const *pool = NULL;

	if (world->n_pools)
		pool = bsearch(name, world->pools, world->n_pools, sizeof(*pool),
			       compare_pool_name);
	return pool ? *pool : NULL;
}

/* What a candidate needs of its pool, or why it cannot have it. */
static int find_needs(const struct template_world *world, struct candidate *candidate)
{
	const struct template *template = candidate->template;
	const struct pool *pool;

	if (!template->uses)
		return 0;
	pool = find_pool(world, template->pool);
	if (!pool)
		return block(candidate, "no file declares pool %s", template->pool);
	if ((template->uses & TEMPLATE_USE_IP6) && !pool->size[FAMILY_IPV6])
		return block(candidate, "pool %s has no IPv6 addresses", template->pool);
	candidate->pool = pool;
	if (template->uses & TEMPLATE_USE_IP)
		candidate->needs[pool->size[FAMILY_IPV4] ? FAMILY_IPV4 : FAMILY_IPV6] = true;
	if (template->uses & TEMPLATE_USE_IP6)
		candidate->needs[FAMILY_IPV6] = true;
	if (asprintf(&candidate->owner, "%s/%s", template->name, candidate->netns) < 0) {
		candidate->owner = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int add_candidate(struct expansion *x, const struct template *template, const char *netns)
{
	struct candidate candidate = { .template = template, .netns = netns };
	int r = find_needs(x->world, &candidate);

	if (r == 0)
		r = ARRAY_APPEND(x->candidates, x->n, candidate);
	if (r < 0) {
		free(candidate.owner);
		free(candidate.blocked);
	}
	return r;
}

static int find_candidates(struct expansion *x)
{
	AUTO(labelled_list_done) struct labelled_list list = {};
	AUTO_FREE const struct label **labels = NULL;
	const struct template_world *world = x->world;
	size_t first = 0;
	int r = find_labelled(world, &list);

	for (size_t i = 0; i < world->n_namespaces && r == 0; i++) {
		const char *netns = world->namespaces[i];
		struct template_labels all = {};

		r = labels_of(&list, netns, &first, &labels, &all.n);
		all.items = labels;
		for (size_t j = 0; j < world->n_templates && r == 0; j++)
			if (template_matches(world->templates[j], netns, &all))
				r = add_candidate(x, world->templates[j], netns);
	}
	return r;
}

/* A template that can give nobody an address is said once, not only of each pair. */
static int note_pools(struct expansion *x)
{
	int r = 0;

	for (size_t i = 0; i < x->world->n_templates && r == 0; i++) {
		const struct template *template = x->world->templates[i];
		const struct pool *pool = find_pool(x->world, template->pool);

		if (template->uses && !pool)
			r = note(x, &template->at, "template \"%s\": no file declares pool \"%s\"",
				 template->name, template->pool);
		else if ((template->uses & TEMPLATE_USE_IP6) && !pool->size[FAMILY_IPV6])
			r = note(x, &template->at,
				 "template \"%s\": {ip6}: pool \"%s\" has no IPv6 addresses",
				 template->name, template->pool);
	}
	return r;
}

/* ---- addresses ---- */

static int reserve_declared(const struct template_world *world, struct lease_round *round)
{
	int r = 0;

	for (size_t i = 0; i < world->n_declared; i++)
		for (enum side side = 0; side < N_SIDES; side++) {
			const struct end *end = &world->declared[i].end[side];

			for (size_t j = 0; j < end->n_addresses && r == 0; j++)
				r = lease_round_reserve(round, &end->addresses[j].prefix.ip);
		}
	for (size_t i = 0; i < world->n_templates; i++)
		for (size_t j = 0; j < world->templates[i]->n_taken && r == 0; j++)
			r = lease_round_reserve(round, &world->templates[i]->taken[j]);
	return r;
}

static void keep(struct expansion *x, struct lease_round *round)
{
	for (size_t i = 0; i < x->n; i++) {
		struct candidate *candidate = &x->candidates[i];

		for (enum family family = 0; family < N_FAMILIES; family++)
			if (candidate->needs[family])
				lease_round_keep(round, candidate->pool->name, candidate->owner,
						 family, &candidate->ips[family]);
	}
}

static int say_exhausted(struct candidate *candidate, enum family family)
{
	const struct pool *pool = candidate->pool;
	bool both = pool->size[FAMILY_IPV4] && pool->size[FAMILY_IPV6];
	char buf[POOL_NUMBER_SIZE];
	const char *size = pool_number_text(pool->size[family], buf);

	return block(candidate, "pool %s has no free %saddress: %s of %s are in use", pool->name,
		     !both		     ? ""
		     : family == FAMILY_IPV6 ? "IPv6 "
					     : "IPv4 ",
		     size, size);
}

static int take(struct expansion *x, struct lease_round *round)
{
	int r = 0;

	for (size_t i = 0; i < x->n && r == 0; i++) {
		struct candidate *candidate = &x->candidates[i];

		for (enum family family = 0; family < N_FAMILIES && r == 0; family++) {
			if (!candidate->needs[family] || candidate->ips[family].family)
				continue;
			r = lease_round_take(round, candidate->pool, candidate->owner, family,
					     &candidate->ips[family]);
			if (r == LEASE_E_EXHAUSTED)
				r = say_exhausted(candidate, family);
		}
	}
	return r;
}

static int find_addresses(struct expansion *x, struct leases *leases)
{
	AUTO(lease_round_done) struct lease_round round = {};
	const struct template_world *world = x->world;
	int r = lease_round_begin(&round, leases, world->pools, world->n_pools,
				  world->incomplete ? LEASE_UNKNOWN_KEEP : LEASE_UNKNOWN_DROP);

	if (r == 0)
		r = reserve_declared(world, &round);
	if (r == 0) {
		keep(x, &round);
		r = lease_round_release(&round);
	}
	return r == 0 ? take(x, &round) : r;
}

/* ---- pairs ---- */

/* Of a pair that is blocked nothing but its names and its kind is true. */
static void strip(struct pair *pair)
{
	for (enum side side = 0; side < N_SIDES; side++) {
		struct end *end = &pair->end[side];
		struct attrs attrs = end->attrs;
		enum policy policy = end->policy;
		enum scrub scrub = end->scrub;

		end_done(end);
		end->attrs = attrs;
		end->policy = policy;
		end->scrub = scrub;
	}
	if (!pair->end[SIDE_PEER].attrs.name[0])
		memcpy(pair->end[SIDE_PEER].attrs.name, "eth0", sizeof("eth0"));
}

/* Puts the reason into the pair. */
static int finish_blocked(struct candidate *candidate, struct pair *pair)
{
	strip(pair);
	free(pair->blocked);
	pair->blocked = STEAL(candidate->blocked);
	return pair->blocked ? 0 : -ENOMEM;
}

static int make_pair(struct expansion *x, struct candidate *candidate)
{
	AUTO(diag_list_done) struct diag_list diags = {};
	AUTO(pair_done) struct pair pair = {};
	struct reader_file reader = { .diags = &diags };
	char name[IFNAMSIZ], texts[N_FAMILIES][IP_TEXT_SIZE];
	struct template_values values = { .netns = candidate->netns, .name = name };
	const struct ip *ips = candidate->ips;
	int r = 0;

	if (!candidate->blocked) {
		if (ips[FAMILY_IPV6].family)
			values.ip = values.ip6 = ip_text(&ips[FAMILY_IPV6], texts[FAMILY_IPV6]);
		if (ips[FAMILY_IPV4].family)
			values.ip = ip_text(&ips[FAMILY_IPV4], texts[FAMILY_IPV4]);
	}
	template_device_name(&candidate->template->pattern, candidate->netns, name);
	config_template_pair(&reader, candidate->template, &values, &pair);
	if (reader.out_of_memory)
		return -ENOMEM;
	if (reader.n_faults && !candidate->blocked) {
		AUTO_FREE char *words = diag_text(&diags.items[0]);

		r = words ? block(candidate, "%s", words) : -ENOMEM;
	}
	if (r == 0 && candidate->blocked)
		r = finish_blocked(candidate, &pair);
	if (r == 0)
		r = ARRAY_APPEND(x->pairs, x->n_pairs, pair);
	if (r == 0)
		pair = (struct pair){};
	return r;
}

static int make_pairs(struct expansion *x)
{
	size_t declared = x->world->n_declared, max = x->world->max_pairs;
	size_t room = max > declared ? max - declared : 0;
	int r = 0;

	for (size_t i = 0; i < x->n && i < room && r == 0; i++)
		r = make_pair(x, &x->candidates[i]);
	if (r < 0 || x->n <= room)
		return r;
	/* What is left out here may exist: it must not be taken for unwanted. */
	x->incomplete = true;
	return note(
		x, &x->candidates[room].template->at,
		"with those of templates there are more than %zu pairs; that of namespace \"%s\" "
		"and those after it are left out",
		max, x->candidates[room].netns);
}

/* ---- who excludes whom ---- */

/* Declared pairs stay before those of templates, and those that can be had before blocked ones. */
static int collect(const struct expansion *x, struct claims *ret)
{
	const struct template_world *world = x->world;
	int r = 0;

	for (size_t i = 0; i < world->n_declared && r == 0; i++) {
		const struct pair *pair = &world->declared[i];

		r = claims_add(ret, (struct claim){ .name = pair->name,
						    .at = &pair->at,
						    .noun = pair,
						    .pair = pair });
	}
	for (size_t i = 0; i < x->n_pairs && r == 0; i++) {
		const struct pair *pair = &x->pairs[i];

		r = claims_add(ret, (struct claim){ .name = pair->name,
						    .rank = pair->blocked ? 2 : 1,
						    .at = &pair->at,
						    .noun = pair,
						    .pair = pair });
	}
	return r;
}

static bool is_of_template(const struct claim *claim)
{
	return claim->rank > 0;
}

static int say_same_name(struct expansion *x, const struct claim *claim)
{
	const struct pair *winner = claim->winner->pair, *pair = claim->pair;
	const char *template = x->candidates[pair - x->pairs].template->name;

	if (!is_of_template(claim->winner))
		return note(
			x, &pair->at,
			"template \"%s\": the device of namespace \"%s\" would be called %s, as "
			"the pair that is declared at %s:%u:%u, which stays in force",
			template, pair->netns.text, pair->name, winner->at.file, winner->at.line,
			winner->at.column);
	return note(
		x, &pair->at,
		"template \"%s\": the device of namespace \"%s\" would be called %s, as that of "
		"namespace \"%s\" (template \"%s\"), which stays in force",
		template, pair->netns.text, pair->name, winner->netns.text,
		x->candidates[winner - x->pairs].template->name);
}

/* Pairs that lost something else to others have their names still: no two may have one. */
static void settle_names(struct claims *claims)
{
	for (size_t i = 0, n; i < claims->n; i += n) {
		struct claim *group = &claims->items[i], *stays = NULL;

		for (n = 0; i + n < claims->n && strcmp(group[n].name, group->name) == 0; n++)
			if (!stays && !group[n].winner)
				stays = &group[n];
		stays = stays ? stays : group;
		for (size_t j = 0; j < n; j++)
			if (&group[j] != stays)
				group[j].winner = stays;
	}
}

static int settle_claim(struct expansion *x, const struct claim *claim)
{
	struct pair *pair;

	if (!claim->winner || !is_of_template(claim))
		return 0;
	if (strcmp(claim->name, claim->winner->name) == 0)
		return say_same_name(x, claim);
	pair = &x->pairs[claim->pair - x->pairs];
	if (pair->blocked)
		return 0;
	pair->blocked = claim_words(claim, "pair");
	return pair->blocked ? 0 : -ENOMEM;
}

/* All are settled and said before any is changed or leaves: claims refer to each other's pairs. */
static int settle(struct expansion *x)
{
	AUTO(claims_done) struct claims claims = {};
	int r = collect(x, &claims);

	if (r == 0)
		r = claims_settle(&claims, x->world->addresses);
	if (r == 0)
		settle_names(&claims);
	for (size_t i = 0; i < claims.n && r == 0; i++)
		r = settle_claim(x, &claims.items[i]);
	for (size_t i = 0; i < claims.n && r == 0; i++) {
		const struct claim *claim = &claims.items[i];
		struct pair *pair;

		if (!claim->winner || !is_of_template(claim))
			continue;
		pair = &x->pairs[claim->pair - x->pairs];
		if (strcmp(claim->name, claim->winner->name) == 0)
			pair_done(pair);
		else
			strip(pair);
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static void hand_over(struct expansion *x, struct template_pairs *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < x->n_pairs; i++)
		if (x->pairs[i].name[0])
			x->pairs[kept++] = x->pairs[i];
	if (kept)
		qsort(x->pairs, kept, sizeof(*x->pairs), compare_names);
	*ret = (struct template_pairs){ .items = x->pairs, .n = kept, .incomplete = x->incomplete };
	x->pairs = NULL;
	x->n_pairs = 0;
}

int template_expand(const struct template_world *world, struct leases *leases,
		    struct template_pairs *ret, struct conflicts *conflicts)
{
	AUTO(expansion_done) struct expansion x = { .world = world, .conflicts = conflicts };
	AUTO(leases_done) struct leases fresh = {};
	int r = leases_copy(leases, &fresh);

	if (r == 0)
		r = find_candidates(&x);
	if (r == 0)
		r = note_pools(&x);
	if (r == 0)
		r = find_addresses(&x, &fresh);
	if (r == 0)
		r = make_pairs(&x);
	if (r == 0)
		r = settle(&x);
	if (r < 0)
		return r;
	leases_done(leases);
	*leases = STEAL(fresh);
	hand_over(&x, ret);
	return 0;
}
