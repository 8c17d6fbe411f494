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

struct nl_msg *neighbour_mark(int ifindex, const struct neighbour *neighbour, uint8_t protocol)
{
	struct message m = start(RTM_NEWNEIGH, NLM_F_REPLACE, ifindex, neighbour);

	message_put(&m, NDA_LLADDR, neighbour->mac, MAC_LEN);
	message_put_u8(&m, NDA_PROTOCOL, protocol);
	return message_finish(&m);
}

/* ---- dumps ---- */

struct dump {
	uint8_t protocol; /* the only one; 0: any */
	neighbour_fn fn;
	void *ctx;
};

static bool is_permanent(const struct ndmsg *info)
{
	return (info->ndm_family == AF_INET || info->ndm_family == AF_INET6) &&
	       (info->ndm_state & NUD_PERMANENT);
}

static int on_neighbour(void *ctx, const struct nlmsghdr *header)
{
	const struct dump *dump = ctx;
	struct nlattr *tb[NDA_MAX + 1];
	struct ndmsg info;
	struct neighbour neighbour = {};
	struct provenance provenance = {};

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(info), tb, NDA_MAX, NULL) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(header), sizeof(info));
	if (header->nlmsg_type != RTM_NEWNEIGH || !is_permanent(&info))
		return 0;
	if (tb[NDA_PROTOCOL] && nla_len(tb[NDA_PROTOCOL]) == 1)
		provenance.protocol = nla_get_u8(tb[NDA_PROTOCOL]);
	if (dump->protocol && provenance.protocol != dump->protocol)
		return 0;
	neighbour.ip = message_get_ip(tb[NDA_DST], info.ndm_family);
	if (neighbour.ip.family == AF_UNSPEC)
		return -EBADMSG;
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == MAC_LEN)
		memcpy(neighbour.mac, nla_data(tb[NDA_LLADDR]), MAC_LEN);
	if (info.ndm_flags)
		provenance.beyond = "it has flags that no declaration has";
	return dump->fn(dump->ctx, info.ndm_ifindex, &neighbour, &provenance);
}

int neighbour_dump(struct netlink *netlink, int of_ifindex, uint8_t protocol, neighbour_fn fn,
		   void *ctx)
{
	struct ndmsg header = { .ndm_family = AF_UNSPEC };
	struct message m = message_start(RTM_GETNEIGH, 0, &header, sizeof(header));
	struct dump dump = { protocol, fn, ctx };

	if (of_ifindex)
		message_put_u32(&m, NDA_IFINDEX, of_ifindex);
	return netlink_dump(netlink, message_finish(&m), on_neighbour, &dump);
}
