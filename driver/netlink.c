// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation, change and dump of meta devices by rtnetlink.
 *
 * A request is read and checked as a whole before anything is made or changed, and whatever is
 * refused is refused with words.
 */
#include <linux/etherdevice.h>
#include <linux/if_link.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "internal.h"

/* What speaks to netkit speaks to meta. */
#define META_IS_NETKIT(name)	static_assert((int)META_##name == (int)NETKIT_##name)
META_IS_NETKIT(L2);
META_IS_NETKIT(L3);
META_IS_NETKIT(SCRUB_NONE);
META_IS_NETKIT(SCRUB_DEFAULT);
META_IS_NETKIT(NEXT);
META_IS_NETKIT(PASS);
META_IS_NETKIT(DROP);
META_IS_NETKIT(REDIRECT);
static_assert((int)IFLA_META_PEER_SCRUB == (int)IFLA_NETKIT_PEER_SCRUB);

/* ---- creation ---- */

static int meta_check_mode_address(const struct meta_request *request, struct nlattr *tb[],
				   struct netlink_ext_ack *extack)
{
	if (request->mode == META_L3 && tb[IFLA_ADDRESS]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
				    "A device in mode L3 has no address of its own");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void meta_name(struct net_device *dev, const struct nlattr *name)
{
	if (name)
		nla_strscpy(dev->name, name, IFNAMSIZ);
	else
		strscpy(dev->name, "nk%d", IFNAMSIZ);
}

/* Everything that a device is to have before it is registered. */
static void meta_furnish(struct net_device *dev, const struct meta_request *request, bool primary,
			 bool has_address)
{
	struct meta_end *end = meta_end(dev);

	end->mode = request->mode;
	end->primary = primary;
	end->single = request->pairing == META_SINGLE;
	end->policy = primary ? request->policy : request->peer_policy;
	if (end->single)
		end->policy = META_DROP;
	end->scrub = primary ? request->scrub : request->peer_scrub;
	end->lock = primary ? request->lock : 0;
	end->headroom = request->headroom;
	dev->needed_headroom = request->headroom;
	dev->needed_tailroom = request->tailroom;
	if (end->mode == META_L3) {
		/* Both ends have the same Ethernet address; this makes their IPv6 link-local
		 * addresses differ (addrconf_ifid_eui48()). ipvlan numbers its devices from 1.
		 */
		dev->dev_id = primary ? 0xfffe : 0xffff;
	} else {
		dev->flags &= ~IFF_NOARP;
		if (!has_address)
			eth_hw_addr_random(dev);
	}
	netif_carrier_off(dev);
}

/*
 * Ends that are registered become a pair, which is when they can be brought up. The operational
 * state follows from the peer's carrier, and each was registered before it had a peer.
 */
static void meta_join(struct net_device *dev, struct net_device *peer)
{
	rcu_assign_pointer(meta_end(dev)->peer, peer);
	rcu_assign_pointer(meta_end(peer)->peer, dev);
	linkwatch_fire_event(dev);
	linkwatch_fire_event(peer);
}

static void meta_unregister_pair(struct net_device *dev, struct net_device *peer)
{
	LIST_HEAD(list);

	RCU_INIT_POINTER(meta_end(dev)->peer, NULL);
	RCU_INIT_POINTER(meta_end(peer)->peer, NULL);
	unregister_netdevice_queue(dev, &list);
	unregister_netdevice_queue(peer, &list);
	unregister_netdevice_many(&list);
}

static int meta_register(struct net_device *dev, struct netlink_ext_ack *extack)
{
	const char *end = meta_end(dev)->primary ? "primary" : "peer";
	int err = register_netdevice(dev);

	switch (err) {
	case -EEXIST:
		NL_SET_ERR_MSG_FMT(extack, "Another device has the name of the %s", end);
		break;
	case -EBUSY:
		NL_SET_ERR_MSG_FMT(extack, "Another device has the index of the %s", end);
		break;
	default:
		if (err < 0)
			NL_SET_ERR_MSG_FMT(extack, "Cannot register the %s", end);
	}
	return err;
}

/*
 * The peer comes first and has the lower index, and of names to be chosen the first. Only where the
 * primary's index was asked for and its name does not matter, the peer must not take that index.
 */
static int meta_register_pair(struct net_device *dev, struct net_device *peer,
			      struct netlink_ext_ack *extack)
{
	bool primary_first = dev->ifindex && !peer->ifindex && !strchr(dev->name, '%');
	struct net_device *first = primary_first ? dev : peer;
	struct net_device *second = primary_first ? peer : dev;
	int err;

