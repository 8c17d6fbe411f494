// SPDX-License-Identifier: GPL-2.0-only
/*
 * meta: pairs of network devices whose transmit routine runs BPF programs.
 *
 * What one end sends, its chain of programs sees; what they pass, the other end receives. This file
 * is the device: its operations, its life, and the way of a packet through it.
 */
#include <linux/bpf.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/netfilter_netdev.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/meta.h>
#include <net/net_namespace.h>

#include "internal.h"

/* ---- the way of a packet ---- */

static __always_inline void meta_count(const struct meta_end *end, enum meta_counter counter)
{
	this_cpu_inc(end->counters->n[counter]);
}

/* Frees the packet; every drop of the driver's own ends here. */
static noinline netdev_tx_t meta_drop(struct sk_buff *skb, struct net_device *dev,
				      enum meta_counter counter, enum meta_drop_reason reason)
{
	meta_count(meta_end(dev), counter);
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb_reason(skb, (enum skb_drop_reason)reason);
	return NET_XMIT_DROP;
}

/*
 * Makes of a packet that @dev sends one that @peer is about to receive. Programs come after this
 * and see it that way.
 */
static __always_inline void
meta_hand_over(struct sk_buff *skb, const struct meta_end *end, const struct net_device *dev,
	       struct net_device *peer)
{
	skb_scrub_packet(skb, false);
	nf_skip_egress(skb, true);
	skb_reset_mac_header(skb);
	if (!net_eq(dev_net(dev), dev_net(peer))) {
		skb_clear_tstamp(skb);
		if (end->scrub != META_SCRUB_NONE) {
			skb->mark = 0;
			skb->priority = 0;
		}
	}
	eth_skb_pkt_type(skb, peer);
	skb->dev = peer;
}

/* Counted as sent whatever becomes of it: the packet left the device for where a program said. */
static noinline void meta_redirect(struct sk_buff *skb, unsigned int len, struct net_device *dev)
{
	dev_sw_netstats_tx_add(dev, 1, len);
	meta_count(meta_end(dev), META_COUNT_REDIRECT);
	if (skb_do_redirect(skb))
		meta_count(meta_end(dev), META_COUNT_REDIRECT_FAILED);
}

/* Returns the verdict; a packet that it redirects is gone. */
static __always_inline int meta_run(const struct bpf_mprog_entry *entry, struct sk_buff *skb,
				    unsigned int len, struct net_device *dev)
{
	/* What redirect helpers leave here they initialise themselves; to clear all of it would
	 * cost each packet more than a short program does.
	 */
	struct bpf_net_context storage __uninitialized;
	struct bpf_net_context *context = bpf_net_ctx_set(&storage);
	const struct bpf_mprog_fp *fp;
	const struct bpf_prog *prog;
	int verdict = META_NEXT;

	bpf_mprog_foreach_prog(entry, fp, prog) {
		bpf_compute_data_pointers(skb);
		verdict = bpf_prog_run(prog, skb);
		if (verdict != META_NEXT)
			break;
	}
	if (verdict == META_REDIRECT)
		meta_redirect(skb, len, dev);
	bpf_net_ctx_clear(context);
	return verdict;
}

/* Sent is what arrives. A packet that is redirected is another device's to stamp. */
static __always_inline netdev_tx_t meta_deliver(struct sk_buff *skb, unsigned int len,
						struct net_device *dev, struct net_device *peer)
{
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP))
		skb_tx_timestamp(skb);
	/* It was for a redirect; whoever forwards the packet has an egress hook of its own. */
	nf_skip_egress(skb, false);
	skb_postpull_rcsum(skb, eth_skb_pull_mac(skb), ETH_HLEN);
	if (unlikely(__netif_rx(skb) != NET_RX_SUCCESS)) {
		/* The stack has freed it, and told why. */
		meta_count(meta_end(dev), META_COUNT_DROP_BACKLOG);
		dev_core_stats_tx_dropped_inc(dev);
		return NET_XMIT_DROP;
	}
	dev_sw_netstats_tx_add(dev, 1, len);
	dev_sw_netstats_rx_add(peer, len);
	return NET_XMIT_SUCCESS;
}

