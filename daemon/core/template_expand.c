/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See template_expand.h. First who matches; then addresses for all of them at once; then the pairs;
 * then which of them exclude each other.
 */
#include "core/template_expand.h"

#include "core/config_derived.h"
#include "core/model_copy.h"
#include "core/template_candidate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

struct expansion {
	const struct template_world *world;
	struct candidates candidates;
	struct pair *pairs; /* owned; one of each candidate */
	size_t n_pairs;
	struct conflicts *conflicts; /* borrowed */
	bool incomplete;
};

static void expansion_done(struct expansion *x)
{
	candidates_done(&x->candidates);
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

/* A template that can give nobody an address is said once, not only of each pair. */
static int note_pools(struct expansion *x)
{
	int r = 0;

	for (size_t i = 0; i < x->world->n_templates && r == 0; i++) {
		const struct template *template = x->world->templates[i];
		const struct pool *pool = template_find_pool(x->world, template->pool);

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
	for (size_t i = 0; i < x->candidates.n; i++) {
		struct candidate *candidate = &x->candidates.items[i];

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

	return candidate_block(candidate, "pool %s has no free %saddress: %s of %s are in use", pool->name,
		     !both		     ? ""
		     : family == FAMILY_IPV6 ? "IPv6 "
					     : "IPv4 ",
		     size, size);
}

static int take(struct expansion *x, struct lease_round *round)
{
	int r = 0;

	for (size_t i = 0; i < x->candidates.n && r == 0; i++) {
		struct candidate *candidate = &x->candidates.items[i];

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

	if (candidate->derived)
		memcpy(name, candidate->derived->name, IFNAMSIZ);
	else
		template_device_name(&candidate->template->pattern, candidate->netns, name);
	if (!candidate->blocked) {
		if (ips[FAMILY_IPV6].family)
			values.ip = values.ip6 = ip_text(&ips[FAMILY_IPV6], texts[FAMILY_IPV6]);
		if (ips[FAMILY_IPV4].family)
			values.ip = ip_text(&ips[FAMILY_IPV4], texts[FAMILY_IPV4]);
	}
	if (!candidate->template)
		r = pair_copy(candidate->derived, &pair);
	else if (candidate->derived)
		config_derived_pair(&reader, candidate->derived, candidate->template, &values, &pair);
	else
		config_template_pair(&reader, candidate->template, &values, &pair);
	if (r < 0 || reader.out_of_memory)
		return -ENOMEM;
	pair.overrides = NULL;
	if (reader.n_faults && !candidate->blocked) {
		AUTO_FREE char *words = diag_text(&diags.items[0]);

		r = words ? candidate_block(candidate, "%s", words) : -ENOMEM;
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
	size_t room = x->candidates.n_derived + (max > declared ? max - declared : 0);
	int r = 0;

	for (size_t i = 0; i < x->candidates.n && i < room && r == 0; i++)
		r = make_pair(x, &x->candidates.items[i]);
	if (r < 0 || x->candidates.n <= room)
		return r;
	/* What is left out here may exist: it must not be taken for unwanted. */
	x->incomplete = true;
	return note(
		x, &x->candidates.items[room].template->at,
		"with those of templates there are more than %zu pairs; that of namespace \"%s\" "
		"and those after it are left out",
		max, x->candidates.items[room].netns);
}

/* ---- who excludes whom ---- */

/*
 * Declared pairs stay before those that are laid over a template, these before matched ones, and
 * matched ones that can be had before blocked ones. What is declared always keeps its name.
 */
enum rank { RANK_DECLARED, RANK_DERIVED, RANK_MATCHED, RANK_BLOCKED };

static enum rank rank_of(const struct expansion *x, const struct pair *pair)
{
	if (x->candidates.items[pair - x->pairs].derived)
		return RANK_DERIVED;
	return pair->blocked ? RANK_BLOCKED : RANK_MATCHED;
}

static int collect(const struct expansion *x, struct claims *ret)
{
	const struct template_world *world = x->world;
	int r = 0;

	for (size_t i = 0; i < world->n_declared && r == 0; i++) {
		const struct pair *pair = &world->declared[i];

		if (!pair->overrides)
			r = claims_add(ret, (struct claim){ .name = pair->name,
						    .at = &pair->at,
						    .noun = pair,
						    .pair = pair });
	}
	for (size_t i = 0; i < x->n_pairs && r == 0; i++) {
		const struct pair *pair = &x->pairs[i];

		r = claims_add(ret, (struct claim){ .name = pair->name,
						    .rank = rank_of(x, pair),
						    .at = &pair->at,
						    .noun = pair,
						    .pair = pair });
	}
	return r;
}

static bool is_of_template(const struct claim *claim)
{
	return claim->rank > RANK_DECLARED;
}

static int say_same_name(struct expansion *x, const struct claim *claim)
{
	const struct pair *winner = claim->winner->pair, *pair = claim->pair;
	const char *template = x->candidates.items[pair - x->pairs].template->name;

	if (claim->winner->rank <= RANK_DERIVED)
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
		x->candidates.items[winner - x->pairs].template->name);
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
		r = candidates_find(world, &x.candidates);
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
