// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space asks of meta devices by rtnetlink: attributes, their limits, and the words that a
 * refusal comes with. Nothing here makes or changes anything.
 */
#include <linux/etherdevice.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>

#include "internal.h"

const struct nla_policy meta_policy[IFLA_META_MAX + 1] = {
	[IFLA_META_PEER_INFO]	= { .len = sizeof(struct ifinfomsg) },
	[IFLA_META_PRIMARY]	= { .type = NLA_REJECT,
				    .reject_message = "Which end is primary cannot be chosen" },
	[IFLA_META_POLICY]	= { .type = NLA_U32 },
	[IFLA_META_PEER_POLICY]	= { .type = NLA_U32 },
	[IFLA_META_MODE]	= { .type = NLA_U32 },
	[IFLA_META_SCRUB]	= NLA_POLICY_MAX(NLA_U32, META_SCRUB_DEFAULT),
	[IFLA_META_PEER_SCRUB]	= NLA_POLICY_MAX(NLA_U32, META_SCRUB_DEFAULT),
	[IFLA_META_HEADROOM]	= NLA_POLICY_MAX(NLA_U16, META_ROOM_MAX),
	[IFLA_META_TAILROOM]	= NLA_POLICY_MAX(NLA_U16, META_ROOM_MAX),
	[IFLA_META_PAIRING]	= NLA_POLICY_MAX(NLA_U32, META_SINGLE),
	[IFLA_META_LOCK]	= NLA_POLICY_MASK(NLA_U32, META_LOCK_MTU | META_LOCK_ADDRESS),
};

/* ---- reading a request ---- */

static bool meta_knows(int type)
{
	return (type >= IFLA_META_PEER_INFO && type <= IFLA_META_PAIRING) ||
	       type == IFLA_META_LOCK;
}

/* The core's parser skips attributes it has no place for; whoever sent one counts on its effect. */
static int meta_refuse_unknown(const struct nlattr *data, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem;

	nla_for_each_nested(attr, data, rem) {
		if (!meta_knows(nla_type(attr))) {
			NL_SET_ERR_MSG_ATTR(extack, attr, "Unknown attribute of a meta device");
			return -EINVAL;
		}
	}
	return 0;
}

int meta_check_address(const struct nlattr *address, struct netlink_ext_ack *extack)
{
	if (!address)
		return 0;
	if (nla_len(address) != ETH_ALEN) {
		NL_SET_ERR_MSG_ATTR(extack, address, "An address must have 6 bytes");
		return -EINVAL;
	}
	if (!is_valid_ether_addr(nla_data(address))) {
		NL_SET_ERR_MSG_ATTR(extack, address, "An address must be unicast and not zero");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

int meta_validate(struct nlattr *tb[], struct nlattr *data[],
		  struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem, err;

	/* @data is parsed already. */
	nla_for_each_nested(attr, tb[IFLA_LINKINFO], rem) {
		err = nla_type(attr) == IFLA_INFO_DATA ? meta_refuse_unknown(attr, extack) : 0;
		if (err)
			return err;
	}
	return meta_check_address(tb[IFLA_ADDRESS], extack);
}

int meta_read_policy(const struct nlattr *attr, enum meta_action *policy,
		     struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	switch (nla_get_u32(attr)) {
	case META_PASS:
	case META_DROP:
		*policy = nla_get_u32(attr);
		return 0;
	default:
		NL_SET_ERR_MSG_ATTR(extack, attr, "A policy must be pass (0) or drop (2)");
		return -EINVAL;
	}
}

static int meta_read_mode(const struct nlattr *attr, enum meta_mode *mode,
			  struct netlink_ext_ack *extack)
{
	if (!attr)
		return 0;
	switch (nla_get_u32(attr)) {
	case META_L2:
	case META_L3:
		*mode = nla_get_u32(attr);
		return 0;
	default:
		NL_SET_ERR_MSG_ATTR(extack, attr, "A mode must be L2 (0) or L3 (1)");
		return -EINVAL;
	}
}

/* What only a pair can have. A single device has no policy either: without programs it drops. */
static int meta_check_single(struct nlattr *data[], const struct meta_request *request,
			     struct netlink_ext_ack *extack)
{
	static const int of_pairs[] = {
		IFLA_META_PEER_INFO, IFLA_META_PEER_POLICY, IFLA_META_SCRUB, IFLA_META_PEER_SCRUB,
		IFLA_META_LOCK,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(of_pairs); i++) {
		if (data[of_pairs[i]]) {
			NL_SET_ERR_MSG_ATTR(extack, data[of_pairs[i]],
					    "A single device has no peer");
			return -EOPNOTSUPP;
		}
	}
	if (request->policy != META_PASS) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_META_POLICY],
				    "A single device has no policy");
		return -EOPNOTSUPP;
	}
	return 0;
}

int meta_read_request(struct nlattr *data[], struct meta_request *request,
		      struct netlink_ext_ack *extack)
{
	int err;

	*request = (struct meta_request) {
		.mode		= META_L3,
		.policy		= META_PASS,
		.peer_policy	= META_PASS,
		.scrub		= META_SCRUB_DEFAULT,
		.peer_scrub	= META_SCRUB_DEFAULT,
	};
	if (!data)
		return 0;
	err = meta_read_mode(data[IFLA_META_MODE], &request->mode, extack) ?:
	      meta_read_policy(data[IFLA_META_POLICY], &request->policy, extack) ?:
	      meta_read_policy(data[IFLA_META_PEER_POLICY], &request->peer_policy, extack);
	if (err)
		return err;
	if (data[IFLA_META_SCRUB])
		request->scrub = nla_get_u32(data[IFLA_META_SCRUB]);
	if (data[IFLA_META_PEER_SCRUB])
		request->peer_scrub = nla_get_u32(data[IFLA_META_PEER_SCRUB]);
	if (data[IFLA_META_HEADROOM])
		request->headroom = nla_get_u16(data[IFLA_META_HEADROOM]);
	if (data[IFLA_META_TAILROOM])
		request->tailroom = nla_get_u16(data[IFLA_META_TAILROOM]);
	if (data[IFLA_META_LOCK])
		request->lock = nla_get_u32(data[IFLA_META_LOCK]);
	if (data[IFLA_META_PAIRING])
		request->pairing = nla_get_u32(data[IFLA_META_PAIRING]);
	if (request->pairing == META_SINGLE)
		return meta_check_single(data, request, extack);
	return 0;
}
