/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rounds of leases; see lease.h. What is in use is kept as stretches of addresses in a tree of the C
 * library's: the end of the stretch that an address is in is the next free address.
 */
#include "core/lease.h"

#include <errno.h>
#include <search.h>

#define POOL_UNKNOWN SIZE_MAX

/* ---- life ---- */

void leases_done(struct leases *leases)
{
	for (size_t i = 0; i < leases->n; i++)
		free(leases->items[i].owner);
	free(leases->items);
	*leases = (struct leases){};
}

int leases_copy(const struct leases *leases, struct leases *ret)
{
	AUTO(leases_done)
	struct leases copy = { .sequence = leases->sequence, .changed = leases->changed };

	for (size_t i = 0; i < leases->n; i++) {
		struct lease lease = leases->items[i];
		int r;

		lease.owner = strdup(lease.owner);
		r = lease.owner ? ARRAY_APPEND(copy.items, copy.n, lease) : -ENOMEM;
		if (r < 0) {
			free(lease.owner);
			return r;
		}
	}
	*ret = STEAL(copy);
	return 0;
}

static int compare_leases(const void *a, const void *b)
{
	const struct lease *x = a, *y = b;
	int r = strcmp(x->pool, y->pool);

	if (r == 0)
		r = strcmp(x->owner, y->owner);
	return r ? r : (int)pool_family(&x->ip) - (int)pool_family(&y->ip);
}

static void sort_leases(struct leases *leases)
{
	if (leases->n)
		qsort(leases->items, leases->n, sizeof(*leases->items), compare_leases);
}

/* Takes out those whose owner is NULL. */
static void sweep(struct leases *leases)
{
	size_t kept = 0;

	for (size_t i = 0; i < leases->n; i++)
		if (leases->items[i].owner)
			leases->items[kept++] = leases->items[i];
	leases->changed |= kept != leases->n;
	leases->n = kept;
}

static void drop(struct lease *lease)
{
	free(lease->owner);
	lease->owner = NULL;
}

/* ---- what cannot be given out ---- */

struct stretch {
	pool_number first, last;
};

/* Stretches that overlap are the same. */
static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->last < y->first)
		return -1;
	return x->first > y->last;
}

static struct stretch *find_stretch(void *const *tree, pool_number number)
{
	const struct stretch want = { number, number };
	void *node = tfind(&want, tree, compare_stretches);

	return node ? *(struct stretch **)node : NULL;
}

static int add_stretch(void **tree, pool_number number)
{
	struct stretch *stretch = calloc(1, sizeof(*stretch));

	if (!stretch)
		return -ENOMEM;
	*stretch = (struct stretch){ number, number };
	if (tsearch(stretch, tree, compare_stretches))
		return 0;
	free(stretch);
	return -ENOMEM;
}

static int use(void **tree, pool_number number)
{
	struct stretch *before, *after;

	if (find_stretch(tree, number))
		return 0;
	before = number ? find_stretch(tree, number - 1) : NULL;
	after = ~number ? find_stretch(tree, number + 1) : NULL;
	if (before && after) {
		tdelete(after, tree, compare_stretches);
		before->last = after->last;
		free(after);
	} else if (before) {
		before->last = number;
	} else if (after) {
		after->first = number;
	} else {
		return add_stretch(tree, number);
	}
	return 0;
}

static bool is_used(const struct lease_round *round, const struct ip *ip)
{
	return find_stretch(&round->used[pool_family(ip)], pool_number_of(ip));
}

int lease_round_reserve(struct lease_round *round, const struct ip *ip)
{
	return use(&round->used[pool_family(ip)], pool_number_of(ip));
}

/* ---- a round ---- */

static int compare_pool_name(const void *key, const void *item)
{
	return strcmp(key, (*(const struct pool *const *)item)->name);
}

static size_t find_pool(const struct lease_round *round, const char *name)
{
	const struct pool *const *found = NULL;

	if (round->n_pools)
		found = bsearch(name, round->pools, round->n_pools, sizeof(*round->pools),
				compare_pool_name);
	return found ? (size_t)(found - round->pools) : POOL_UNKNOWN;
}

