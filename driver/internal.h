/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the driver to each other: meta.c is the device and its data path, request.c what is
 * asked of it by rtnetlink, netlink.c its creation, change and dump, chain.c the programs on it.
 */
#ifndef _META_INTERNAL_H
#define _META_INTERNAL_H

#include <linux/bpf_mprog.h>
#include <linux/if_meta.h>
#include <linux/netdevice.h>
#include <net/dropreason.h>
#include <net/rtnetlink.h>

/* What is counted per CPU, for "ethtool -S". The order is that of meta_counter_names. */
enum meta_counter {
	META_COUNT_PASS,		/* by a program's verdict */
	META_COUNT_NEXT,		/* all programs said META_NEXT */
	META_COUNT_REDIRECT,
	META_COUNT_REDIRECT_FAILED,	/* of these: no target, or it dropped one */
	META_COUNT_DROP,		/* by a program's verdict */
	META_COUNT_DROP_VERDICT,	/* a value that is no verdict */
	META_COUNT_DROP_POLICY,		/* no program, and the policy says drop */
	META_COUNT_DROP_PEER,		/* the peer is down or gone */
	META_COUNT_DROP_SHORT,		/* no whole Ethernet header */
	META_COUNT_DROP_NOMEM,		/* no memory to copy user space's pages */
	META_COUNT_DROP_BACKLOG,	/* the receiving CPU's backlog is full */
	__META_COUNT_MAX,
};

/* Native words, so that each is read whole; on 32 bit they wrap. */
struct meta_counters {
	unsigned long n[__META_COUNT_MAX];
};

/* Why a packet was dropped, for drop monitors. The order is that of meta_drop_reasons. */
enum meta_drop_reason {
	__META_DROP_REASON = SKB_DROP_REASON_SUBSYS_META << SKB_DROP_REASON_SUBSYS_SHIFT,
	META_DROP_REASON_PEER_DOWN,
	META_DROP_REASON_SHORT,
	META_DROP_REASON_NOMEM,
	META_DROP_REASON_POLICY,
	META_DROP_REASON_PROGRAM,
	META_DROP_REASON_BAD_VERDICT,
};

/**
 * struct meta_end - one end of a pair, or a single device (its private data)
 * @peer: the other end; a single device is its own; %NULL while not linked, before or after
 * @active: programs to run; %NULL while there are none, and the policy decides
 * @policy: enum meta_action for packets that meet no program; a single device always drops them
 * @scrub: whether mark and priority are zeroed when a packet changes its namespace
 * @counters: see enum meta_counter
 * @dev: the device this is
 * @chain: programs as user space sees them, also when there are none left (RTNL); %NULL before the
 *	   first was attached
 * @mode: layer 2 or 3
 * @primary: whether this end manages the pair
 * @single: whether there is no other end
 * @lock: META_LOCK_*, of the primary: what the peer may not change (RTNL)
 * @headroom: what this end itself asks for; its device has the larger of both ends'
 */
struct meta_end {
	struct net_device __rcu *peer;
	struct bpf_mprog_entry __rcu *active;
	enum meta_action policy;
	enum meta_scrub scrub;
	struct meta_counters __percpu *counters;

	struct net_device *dev ____cacheline_aligned_in_smp;
	struct bpf_mprog_entry *chain;
	enum meta_mode mode;
	bool primary;
	bool single;
	u32 lock;
	int headroom;
};

static inline struct meta_end *meta_end(const struct net_device *dev)
{
	return netdev_priv(dev);
}

/* The other end's device under RTNL; %NULL for a single device and when it is gone. */
static inline struct net_device *meta_peer_rtnl(const struct net_device *dev)
{
	struct net_device *peer = rtnl_dereference(meta_end(dev)->peer);

	return peer == dev ? NULL : peer;
}

/**
 * struct meta_request - what user space asks a pair, or a single device, to be
 * @mode: layer 2 or 3
 * @pairing: a pair or a single device
 * @policy: of the primary
 * @peer_policy: of the peer
 * @scrub: of the primary
 * @peer_scrub: of the peer
 * @headroom: bytes in front of packets
 * @tailroom: bytes behind packets
 * @lock: what of the peer only the primary's side decides
 */
struct meta_request {
	enum meta_mode mode;
	enum meta_pairing pairing;
	enum meta_action policy;
	enum meta_action peer_policy;
	enum meta_scrub scrub;
	enum meta_scrub peer_scrub;
	u16 headroom;
	u16 tailroom;
	u32 lock;
};

/* meta.c */
extern const struct net_device_ops meta_netdev_ops;
void meta_setup(struct net_device *dev);

static inline bool netif_is_meta(const struct net_device *dev)
{
	return dev->netdev_ops == &meta_netdev_ops;
}

/* chain.c */
void meta_chain_release(struct meta_end *end);

/* request.c */
extern const struct nla_policy meta_policy[IFLA_META_MAX + 1];
int meta_validate(struct nlattr *tb[], struct nlattr *data[], struct netlink_ext_ack *extack);
int meta_check_address(const struct nlattr *address, struct netlink_ext_ack *extack);
int meta_read_policy(const struct nlattr *attr, enum meta_action *policy,
		     struct netlink_ext_ack *extack);
int meta_read_request(struct nlattr *data[], struct meta_request *request,
		      struct netlink_ext_ack *extack);

/* netlink.c */
int meta_netlink_init(void) __init;

#endif /* _META_INTERNAL_H */