	err = meta_register(first, extack);
	if (err < 0)
		return err;
	err = meta_register(second, extack);
	if (err < 0)
		unregister_netdevice(first);
	return err;
}

/*
 * Where the peer is to be. The caller gives the reference back. What the core checks of the
 * primary's namespace it checks of the socket's opener too, which is not known here.
 */
static struct net *meta_peer_net(struct net *src_net, struct nlattr *tb[],
				 struct netlink_ext_ack *extack)
{
	struct net *net = rtnl_link_get_net(src_net, tb);

	if (IS_ERR(net)) {
		NL_SET_ERR_MSG(extack, "There is no such network namespace for the peer");
		return net;
	}
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack, "No permission to make a device in the peer's namespace");
		put_net(net);
		return ERR_PTR(-EPERM);
	}
	return net;
}

/**
 * struct meta_peer_info - what a request says of the peer
 * @tb: its attributes, or those of the request where it has none of its own
 * @ifm: index and flags; %NULL where it has none of its own
 * @attrs: room for @tb
 */
struct meta_peer_info {
	struct nlattr **tb;
	const struct ifinfomsg *ifm;
	struct nlattr *attrs[IFLA_MAX + 1];
};

/* The core reads the first two of these, in this order, and does not look at the third. */
static int meta_check_peer_netns(struct nlattr *tb[], struct netlink_ext_ack *extack)
{
	if (tb[IFLA_NET_NS_PID] && tb[IFLA_NET_NS_FD]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_NET_NS_FD],
				    "The peer's network namespace is named twice");
		return -EINVAL;
	}
	if (tb[IFLA_TARGET_NETNSID]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_TARGET_NETNSID],
				    "A peer's network namespace is named by PID or descriptor");
		return -EINVAL;
	}
	return 0;
}

static int meta_read_peer_info(struct nlattr *tb[], struct nlattr *data[],
			       const struct meta_request *request, struct meta_peer_info *info,
			       struct netlink_ext_ack *extack)
{
	int err;

	if (!data || !data[IFLA_META_PEER_INFO]) {
		info->tb = tb;
		info->ifm = NULL;
		return 0;
	}
	info->tb = info->attrs;
	info->ifm = nla_data(data[IFLA_META_PEER_INFO]);
	err = rtnl_nla_parse_ifinfomsg(info->attrs, data[IFLA_META_PEER_INFO], extack);
	if (err < 0)
		return err;
	return meta_check_address(info->tb[IFLA_ADDRESS], extack) ?:
	       meta_check_mode_address(request, info->tb, extack) ?:
	       meta_check_peer_netns(info->tb, extack);
}

static int meta_check_peer_mtu(const struct net_device *dev, const struct meta_request *request,
			       const struct meta_peer_info *info, struct netlink_ext_ack *extack)
{
	const struct nlattr *mtu = info->ifm ? info->tb[IFLA_MTU] : NULL;

	if (mtu && request->lock & META_LOCK_MTU && nla_get_u32(mtu) != dev->mtu) {
		NL_SET_ERR_MSG_ATTR(extack, mtu, "A peer whose MTU is locked has the primary's");
		return -EINVAL;
	}
	return 0;
}

static struct net_device *meta_create_peer(struct net *net, struct net_device *dev,
					   const struct meta_request *request,
					   const struct meta_peer_info *info,
					   struct netlink_ext_ack *extack)
{
	const struct nlattr *name = info->ifm ? info->tb[IFLA_IFNAME] : NULL;
	char template[IFNAMSIZ] = "nk%d";
	struct net_device *peer;

	if (name)
		nla_strscpy(template, name, IFNAMSIZ);
	peer = rtnl_create_link(net, template, name ? NET_NAME_USER : NET_NAME_ENUM,
				dev->rtnl_link_ops, info->tb, extack);
	if (IS_ERR(peer)) {
		NL_SET_ERR_MSG_WEAK(extack, "The peer cannot have these attributes");
		return peer;
	}
	if (info->ifm)
		peer->ifindex = info->ifm->ifi_index;
	if (request->lock & META_LOCK_MTU)
		peer->mtu = dev->mtu;
	meta_furnish(peer, request, false, info->ifm && info->tb[IFLA_ADDRESS]);
	return peer;
}