int lease_round_begin(struct lease_round *round, struct leases *leases,
		      const struct pool *const *pools, size_t n_pools, enum lease_unknown unknown)
{
	*round = (struct lease_round){ .leases = leases, .pools = pools, .n_pools = n_pools };
	round->queues = calloc(n_pools + 1, N_FAMILIES * sizeof(*round->queues));
	if (!round->queues)
		return -ENOMEM;
	for (size_t i = 0; i < leases->n; i++) {
		struct lease *lease = &leases->items[i];

		lease->wanted = false;
		lease->pool_index = find_pool(round, lease->pool);
		if (lease->pool_index == POOL_UNKNOWN
			    ? unknown == LEASE_UNKNOWN_DROP
			    : !pool_contains(pools[lease->pool_index], &lease->ip))
			drop(lease);
	}
	sweep(leases);
	return 0;
}

bool lease_round_keep(struct lease_round *round, const char *pool, const char *owner,
		      enum family family, struct ip *ret)
{
	struct lease want = { .owner = (char *)owner, .ip = pool_ip(family, 0) }, *lease;

	memcpy(want.pool, pool, strnlen(pool, POOL_NAME_SIZE - 1));
	lease = round->leases->n ? bsearch(&want, round->leases->items, round->leases->n,
					   sizeof(want), compare_leases)
				 : NULL;
	if (!lease || is_used(round, &lease->ip))
		return false;
	round->leases->changed |= lease->released != 0;
	lease->released = 0;
	lease->wanted = true;
	*ret = lease->ip;
	return true;
}

/* What is reserved by now is lost; what nobody wants any more is released from now on. */
static void release(struct lease_round *round)
{
	struct leases *leases = round->leases;

	for (size_t i = 0; i < leases->n; i++) {
		struct lease *lease = &leases->items[i];

		if (lease->wanted || lease->pool_index == POOL_UNKNOWN)
			continue;
		if (is_used(round, &lease->ip)) {
			drop(lease);
		} else if (!lease->released) {
			lease->released = ++leases->sequence;
			leases->changed = true;
		}
	}
	sweep(leases);
}

static struct lease_queue *queue_of(const struct lease_round *round, size_t pool_index,
				    enum family family)
{
	return &round->queues[pool_index * N_FAMILIES + family];
}

static int compare_released(const void *a, const void *b, void *ctx)
{
	const struct lease *items = ctx;
	const struct lease *x = &items[*(const size_t *)a], *y = &items[*(const size_t *)b];
	int families = (int)pool_family(&x->ip) - (int)pool_family(&y->ip);

	if (x->pool_index != y->pool_index)
		return x->pool_index < y->pool_index ? -1 : 1;
	if (families)
		return families;
	if (x->released != y->released)
		return x->released < y->released ? -1 : 1;
	return compare_leases(x, y);
}

/* Puts released leases into their queues, each from first to last. */
static int line_up(struct lease_round *round)
{
	struct lease *items = round->leases->items;
	size_t n = 0;

	free(round->order);
	round->order = calloc(round->leases->n + 1, sizeof(*round->order));
	if (!round->order)
		return -ENOMEM;
	for (size_t i = 0; i < round->leases->n; i++)
		if (items[i].released && items[i].pool_index != POOL_UNKNOWN)
			round->order[n++] = i;
	qsort_r(round->order, n, sizeof(*round->order), compare_released, items);
	memset(round->queues, 0, round->n_pools * N_FAMILIES * sizeof(*round->queues));
	for (size_t i = 0; i < n; i++) {
		const struct lease *lease = &items[round->order[i]];
		struct lease_queue *queue = queue_of(round, lease->pool_index,
						     pool_family(&lease->ip));

		if (!queue->end)
			queue->next = i;
		queue->end = i + 1;
	}
	return 0;
}

/* Forgets the oldest of a queue that has grown too long; true: there were some. */
static bool shorten(struct lease_round *round)
{
	bool shortened = false;

	for (size_t i = 0; i < round->n_pools * N_FAMILIES; i++) {
		struct lease_queue *queue = &round->queues[i];

		for (; queue->end - queue->next > LEASE_RELEASED_MAX; queue->next++) {
			drop(&round->leases->items[round->order[queue->next]]);
			shortened = true;
		}
	}
	if (shortened)
		sweep(round->leases);
	return shortened;
}