static __always_inline netdev_tx_t meta_send(struct sk_buff *skb, struct net_device *dev)
{
	const struct meta_end *end = meta_end(dev);
	const struct bpf_mprog_entry *entry;
	struct net_device *peer;
	unsigned int len;

	peer = rcu_dereference(end->peer);
	if (unlikely(!peer || !(peer->flags & IFF_UP)))
		return meta_drop(skb, dev, META_COUNT_DROP_PEER, META_DROP_REASON_PEER_DOWN);
	if (unlikely(!pskb_may_pull(skb, ETH_HLEN)))
		return meta_drop(skb, dev, META_COUNT_DROP_SHORT, META_DROP_REASON_SHORT);
	if (unlikely(skb_orphan_frags(skb, GFP_ATOMIC)))
		return meta_drop(skb, dev, META_COUNT_DROP_NOMEM, META_DROP_REASON_NOMEM);

	len = skb->len;
	meta_hand_over(skb, end, dev, peer);

	entry = rcu_dereference(end->active);
	if (!entry) {
		if (unlikely(READ_ONCE(end->policy) != META_PASS))
			return meta_drop(skb, dev, META_COUNT_DROP_POLICY, META_DROP_REASON_POLICY);
		return meta_deliver(skb, len, dev, peer);
	}
	switch (meta_run(entry, skb, len, dev)) {
	case META_PASS:
		meta_count(end, META_COUNT_PASS);
		break;
	case META_NEXT:
		meta_count(end, META_COUNT_NEXT);
		break;
	case META_REDIRECT:
		return NET_XMIT_SUCCESS;
	case META_DROP:
		return meta_drop(skb, dev, META_COUNT_DROP, META_DROP_REASON_PROGRAM);
	default:
		return meta_drop(skb, dev, META_COUNT_DROP_VERDICT, META_DROP_REASON_BAD_VERDICT);
	}
	/* A program may have cut the packet down. */
	if (unlikely(skb_headlen(skb) < ETH_HLEN))
		return meta_drop(skb, dev, META_COUNT_DROP_SHORT, META_DROP_REASON_SHORT);
	return meta_deliver(skb, len, dev, peer);
}

static netdev_tx_t meta_xmit(struct sk_buff *skb, struct net_device *dev)
{
	netdev_tx_t ret;

	rcu_read_lock();
	ret = meta_send(skb, dev);
	rcu_read_unlock();
	return ret;
}

/* ---- the life of a device ---- */

static int meta_init(struct net_device *dev)
{
	struct meta_end *end = meta_end(dev);

	end->dev = dev;
	end->counters = alloc_percpu_gfp(struct meta_counters, GFP_KERNEL_ACCOUNT);
	if (!end->counters)
		return -ENOMEM;
	netdev_lockdep_set_classes(dev);
	return 0;
}

static void meta_uninit(struct net_device *dev)
{
	meta_chain_release(meta_end(dev));
}

/* Not in uninit: a packet that entered the device before it went may still count. */
static void meta_destroy(struct net_device *dev)
{
	free_percpu(meta_end(dev)->counters);
}

/* There is a carrier while both ends are up. */
static int meta_open(struct net_device *dev)
{
	struct net_device *peer = rtnl_dereference(meta_end(dev)->peer);

	if (!peer)
		return -ENOTCONN;
	if (meta_end(dev)->single || peer->flags & IFF_UP) {
		netif_carrier_on(dev);
		netif_carrier_on(peer);
	}
	return 0;
}

static int meta_stop(struct net_device *dev)
{
	struct net_device *peer = rtnl_dereference(meta_end(dev)->peer);

	netif_carrier_off(dev);
	if (peer)
		netif_carrier_off(peer);
	return 0;
}