static int meta_create_single(struct net_device *dev, struct netlink_ext_ack *extack)
{
	int err = meta_register(dev, extack);

	if (err < 0)
		return err;
	rcu_assign_pointer(meta_end(dev)->peer, dev);
	return 0;
}

/* The namespace must not begin to go before the peer is in it. */
static struct net_device *meta_create_registered_peer(struct net *src_net, struct net_device *dev,
						      const struct meta_request *request,
						      const struct meta_peer_info *info,
						      struct netlink_ext_ack *extack)
{
	struct net_device *peer;
	struct net *net;
	int err;

	net = meta_peer_net(src_net, info->tb, extack);
	if (IS_ERR(net))
		return ERR_CAST(net);
	peer = meta_create_peer(net, dev, request, info, extack);
	if (!IS_ERR(peer)) {
		err = meta_register_pair(dev, peer, extack);
		if (err < 0) {
			free_netdev(peer);
			peer = ERR_PTR(err);
		}
	}
	put_net(net);
	return peer;
}

static int meta_create_pair(struct net *src_net, struct net_device *dev,
			    const struct meta_request *request, const struct meta_peer_info *info,
			    struct netlink_ext_ack *extack)
{
	struct net_device *peer;
	int err;

	peer = meta_create_registered_peer(src_net, dev, request, info, extack);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	meta_join(dev, peer);
	err = rtnl_configure_link(peer, info->ifm, 0, NULL);
	if (err < 0) {
		NL_SET_ERR_MSG(extack, "Cannot set the peer's flags");
		meta_unregister_pair(dev, peer);
	}
	return err;
}

static int meta_newlink(struct net *src_net, struct net_device *dev, struct nlattr *tb[],
			struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct meta_request request;
	struct meta_peer_info info;
	int err;

	err = meta_read_request(data, &request, extack) ?:
	      meta_check_mode_address(&request, tb, extack) ?:
	      meta_read_peer_info(tb, data, &request, &info, extack) ?:
	      meta_check_peer_mtu(dev, &request, &info, extack);
	if (err)
		return err;
	meta_name(dev, tb[IFLA_IFNAME]);
	meta_furnish(dev, &request, true, tb[IFLA_ADDRESS]);
	if (request.pairing == META_SINGLE)
		return meta_create_single(dev, extack);
	return meta_create_pair(src_net, dev, &request, &info, extack);
}

/* Whichever end goes, both go. */
static void meta_dellink(struct net_device *dev, struct list_head *head)
{
	struct net_device *peer = meta_peer_rtnl(dev);

	RCU_INIT_POINTER(meta_end(dev)->peer, NULL);
	unregister_netdevice_queue(dev, head);
	if (peer) {
		RCU_INIT_POINTER(meta_end(peer)->peer, NULL);
		unregister_netdevice_queue(peer, head);
	}
}

/* ---- change ---- */

static int meta_refuse_fixed(struct nlattr *data[], struct netlink_ext_ack *extack)
{
	static const int fixed[] = {
		IFLA_META_MODE, IFLA_META_SCRUB, IFLA_META_PEER_SCRUB, IFLA_META_HEADROOM,
		IFLA_META_TAILROOM, IFLA_META_PAIRING,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (data[fixed[i]]) {
			NL_SET_ERR_MSG_ATTR(extack, data[fixed[i]],
					    "This can be chosen at creation only");
			return -EACCES;
		}
	}
	if (data[IFLA_META_PEER_INFO]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_META_PEER_INFO],
				    "The peer can be described at creation only");
		return -EINVAL;
	}
	return 0;
}

