/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Addresses, routes and neighbours of a device by whose they are: those that somebody put there by
 * hand become metad's when it takes a device over, and metad's become nobody's when it gives one
 * back. None of them is ever away while that happens. Worker thread.
 */

#include "kernel/address.h"

enum belonging_kind { BELONGING_ADDRESS, BELONGING_ROUTE, BELONGING_NEIGHBOUR };

struct belonging {
	enum belonging_kind kind;
	struct provenance from;
	unsigned int n_alike; /* of an IPv6 route: all that a request to replace it may mean */
	union {
		struct address address;
		struct route route;
		struct neighbour neighbour;
	};
};

struct belongings {
	struct belonging *items; /* owned; addresses, then routes, then neighbours, each as dumped */
	size_t n;
};

/*
 * What can become metad's: put there by hand, or metad's already, and such as a declaration can say.
 * What stays somebody else's is told in notes. 0 or -errno.
 */
int belongings_read_by_hand(struct netlink *netlink, int ifindex, struct belongings *ret,
			    struct diag_list *notes);
/* What is metad's. 0 or -errno. */
int belongings_read_ours(struct netlink *netlink, int ifindex, struct belongings *ret);
void belongings_done(struct belongings *belongings);

/* All of them become metad's, or nobody's in particular, in place. 0 or -errno with why. */
enum belongings_whose { BELONGINGS_METADS, BELONGINGS_NOBODYS };
int belongings_mark(struct netlink *netlink, int ifindex, const struct belongings *belongings,
		    enum belongings_whose whose, struct diag *why);