static int meta_get_iflink(const struct net_device *dev)
{
	const struct net_device *peer;
	int iflink = 0;

	rcu_read_lock();
	peer = rcu_dereference(meta_end(dev)->peer);
	if (peer && peer != dev)
		iflink = READ_ONCE(peer->ifindex);
	rcu_read_unlock();
	return iflink;
}

/* Asked under RCU by bpf_redirect_peer(). A single device has no namespace to redirect into. */
INDIRECT_CALLABLE_SCOPE struct net_device *meta_peer_dev(struct net_device *dev)
{
	struct net_device *peer = rcu_dereference(meta_end(dev)->peer);

	return peer == dev ? NULL : peer;
}

/* Whether the other end, which then is the primary, keeps it from this one. */
static bool meta_is_locked(const struct net_device *dev, u32 what)
{
	const struct net_device *peer = meta_peer_rtnl(dev);

	return peer && meta_end(peer)->lock & what;
}

static int meta_change_mtu(struct net_device *dev, int mtu)
{
	struct net_device *peer = meta_peer_rtnl(dev);
	struct meta_end *end = meta_end(dev);
	int err;

	if (meta_is_locked(dev, META_LOCK_MTU))
		return -EPERM;
	if (peer && end->lock & META_LOCK_MTU) {
		/* Open while the peer follows. */
		end->lock &= ~META_LOCK_MTU;
		err = dev_set_mtu(peer, mtu);
		end->lock |= META_LOCK_MTU;
		if (err)
			return err;
	}
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static int meta_set_mac_address(struct net_device *dev, void *address)
{
	if (meta_is_locked(dev, META_LOCK_ADDRESS))
		return -EPERM;
	/* Ends in layer 3 count on the same, zero, address on both sides (see meta_setup()). */
	if (meta_end(dev)->mode == META_L3)
		return -EOPNOTSUPP;
	return eth_mac_addr(dev, address);
}

/* The core takes a device without this for one that knows no multicast. */
static void meta_set_rx_mode(struct net_device *dev)
{
}

/*
 * A bridge that one end is a port of asks for room in front of packets, and it is the other end
 * that they are made for: both have the larger of what both were asked for.
 */
static void meta_set_rx_headroom(struct net_device *dev, int headroom)
{
	struct meta_end *end = meta_end(dev);
	struct net_device *peer;
	int larger;

	/* Open vSwitch asks without RTNL. */
	rcu_read_lock();
	peer = rcu_dereference(end->peer);
	WRITE_ONCE(end->headroom, headroom < 0 ? NET_SKB_PAD : headroom);
	larger = end->headroom;
	if (peer) {
		larger = max(larger, READ_ONCE(meta_end(peer)->headroom));
		WRITE_ONCE(peer->needed_headroom, larger);
	}
	WRITE_ONCE(dev->needed_headroom, larger);
	rcu_read_unlock();
}

const struct net_device_ops meta_netdev_ops = {
	.ndo_init		= meta_init,
	.ndo_uninit		= meta_uninit,
	.ndo_open		= meta_open,
	.ndo_stop		= meta_stop,
	.ndo_start_xmit		= meta_xmit,
	.ndo_set_rx_mode	= meta_set_rx_mode,
	.ndo_set_rx_headroom	= meta_set_rx_headroom,
	.ndo_change_mtu		= meta_change_mtu,
	.ndo_set_mac_address	= meta_set_mac_address,
	.ndo_get_iflink		= meta_get_iflink,
	.ndo_get_peer_dev	= meta_peer_dev,
	.ndo_features_check	= passthru_features_check,
};

/* ---- ethtool ---- */

static const char meta_counter_names[__META_COUNT_MAX][ETH_GSTRING_LEN] = {
	[META_COUNT_PASS]		= "verdict_pass",
	[META_COUNT_NEXT]		= "verdict_next",
	[META_COUNT_REDIRECT]		= "verdict_redirect",
	[META_COUNT_REDIRECT_FAILED]	= "redirect_failed",
	[META_COUNT_DROP]		= "verdict_drop",
	[META_COUNT_DROP_VERDICT]	= "verdict_unknown",
	[META_COUNT_DROP_POLICY]	= "drop_policy",
	[META_COUNT_DROP_PEER]		= "drop_peer_down",
	[META_COUNT_DROP_SHORT]		= "drop_short",
	[META_COUNT_DROP_NOMEM]		= "drop_nomem",
	[META_COUNT_DROP_BACKLOG]	= "drop_backlog",
};

static void meta_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "meta", sizeof(info->driver));
}

