/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Which owner has which address of a pool. An owner asks by a key of its own, and gets the address
 * that a hash of the key falls on, or the next free one behind it. An owner that is gone keeps its
 * address as a released one, so that it has it again when it comes back; a pool without a free
 * address gives out the one that was released first. No address is ever two owners'. Any number of
 * addresses costs the same: a lease costs the logarithm of how many there are.
 *
 * Leases change in rounds. All that are wanted are kept first; then the others are released; then
 * new ones are taken: so no order of asking takes an address from an owner that is there.
 */

#include "core/pool.h"

#define LEASE_FILE "leases" /* in the state directory */

#define LEASE_RELEASED_MAX 4096 /* released ones that are kept, of one pool and family */

struct lease {
	char pool[POOL_NAME_SIZE];
	char *owner; /* owned; any bytes but NUL */
	struct ip ip;
	uint64_t released; /* counts up: the lowest was released first; 0: in use */
	size_t pool_index; /* in a round */
	bool wanted; /* in a round */
};

struct leases {
	struct lease *items; /* owned; sorted by pool, owner and family, unique */
	size_t n;
	uint64_t sequence; /* the highest number of a released one */
	bool changed; /* since somebody cleared this: worth writing down */
};

void leases_done(struct leases *leases);
int leases_copy(const struct leases *leases, struct leases *ret); /* 0 or -ENOMEM */

/* "pool owner ip [released N]" a line, for lease_parse. Owned by the caller. 0 or -ENOMEM. */
int lease_write(const struct leases *leases, char **ret, size_t *ret_len);

/*
 * Reads what lease_write wrote. A line that is not good is left out and said in diags (the first
 * hundred), as is one whose address somebody before it has. 0 or -ENOMEM.
 */
int lease_parse(const char *file, const char *bytes, size_t len, struct leases *ret,
		struct diag_list *diags);

/* What becomes of leases of pools that nobody declares. */
enum lease_unknown { LEASE_UNKNOWN_DROP, LEASE_UNKNOWN_KEEP };

struct lease_queue {
	size_t next, end; /* in order */
};

struct lease_round {
	struct leases *leases; /* borrowed, as are the pools: sorted by name, unique */
	const struct pool *const *pools;
	size_t n_pools;
	void *used[N_FAMILIES]; /* what cannot be given out: trees of stretches that do not touch */
	size_t *order; /* owned; released leases by pool, family and time */
	struct lease_queue *queues; /* owned; by pool and family */
};

/* Drops leases whose address is not in their pool any more. 0 or -ENOMEM. */
int lease_round_begin(struct lease_round *round, struct leases *leases,
		      const struct pool *const *pools, size_t n_pools, enum lease_unknown unknown);

/* An address that is not to be given out, in whatever pool it is. 0 or -ENOMEM. */
int lease_round_reserve(struct lease_round *round, const struct ip *ip);

/* Keeps what the owner has; false: it has nothing. */
bool lease_round_keep(struct lease_round *round, const char *pool, const char *owner,
		      enum family family, struct ip *ret);

/* Releases what has not been kept. 0 or -ENOMEM. */
int lease_round_release(struct lease_round *round);

enum { LEASE_E_EXHAUSTED = 1 /* the pool has no address that is not in use */ };

/* An address for an owner that has none. 0, LEASE_E_EXHAUSTED or -ENOMEM. */
int lease_round_take(struct lease_round *round, const struct pool *pool, const char *owner,
		     enum family family, struct ip *ret);

/* Ends a round, at whatever point; takes zeroes. */
void lease_round_done(struct lease_round *round);
