/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Permanent neighbours (ARP and NDP entries) of devices, as requests and from dumps; see
 * address.h. What the kernel learns by itself is never reported.
 */
#include "kernel/address.h"
#include "kernel/message.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

static struct message start(int type, int flags, int ifindex, const struct neighbour *neighbour)
{
	struct ndmsg header = {
		.ndm_family = neighbour->ip.family,
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_PERMANENT,
	};
	struct message m = message_start(type, flags, &header, sizeof(header));

	message_put_ip(&m, NDA_DST, &neighbour->ip);
	return m;
}

struct nl_msg *neighbour_add(int ifindex, const struct neighbour *neighbour)
{
	/* It replaces what the kernel may have learned about the same address. */
	struct message m = start(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, neighbour);

	message_put(&m, NDA_LLADDR, neighbour->mac, MAC_LEN);
	message_put_u8(&m, NDA_PROTOCOL, PROTOCOL_METAD);
	return message_finish(&m);
}

struct nl_msg *neighbour_del(int ifindex, const struct neighbour *neighbour)
{
	struct message m = start(RTM_DELNEIGH, 0, ifindex, neighbour);

	return message_finish(&m);
}

struct dump {
	int (*fn)(void *ctx, int ifindex, const struct neighbour *neighbour);
	void *ctx;
};

static bool is_ours(const struct ndmsg *info, struct nlattr *tb[static NDA_MAX + 1])
{
	return (info->ndm_family == AF_INET || info->ndm_family == AF_INET6) &&
	       (info->ndm_state & NUD_PERMANENT) && tb[NDA_PROTOCOL] &&
	       nla_len(tb[NDA_PROTOCOL]) == 1 && nla_get_u8(tb[NDA_PROTOCOL]) == PROTOCOL_METAD;
}

static int on_neighbour(void *ctx, const struct nlmsghdr *header)
{
	const struct dump *dump = ctx;
	struct nlattr *tb[NDA_MAX + 1];
	struct ndmsg info;
	struct neighbour neighbour = {};

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(info), tb, NDA_MAX, NULL) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(header), sizeof(info));
	if (header->nlmsg_type != RTM_NEWNEIGH || !is_ours(&info, tb))
		return 0;
	neighbour.ip = message_get_ip(tb[NDA_DST], info.ndm_family);
	if (neighbour.ip.family == AF_UNSPEC)
		return -EBADMSG;
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == MAC_LEN)
		memcpy(neighbour.mac, nla_data(tb[NDA_LLADDR]), MAC_LEN);
	return dump->fn(dump->ctx, info.ndm_ifindex, &neighbour);
}

int neighbour_dump(struct netlink *netlink, int of_ifindex,
		   int (*fn)(void *ctx, int ifindex, const struct neighbour *neighbour), void *ctx)
{
	struct ndmsg header = { .ndm_family = AF_UNSPEC };
	struct message m = message_start(RTM_GETNEIGH, 0, &header, sizeof(header));
	struct dump dump = { fn, ctx };

	if (of_ifindex)
		message_put_u32(&m, NDA_IFINDEX, of_ifindex);
	return netlink_dump(netlink, message_finish(&m), on_neighbour, &dump);
}
