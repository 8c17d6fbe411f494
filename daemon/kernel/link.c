/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests about devices; see link.h. What answers say is link_parse.c's. A change is one message
 * and is sent by others. The invariant: a creating request has the mark of ownership and policy
 * drop on both ends, so that no device of ours is ever open, or nobody's, even for a moment.
 */
#include "kernel/link.h"

#include "kernel/message.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/random.h>

/* A template, so that no device can have the name already. */
#define PROBE_NAME "metad-probe%d"

/*
 * The kinds. meta speaks netkit's attributes, number by number; what the driver has besides is
 * kind_has_policy()'s to say.
 */
static const struct {
	uint16_t peer; /* the attribute that holds the peer's part of the request */
	const char *lack; /* why a kernel does not have it */
} drivers[N_KINDS] = {
	[KIND_META] = { IFLA_NETKIT_PEER_INFO, "no meta driver (CONFIG_META)" },
	[KIND_NETKIT] = { IFLA_NETKIT_PEER_INFO, "no netkit driver (CONFIG_NETKIT, Linux 6.7)" },
	[KIND_VETH] = { VETH_INFO_PEER, "no veth driver (CONFIG_VETH)" },
};

static uint32_t policy_value(enum policy policy)
{
	return policy == POLICY_DROP ? NETKIT_DROP : NETKIT_PASS;
}

static uint32_t scrub_value(enum scrub scrub)
{
	return scrub == SCRUB_NONE ? NETKIT_SCRUB_NONE : NETKIT_SCRUB_DEFAULT;
}

/* ---- requests ---- */

static struct message start_link(int type, int flags, int ifindex)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };

	return message_start(type, flags, &info, sizeof(info));
}

/* What a creating request and a later one say alike: numbers and the name. */
static void put_attrs(struct message *m, const struct attrs *attrs)
{
	const struct {
		enum attr attr;
		uint16_t type;
		uint32_t value;
	} numbers[] = {
		{ ATTR_MTU, IFLA_MTU, attrs->mtu },
		{ ATTR_TXQUEUELEN, IFLA_TXQLEN, attrs->txqueuelen },
		{ ATTR_GSO_MAX_SIZE, IFLA_GSO_MAX_SIZE, attrs->gso_max_size },
		{ ATTR_GRO_MAX_SIZE, IFLA_GRO_MAX_SIZE, attrs->gro_max_size },
		{ ATTR_GSO_IPV4_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE, attrs->gso_ipv4_max_size },
		{ ATTR_GRO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE, attrs->gro_ipv4_max_size },
	};

	if (attrs->has & ATTR_NAME)
		message_put_string(m, IFLA_IFNAME, attrs->name);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (attrs->has & numbers[i].attr)
			message_put_u32(m, numbers[i].type, numbers[i].value);
}

/* A locally administered unicast address. */
static int random_mac(uint8_t mac[static MAC_LEN])
{
	if (getrandom(mac, MAC_LEN, 0) != MAC_LEN)
		return -EIO;
	mac[0] = (mac[0] & ~0x01) | 0x02;
	return 0;
}

/*
 * A veth end without ARP sends to its own MAC address, and the other end takes only frames sent to
 * its own: the two must be the same. In L2 the kernel invents what is not given; netkit and meta
 * have no MAC in L3.
 */
static int choose_macs(const struct pair *pair, enum kind kind, struct attrs ends[static N_SIDES])
{
	struct attrs *primary = &ends[SIDE_PRIMARY], *peer = &ends[SIDE_PEER];

	if (pair->mode == MODE_L2)
		return 0;
	primary->has &= ~ATTR_MAC;
	peer->has &= ~ATTR_MAC;
	if (kind_has_policy(kind))
		return 0;
	primary->has |= ATTR_MAC;
	peer->has |= ATTR_MAC;
	if (random_mac(primary->mac) < 0)
		return -EIO;
	memcpy(peer->mac, primary->mac, MAC_LEN);
	return 0;
}

