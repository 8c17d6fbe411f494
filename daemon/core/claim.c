/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See claim.h. Each of what may be had only once is a group of equals, found by sorting; then one
 * pass over the claims by rank notes who owns each group.
 */
#include "core/claim.h"

#include <errno.h>
#include <stdio.h>

/* An address that some peer has, whatever the length of its prefix. */
struct holding {
	struct ip ip;
	const struct claim *owner; /* NULL: nobody yet */
};

struct settling {
	struct claim **order; /* by rank */
	struct claim **peers; /* by namespace and name of the peer */
	const struct claim **name_owners, **peer_owners; /* by group */
	struct holding *holdings; /* sorted, unique */
	size_t n_holdings;
};

static void settling_done(struct settling *s)
{
	free(s->order);
	free(s->peers);
	free(s->name_owners);
	free(s->peer_owners);
	free(s->holdings);
}

int claims_add(struct claims *claims, struct claim claim)
{
	return ARRAY_APPEND(claims->items, claims->n, claim);
}

int claims_add_array(struct claims *claims, size_t rank, enum claim_sort sort, const void *nouns,
		     size_t n, size_t size, size_t at_offset)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *noun = (const char *)nouns + i * size;

		r = claims_add(claims,
			       (struct claim){ .name = noun,
					       .rank = rank,
					       .at = (const struct diag *)(noun + at_offset),
					       .noun = noun,
					       .pair = sort == CLAIM_PAIRS ? (const void *)noun
									   : NULL });
	}
	return r;
}

void claims_done(struct claims *claims)
{
	free(claims->items);
	*claims = (struct claims){};
}

bool claim_ip_is_shared(const struct ip *ip)
{
	if (ip->family == AF_INET6)
		return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
	return ip->bytes[0] == 169 && ip->bytes[1] == 254;
}

/* ---- groups ---- */

static int compare_ranks(const struct claim *a, const struct claim *b)
{
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static int compare_names(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : compare_ranks(x, y);
}

static int compare_order(const void *a, const void *b)
{
	const struct claim *x = *(const struct claim *const *)a;
	const struct claim *y = *(const struct claim *const *)b;
	int r = compare_ranks(x, y);

	return r ? r : strcmp(x->name, y->name);
}

static int compare_peers(const void *a, const void *b)
{
	const struct claim *x = *(const struct claim *const *)a;
	const struct claim *y = *(const struct claim *const *)b;

	return pair_compare_peer(x->pair, y->pair);
}

static int compare_holdings(const void *a, const void *b)
{
	const struct holding *x = a, *y = b;

	return memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

static void group_names(struct claims *claims)
{
	struct claim *items = claims->items;

	if (claims->n)
		qsort(items, claims->n, sizeof(*items), compare_names);
	for (size_t i = 0; i < claims->n; i++) {
		bool same = i && strcmp(items[i - 1].name, items[i].name) == 0;

		items[i].name_group = same ? items[i - 1].name_group : i;
	}
}

static void group_peers(struct settling *s, struct claims *claims)
{
	size_t n = 0;

	for (size_t i = 0; i < claims->n; i++)
		if (claims->items[i].pair)
			s->peers[n++] = &claims->items[i];
	qsort(s->peers, n, sizeof(*s->peers), compare_peers);
	for (size_t i = 0; i < n; i++) {
		/* Without a name it is not known yet: a template says it. */
		bool same = i && s->peers[i]->pair->end[SIDE_PEER].attrs.name[0] &&
			    compare_peers(&s->peers[i - 1], &s->peers[i]) == 0;

		s->peers[i]->peer_group = same ? s->peers[i - 1]->peer_group : i;
	}
}

static int add_holdings(struct settling *s, const struct pair *pair)
{
	const struct end *peer = &pair->end[SIDE_PEER];
	int r = 0;

	for (size_t i = 0; i < peer->n_addresses && r == 0; i++) {
		struct holding holding = { .ip = peer->addresses[i].prefix.ip };

		if (!claim_ip_is_shared(&holding.ip))
			r = ARRAY_APPEND(s->holdings, s->n_holdings, holding);
	}
	return r;
}

static int group_addresses(struct settling *s, const struct claims *claims)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < claims->n && r == 0; i++)
		if (claims->items[i].pair)
			r = add_holdings(s, claims->items[i].pair);
	if (r < 0 || !s->n_holdings)
		return r;
	qsort(s->holdings, s->n_holdings, sizeof(*s->holdings), compare_holdings);
	for (size_t i = 0; i < s->n_holdings; i++)
		if (i == 0 || compare_holdings(&s->holdings[i], &s->holdings[n - 1]) != 0)
			s->holdings[n++] = s->holdings[i];
	s->n_holdings = n;
	return 0;
}

