/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Pairs for tests of chains: a fresh one for each list of steps, which is run on one end and then on
 * the other.
 */

#include "chain.h"
#include "rtnl.h"

static inline int ifindex_of(struct rtnl *rtnl, const char *name)
{
	struct link_state link;
	int err = link_get(rtnl, name, &link);

	if (err)
		bail_out("no %s: %s", name, strerror(-err));
	return link.ifindex;
}

static inline void begin_pair(struct rtnl *rtnl, struct chains *chains)
{
	struct pair_want want = pair_want(test_kind(), "a", "b");
	int err;

	del_link(rtnl, "a");
	err = make_pair(rtnl, &want);
	if (err)
		bail_out("no pair of kind %s: %s", test_kind(), strerror(-err));
	chains_begin(chains, ifindex_of(rtnl, "a"));
}

/* On one end while the other has a chain of its own; on a fresh pair each time. */
static inline void run_on_both(struct rtnl *rtnl, struct chains *chains, const struct step *steps,
			       size_t n)
{
	static const struct step others[] = {
		{ "with h on it", 0, "h", .prog = 'h' },
		{ "with a on it", 0, "ha", .prog = 'a' },
	};

	for (int i = 0; i < 2; i++) {
		begin_pair(rtnl, chains);
		chains_run(chains, &chains->ends[!i], others, i ? 2 : 0);
		chains_run(chains, &chains->ends[i], steps, n);
	}
}