/* One end of a new pair: the fixed part, then its attributes. */
static struct ifinfomsg end_header(const struct pair *pair, enum kind kind)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };

	/* netkit sets it by itself; a second opinion about its peer's flags is ignored. */
	if (!kind_has_policy(kind) && pair->mode == MODE_L3) {
		info.ifi_flags = IFF_NOARP;
		info.ifi_change = IFF_NOARP;
	}
	return info;
}

static void put_end(struct message *m, enum kind kind, const struct attrs *attrs)
{
	put_attrs(m, attrs);
	if (attrs->has & ATTR_MAC)
		message_put(m, IFLA_ADDRESS, attrs->mac, MAC_LEN);
	/* By default veth makes a queue per CPU and waits for grace periods to shed all but one. */
	if (kind == KIND_VETH) {
		message_put_u32(m, IFLA_NUM_TX_QUEUES, 1);
		message_put_u32(m, IFLA_NUM_RX_QUEUES, 1);
	}
}

static void put_policy(struct message *m, const enum policy policy[static N_SIDES])
{
	message_put_u32(m, IFLA_NETKIT_POLICY, policy_value(policy[SIDE_PRIMARY]));
	message_put_u32(m, IFLA_NETKIT_PEER_POLICY, policy_value(policy[SIDE_PEER]));
}

/* What older drivers do not know is only said when it is asked for. */
static void put_driver_data(struct message *m, const struct pair *pair)
{
	static const enum policy closed[N_SIDES] = { POLICY_DROP, POLICY_DROP };
	static const uint16_t scrub_attrs[N_SIDES] = { IFLA_NETKIT_SCRUB, IFLA_NETKIT_PEER_SCRUB };

	put_policy(m, closed);
	message_put_u32(m, IFLA_NETKIT_MODE, pair->mode == MODE_L2 ? NETKIT_L2 : NETKIT_L3);
	for (enum side side = 0; side < N_SIDES; side++)
		if (pair->end[side].scrub != SCRUB_DEFAULT)
			message_put_u32(m, scrub_attrs[side], scrub_value(pair->end[side].scrub));
	if (pair->headroom)
		message_put_u16(m, LINK_DATA_HEADROOM, pair->headroom);
	if (pair->tailroom)
		message_put_u16(m, LINK_DATA_TAILROOM, pair->tailroom);
}

struct nl_msg *link_create(const struct pair *pair, enum kind kind, int peer_fd)
{
	struct ifinfomsg info = end_header(pair, kind);
	struct attrs ends[N_SIDES] = { pair->end[SIDE_PRIMARY].attrs, pair->end[SIDE_PEER].attrs };
	struct nlattr *linkinfo, *data, *peer;
	struct message m;

	if (choose_macs(pair, kind, ends) < 0)
		return NULL;
	m = message_start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, &info, sizeof(info));
	put_end(&m, kind, &ends[SIDE_PRIMARY]);
	message_put_u32(&m, IFLA_GROUP, LINK_GROUP_METAD);
	linkinfo = message_nest(&m, IFLA_LINKINFO);
	message_put_string(&m, IFLA_INFO_KIND, kind_name(kind));
	data = message_nest(&m, IFLA_INFO_DATA);
	if (kind_has_policy(kind))
		put_driver_data(&m, pair);
	peer = message_nest(&m, drivers[kind].peer);
	message_append(&m, &info, sizeof(info));
	put_end(&m, kind, &ends[SIDE_PEER]);
	message_put_u32(&m, IFLA_NET_NS_FD, peer_fd);
	message_unnest(&m, peer);
	message_unnest(&m, data);
	message_unnest(&m, linkinfo);
	return message_finish(&m);
}

