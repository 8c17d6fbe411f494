/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * All that one namespace's dumps say, sorted by device, so that the ends of many pairs are filled
 * from one set of dumps. Worker thread.
 */

#include "core/model.h"
#include "kernel/link.h"

struct survey {
	struct link *links; /* owned; sorted by ifindex */
	size_t n_links;
	const struct link **by_name; /* owned; the same, sorted by name */
	struct survey_address *addresses; /* owned; by ifindex, then as dumped */
	size_t n_addresses;
	struct survey_route *routes;
	size_t n_routes;
	struct survey_neighbour *neighbours;
	size_t n_neighbours;
};

/* Dumps the namespace of the socket. 0 or -errno. */
int survey_take(struct netlink *netlink, struct survey *ret);
/* Adds one device, by ifindex, or by name when ifindex is 0; nothing where there is none. For a
 * look at few pairs: its cost does not grow with what else is in the namespace. 0 or -errno. */
int survey_add(struct survey *survey, struct netlink *netlink, int ifindex, const char *name);
void survey_done(struct survey *survey);

/* Borrowed; NULL: none. */
const struct link *survey_find(const struct survey *survey, int ifindex);
const struct link *survey_find_name(const struct survey *survey, const char *name);

/* What the survey knows of one device, into an empty end. 0 or -ENOMEM. */
int survey_fill_end(const struct survey *survey, const struct link *link, struct sighted_end *ret);
