/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a RTM_NEWLINK or RTM_DELLINK says, as a struct link; see link.h. Asks nothing and sends
 * nothing. What the message leaves out is not guessed: attrs.has and reported tell the difference.
 */
#include "kernel/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define INFO_DATA_MAX LINK_DATA_TAILROOM

static const struct nla_policy link_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME] = { NLA_STRING, .maxlen = IFNAMSIZ },
	[IFLA_MTU] = { NLA_U32 },
	[IFLA_TXQLEN] = { NLA_U32 },
	[IFLA_GSO_MAX_SIZE] = { NLA_U32 },
	[IFLA_GRO_MAX_SIZE] = { NLA_U32 },
	[IFLA_GSO_IPV4_MAX_SIZE] = { NLA_U32 },
	[IFLA_GRO_IPV4_MAX_SIZE] = { NLA_U32 },
	[IFLA_GROUP] = { NLA_U32 },
	[IFLA_LINK] = { NLA_U32 },
	[IFLA_LINK_NETNSID] = { NLA_U32 },
	[IFLA_MASTER] = { NLA_U32 },
	[IFLA_CARRIER] = { NLA_U8 },
};

static const struct nla_policy info_policy[IFLA_INFO_MAX + 1] = {
	[IFLA_INFO_KIND] = { NLA_STRING },
};

static const struct nla_policy data_policy[INFO_DATA_MAX + 1] = {
	[IFLA_NETKIT_PRIMARY] = { NLA_U8 },
	[IFLA_NETKIT_POLICY] = { NLA_U32 },
	[IFLA_NETKIT_PEER_POLICY] = { NLA_U32 },
	[IFLA_NETKIT_MODE] = { NLA_U32 },
	[IFLA_NETKIT_SCRUB] = { NLA_U32 },
	[IFLA_NETKIT_PEER_SCRUB] = { NLA_U32 },
	[LINK_DATA_HEADROOM] = { NLA_U16 },
	[LINK_DATA_TAILROOM] = { NLA_U16 },
};

static const struct nla_policy inet6_policy[IFLA_INET6_MAX + 1] = {
	[IFLA_INET6_ADDR_GEN_MODE] = { NLA_U8 },
};

static enum kind parse_kind(const struct nlattr *attr)
{
	for (enum kind kind = KIND_META; kind < N_KINDS; kind++)
		if (nla_strcmp(attr, kind_name(kind)) == 0)
			return kind;
	return KIND_AUTO;
}

static enum policy parse_policy(struct nlattr *attr)
{
	return attr && nla_get_u32(attr) == NETKIT_DROP ? POLICY_DROP : POLICY_FORWARD;
}

static enum scrub parse_scrub(struct nlattr *attr)
{
	return attr && nla_get_u32(attr) == NETKIT_SCRUB_NONE ? SCRUB_NONE : SCRUB_DEFAULT;
}

/* What the drivers with policy say; both sides as seen from this device. */
static int parse_driver_data(struct nlattr *data, struct link *link)
{
	struct nlattr *tb[INFO_DATA_MAX + 1];

	if (nla_parse_nested(tb, INFO_DATA_MAX, data, data_policy) < 0)
		return -EBADMSG;
	if (tb[IFLA_NETKIT_MODE])
		link->mode = nla_get_u32(tb[IFLA_NETKIT_MODE]) == NETKIT_L2 ? MODE_L2 : MODE_L3;
	link->is_peer = tb[IFLA_NETKIT_PRIMARY] && !nla_get_u8(tb[IFLA_NETKIT_PRIMARY]);
	link->policy[0] = parse_policy(tb[IFLA_NETKIT_POLICY]);
	link->policy[1] = parse_policy(tb[IFLA_NETKIT_PEER_POLICY]);
	link->scrub[0] = parse_scrub(tb[IFLA_NETKIT_SCRUB]);
	link->scrub[1] = parse_scrub(tb[IFLA_NETKIT_PEER_SCRUB]);
	if (tb[IFLA_NETKIT_SCRUB])
		link->reported |= REPORTED_SCRUB;
	if (tb[LINK_DATA_HEADROOM]) {
		link->reported |= REPORTED_HEADROOM;
		link->headroom = nla_get_u16(tb[LINK_DATA_HEADROOM]);
	}
	if (tb[LINK_DATA_TAILROOM]) {
		link->reported |= REPORTED_TAILROOM;
		link->tailroom = nla_get_u16(tb[LINK_DATA_TAILROOM]);
	}
	return 0;
}