struct nl_msg *link_set(int ifindex, const struct attrs *attrs)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct message m;

	if (attrs->has & ATTR_UP) {
		info.ifi_flags = attrs->up ? IFF_UP : 0;
		info.ifi_change = IFF_UP;
	}
	m = message_start(RTM_SETLINK, 0, &info, sizeof(info));
	put_attrs(&m, attrs);
	if (attrs->has & ATTR_MAC)
		message_put(&m, IFLA_ADDRESS, attrs->mac, MAC_LEN);
	return message_finish(&m);
}

struct nl_msg *link_set_linklocal(int ifindex, bool linklocal)
{
	struct message m = start_link(RTM_SETLINK, 0, ifindex);
	struct nlattr *spec = message_nest(&m, IFLA_AF_SPEC);
	struct nlattr *inet6 = message_nest(&m, AF_INET6);

	message_put_u8(&m, IFLA_INET6_ADDR_GEN_MODE,
		       linklocal ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE);
	message_unnest(&m, inet6);
	message_unnest(&m, spec);
	return message_finish(&m);
}

struct nl_msg *link_set_promotion(int ifindex)
{
	struct message m = start_link(RTM_SETLINK, 0, ifindex);
	struct nlattr *spec = message_nest(&m, IFLA_AF_SPEC);
	struct nlattr *inet = message_nest(&m, AF_INET);
	struct nlattr *conf = message_nest(&m, IFLA_INET_CONF);

	message_put_u32(&m, IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
	message_unnest(&m, conf);
	message_unnest(&m, inet);
	message_unnest(&m, spec);
	return message_finish(&m);
}

struct nl_msg *link_set_policy(int primary_ifindex, enum kind kind,
			       const enum policy policy[static N_SIDES])
{
	/* RTM_SETLINK does not reach the driver's own attributes. */
	struct message m = start_link(RTM_NEWLINK, 0, primary_ifindex);
	struct nlattr *linkinfo = message_nest(&m, IFLA_LINKINFO), *data;

	message_put_string(&m, IFLA_INFO_KIND, kind_name(kind));
	data = message_nest(&m, IFLA_INFO_DATA);
	put_policy(&m, policy);
	message_unnest(&m, data);
	message_unnest(&m, linkinfo);
	return message_finish(&m);
}

struct nl_msg *link_set_group(int ifindex, uint32_t group)
{
	struct message m = start_link(RTM_SETLINK, 0, ifindex);

	message_put_u32(&m, IFLA_GROUP, group);
	return message_finish(&m);
}

struct nl_msg *link_delete_group(uint32_t group)
{
	struct message m = start_link(RTM_DELLINK, 0, 0);

	message_put_u32(&m, IFLA_GROUP, group);
	return message_finish(&m);
}

/* ---- the namespace's number, and the probe ---- */

static struct nl_msg *nsid_request(int type, int fd)
{
	struct rtgenmsg family = { .rtgen_family = AF_UNSPEC };
	struct message m = message_start(type, 0, &family, sizeof(family));

	message_put_u32(&m, NETNSA_FD, fd);
	if (type == RTM_NEWNSID)
		message_put_u32(&m, NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED); /* any free one */
	return message_finish(&m);
}

static int on_nsid(void *ctx, const struct nlmsghdr *header)
{
	const struct nlattr *nsid = nlmsg_find_attr((struct nlmsghdr *)header,
						    sizeof(struct rtgenmsg), NETNSA_NSID);

	if (nsid && nla_len(nsid) == sizeof(int))
		*(int *)ctx = nla_get_s32(nsid);
	return 0;
}

int link_nsid_find(struct netlink *netlink, int fd, int *ret_nsid)
{
	int nsid = NETNSA_NSID_NOT_ASSIGNED, r;

	/* The kernel would number it like any other, but leaves that number out of what it says. */
	if (netlink_is_inside(netlink, fd)) {
		*ret_nsid = -1;
		return 0;
	}
	r = netlink_query(netlink, nsid_request(RTM_GETNSID, fd), on_nsid, &nsid);
	if (r < 0 || nsid < 0)
		return r < 0 ? r : -ENOENT;
	*ret_nsid = nsid;
	return 0;
}

int link_nsid(struct netlink *netlink, int fd, int *ret_nsid)
{
	AUTO(diag_done) struct diag why = {};
	int r = link_nsid_find(netlink, fd, ret_nsid);

	if (r != -ENOENT)
		return r;
	r = netlink_call(netlink, nsid_request(RTM_NEWNSID, fd), &why);
	/* Somebody else was faster. */
	if (r == 0 || r == -EEXIST)
		r = link_nsid_find(netlink, fd, ret_nsid);
	return r == -ENOENT ? -EPROTO : r;
}

/*
 * Drivers are looked up before what is asked of them is checked: a policy that is none, or a
 * group's MAC address, is refused only by a kernel that has the kind.
 */
static struct nl_msg *probe_request(enum kind kind)
{
	static const uint8_t group_mac[MAC_LEN] = { 0x01 };
	struct message m = start_link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, 0);
	struct nlattr *linkinfo, *data;

