// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtnetlink by hand, as rtnl.h says: the socket, messages, what a link is. links.c has the usual
 * requests. Nothing here checks what it sends; a caller may cut, repeat and misname attributes.
 */
#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef NETLINK_EXT_ACK
#error "linux/netlink.h is older than extended acknowledgements"
#endif

/* ---- the socket ---- */

int rtnl_open(struct rtnl *rtnl)
{
	/* An answer that never comes is a failure of the test, not its end. */
	struct timeval patience = { .tv_sec = 60 };
	int one = 1, size = 1 << 20;

	*rtnl = (struct rtnl){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) };
	if (rtnl->fd < 0)
		return -errno;
	if (setsockopt(rtnl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(rtnl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

int rtnl_open_in(struct rtnl *rtnl, int netns_fd)
{
	int home = netns_current(), ret;

	netns_enter(netns_fd);
	ret = rtnl_open(rtnl);
	netns_enter(home);
	close(home);
	return ret;
}

void rtnl_close(struct rtnl *rtnl)
{
	close(rtnl->fd);
	rtnl->fd = -1;
}

/* ---- messages ---- */

static void *extend(struct msg *msg, size_t len)
{
	void *place = msg->bytes + msg->len;
	size_t padded = NLMSG_ALIGN(len);

	if (msg->len + padded > sizeof(msg->bytes)) {
		fprintf(stderr, "a message is too long\n");
		abort();
	}
	memset(place, 0, padded);
	msg->len += padded;
	((struct nlmsghdr *)msg->bytes)->nlmsg_len = msg->len;
	return place;
}

void msg_begin(struct msg *msg, uint16_t type, uint16_t flags, const void *header, size_t len)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)msg->bytes;

	msg->len = 0;
	extend(msg, sizeof(*nlh));
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK;
	memcpy(extend(msg, len), header, len);
}

void msg_link(struct msg *msg, uint16_t type, uint16_t flags, int ifindex)
{
	struct ifinfomsg ifm = { .ifi_index = ifindex };

	msg_begin(msg, type, flags, &ifm, sizeof(ifm));
}

struct ifinfomsg *msg_ifinfo(struct msg *msg)
{
	return (struct ifinfomsg *)(msg->bytes + NLMSG_HDRLEN);
}

void put_bytes(struct msg *msg, const void *data, size_t len)
{
	void *place = extend(msg, len);

	if (len)
		memcpy(place, data, len);
}

void put_raw(struct msg *msg, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attr = extend(msg, RTA_LENGTH(len));

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
}

void put_u8(struct msg *msg, uint16_t type, uint8_t value)
{
	put_raw(msg, type, &value, sizeof(value));
}

void put_u16(struct msg *msg, uint16_t type, uint16_t value)
{
	put_raw(msg, type, &value, sizeof(value));
}

void put_u32(struct msg *msg, uint16_t type, uint32_t value)
{
	put_raw(msg, type, &value, sizeof(value));
}

void put_str(struct msg *msg, uint16_t type, const char *value)
{
	put_raw(msg, type, value, strlen(value) + 1);
}

size_t nest_begin(struct msg *msg, uint16_t type)
{
	size_t nest = msg->len;

	put_raw(msg, type, NULL, 0);
	return nest;
}

void nest_end(struct msg *msg, size_t nest)
{
	((struct rtattr *)(msg->bytes + nest))->rta_len = msg->len - nest;
}

struct linkinfo linkinfo_begin(struct msg *msg, const char *kind)
{
	struct linkinfo nests;

	nests.info = nest_begin(msg, IFLA_LINKINFO);
	put_str(msg, IFLA_INFO_KIND, kind);
	nests.data = nest_begin(msg, IFLA_INFO_DATA);
	return nests;
}

void linkinfo_end(struct msg *msg, struct linkinfo nests)
{
	nest_end(msg, nests.data);
	nest_end(msg, nests.info);
}

size_t peer_info_begin(struct msg *msg, int ifindex, unsigned int flags, unsigned int change)
{
	struct ifinfomsg ifm = { .ifi_index = ifindex, .ifi_flags = flags, .ifi_change = change };
	size_t nest = nest_begin(msg, PAIR_PEER_INFO);

	put_bytes(msg, &ifm, sizeof(ifm));
	return nest;
}

/* ---- answers ---- */

static void read_extack(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	const unsigned char *p = (const unsigned char *)(err + 1);
	int left;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		p += NLMSG_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	left = (int)((const unsigned char *)nlh + nlh->nlmsg_len - p);
	for (const struct rtattr *attr = (const void *)p; RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == NLMSGERR_ATTR_MSG)
			snprintf(rtnl->extack, sizeof(rtnl->extack), "%.*s", (int)RTA_PAYLOAD(attr),
				 (const char *)RTA_DATA(attr));
		else if (attr->rta_type == NLMSGERR_ATTR_OFFS)
			memcpy(&rtnl->extack_offs, RTA_DATA(attr), sizeof(rtnl->extack_offs));
	}
}

