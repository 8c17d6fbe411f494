/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unicast routes through one device, as requests and from dumps; see address.h. A route that the
 * kernel reports with several next hops (others may append theirs to an IPv6 route of ours) is
 * reported once for each.
 */
#include "kernel/address.h"
#include "kernel/message.h"

#include <errno.h>
#include <linux/rtnetlink.h>

/* RTA_VIA: a gateway of another family than the route's. */
static void put_via(struct message *m, const struct route *route)
{
	struct {
		uint16_t family;
		uint8_t bytes[sizeof(route->via.bytes)];
	} via = { .family = route->via.family };

	if (route->via.family == AF_UNSPEC)
		return;
	if (route->via.family == route->to.ip.family) {
		message_put_ip(m, RTA_GATEWAY, &route->via);
		return;
	}
	memcpy(via.bytes, route->via.bytes, sizeof(via.bytes));
	message_put(m, RTA_VIA, &via, sizeof(via.family) + message_ip_len(via.family));
}

static struct message start(int type, int flags, int ifindex, const struct route *route,
			    uint8_t scope, uint8_t protocol)
{
	struct rtmsg header = {
		.rtm_family = route->to.ip.family,
		.rtm_dst_len = route->to.len,
		.rtm_protocol = protocol,
		.rtm_scope = scope,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = route->onlink ? RTNH_F_ONLINK : 0,
	};
	struct message m = message_start(type, flags, &header, sizeof(header));

	message_put_u32(&m, RTA_TABLE, route->table);
	message_put_u32(&m, RTA_OIF, ifindex);
	if (route->to.len)
		message_put_ip(&m, RTA_DST, &route->to.ip);
	if (route->metric)
		message_put_u32(&m, RTA_PRIORITY, route->metric);
	if (route->src.family != AF_UNSPEC)
		message_put_ip(&m, RTA_PREFSRC, &route->src);
	put_via(&m, route);
	return m;
}

static uint8_t scope_of(const struct route *route)
{
	return route->via.family == AF_UNSPEC ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static struct nl_msg *new_route(int flags, int ifindex, const struct route *route, uint8_t protocol)
{
	struct message m = start(RTM_NEWROUTE, flags, ifindex, route, scope_of(route), protocol);

	return message_finish(&m);
}

struct nl_msg *route_add(int ifindex, const struct route *route)
{
	return new_route(NLM_F_CREATE | NLM_F_EXCL, ifindex, route, PROTOCOL_METAD);
}

struct nl_msg *route_append(int ifindex, const struct route *route, uint8_t protocol)
{
	return new_route(NLM_F_CREATE | NLM_F_APPEND, ifindex, route, protocol);
}

struct nl_msg *route_replace(int ifindex, const struct route *route, uint8_t protocol)
{
	return new_route(NLM_F_REPLACE, ifindex, route, protocol);
}

struct nl_msg *route_drop(int ifindex, const struct route *route, uint8_t protocol)
{
	/* RT_SCOPE_NOWHERE: of whatever scope. */
	struct message m =
		start(RTM_DELROUTE, 0, ifindex, route, RT_SCOPE_NOWHERE, protocol);

	return message_finish(&m);
}

struct nl_msg *route_del(int ifindex, const struct route *route)
{
	return route_drop(ifindex, route, PROTOCOL_METAD);
}

/* ---- dumps ---- */

struct dump {
	uint8_t family;
	uint8_t protocol; /* the only one; 0: any */
	route_fn fn;
	void *ctx;
};

static struct ip parse_via(struct nlattr *const tb[static RTA_MAX + 1], uint8_t family)
{
	struct ip ip = {};
	uint16_t via_family;

	if (tb[RTA_GATEWAY])
		return message_get_ip(tb[RTA_GATEWAY], family);
	if (!tb[RTA_VIA] || nla_len(tb[RTA_VIA]) < (int)sizeof(via_family))
		return ip;
	memcpy(&via_family, nla_data(tb[RTA_VIA]), sizeof(via_family));
	if (nla_len(tb[RTA_VIA]) != (int)(sizeof(via_family) + message_ip_len(via_family)))
		return ip;
	ip.family = via_family;
	memcpy(ip.bytes, (char *)nla_data(tb[RTA_VIA]) + sizeof(via_family),
	       message_ip_len(via_family));
	return ip;
}

static int report_hops(const struct dump *dump, const struct nlattr *multipath,
		       struct route *route, const struct provenance *provenance)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath), r = 0;

	while (RTNH_OK(hop, left) && r == 0) {
		struct nlattr *tb[RTA_MAX + 1];

		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      hop->rtnh_len - sizeof(*hop), NULL) < 0)
			return -EBADMSG;
		route->via = parse_via(tb, route->to.ip.family);
		route->onlink = hop->rtnh_flags & RTNH_F_ONLINK;
		r = dump->fn(dump->ctx, hop->rtnh_ifindex, route, provenance);
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return r;
}