static int meta_get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? __META_COUNT_MAX : -EOPNOTSUPP;
}

static void meta_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, meta_counter_names, sizeof(meta_counter_names));
}

static void meta_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
				   u64 *data)
{
	const struct meta_counters *counters;
	int cpu, i;

	memset(data, 0, __META_COUNT_MAX * sizeof(*data));
	for_each_possible_cpu(cpu) {
		counters = per_cpu_ptr(meta_end(dev)->counters, cpu);
		for (i = 0; i < __META_COUNT_MAX; i++)
			data[i] += READ_ONCE(counters->n[i]);
	}
}

static const struct ethtool_ops meta_ethtool_ops = {
	.get_drvinfo		= meta_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= meta_get_sset_count,
	.get_strings		= meta_get_strings,
	.get_ethtool_stats	= meta_get_ethtool_stats,
};

/* ---- what every meta device is ---- */

#define META_VLAN_FEATURES	(NETIF_F_HW_VLAN_CTAG_TX | NETIF_F_HW_VLAN_CTAG_RX |		\
				 NETIF_F_HW_VLAN_STAG_TX | NETIF_F_HW_VLAN_STAG_RX)
#define META_FEATURES		(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM |		\
				 NETIF_F_RXCSUM | NETIF_F_SCTP_CRC | NETIF_F_HIGHDMA |		\
				 NETIF_F_GSO_SOFTWARE | NETIF_F_GSO_ENCAP_ALL)

/*
 * As for layer 3, which is the default: no neighbour resolution, and the zero address that the core
 * left. A neighbour without resolution has its own device's address for the destination; as the
 * peer's is the same, what arrives is for the peer. Layer 2 gets its addresses when it is created.
 */
void meta_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &meta_netdev_ops;
	dev->ethtool_ops = &meta_ethtool_ops;
	dev->max_mtu = ETH_MAX_MTU;
	dev->flags |= IFF_NOARP;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_PHONY_HEADROOM | IFF_NO_QUEUE |
			   IFF_DISABLE_NETPOLL;
	dev->lltx = true;
	dev->features = META_VLAN_FEATURES | META_FEATURES;
	dev->hw_features = dev->features;
	dev->hw_enc_features = dev->features;
	dev->vlan_features = META_FEATURES;
	dev->mpls_features = NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->needs_free_netdev = true;
	dev->priv_destructor = meta_destroy;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
}

#define META_DROP_NAME(reason) \
	[META_DROP_REASON_##reason - __META_DROP_REASON] = "META_" #reason

static const char * const meta_drop_reasons[] = {
	META_DROP_NAME(PEER_DOWN),
	META_DROP_NAME(SHORT),
	META_DROP_NAME(NOMEM),
	META_DROP_NAME(POLICY),
	META_DROP_NAME(PROGRAM),
	META_DROP_NAME(BAD_VERDICT),
};

static const struct drop_reason_list meta_drop_reason_list = {
	.reasons	= meta_drop_reasons,
	.n_reasons	= ARRAY_SIZE(meta_drop_reasons),
};

static int __init meta_device_init(void)
{
	drop_reasons_register_subsys(SKB_DROP_REASON_SUBSYS_META, &meta_drop_reason_list);
	return meta_netlink_init();
}
device_initcall(meta_device_init);