static int parse_linkinfo(struct nlattr *linkinfo, struct link *link)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!linkinfo)
		return 0;
	if (nla_parse_nested(tb, IFLA_INFO_MAX, linkinfo, info_policy) < 0)
		return -EBADMSG;
	if (!tb[IFLA_INFO_KIND])
		return 0;
	link->has_kind = true;
	link->kind = parse_kind(tb[IFLA_INFO_KIND]);
	if (link->kind == KIND_AUTO || !kind_has_policy(link->kind) || !tb[IFLA_INFO_DATA])
		return 0;
	return parse_driver_data(tb[IFLA_INFO_DATA], link);
}

static int parse_linklocal(struct nlattr *spec, struct attrs *attrs)
{
	struct nlattr *tb[IFLA_INET6_MAX + 1], *inet6;

	inet6 = spec ? nla_find(nla_data(spec), nla_len(spec), AF_INET6) : NULL;
	if (!inet6)
		return 0;
	if (nla_parse_nested(tb, IFLA_INET6_MAX, inet6, inet6_policy) < 0)
		return -EBADMSG;
	if (!tb[IFLA_INET6_ADDR_GEN_MODE])
		return 0;
	attrs->has |= ATTR_LINKLOCAL;
	attrs->linklocal = nla_get_u8(tb[IFLA_INET6_ADDR_GEN_MODE]) != IN6_ADDR_GEN_MODE_NONE;
	return 0;
}

static void parse_number(struct nlattr *attr, enum attr bit, struct attrs *attrs, uint32_t *ret)
{
	if (!attr)
		return;
	attrs->has |= bit;
	*ret = nla_get_u32(attr);
}

static void parse_attrs(struct nlattr *tb[static IFLA_MAX + 1], struct attrs *attrs)
{
	parse_number(tb[IFLA_MTU], ATTR_MTU, attrs, &attrs->mtu);
	parse_number(tb[IFLA_TXQLEN], ATTR_TXQUEUELEN, attrs, &attrs->txqueuelen);
	parse_number(tb[IFLA_GSO_MAX_SIZE], ATTR_GSO_MAX_SIZE, attrs, &attrs->gso_max_size);
	parse_number(tb[IFLA_GRO_MAX_SIZE], ATTR_GRO_MAX_SIZE, attrs, &attrs->gro_max_size);
	parse_number(tb[IFLA_GSO_IPV4_MAX_SIZE], ATTR_GSO_IPV4_MAX_SIZE, attrs,
		     &attrs->gso_ipv4_max_size);
	parse_number(tb[IFLA_GRO_IPV4_MAX_SIZE], ATTR_GRO_IPV4_MAX_SIZE, attrs,
		     &attrs->gro_ipv4_max_size);
	if (tb[IFLA_IFNAME]) {
		attrs->has |= ATTR_NAME;
		nla_strlcpy(attrs->name, tb[IFLA_IFNAME], sizeof(attrs->name));
	}
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == MAC_LEN) {
		attrs->has |= ATTR_MAC;
		memcpy(attrs->mac, nla_data(tb[IFLA_ADDRESS]), MAC_LEN);
	}
}

int link_parse(const struct nlmsghdr *header, struct link *ret)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg info;
	struct link link = { .peer_nsid = -1 };

	if (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)
		return -EBADMSG;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(info), tb, IFLA_MAX, link_policy) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(header), sizeof(info));
	link.ifindex = info.ifi_index;
	link.noarp = info.ifi_flags & IFF_NOARP;
	link.mode = link.noarp ? MODE_L3 : MODE_L2;
	link.attrs.has = ATTR_UP;
	link.attrs.up = info.ifi_flags & IFF_UP;
	parse_attrs(tb, &link.attrs);
	memcpy(link.name, link.attrs.name, IFNAMSIZ);
	if (tb[IFLA_GROUP])
		link.group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_LINK])
		link.peer_ifindex = nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_LINK_NETNSID])
		link.peer_nsid = nla_get_s32(tb[IFLA_LINK_NETNSID]);
	if (tb[IFLA_MASTER])
		link.master = nla_get_u32(tb[IFLA_MASTER]);
	/* Not IFF_RUNNING: that follows only when the kernel's link watch comes round. */
	link.running = tb[IFLA_CARRIER] && nla_get_u8(tb[IFLA_CARRIER]);
	if (parse_linkinfo(tb[IFLA_LINKINFO], &link) < 0 ||
	    parse_linklocal(tb[IFLA_AF_SPEC], &link.attrs) < 0)
		return -EBADMSG;
	*ret = link;
	return 0;
}
