/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The listening socket. Parsed by hand: of an event only the place is of interest, and the number
 * of its namespace comes as ancillary data that libraries do not hand out.
 *
 * Once the kernel has had to drop an event it drops all others until the socket is empty, and says
 * so only once, at the beginning. So a loss is told when it is over: a look that began earlier
 * would miss what was dropped after it.
 */
#include "kernel/monitor.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (16 << 20) /* a thousand pairs make 7 MB of events in one go */
#define MESSAGE_SIZE 32768 /* the kernel's own bound for one datagram of events */
#define DRAIN_MAX 512 /* datagrams a call: the loop has others to serve */

struct monitor {
	int fd;
	bool lost; /* events, since the socket was empty the last time */
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
};

static int join(int fd)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	int on = 1, size = RECEIVE_BUFFER;

	if (setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
		return -errno;
	/* Without CAP_NET_ADMIN over the buffers the default stays; overflow is handled anyway. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return -errno;
	return 0;
}

int monitor_new(struct monitor **ret)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	r = monitor->fd < 0 ? -errno : 0;
	if (r == 0 && bind(monitor->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == 0)
		r = join(monitor->fd);
	if (r < 0) {
		monitor_free(monitor);
		return r;
	}
	*ret = monitor;
	return 0;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	util_close(&monitor->fd);
	free(monitor);
}

int monitor_fd(const struct monitor *monitor)
{
	return monitor->fd;
}

/* Where in the payload the attributes begin; 0: not an event of interest. */
static size_t attributes_offset(const struct nlmsghdr *header)
{
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return NLMSG_ALIGN(sizeof(struct ifinfomsg));
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return NLMSG_ALIGN(sizeof(struct ifaddrmsg));
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return NLMSG_ALIGN(sizeof(struct rtmsg));
	default:
		return 0;
	}
}

/* The first attribute of a type; NULL: there is none. */
static const struct rtattr *find_attribute(const struct nlmsghdr *header, unsigned short type)
{
	size_t offset = attributes_offset(header);
	const struct rtattr *attr = (const void *)((const char *)NLMSG_DATA(header) + offset);
	int left = (int)header->nlmsg_len - (int)(NLMSG_HDRLEN + offset);

	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == type)
			return attr;
	return NULL;
}

static void read_link(const struct nlmsghdr *header, struct monitor_event *ret)
{
	const struct rtattr *name = find_attribute(header, IFLA_IFNAME);

	/* Wireless drivers report every scan; such a message says nothing of the link. */
	if (find_attribute(header, IFLA_WIRELESS))
		return;
	ret->ifindex = ((const struct ifinfomsg *)NLMSG_DATA(header))->ifi_index;
	if (name)
		memcpy(ret->name, RTA_DATA(name), MIN(RTA_PAYLOAD(name), sizeof(ret->name) - 1));
}

static void read_route(const struct nlmsghdr *header, struct monitor_event *ret)
{
	const struct rtattr *device = find_attribute(header, RTA_OIF);

	if (device && RTA_PAYLOAD(device) == sizeof(ret->ifindex))
		memcpy(&ret->ifindex, RTA_DATA(device), sizeof(ret->ifindex));
}

/* Fills the place of the event; false: nothing that could concern a pair. */
static bool read_event(const struct nlmsghdr *header, struct monitor_event *ret)
{
	size_t offset = attributes_offset(header);

	if (!offset || header->nlmsg_len < NLMSG_HDRLEN + offset)
		return false;
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		read_link(header, ret);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		ret->ifindex = ((const struct ifaddrmsg *)NLMSG_DATA(header))->ifa_index;
		break;
	default:
		read_route(header, ret);
		break;
	}
	return ret->ifindex > 0;
}

/* The namespace's number; its own namespace is announced without one. */
static int read_nsid(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int nsid;

		if (c->cmsg_level != SOL_NETLINK || c->cmsg_type != NETLINK_LISTEN_ALL_NSID)
			continue;
		memcpy(&nsid, CMSG_DATA(c), sizeof(nsid));
		return nsid;
	}
	return -1;
}

static void read_datagram(const char *buffer, size_t len, int nsid,
			  void (*on_event)(void *ctx, const struct monitor_event *event), void *ctx)
{
	const struct nlmsghdr *header = (const void *)buffer;
	unsigned int left = len;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		struct monitor_event event = { .nsid = nsid };

		if (read_event(header, &event))
			on_event(ctx, &event);
	}
}

/* One datagram: its length with its namespace's number, 0 without content, or -errno. */
static ssize_t receive(struct monitor *monitor, int *ret_nsid)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int)) * 2];
	struct iovec iov = { monitor->buffer, sizeof(monitor->buffer) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(monitor->fd, &message, 0);

	if (len < 0 && errno != ENOBUFS)
		return errno == EINTR ? 0 : -errno;
	if (len < 0 || (message.msg_flags & MSG_TRUNC)) {
		monitor->lost = true;
		return 0;
	}
	*ret_nsid = read_nsid(&message);
	return len;
}

int monitor_drain(struct monitor *monitor,
		  void (*on_event)(void *ctx, const struct monitor_event *event), void *ctx)
{
	static const struct monitor_event overflow = { .overflow = true };

	for (int i = 0; i < DRAIN_MAX; i++) {
		int nsid = -1;
		ssize_t len = receive(monitor, &nsid);

		if (len == -EAGAIN && STEAL(monitor->lost))
			on_event(ctx, &overflow);
		if (len < 0)
			return len == -EAGAIN ? 0 : len;
		read_datagram(monitor->buffer, len, nsid, on_event, ctx);
	}
	return 0;
}
