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

/*
 * Dumps of the socket's namespace, of one device or, with of_ifindex 0, of all; fn gets the
 * device's ifindex. Addresses of every owner (foreign
 * says whose; kernel-made link-locals are foreign), routes and neighbours only of PROTOCOL_METAD
 * (asked for in the dump request; checked again here). The arguments are borrowed for the call.
 */
int address_dump(struct netlink *netlink, int of_ifindex,
		 int (*fn)(void *ctx, int ifindex, const struct address *address), void *ctx);
int route_dump(struct netlink *netlink, int of_ifindex,
	       int (*fn)(void *ctx, int ifindex, const struct route *route), void *ctx);
int neighbour_dump(struct netlink *netlink, int of_ifindex,
		   int (*fn)(void *ctx, int ifindex, const struct neighbour *neighbour), void *ctx);
