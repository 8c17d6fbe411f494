// SPDX-License-Identifier: GPL-2.0-only
/*
 * The drop monitor, as drops.h says.
 */
#include "drops.h"

#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtnl.h"
#include "tap.h"
#include "wire.h"

static void genl_begin(struct msg *msg, uint16_t family, uint8_t command)
{
	struct genlmsghdr header = { .cmd = command, .version = 2 };

	msg_begin(msg, family, 0, &header, sizeof(header));
}

static const struct rtattr *find(const void *attrs, int len, int type)
{
	for (const struct rtattr *attr = attrs; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	}
	return NULL;
}

static const struct rtattr *find_in(const struct nlmsghdr *nlh, int type)
{
	return find((const char *)NLMSG_DATA(nlh) + GENL_HDRLEN,
		    (int)(nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN)), type);
}

/* The family's number and that of its one group; both are in the same answer. */
static int ask_family(struct drops *drops, uint32_t *ret_group)
{
	static _Alignas(8) unsigned char bytes[8192];
	const struct rtattr *family, *groups, *group, *id;
	struct msg msg;
	ssize_t n;

	genl_begin(&msg, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	put_str(&msg, CTRL_ATTR_FAMILY_NAME, "NET_DM");
	if (send(drops->fd, msg.bytes, msg.len, 0) < 0)
		return -errno;
	n = recv(drops->fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return -errno;
	if (((struct nlmsghdr *)bytes)->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(bytes))->error ?: -EPROTO;
	family = find_in((void *)bytes, CTRL_ATTR_FAMILY_ID);
	groups = find_in((void *)bytes, CTRL_ATTR_MCAST_GROUPS);
	group = groups ? RTA_DATA(groups) : NULL;
	id = group ? find(RTA_DATA(group), RTA_PAYLOAD(group), CTRL_ATTR_MCAST_GRP_ID) : NULL;
	if (!family || !id)
		return -EPROTO;
	memcpy(&drops->family, RTA_DATA(family), sizeof(drops->family));
	memcpy(ret_group, RTA_DATA(id), sizeof(*ret_group));
	/* The acknowledgement. */
	return recv(drops->fd, bytes, sizeof(bytes), 0) < 0 ? -errno : 0;
}

static int command(struct drops *drops, struct msg *msg)
{
	struct rtnl rtnl = { .fd = drops->fd };

	return rtnl_send(&rtnl, msg);
}

bool drops_open(struct drops *drops)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 5 };
	int room = 16 << 20, err;
	uint32_t group = 0;
	struct msg msg;

	drops->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (drops->fd < 0 || bind(drops->fd, (struct sockaddr *)&at, sizeof(at)))
		bail_out("generic netlink: %m");
	setsockopt(drops->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(drops->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	err = ask_family(drops, &group);
	if (err) {
		tap_skip("there is no drop monitor: %s", strerror(-err));
		close(drops->fd);
		return false;
	}
	if (setsockopt(drops->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		bail_out("the drop monitor's group: %m");
	genl_begin(&msg, drops->family, NET_DM_CMD_CONFIG);
	put_u8(&msg, NET_DM_ATTR_ALERT_MODE, NET_DM_ALERT_MODE_PACKET);
	err = command(drops, &msg);
	genl_begin(&msg, drops->family, NET_DM_CMD_START);
	put_raw(&msg, NET_DM_ATTR_SW_DROPS, NULL, 0);
	err = err ?: command(drops, &msg);
	if (err)
		bail_out("the drop monitor does not start: %s", strerror(-err));
	return true;
}

void drops_close(struct drops *drops)
{
	struct msg msg;

	genl_begin(&msg, drops->family, NET_DM_CMD_STOP);
	put_raw(&msg, NET_DM_ATTR_SW_DROPS, NULL, 0);
	command(drops, &msg);
	close(drops->fd);
}

bool drops_reason(struct drops *drops, uint32_t serial, int timeout_ms, char *ret, size_t size)
{
	static _Alignas(8) unsigned char bytes[1 << 17];
	struct pollfd pollfd = { .fd = drops->fd, .events = POLLIN };
	const struct rtattr *payload, *reason;

	while (poll(&pollfd, 1, timeout_ms) == 1) {
		ssize_t n = recv(drops->fd, bytes, sizeof(bytes), 0);
		const struct nlmsghdr *nlh = (const void *)bytes;

		if (n < 0 || !NLMSG_OK(nlh, n) || nlh->nlmsg_type != drops->family)
			continue;
		payload = find_in(nlh, NET_DM_ATTR_PAYLOAD);
		reason = find_in(nlh, NET_DM_ATTR_REASON);
		if (!payload || !reason ||
		    frame_serial(RTA_DATA(payload), RTA_PAYLOAD(payload)) != serial)
			continue;
		snprintf(ret, size, "%.*s", (int)RTA_PAYLOAD(reason), (char *)RTA_DATA(reason));
		return true;
	}
	snprintf(ret, size, "not dropped");
	return false;
}