	message_put_string(&m, IFLA_IFNAME, PROBE_NAME);
	if (!kind_has_policy(kind))
		message_put(&m, IFLA_ADDRESS, group_mac, MAC_LEN);
	linkinfo = message_nest(&m, IFLA_LINKINFO);
	message_put_string(&m, IFLA_INFO_KIND, kind_name(kind));
	if (kind_has_policy(kind)) {
		data = message_nest(&m, IFLA_INFO_DATA);
		message_put_u32(&m, IFLA_NETKIT_POLICY, 1);
		message_unnest(&m, data);
	}
	message_unnest(&m, linkinfo);
	return message_finish(&m);
}

/* A driver that takes anything has made a device after all. */
static int undo_probe(struct netlink *netlink, int ifindex, struct diag *why)
{
	struct message m = start_link(RTM_DELLINK, 0, ifindex);

	return netlink_call(netlink, message_finish(&m), why);
}

int link_probe(struct netlink *netlink, enum kind kind, struct diag *why)
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	AUTO(netlink_result_done) struct netlink_result result = {};
	int r;

	r = netlink_batch_add(&batch, probe_request(kind));
	if (r == 0)
		r = netlink_batch_run(netlink, &batch, &result);
	if (r < 0)
		return r;
	switch (result.error) {
	case 0:
		return undo_probe(netlink, result.ifindex, why);
	case -EINVAL:
	case -ERANGE:
	case -EADDRNOTAVAIL:
		return 0;
	case -EOPNOTSUPP:
		diag_set(why, "this kernel has %s", drivers[kind].lack);
		return -EOPNOTSUPP;
	default:
		diag_done(why);
		*why = STEAL(result.why);
		return result.error;
	}
}

/* ---- reading ---- */

struct dump {
	int (*fn)(void *ctx, const struct link *link);
	void *ctx;
};

static int on_link(void *ctx, const struct nlmsghdr *header)
{
	const struct dump *dump = ctx;
	struct link link;
	int r = link_parse(header, &link);

	return r < 0 ? r : dump->fn(dump->ctx, &link);
}

int link_dump(struct netlink *netlink, int (*fn)(void *ctx, const struct link *link), void *ctx)
{
	struct message m = start_link(RTM_GETLINK, 0, 0);
	struct dump dump = { fn, ctx };

	message_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_dump(netlink, message_finish(&m), on_link, &dump);
}

static int keep_link(void *ctx, const struct link *link)
{
	*(struct link *)ctx = *link;
	return 0;
}

int link_get(struct netlink *netlink, int ifindex, const char *name, struct link *ret)
{
	struct message m = start_link(RTM_GETLINK, 0, ifindex);
	struct link link = {};
	struct dump keep = { keep_link, &link };
	int r;

	if (!ifindex)
		message_put_string(&m, IFLA_IFNAME, name);
	message_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_query(netlink, message_finish(&m), on_link, &keep);
	if (r == 0)
		*ret = link;
	return r;
}