static int transmit(struct rtnl *rtnl, const struct msg *msg)
{
	unsigned char bytes[sizeof(msg->bytes)];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	memcpy(bytes, msg->bytes, msg->len);
	((struct nlmsghdr *)bytes)->nlmsg_seq = ++rtnl->seq;
	rtnl->extack[0] = 0;
	rtnl->extack_offs = 0;
	if (sendto(rtnl->fd, bytes, msg->len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* Reads until the acknowledgement or the end of a dump; what comes before goes to on_message. */
static int receive(struct rtnl *rtnl, void (*on_message)(const struct nlmsghdr *nlh, void *ctx),
		   void *ctx)
{
	static _Alignas(8) unsigned char buffer[1 << 18];

	for (;;) {
		ssize_t n = recv(rtnl->fd, buffer, sizeof(buffer), 0);

		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (const struct nlmsghdr *nlh = (const void *)buffer; NLMSG_OK(nlh, n);
		     nlh = NLMSG_NEXT(nlh, n)) {
			if (nlh->nlmsg_seq != rtnl->seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_DONE)
				return 0;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				read_extack(rtnl, nlh);
				return ((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			}
			if (on_message)
				on_message(nlh, ctx);
		}
	}
}

int rtnl_send(struct rtnl *rtnl, const struct msg *msg)
{
	int ret = transmit(rtnl, msg);

	return ret ? ret : receive(rtnl, NULL, NULL);
}

/* ---- what a link is ---- */

static void copy_string(char *ret, size_t size, const struct rtattr *attr)
{
	snprintf(ret, size, "%.*s", (int)RTA_PAYLOAD(attr), (const char *)RTA_DATA(attr));
}

static void parse_data(struct link_state *link, const struct rtattr *data)
{
	int left = RTA_PAYLOAD(data);

	for (const struct rtattr *attr = RTA_DATA(data); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		size_t type = attr->rta_type & NLA_TYPE_MASK, len = RTA_PAYLOAD(attr);

		if (type >= sizeof(link->data) / sizeof(link->data[0]))
			continue;
		link->data_len[type] = len;
		memcpy(&link->data[type], RTA_DATA(attr),
		       len < sizeof(link->data[0]) ? len : sizeof(link->data[0]));
	}
}

static void parse_info(struct link_state *link, const struct rtattr *info)
{
	int left = RTA_PAYLOAD(info);

	for (const struct rtattr *attr = RTA_DATA(info); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		switch (attr->rta_type & NLA_TYPE_MASK) {
		case IFLA_INFO_KIND:
			copy_string(link->kind, sizeof(link->kind), attr);
			break;
		case IFLA_INFO_DATA:
			parse_data(link, attr);
			break;
		}
	}
}

static void parse_number(struct link_state *link, const struct rtattr *attr)
{
	static const struct {
		uint16_t type;
		size_t offset;
	} numbers[] = {
		{ IFLA_MTU, offsetof(struct link_state, mtu) },
		{ IFLA_TXQLEN, offsetof(struct link_state, txqlen) },
		{ IFLA_MIN_MTU, offsetof(struct link_state, min_mtu) },
		{ IFLA_MAX_MTU, offsetof(struct link_state, max_mtu) },
		{ IFLA_NUM_TX_QUEUES, offsetof(struct link_state, n_tx) },
		{ IFLA_NUM_RX_QUEUES, offsetof(struct link_state, n_rx) },
		{ IFLA_GSO_MAX_SIZE, offsetof(struct link_state, gso_max) },
		{ IFLA_GRO_MAX_SIZE, offsetof(struct link_state, gro_max) },
		{ IFLA_TSO_MAX_SIZE, offsetof(struct link_state, tso_max) },
		{ IFLA_LINK, offsetof(struct link_state, link) },
		{ IFLA_LINK_NETNSID, offsetof(struct link_state, link_netnsid) },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (attr->rta_type == numbers[i].type)
			memcpy((char *)link + numbers[i].offset, RTA_DATA(attr), sizeof(uint32_t));
	}
}

static void parse_link(const struct nlmsghdr *nlh, struct link_state *link)
{
	const struct ifinfomsg *ifm = NLMSG_DATA(nlh);
	int left = IFLA_PAYLOAD(nlh);

	/* Padding too: tests compare what they saw as bytes. */
	memset(link, 0, sizeof(*link));
	link->ifindex = ifm->ifi_index;
	link->flags = ifm->ifi_flags;
	link->type = ifm->ifi_type;
	for (const struct rtattr *attr = IFLA_RTA(ifm); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		switch (attr->rta_type & NLA_TYPE_MASK) {
		case IFLA_IFNAME:
			copy_string(link->name, sizeof(link->name), attr);
			break;
		case IFLA_QDISC:
			copy_string(link->qdisc, sizeof(link->qdisc), attr);
			break;
		case IFLA_ADDRESS:
			link->address_len = RTA_PAYLOAD(attr);
			if (link->address_len <= sizeof(link->address))
				memcpy(link->address, RTA_DATA(attr), link->address_len);
			break;
		case IFLA_OPERSTATE:
			link->operstate = *(const uint8_t *)RTA_DATA(attr);
			break;
		case IFLA_CARRIER:
			link->carrier = *(const uint8_t *)RTA_DATA(attr);
			break;
		case IFLA_LINKINFO:
			parse_info(link, attr);
			break;
		case IFLA_LINK:
			link->has_link = true;
			break;
		case IFLA_LINK_NETNSID:
			link->has_link_netnsid = true;
			break;
		}
		parse_number(link, attr);
	}
}

struct listing {
	void (*on_link)(const struct link_state *link, void *ctx);
	void *ctx;
};

static void on_link_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct listing *listing = ctx;
	struct link_state link;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return;
	parse_link(nlh, &link);
	listing->on_link(&link, listing->ctx);
}

static void keep_link(const struct link_state *link, void *ctx)
{
	memcpy(ctx, link, sizeof(*link));
}

/* Statistics are most of an answer, and nothing here reads them. */
static int get_one(struct rtnl *rtnl, struct msg *msg, struct link_state *ret)
{
	struct listing listing = { keep_link, ret };
	int err;

	put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = transmit(rtnl, msg);
	return err ? err : receive(rtnl, on_link_message, &listing);
}

int link_get(struct rtnl *rtnl, const char *name, struct link_state *ret)
{
	struct msg msg;

	msg_link(&msg, RTM_GETLINK, 0, 0);
	put_str(&msg, IFLA_IFNAME, name);
	return get_one(rtnl, &msg, ret);
}

int link_get_by_index(struct rtnl *rtnl, int ifindex, struct link_state *ret)
{
	struct msg msg;

	msg_link(&msg, RTM_GETLINK, 0, ifindex);
	return get_one(rtnl, &msg, ret);
}

int link_each(struct rtnl *rtnl, void (*on_link)(const struct link_state *link, void *ctx),
	      void *ctx)
{
	struct listing listing = { on_link, ctx };
	struct msg msg;
	int err;

	msg_link(&msg, RTM_GETLINK, NLM_F_DUMP, 0);
	err = transmit(rtnl, &msg);
	return err ? err : receive(rtnl, on_link_message, &listing);
}

static void count_link(const struct link_state *link, void *ctx)
{
	++*(int *)ctx;
}

int link_count(struct rtnl *rtnl)
{
	int n = 0, err = link_each(rtnl, count_link, &n);

	return err ? err : n;
}