static const struct nla_policy policy[RTA_MAX + 1] = {
	[RTA_OIF] = { NLA_U32 },
	[RTA_PRIORITY] = { NLA_U32 },
	[RTA_TABLE] = { NLA_U32 },
};

static bool is_kernels(const struct rtmsg *info)
{
	return info->rtm_protocol == RTPROT_KERNEL || info->rtm_protocol == RTPROT_REDIRECT ||
	       info->rtm_protocol == RTPROT_RA;
}

static bool has_lifetime(struct nlattr *const tb[static RTA_MAX + 1])
{
	struct rta_cacheinfo info;

	if (!tb[RTA_CACHEINFO] || nla_len(tb[RTA_CACHEINFO]) < (int)sizeof(info))
		return false;
	memcpy(&info, nla_data(tb[RTA_CACHEINFO]), sizeof(info));
	return info.rta_expires != 0;
}

static const char *beyond_declaring(const struct rtmsg *info,
				    struct nlattr *tb[static RTA_MAX + 1],
				    const struct route *route)
{
	static const int others[] = { RTA_ENCAP, RTA_FLOW, RTA_METRICS, RTA_SRC, RTA_IIF };

	if (tb[RTA_NH_ID])
		return "it goes by a nexthop object";
	if (tb[RTA_MULTIPATH])
		return "it goes several ways";
	if (has_lifetime(tb))
		return "it has a lifetime";
	if (info->rtm_tos || info->rtm_src_len ||
	    (tb[RTA_PREF] && nla_len(tb[RTA_PREF]) >= 1 && nla_get_u8(tb[RTA_PREF])))
		return "it has a type of service, a source or a preference";
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (tb[others[i]])
			return "it has properties that no declaration has";
	if (info->rtm_family == AF_INET && info->rtm_scope != scope_of(route))
		return "its scope is not the usual one";
	return NULL;
}

static int on_route(void *ctx, const struct nlmsghdr *header)
{
	const struct dump *dump = ctx;
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg info;
	struct route route = {};
	struct provenance provenance = {};

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(info), tb, RTA_MAX,
			policy) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(header), sizeof(info));
	/* A kernel that does not know a filter, or lacks IPv6, answers with everything it has. */
	if (header->nlmsg_type != RTM_NEWROUTE || info.rtm_family != dump->family ||
	    info.rtm_type != RTN_UNICAST)
		return 0;
	if ((dump->protocol && info.rtm_protocol != dump->protocol) ||
	    (info.rtm_flags & RTM_F_CLONED))
		return 0;
	route.to.ip = message_get_ip(tb[RTA_DST], info.rtm_family);
	route.to.ip.family = info.rtm_family;
	route.to.len = info.rtm_dst_len;
	route.src = message_get_ip(tb[RTA_PREFSRC], info.rtm_family);
	route.via = parse_via(tb, info.rtm_family);
	route.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : info.rtm_table;
	route.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	route.onlink = info.rtm_flags & RTNH_F_ONLINK;
	provenance.protocol = info.rtm_protocol;
	provenance.by_kernel = is_kernels(&info);
	provenance.beyond = beyond_declaring(&info, tb, &route);
	if (tb[RTA_MULTIPATH])
		return report_hops(dump, tb[RTA_MULTIPATH], &route, &provenance);
	return dump->fn(dump->ctx, tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0, &route, &provenance);
}

int route_dump(struct netlink *netlink, int of_ifindex, uint8_t protocol, route_fn fn, void *ctx)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct rtmsg header = { .rtm_family = families[i], .rtm_protocol = protocol };
		struct message m = message_start(RTM_GETROUTE, 0, &header, sizeof(header));
		struct dump dump = { families[i], protocol, fn, ctx };

		if (of_ifindex)
			message_put_u32(&m, RTA_OIF, of_ifindex);
		r = netlink_dump(netlink, message_finish(&m), on_route, &dump);
	}
	return r;
}
