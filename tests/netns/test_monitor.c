/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rtnetlink listener: which changes it tells, of which namespaces, and that a loss is never
 * hidden, also when more is lost while what came before it is being read.
 */
#include "kernel/address.h"
#include "kernel/monitor.h"
#include "netns/stage.h"
#include "unit/test.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#define NAME "mt0"
#define PEER "mt-in"
#define LOOPBACK 1
#define FORGED 4711 /* an ifindex */

/* What was told since seen was emptied. */
struct seen {
	struct monitor_event events[4096];
	size_t n;
	unsigned int n_overflows;
};
static struct seen seen;

static struct monitor *monitor;
static struct netlink_result pair;
static int nsid;

static void on_event(void *ctx, const struct monitor_event *event)
{
	CHECK(ctx == &seen);
	if (event->overflow) {
		CHECK(!event->ifindex && !event->nsid && !event->name[0]);
		seen.n_overflows++;
	} else if (seen.n < ARRAY_SIZE(seen.events)) {
		seen.events[seen.n++] = *event;
	}
}

static bool is_readable(void)
{
	struct pollfd poll_fd = { .fd = monitor_fd(monitor), .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

static void drain_all(void)
{
	do
		CHECK(monitor_drain(monitor, on_event, &seen) == 0);
	while (is_readable());
}

static void forget(void)
{
	drain_all();
	seen = (struct seen){};
}

/* name NULL: an event of an address or a route. */
static bool has_seen(int of_nsid, int ifindex, const char *name)
{
	for (size_t i = 0; i < seen.n; i++) {
		const struct monitor_event *event = &seen.events[i];

		if (event->nsid == of_nsid && event->ifindex == ifindex &&
		    strcmp(event->name, name ? name : "") == 0)
			return true;
	}
	return false;
}

static bool has_seen_device(int ifindex)
{
	for (size_t i = 0; i < seen.n; i++)
		if (seen.events[i].ifindex == ifindex)
			return true;
	return false;
}

/* Some of what IPv6 does to an address it does later, on its own time. */
static bool wait_for(int of_nsid, int ifindex, const char *name)
{
	struct pollfd poll_fd = { .fd = monitor_fd(monitor), .events = POLLIN };

	do
		drain_all();
	while (!has_seen(of_nsid, ifindex, name) && poll(&poll_fd, 1, 5000) == 1);
	return has_seen(of_nsid, ifindex, name);
}

static void set_buffer(int bytes)
{
	CHECK(setsockopt(monitor_fd(monitor), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ==
	      0);
}

static void set_mtu(int ifindex, unsigned int mtu)
{
	struct attrs attrs = { .has = ATTR_MTU, .mtu = mtu };

	CHECK(stage_call(stage.host, link_set(ifindex, &attrs)) == 0);
}

/* n changes of a link, each an event. */
static void storm(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		set_mtu(pair.ifindex, 1400 + i % 2);
}

static void test_links(void)
{
	struct pair wanted = stage_pair(NAME, PEER, MODE_L3);

	CHECK(link_nsid(stage.host, stage.inside.fd, &nsid) == 0 && nsid >= 0);
	forget();
	pair = stage_create(&wanted);
	CHECK(pair.error == 0);
	drain_all();
	CHECK(has_seen(-1, pair.ifindex, NAME));
	CHECK(has_seen(nsid, pair.peer_ifindex, PEER));
	forget();
	set_mtu(pair.ifindex, 1450);
	drain_all();
	CHECK(has_seen(-1, pair.ifindex, NAME));
	CHECK(!is_readable());
	CHECK(seen.n_overflows == 0);
}

static struct address address(const char *text)
{
	struct address a = {};

	CHECK(prefix_parse(text, &a.prefix) == 0);
	return a;
}

static struct route route(const char *to)
{
	struct route r = { .table = RT_TABLE_MAIN };

	CHECK(prefix_parse(to, &r.to) == 0);
	if (r.to.ip.family == AF_INET6)
		r.metric = 1024;
	return r;
}

/* Each is made and removed by its own message, and each of these is an event. */
static void check_made_and_removed(struct netlink *netlink, int of_nsid, int ifindex,
				   struct nl_msg *make, struct nl_msg *remove)
{
	forget();
	CHECK(stage_call(netlink, make) == 0);
	CHECK(wait_for(of_nsid, ifindex, NULL));
	forget();
	CHECK(stage_call(netlink, remove) == 0);
	CHECK(wait_for(of_nsid, ifindex, NULL));
}

static void check_end(struct netlink *netlink, int of_nsid, int ifindex)
{
	static const char *const addresses[] = { "192.0.2.1/32", "2001:db8::1/128" };
	static const char *const routes[] = { "198.51.100.0/24", "2001:db8:1::/64" };
	struct attrs up = { .has = ATTR_UP, .up = true };

	CHECK(stage_call(netlink, link_set(ifindex, &up)) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct address a = address(addresses[i]);
		struct route r = route(routes[i]);

		check_made_and_removed(netlink, of_nsid, ifindex, address_add(ifindex, &a),
				       address_del(ifindex, &a));
		check_made_and_removed(netlink, of_nsid, ifindex, route_add(ifindex, &r),
				       route_del(ifindex, &r));
	}
}

/* An address' event hides behind those of the kernel's own routes to it. */
static void test_groups(void)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE };
	uint32_t joined[16] = {};
	socklen_t size = sizeof(joined);

	CHECK(getsockopt(monitor_fd(monitor), SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, joined,
			 &size) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		CHECK(joined[(groups[i] - 1) / 32] & 1U << (groups[i] - 1) % 32);
}

/* A namespace that has no number here is none of ours. */
static void test_strangers(void)
{
	AUTO(diag_done) struct diag why = {};
	AUTO(netns_done) struct netns elsewhere = NETNS_NONE;
	AUTO(netlink_freep) struct netlink *netlink = NULL;
	struct attrs up = { .has = ATTR_UP, .up = true };
	pid_t pid = stage_start_resident();
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	CHECK(stage_open_netns(NETNS_BY_PID, text, &elsewhere, &why) == 0);
	CHECK(netlink_open(&elsewhere, &netlink) == 0);
	forget();
	CHECK(stage_call(netlink, link_set(LOOPBACK, &up)) == 0);
	drain_all();
	CHECK(!has_seen_device(LOOPBACK));
	CHECK(stage_call(stage.in_netns, link_set(LOOPBACK, &up)) == 0);
	drain_all();
	CHECK(has_seen(nsid, LOOPBACK, "lo"));
	stage_end_resident(pid);
}

static void test_overflow(void)
{
	forget();
	set_buffer(8192);
	storm(3000);
	drain_all();
	CHECK(seen.n_overflows == 1);
	CHECK(seen.n > 0 && seen.n < 3000);
	forget();
	storm(1);
	drain_all();
	CHECK(seen.n_overflows == 0);
	CHECK(has_seen(-1, pair.ifindex, NAME));
}

/*
 * Between the first loss and the end of what came before it the kernel drops everything: who is
 * told of the loss earlier looks too early.
 */
static void test_loss_is_told_when_it_is_over(void)
{
	struct pair unseen = stage_pair("mt1", "mt1-in", MODE_L3);
	struct netlink_result made;

	forget();
	set_buffer(2 << 20);
	storm(3000);
	CHECK(monitor_drain(monitor, on_event, &seen) == 0);
	CHECK(seen.n > 0 && is_readable());
	CHECK(seen.n_overflows == 0);
	made = stage_create(&unseen);
	CHECK(made.error == 0);
	drain_all();
	CHECK(!has_seen_device(made.ifindex));
	CHECK(seen.n_overflows == 1);
	stage_delete(made.ifindex);
}

/* A bound that keeps the rest of the daemon alive during a storm. */
static void test_drain_is_bounded(void)
{
	size_t n;

	forget();
	set_buffer(16 << 20);
	storm(2000);
	CHECK(monitor_drain(monitor, on_event, &seen) == 0);
	n = seen.n;
	CHECK(n > 0 && n < 2000 && is_readable());
	drain_all();
	CHECK(seen.n >= 2000 && seen.n_overflows == 0);
}

/* ---- messages that no kernel sends ---- */

struct forged {
	struct nlmsghdr header;
	struct ifinfomsg info;
	struct rtattr attr;
	char value[64];
};

static void send_forged(const struct forged *forged, size_t len)
{
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl to = {};
	socklen_t size = sizeof(to);

	CHECK(getsockname(monitor_fd(monitor), (struct sockaddr *)&to, &size) == 0);
	to.nl_groups = 0;
	CHECK(fd >= 0);
	CHECK(sendto(fd, forged, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len);
	drain_all();
}

static void test_forged(void)
{
	struct forged forged = {
		.header = { .nlmsg_len = sizeof(forged), .nlmsg_type = RTM_DELLINK },
		.info.ifi_index = FORGED,
		.attr = { .rta_len = sizeof(struct rtattr) + 64, .rta_type = IFLA_IFNAME },
	};

	memset(forged.value, 'x', sizeof(forged.value));
	forget();
	send_forged(&forged, sizeof(forged));
	CHECK(has_seen(-1, FORGED, "xxxxxxxxxxxxxxx"));
	forget();
	forged.header.nlmsg_type = RTM_NEWLINK;
	forged.attr.rta_len = 6000;
	send_forged(&forged, sizeof(forged));
	CHECK(has_seen(-1, FORGED, NULL));
	forget();
	forged.attr = (struct rtattr){ .rta_len = 4, .rta_type = IFLA_WIRELESS };
	send_forged(&forged, sizeof(forged));
	CHECK(!has_seen_device(FORGED));
	forged.header.nlmsg_type = RTM_NEWROUTE;
	forged.attr = (struct rtattr){ .rta_len = 5, .rta_type = RTA_OIF };
	send_forged(&forged, sizeof(forged));
	CHECK(!has_seen_device(FORGED));
	forged.header = (struct nlmsghdr){ .nlmsg_len = 20, .nlmsg_type = RTM_NEWLINK };
	send_forged(&forged, 20);
	forged.header.nlmsg_len = 100000;
	send_forged(&forged, sizeof(forged));
	CHECK(!has_seen_device(FORGED) && seen.n_overflows == 0);
}

static void test_deletion(void)
{
	forget();
	stage_delete(pair.ifindex);
	drain_all();
	CHECK(has_seen(-1, pair.ifindex, NAME));
	CHECK(has_seen(nsid, pair.peer_ifindex, PEER));
}

int main(void)
{
	stage_set();
	CHECK(monitor_new(&monitor) == 0);
	test_groups();
	test_links();
	check_end(stage.host, -1, pair.ifindex);
	check_end(stage.in_netns, nsid, pair.peer_ifindex);
	test_strangers();
	test_overflow();
	test_loss_is_told_when_it_is_over();
	test_drain_is_bounded();
	test_forged();
	test_deletion();
	monitor_free(monitor);
	netlink_result_done(&pair);
	stage_strike();
	return 0;
}
