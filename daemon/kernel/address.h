/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Addresses, routes and neighbours of a device: requests and dumps. What metad puts there carries
 * PROTOCOL_METAD, and only that is ever deleted.
 */

#include "core/model.h"
#include "kernel/netlink.h"

struct nl_msg *address_add(int ifindex, const struct address *address); /* no DAD: it is a pair */
struct nl_msg *address_del(int ifindex, const struct address *address);
struct nl_msg *route_add(int ifindex, const struct route *route); /* CREATE|EXCL, never replaces */
struct nl_msg *route_del(int ifindex, const struct route *route);
struct nl_msg *neighbour_add(int ifindex, const struct neighbour *neighbour); /* permanent */
struct nl_msg *neighbour_del(int ifindex, const struct neighbour *neighbour);

/* One that is there gets another protocol, in place. flags: those of its provenance. */
struct nl_msg *address_mark(int ifindex, const struct address *address, uint32_t flags,
			    uint8_t protocol);
struct nl_msg *neighbour_mark(int ifindex, const struct neighbour *neighbour, uint8_t protocol);
/*
 * A route's protocol is part of what it is. IPv4 takes the same one once more behind the other
 * (route_append), which then goes (route_drop). IPv6 does not, and replaces the first, of whichever
 * device, with that prefix, metric and table (route_replace): there must be no other.
 */
struct nl_msg *route_append(int ifindex, const struct route *route, uint8_t protocol);
struct nl_msg *route_drop(int ifindex, const struct route *route, uint8_t protocol);
struct nl_msg *route_replace(int ifindex, const struct route *route, uint8_t protocol);

/* Where one came from, and whether metad could have put it there just so. */
struct provenance {
	uint8_t protocol; /* ifa_proto, rtm_protocol or NDA_PROTOCOL */
	uint32_t flags; /* of an address: what it was made with (IFA_F_…) */
	bool by_kernel; /* for reasons of its own: networks of addresses, what routers say */
	const char *beyond; /* what of it no declaration can say; NULL: nothing */
};

/*
 * Dumps of the socket's namespace, of one device or, with of_ifindex 0, of all; fn gets the
 * device's ifindex. Addresses are of every owner (foreign says whose; kernel-made link-locals are
 * foreign). Routes and neighbours are of one protocol (asked for in the dump request; checked again
 * here) or, with protocol 0, of any; neighbours are permanent ones. The arguments are borrowed for
 * the call.
 */
typedef int (*address_fn)(void *ctx, int ifindex, const struct address *address,
			  const struct provenance *provenance);
typedef int (*route_fn)(void *ctx, int ifindex, const struct route *route,
			const struct provenance *provenance);
typedef int (*neighbour_fn)(void *ctx, int ifindex, const struct neighbour *neighbour,
			    const struct provenance *provenance);
int address_dump(struct netlink *netlink, int of_ifindex, address_fn fn, void *ctx);
int route_dump(struct netlink *netlink, int of_ifindex, uint8_t protocol, route_fn fn, void *ctx);
int neighbour_dump(struct netlink *netlink, int of_ifindex, uint8_t protocol, neighbour_fn fn,
		   void *ctx);