int lease_round_release(struct lease_round *round)
{
	int r;

	release(round);
	r = line_up(round);
	if (r == 0 && shorten(round))
		r = line_up(round);
	for (size_t i = 0; i < round->leases->n && r == 0; i++)
		r = lease_round_reserve(round, &round->leases->items[i].ip);
	return r;
}

/* ---- new ones ---- */

/* Where the search for an owner's address begins, among all that the pool has. */
static pool_number start_of(const struct pool *pool, const char *owner, enum family family)
{
	uint64_t hash = util_hash(UTIL_HASH_START, pool->name, strlen(pool->name) + 1);
	pool_number number;

	hash = util_hash(hash, owner, strlen(owner));
	number = (pool_number)util_hash_mix(hash) << 64 | util_hash_mix(~hash);
	return number % pool->size[family];
}

/* The first free address in a part of a span. */
static bool find_free(void *const *tree, pool_number first, pool_number last, pool_number *ret)
{
	const struct stretch *stretch = find_stretch(tree, first);

	if (stretch && stretch->last >= last)
		return false;
	*ret = stretch ? stretch->last + 1 : first;
	return true;
}

static bool find_free_in_pool(const struct lease_round *round, const struct pool *pool,
			      const char *owner, enum family family, pool_number *ret)
{
	const struct pool_span *spans = pool->spans[family], *span;
	void *const *tree = &round->used[family];
	size_t n = pool->n_spans[family];
	pool_number index, start;

	if (!n)
		return false;
	index = start_of(pool, owner, family);
	span = pool_span_at(pool, family, index);
	start = span->first + (index - span->before);
	if (find_free(tree, start, span->last, ret))
		return true;
	for (size_t i = 1; i < n; i++) {
		const struct pool_span *other = &spans[((size_t)(span - spans) + i) % n];

		if (find_free(tree, other->first, other->last, ret))
			return true;
	}
	return start > span->first && find_free(tree, span->first, start - 1, ret);
}

static int add_lease(struct lease_round *round, const struct pool *pool, char *owner,
		     const struct ip *ip)
{
	struct leases *leases = round->leases;
	struct lease lease = { .owner = owner, .ip = *ip, .wanted = true };
	int r;

	memcpy(lease.pool, pool->name, POOL_NAME_SIZE);
	lease.pool_index = find_pool(round, pool->name);
	r = lease_round_reserve(round, ip);
	if (r == 0)
		r = ARRAY_APPEND(leases->items, leases->n, lease);
	return r;
}

/* The lease that was released first changes hands; NULL: there is none. */
static struct lease *reclaim(struct lease_round *round, const struct pool *pool, enum family family)
{
	struct lease_queue *queue = queue_of(round, find_pool(round, pool->name), family);

	if (queue->next == queue->end)
		return NULL;
	return &round->leases->items[round->order[queue->next++]];
}

int lease_round_take(struct lease_round *round, const struct pool *pool, const char *owner,
		     enum family family, struct ip *ret)
{
	AUTO_FREE char *copy = strdup(owner);
	struct lease *lease;
	pool_number number;
	struct ip ip;
	int r;

	if (!copy)
		return -ENOMEM;
	if (find_free_in_pool(round, pool, owner, family, &number)) {
		ip = pool_ip(family, number);
		r = add_lease(round, pool, copy, &ip);
		if (r < 0)
			return r;
		copy = NULL;
	} else {
		lease = reclaim(round, pool, family);
		if (!lease)
			return LEASE_E_EXHAUSTED;
		free(lease->owner);
		lease->owner = STEAL(copy);
		lease->released = 0;
		lease->wanted = true;
		ip = lease->ip;
	}
	round->leases->changed = true;
	*ret = ip;
	return 0;
}

void lease_round_done(struct lease_round *round)
{
	for (enum family family = 0; family < N_FAMILIES; family++)
		tdestroy(round->used[family], free);
	free(round->order);
	free(round->queues);
	if (round->leases)
		sort_leases(round->leases);
	*round = (struct lease_round){};
}
