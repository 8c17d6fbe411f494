/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Devices: the requests that make, change and delete pairs, and the reading of link dumps. The
 * kinds differ in one table (name, attribute numbers, what the driver has) and nowhere else.
 */

#include "core/plan.h"
#include "kernel/netlink.h"

/* The link group of every primary that metad made; set in the message that creates it. */
#define LINK_GROUP_METAD 0x6d657461
/* The group whose devices are being deleted together. */
#define LINK_GROUP_DOOMED 0x6d657464

/* Attributes of netkit's IFLA_INFO_DATA that the headers of Linux 6.12 lack (6.14). */
#define LINK_DATA_HEADROOM 8 /* u16, bytes */
#define LINK_DATA_TAILROOM 9

/* One device as a dump or an event tells it. */
struct link {
	int ifindex;
	char name[IFNAMSIZ];
	enum kind kind; /* KIND_AUTO: another kind than ours */
	bool has_kind; /* it is of some kind at all: not the loopback, not hardware */
	uint32_t group;
	int peer_ifindex; /* IFLA_LINK, 0: none */
	int peer_nsid; /* IFLA_LINK_NETNSID, -1: same namespace */
	int master; /* ifindex of the bridge, bond or VRF that it is a port of; 0: none */
	bool is_peer; /* of kinds that tell their ends apart: it is the one without programs */
	struct attrs attrs;
	bool running, noarp;
	enum mode mode; /* veth: L3 is NOARP */
	unsigned int reported; /* enum reported */
	enum policy policy[N_SIDES]; /* own, other's; as seen from this device */
	enum scrub scrub[N_SIDES]; /* likewise */
	uint16_t headroom, tailroom;
};

/* Fills ret from a RTM_NEWLINK or RTM_DELLINK. 0 or -EBADMSG. */
int link_parse(const struct nlmsghdr *header, struct link *ret);

/* Calls fn for each device in the socket's namespace. */
int link_dump(struct netlink *netlink, int (*fn)(void *ctx, const struct link *link), void *ctx);
/* One device by ifindex, or by name when ifindex is 0. -ENODEV. */
int link_get(struct netlink *netlink, int ifindex, const char *name, struct link *ret);

/*
 * Requests; each returns a message for netlink_batch_add(), NULL when out of memory.
 * link_create: both ends, down, policy drop on both, group LINK_GROUP_METAD, the peer born inside
 * peer_fd, ECHO set so that the result carries both ifindexes.
 */
struct nl_msg *link_create(const struct pair *pair, enum kind kind, int peer_fd);
/* What attrs->has names, without ATTR_LINKLOCAL. */
struct nl_msg *link_set(int ifindex, const struct attrs *attrs);
/* A message of its own: the kernel applies it after flags (AF_SPEC), so it must go before up. */
struct nl_msg *link_set_linklocal(int ifindex, bool linklocal);
/* Before an IPv4 address is removed: else the kernel removes the others of its subnet with it,
 * whoever put them there (promote_secondaries, ip-sysctl). */
struct nl_msg *link_set_promotion(int ifindex);
struct nl_msg *link_set_policy(int primary_ifindex, enum kind kind,
			       const enum policy policy[static N_SIDES]);
struct nl_msg *link_set_group(int ifindex, uint32_t group);
/* All devices of a group at once: one grace period instead of one each. */
struct nl_msg *link_delete_group(uint32_t group);

/*
 * Gives the namespace behind fd a number, so that its events reach a NETLINK_LISTEN_ALL_NSID
 * socket; ret_nsid is the number, existing or new, or -1 for the socket's own namespace (as in
 * peer_nsid).
 */
int link_nsid(struct netlink *netlink, int fd, int *ret_nsid);

/* The number that it has already, as above. -ENOENT: it has none. */
int link_nsid_find(struct netlink *netlink, int fd, int *ret_nsid);

/* Whether the running kernel has the driver, found out by a request that it refuses after it has
 * recognised the kind. 0, -EOPNOTSUPP with why, or -errno. */
int link_probe(struct netlink *netlink, enum kind kind, struct diag *why);
