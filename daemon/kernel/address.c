/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses of devices, as requests and from dumps; see address.h. The kernel keeps who made an
 * address (IFA_PROTO, Linux 5.18): nothing but that tells ours from others'.
 */
#include "kernel/address.h"

#include "kernel/message.h"

#include <errno.h>
#include <linux/rtnetlink.h>

static struct message start(int type, int flags, int ifindex, const struct address *address)
{
	struct ifaddrmsg header = {
		.ifa_family = address->prefix.ip.family,
		.ifa_prefixlen = address->prefix.len,
		.ifa_index = ifindex,
	};
	struct message m = message_start(type, flags, &header, sizeof(header));

	message_put_ip(&m, IFA_LOCAL, &address->prefix.ip);
	message_put_ip(&m, IFA_ADDRESS, &address->prefix.ip);
	return m;
}

struct nl_msg *address_add(int ifindex, const struct address *address)
{
	struct message m = start(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, address);

	message_put_u8(&m, IFA_PROTO, PROTOCOL_METAD);
	/* There is nobody else on the wire who could have it, and traffic need not wait. */
	message_put_u32(&m, IFA_FLAGS, IFA_F_NODAD);
	return message_finish(&m);
}

struct nl_msg *address_del(int ifindex, const struct address *address)
{
	struct message m = start(RTM_DELADDR, 0, ifindex, address);

	return message_finish(&m);
}

struct nl_msg *address_mark(int ifindex, const struct address *address, uint32_t flags,
			    uint8_t protocol)
{
	struct message m = start(RTM_NEWADDR, NLM_F_REPLACE, ifindex, address);

	message_put_u8(&m, IFA_PROTO, protocol);
	message_put_u32(&m, IFA_FLAGS, flags);
	return message_finish(&m);
}

/* ---- dumps ---- */

struct dump {
	uint8_t family;
	address_fn fn;
	void *ctx;
};

static const struct nla_policy policy[IFA_MAX + 1] = {
	[IFA_FLAGS] = { NLA_U32 },
	[IFA_RT_PRIORITY] = { NLA_U32 },
};

static const char *beyond_declaring(const struct ifaddrmsg *info, struct nlattr *tb[static IFA_MAX + 1],
				    uint32_t flags)
{
	const struct ip local = message_get_ip(tb[IFA_LOCAL], info->ifa_family);
	const struct ip other = message_get_ip(tb[IFA_ADDRESS], info->ifa_family);

	if (!(flags & IFA_F_PERMANENT))
		return "it has a lifetime";
	if (local.family && other.family && !ip_equal(&local, &other))
		return "it is a point-to-point address";
	if (flags & IFA_F_NOPREFIXROUTE)
		return "it has no route to its network";
	if (tb[IFA_RT_PRIORITY] && nla_get_u32(tb[IFA_RT_PRIORITY]))
		return "the route to its network has a metric";
	if (info->ifa_family == AF_INET && info->ifa_scope != RT_SCOPE_UNIVERSE)
		return "its scope is not global";
	if (flags & (IFA_F_MANAGETEMPADDR | IFA_F_HOMEADDRESS | IFA_F_MCAUTOJOIN))
		return "it has flags that no declaration has";
	return NULL;
}

static int on_address(void *ctx, const struct nlmsghdr *header)
{
	const struct dump *dump = ctx;
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg info;
	struct address address = {};
	struct provenance provenance = {};
	uint32_t flags;

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(info), tb, IFA_MAX, policy) < 0)
		return -EBADMSG;
	memcpy(&info, nlmsg_data(header), sizeof(info));
	/* A kernel without IPv6 answers its dump with everything it has. */
	if (header->nlmsg_type != RTM_NEWADDR || info.ifa_family != dump->family)
		return 0;
	/* IFA_ADDRESS is the other end's where the two differ. */
	address.prefix.ip = message_get_ip(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS],
					   info.ifa_family);
	if (address.prefix.ip.family == AF_UNSPEC)
		return -EBADMSG;
	address.prefix.len = info.ifa_prefixlen;
	if (tb[IFA_PROTO] && nla_len(tb[IFA_PROTO]) >= 1)
		provenance.protocol = nla_get_u8(tb[IFA_PROTO]);
	address.foreign = provenance.protocol != PROTOCOL_METAD;
	/* IFAPROT_KERNEL_LO, _RA and _LL, linux/if_addr.h. */
	provenance.by_kernel = provenance.protocol >= 1 && provenance.protocol <= 3;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : info.ifa_flags;
	provenance.flags = flags & IFA_F_NODAD;
	provenance.beyond = beyond_declaring(&info, tb, flags);
	return dump->fn(dump->ctx, info.ifa_index, &address, &provenance);
}

int address_dump(struct netlink *netlink, int of_ifindex, address_fn fn, void *ctx)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct ifaddrmsg header = { .ifa_family = families[i], .ifa_index = of_ifindex };
		struct message m = message_start(RTM_GETADDR, 0, &header, sizeof(header));
		struct dump dump = { families[i], fn, ctx };

		r = netlink_dump(netlink, message_finish(&m), on_address, &dump);
	}
	return r;
}
