/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Pools of addresses that templates give out. A pool is what is left of its ranges: without what is
 * excluded, without the network and the broadcast address of an IPv4 range and the first address of
 * an IPv6 range (the routers' anycast address), unless the range is too small to have them.
 */

#include "core/model.h"

#define POOL_NAME_SIZE PROGRAM_NAME_SIZE

enum family { FAMILY_IPV4, FAMILY_IPV6 };
#define N_FAMILIES 2

typedef unsigned __int128 pool_number; /* an address of either family, as a number */

struct pool_span {
	pool_number first, last;
	pool_number before; /* how many addresses the spans before this one have */
};

struct pool {
	char name[POOL_NAME_SIZE];
	struct pool_span
		*spans[N_FAMILIES]; /* owned; sorted, apart; all of them can be given out */
	size_t n_spans[N_FAMILIES];
	pool_number size[N_FAMILIES]; /* addresses in all spans; below 2^127 */
	struct diag at; /* where it is declared; text empty */
};

void pool_done(struct pool *pool);

/* Appends a span that lies behind the others. 0 or -ENOMEM. */
int pool_add_span(struct pool *pool, enum family family, pool_number first, pool_number last);

/* The span an index below the pool's size falls into. */
const struct pool_span *pool_span_at(const struct pool *pool, enum family family, pool_number i);
bool pool_contains(const struct pool *pool, const struct ip *ip);

enum family pool_family(const struct ip *ip);
pool_number pool_number_of(const struct ip *ip);
struct ip pool_ip(enum family family, pool_number number);

/* The last address of a prefix, whose host bits are zero. */
pool_number pool_last_of(const struct prefix *prefix);

/* Decimal digits of a number into a buffer of the caller; returns where they begin. */
#define POOL_NUMBER_SIZE 40
const char *pool_number_text(pool_number number, char buf[static POOL_NUMBER_SIZE]);