/* ---- one after the other ---- */

static struct holding *find_holding(const struct settling *s, const struct ip *ip)
{
	const struct holding want = { .ip = *ip };

	if (!s->n_holdings)
		return NULL;
	return bsearch(&want, s->holdings, s->n_holdings, sizeof(want), compare_holdings);
}

static void look_for_address(const struct settling *s, struct claim *claim)
{
	const struct end *peer = &claim->pair->end[SIDE_PEER];

	for (size_t i = 0; i < peer->n_addresses && !claim->winner; i++) {
		const struct ip *ip = &peer->addresses[i].prefix.ip;
		const struct holding *holding = find_holding(s, ip);

		if (holding && holding->owner) {
			claim->winner = holding->owner;
			claim->ip = ip;
		}
	}
}

static void look_for_winner(const struct settling *s, struct claim *claim)
{
	claim->winner = s->name_owners[claim->name_group];
	if (!claim->winner && claim->pair)
		claim->winner = s->peer_owners[claim->peer_group];
	if (!claim->winner && claim->pair)
		look_for_address(s, claim);
}

static void own(struct settling *s, const struct claim *claim)
{
	const struct end *peer;

	s->name_owners[claim->name_group] = claim;
	if (!claim->pair)
		return;
	s->peer_owners[claim->peer_group] = claim;
	peer = &claim->pair->end[SIDE_PEER];
	for (size_t i = 0; i < peer->n_addresses; i++) {
		struct holding *holding = find_holding(s, &peer->addresses[i].prefix.ip);

		if (holding)
			holding->owner = claim;
	}
}

int claims_settle(struct claims *claims, enum claim_addresses addresses)
{
	AUTO(settling_done)
	struct settling s = {
		.order = calloc(claims->n + 1, sizeof(*s.order)),
		.peers = calloc(claims->n + 1, sizeof(*s.peers)),
		.name_owners = calloc(claims->n + 1, sizeof(*s.name_owners)),
		.peer_owners = calloc(claims->n + 1, sizeof(*s.peer_owners)),
	};

	if (!s.order || !s.peers || !s.name_owners || !s.peer_owners)
		return -ENOMEM;
	group_names(claims);
	group_peers(&s, claims);
	if (addresses == CLAIM_ADDRESSES_ONCE && group_addresses(&s, claims) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < claims->n; i++)
		s.order[i] = &claims->items[i];
	qsort(s.order, claims->n, sizeof(*s.order), compare_order);
	for (size_t i = 0; i < claims->n; i++) {
		look_for_winner(&s, s.order[i]);
		if (!s.order[i]->winner)
			own(&s, s.order[i]);
	}
	return 0;
}

char *claim_words(const struct claim *claim, const char *what)
{
	const struct claim *winner = claim->winner;
	char *words, where[300], ip[IP_TEXT_SIZE];
	int n;

	snprintf(where, sizeof(where), "at %.250s:%u:%u, which stays in force",
		 winner->at->file ? winner->at->file : "?", winner->at->line, winner->at->column);
	if (claim->ip)
		n = asprintf(&words, "%s \"%s\": address %s is already %s \"%s\"'s, %s", what,
			     claim->name, ip_text(claim->ip, ip), what, winner->name, where);
	else if (strcmp(claim->name, winner->name) == 0)
		n = asprintf(&words, "%s \"%s\" is already declared %s", what, claim->name, where);
	else
		n = asprintf(
			&words,
			"%s \"%s\": namespace %s already has a peer called %s, of %s \"%s\" %s",
			what, claim->name, claim->pair->netns.text,
			claim->pair->end[SIDE_PEER].attrs.name, what, winner->name, where);
	return n < 0 ? NULL : words;
}