/* What the device can have, and its peer. */
static int meta_check_possible(const struct net_device *dev, struct nlattr *data[],
			       struct netlink_ext_ack *extack)
{
	if (meta_end(dev)->single && (data[IFLA_META_POLICY] || data[IFLA_META_PEER_POLICY] ||
				      data[IFLA_META_LOCK])) {
		NL_SET_ERR_MSG(extack, "A single device has neither policy nor peer");
		return -EOPNOTSUPP;
	}
	if ((data[IFLA_META_PEER_POLICY] || data[IFLA_META_LOCK]) && !meta_peer_rtnl(dev)) {
		NL_SET_ERR_MSG(extack, "The peer is gone");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The one part of a change that can fail when it is made, and so the first one. */
static int meta_set_lock(struct net_device *dev, u32 lock, struct netlink_ext_ack *extack)
{
	struct net_device *peer = meta_peer_rtnl(dev);
	struct meta_end *end = meta_end(dev);
	u32 before = end->lock;
	int err = 0;

	end->lock = 0;
	if (lock & META_LOCK_MTU)
		err = dev_set_mtu(peer, dev->mtu);
	if (err)
		NL_SET_ERR_MSG(extack, "The peer does not take the primary's MTU");
	end->lock = err ? before : lock;
	return err;
}

static int meta_changelink(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	enum meta_action policy = META_PASS, peer_policy = META_PASS;
	struct meta_end *end = meta_end(dev);
	int err;

	if (!end->primary) {
		NL_SET_ERR_MSG(extack, "A pair is changed through its primary only");
		return -EACCES;
	}
	err = meta_refuse_fixed(data, extack) ?:
	      meta_check_possible(dev, data, extack) ?:
	      meta_read_policy(data[IFLA_META_POLICY], &policy, extack) ?:
	      meta_read_policy(data[IFLA_META_PEER_POLICY], &peer_policy, extack);
	if (!err && data[IFLA_META_LOCK])
		err = meta_set_lock(dev, nla_get_u32(data[IFLA_META_LOCK]), extack);
	if (err)
		return err;
	if (data[IFLA_META_POLICY])
		WRITE_ONCE(end->policy, policy);
	if (data[IFLA_META_PEER_POLICY])
		WRITE_ONCE(meta_end(meta_peer_rtnl(dev))->policy, peer_policy);
	return 0;
}

/* ---- dump ---- */

static struct net *meta_get_link_net(const struct net_device *dev)
{
	const struct net_device *peer = meta_peer_rtnl(dev);

	return dev_net(peer ?: dev);
}

static size_t meta_get_size(const struct net_device *dev)
{
	return nla_total_size(sizeof(u8)) +	/* PRIMARY */
	       7 * nla_total_size(sizeof(u32)) + /* policies, MODE, scrubs, PAIRING, LOCK */
	       2 * nla_total_size(sizeof(u16));	/* rooms */
}

static int meta_fill_pair(struct sk_buff *skb, const struct meta_end *end,
			  const struct meta_end *peer)
{
	if (nla_put_u32(skb, IFLA_META_PEER_POLICY, peer->policy) ||
	    nla_put_u32(skb, IFLA_META_PEER_SCRUB, peer->scrub) ||
	    nla_put_u32(skb, IFLA_META_LOCK, end->lock | peer->lock))
		return -EMSGSIZE;
	return 0;
}

static int meta_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct net_device *peer = meta_peer_rtnl(dev);
	const struct meta_end *end = meta_end(dev);

	if (nla_put_u8(skb, IFLA_META_PRIMARY, end->primary) ||
	    nla_put_u32(skb, IFLA_META_POLICY, end->single ? META_PASS : end->policy) ||
	    nla_put_u32(skb, IFLA_META_MODE, end->mode) ||
	    nla_put_u16(skb, IFLA_META_HEADROOM, dev->needed_headroom) ||
	    nla_put_u16(skb, IFLA_META_TAILROOM, dev->needed_tailroom) ||
	    nla_put_u32(skb, IFLA_META_PAIRING, end->single ? META_SINGLE : META_PAIR))
		return -EMSGSIZE;
	if (!end->single && nla_put_u32(skb, IFLA_META_SCRUB, end->scrub))
		return -EMSGSIZE;
	return peer ? meta_fill_pair(skb, end, meta_end(peer)) : 0;
}

/* ---- the kind ---- */

#define META_LINK_OPS(name)				\
{							\
	.kind		= name,				\
	.priv_size	= sizeof(struct meta_end),	\
	.setup		= meta_setup,			\
	.validate	= meta_validate,		\
	.newlink	= meta_newlink,			\
	.dellink	= meta_dellink,			\
	.changelink	= meta_changelink,		\
	.get_link_net	= meta_get_link_net,		\
	.get_size	= meta_get_size,		\
	.fill_info	= meta_fill_info,		\
	.policy		= meta_policy,			\
	.maxtype	= IFLA_META_MAX,		\
}

static struct rtnl_link_ops meta_link_ops = META_LINK_OPS("meta");
/* The same devices for programs that know the name of netkit only. */
static struct rtnl_link_ops meta_netkit_link_ops __maybe_unused = META_LINK_OPS("netkit");

int __init meta_netlink_init(void)
{
	int err = rtnl_link_register(&meta_link_ops);

	if (!err && IS_ENABLED(CONFIG_META_AS_NETKIT))
		err = rtnl_link_register(&meta_netkit_link_ops);
	return err;
}
