// SPDX-License-Identifier: GPL-2.0-only
/*
 * The usual requests of rtnl.h: pairs, flags, addresses, and network namespaces.
 */
#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- links ---- */

struct pair_want pair_want(const char *kind, const char *name, const char *peer_name)
{
	return (struct pair_want){
		.kind = kind,
		.name = name,
		.peer_name = peer_name,
		.mode = -1,
		.policy = -1,
		.peer_policy = -1,
		.scrub = -1,
		.peer_scrub = -1,
		.headroom = -1,
		.tailroom = -1,
		.pairing = -1,
		.peer_netns_fd = -1,
	};
}

static void put_wanted(struct msg *msg, uint16_t type, int value)
{
	if (value < 0)
		return;
	if (type == PAIR_HEADROOM || type == PAIR_TAILROOM)
		put_u16(msg, type, value);
	else
		put_u32(msg, type, value);
}

int make_pair(struct rtnl *rtnl, const struct pair_want *want)
{
	struct linkinfo info;
	struct msg msg;
	size_t peer;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	if (want->name)
		put_str(&msg, IFLA_IFNAME, want->name);
	info = linkinfo_begin(&msg, want->kind);
	put_wanted(&msg, PAIR_MODE, want->mode);
	put_wanted(&msg, PAIR_POLICY, want->policy);
	put_wanted(&msg, PAIR_PEER_POLICY, want->peer_policy);
	put_wanted(&msg, PAIR_SCRUB, want->scrub);
	put_wanted(&msg, PAIR_PEER_SCRUB, want->peer_scrub);
	put_wanted(&msg, PAIR_HEADROOM, want->headroom);
	put_wanted(&msg, PAIR_TAILROOM, want->tailroom);
	put_wanted(&msg, PAIR_PAIRING, want->pairing);
	if (want->peer_name || want->peer_netns_fd >= 0) {
		peer = peer_info_begin(&msg, 0, 0, 0);
		if (want->peer_name)
			put_str(&msg, IFLA_IFNAME, want->peer_name);
		if (want->peer_netns_fd >= 0)
			put_u32(&msg, IFLA_NET_NS_FD, want->peer_netns_fd);
		nest_end(&msg, peer);
	}
	linkinfo_end(&msg, info);
	return rtnl_send(rtnl, &msg);
}

static void begin_change(struct msg *msg, uint16_t type, const char *name)
{
	msg_link(msg, type, 0, 0);
	put_str(msg, IFLA_IFNAME, name);
}

static int set_flags(struct rtnl *rtnl, const char *name, unsigned int flags, unsigned int change)
{
	struct msg msg;

	begin_change(&msg, RTM_NEWLINK, name);
	msg_ifinfo(&msg)->ifi_flags = flags;
	msg_ifinfo(&msg)->ifi_change = change;
	return rtnl_send(rtnl, &msg);
}

int set_up(struct rtnl *rtnl, const char *name)
{
	return set_flags(rtnl, name, IFF_UP, IFF_UP);
}

int set_down(struct rtnl *rtnl, const char *name)
{
	return set_flags(rtnl, name, 0, IFF_UP);
}

int set_mac(struct rtnl *rtnl, const char *name, const unsigned char mac[6])
{
	struct msg msg;

	begin_change(&msg, RTM_NEWLINK, name);
	put_raw(&msg, IFLA_ADDRESS, mac, 6);
	return rtnl_send(rtnl, &msg);
}

int set_netns(struct rtnl *rtnl, const char *name, int netns_fd)
{
	struct msg msg;

	begin_change(&msg, RTM_NEWLINK, name);
	put_u32(&msg, IFLA_NET_NS_FD, netns_fd);
	return rtnl_send(rtnl, &msg);
}

int del_link(struct rtnl *rtnl, const char *name)
{
	struct msg msg;

	begin_change(&msg, RTM_DELLINK, name);
	return rtnl_send(rtnl, &msg);
}

struct kin {
	const char *kind;
	int n, indices[256];
};

static void collect_kin(const struct link_state *link, void *ctx)
{
	struct kin *kin = ctx;

	if (!strcmp(link->kind, kin->kind) && kin->n < 256)
		kin->indices[kin->n++] = link->ifindex;
}

int del_links(struct rtnl *rtnl, const char *kind)
{
	struct kin kin = { .kind = kind };
	int err = link_each(rtnl, collect_kin, &kin);
	struct msg msg;

	for (int i = 0; !err && i < kin.n; i++) {
		msg_link(&msg, RTM_DELLINK, 0, kin.indices[i]);
		err = rtnl_send(rtnl, &msg);
		if (err == -ENODEV)
			err = 0;
	}
	return err ? err : kin.n;
}

int add_addr(struct rtnl *rtnl, const char *name, const char *address, int prefix)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct ifaddrmsg ifa = { .ifa_family = family, .ifa_prefixlen = prefix };
	unsigned char bytes[16];
	struct link_state link;
	struct msg msg;
	int err = link_get(rtnl, name, &link);

	if (err)
		return err;
	if (inet_pton(family, address, bytes) != 1)
		return -EINVAL;
	ifa.ifa_index = link.ifindex;
	msg_begin(&msg, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));
	put_raw(&msg, IFA_LOCAL, bytes, family == AF_INET ? 4 : 16);
	put_raw(&msg, IFA_ADDRESS, bytes, family == AF_INET ? 4 : 16);
	if (family == AF_INET6)
		put_u32(&msg, IFA_FLAGS, IFA_F_NODAD);
	return rtnl_send(rtnl, &msg);
}

/* ---- network namespaces ---- */

__attribute__((noreturn)) static void give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

int netns_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		give_up("/proc/thread-self/ns/net");
	return fd;
}

void netns_enter(int netns_fd)
{
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		give_up("setns");
}

void netns_isolate(void)
{
	struct rtnl rtnl;
	int err;

	if (unshare(CLONE_NEWNET) < 0)
		give_up("unshare");
	err = rtnl_open(&rtnl);
	if (!err)
		err = set_up(&rtnl, "lo");
	errno = -err;
	if (err)
		give_up("loopback");
	rtnl_close(&rtnl);
}

int netns_new(void)
{
	int home = netns_current(), fd;

	netns_isolate();
	fd = netns_current();
	netns_enter(home);
	close(home);
	return fd;
}
