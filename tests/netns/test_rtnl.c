/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What travels over the rtnetlink socket on the running kernel: addresses, routes, neighbours,
 * traffic by them, batches, dumps under change, and the answer to who may not.
 */
#include "kernel/address.h"
#include "netns/stage.h"
#include "unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct prefix prefix(const char *text)
{
	struct prefix p;

	CHECK(prefix_parse(text, &p) == 0);
	return p;
}

static struct ip ip(const char *text)
{
	struct ip p;

	CHECK(ip_parse(text, &p) == 0);
	return p;
}

struct seen {
	int ifindex;
	unsigned int n, n_foreign;
	struct address addresses[8];
	struct route routes[8];
	struct neighbour neighbours[8];
};

static int on_address(void *ctx, int ifindex, const struct address *address,
		      const struct provenance *from)
{
	struct seen *seen = ctx;

	if (ifindex == seen->ifindex && address->foreign)
		seen->n_foreign++;
	if (ifindex == seen->ifindex && !address->foreign && seen->n < 8)
		seen->addresses[seen->n++] = *address;
	return 0;
}

static int on_route(void *ctx, int ifindex, const struct route *route,
		    const struct provenance *from)
{
	struct seen *seen = ctx;

	if (ifindex == seen->ifindex && seen->n < 8)
		seen->routes[seen->n++] = *route;
	return 0;
}

static int on_neighbour(void *ctx, int ifindex, const struct neighbour *neighbour,
			const struct provenance *from)
{
	struct seen *seen = ctx;

	if (ifindex == seen->ifindex && seen->n < 8)
		seen->neighbours[seen->n++] = *neighbour;
	return 0;
}

static void test_addresses(int ifindex)
{
	const struct address addresses[] = {
		{ prefix("10.1.0.2/24") }, { prefix("10.1.0.3/24") }, { prefix("2001:db8::2/64") },
	};
	struct seen seen = { ifindex };
	uint64_t end = util_now_ms() + 5000;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		CHECK(stage_call(stage.in_netns, address_add(ifindex, &addresses[i])) == 0);
	CHECK(stage_refused(stage.in_netns, address_add(ifindex, &addresses[0]), -EEXIST,
			    "ddress already"));
	/* The kernel makes its own fe80:: in its own time. */
	while (seen.n_foreign == 0 && util_now_ms() < end) {
		seen = (struct seen){ ifindex };
		CHECK(address_dump(stage.in_netns, 0, on_address, &seen) == 0);
	}
	CHECK(seen.n == 3 && seen.n_foreign == 1);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		CHECK(prefix_equal(&seen.addresses[i].prefix, &addresses[i].prefix));
	CHECK(stage_call(stage.in_netns, address_del(ifindex, &addresses[1])) == 0);
	CHECK(stage_refused(stage.in_netns, address_del(ifindex, &addresses[1]), -EADDRNOTAVAIL,
			    "ddress"));
	seen = (struct seen){ ifindex };
	CHECK(address_dump(stage.in_netns, 0, on_address, &seen) == 0);
	CHECK(seen.n == 2);
}

static void test_routes(int ifindex)
{
	const struct route routes[] = {
		{ .to = prefix("0.0.0.0/0"), .via = ip("169.254.1.1"), .table = 254,
		  .onlink = true },
		{ .to = prefix("10.9.0.0/16"), .src = ip("10.1.0.2"), .table = 1000,
		  .metric = 7 },
		{ .to = prefix("10.8.0.0/16"), .via = ip("2001:db8::9"), .table = 254 },
		{ .to = prefix("::/0"), .via = ip("2001:db8::1"), .table = 254, .metric = 1024 },
		{ .to = prefix("2001:db8:1::/48"), .via = ip("2001:db8:f::1"), .table = 254,
		  .metric = 5, .onlink = true },
		{ .to = prefix("2001:db8:2::/48"), .table = 300, .metric = 1024,
		  .src = ip("2001:db8::2") },
	};
	struct route unreachable = { .to = prefix("10.7.0.0/16"), .via = ip("192.0.2.9"),
				     .table = 254 };
	struct seen seen = { ifindex };

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		CHECK(stage_call(stage.in_netns, route_add(ifindex, &routes[i])) == 0);
	CHECK(stage_refused(stage.in_netns, route_add(ifindex, &routes[0]), -EEXIST,
			    "same metric"));
	CHECK(stage_refused(stage.in_netns, route_add(ifindex, &unreachable), -ENETUNREACH,
		      "RTM_NEWROUTE: Nexthop has invalid gateway"));
	CHECK(route_dump(stage.in_netns, 0, PROTOCOL_METAD, on_route, &seen) == 0);
	CHECK(seen.n == ARRAY_SIZE(routes));
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		bool found = false;

		for (size_t j = 0; j < seen.n; j++)
			found |= route_equal(&routes[i], &seen.routes[j]);
		CHECK(found);
	}
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		CHECK(stage_call(stage.in_netns, route_del(ifindex, &routes[i])) == 0);
	CHECK(stage_refused(stage.in_netns, route_del(ifindex, &routes[0]), -ESRCH,
			    "no such route"));
	seen = (struct seen){ ifindex };
	CHECK(route_dump(stage.in_netns, 0, PROTOCOL_METAD, on_route, &seen) == 0 && seen.n == 0);
}

static void test_neighbours(int ifindex)
{
	struct neighbour neighbours[] = {
		{ .ip = ip("169.254.1.1"), .mac = { 2, 0, 0, 0, 0, 1 } },
		{ .ip = ip("2001:db8::99"), .mac = { 2, 0, 0, 0, 0, 2 } },
	};
	struct seen seen = { ifindex };

	for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++)
		CHECK(stage_call(stage.in_netns, neighbour_add(ifindex, &neighbours[i])) == 0);
	CHECK(neighbour_dump(stage.in_netns, 0, PROTOCOL_METAD, on_neighbour, &seen) == 0 && seen.n == 2);
	for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++)
		CHECK(neighbour_equal(&seen.neighbours[0], &neighbours[i]) ||
		      neighbour_equal(&seen.neighbours[1], &neighbours[i]));
	for (size_t i = 0; i < ARRAY_SIZE(neighbours); i++)
		CHECK(stage_call(stage.in_netns, neighbour_del(ifindex, &neighbours[i])) == 0);
	CHECK(stage_refused(stage.in_netns, neighbour_del(ifindex, &neighbours[0]), -ENOENT,
			    "neighbour"));
	seen = (struct seen){ ifindex };
	CHECK(neighbour_dump(stage.in_netns, 0, PROTOCOL_METAD, on_neighbour, &seen) == 0 && seen.n == 0);
}

static int udp_socket(const struct netns *netns)
{
	struct timeval patience = { .tv_sec = 5 };
	int fd;

	if (netns)
		CHECK(netns_enter(netns) == 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (netns)
		netns_leave();
	CHECK(fd >= 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	return fd;
}

/* NOARP on both ends: only with equal MAC addresses does anything arrive. */
static void test_traffic(int ifindex)
{
	struct address address = { prefix("192.0.2.1/32") };
	struct route route = { .to = prefix("10.1.0.2/32"), .table = 254 };
	struct route back = { .to = prefix("192.0.2.1/32"), .table = 254 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7777) };
	struct link peer = stage_get(stage.in_netns, "eth0");
	AUTO_CLOSE int receiver = udp_socket(NULL);
	AUTO_CLOSE int sender = udp_socket(&stage.inside);
	char byte = 0;

	CHECK(stage_call(stage.host, address_add(ifindex, &address)) == 0);
	CHECK(stage_call(stage.host, route_add(ifindex, &route)) == 0);
	CHECK(stage_call(stage.in_netns, route_add(peer.ifindex, &back)) == 0);
	to.sin_addr.s_addr = inet_addr("192.0.2.1");
	CHECK(bind(receiver, (struct sockaddr *)&to, sizeof(to)) == 0);
	CHECK(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1);
	CHECK(recv(receiver, &byte, 1, 0) == 1 && byte == 'x');
}

static void test_layer3(void)
{
	struct attrs up = { .has = ATTR_UP, .up = true };
	struct pair pair = stage_pair("mtip", "eth0", MODE_L3);
	struct netlink_result made = stage_create(&pair);
	struct route route = { .to = prefix("10.1.0.2/32"), .table = 254 };

	CHECK(made.error == 0);
	CHECK(stage_refused(stage.host, route_add(made.ifindex, &route), -ENETDOWN, "is not up"));
	CHECK(stage_call(stage.in_netns, link_set(made.peer_ifindex, &up)) == 0);
	CHECK(stage_call(stage.host, link_set(made.ifindex, &up)) == 0);
	test_addresses(made.peer_ifindex);
	test_routes(made.peer_ifindex);
	test_neighbours(made.peer_ifindex);
	test_traffic(made.ifindex);
	stage_delete(made.ifindex);
}

/* An address can be used at once, although the device looks like one that others may share. */
static void test_no_waiting(void)
{
	struct attrs up = { .has = ATTR_UP, .up = true };
	struct pair pair = stage_pair("mtdad", "eth0", MODE_L2);
	struct netlink_result made = stage_create(&pair);
	struct address address = { prefix("2001:db8::3/64") };
	struct sockaddr_in6 local = { .sin6_family = AF_INET6 };
	AUTO_CLOSE int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(made.error == 0);
	CHECK(stage_call(stage.in_netns, link_set(made.peer_ifindex, &up)) == 0);
	CHECK(stage_call(stage.host, link_set(made.ifindex, &up)) == 0);
	CHECK(stage_call(stage.host, address_add(made.ifindex, &address)) == 0);
	memcpy(&local.sin6_addr, address.prefix.ip.bytes, sizeof(local.sin6_addr));
	CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0);
	stage_delete(made.ifindex);
}

#define N_PAIRS 100 /* more than one portion */

static void create_many(struct netlink_result results[static N_PAIRS + 2])
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};

	for (int i = 0; i < N_PAIRS; i++) {
		char name[IFNAMSIZ], peer_name[IFNAMSIZ];
		struct pair pair;

		snprintf(name, sizeof(name), "mt%d", i);
		snprintf(peer_name, sizeof(peer_name), "p%d", i);
		pair = stage_pair(name, peer_name, MODE_L3);
		/* Refusals in between must not shift the other results. */
		if (i == 10 || i == 90)
			CHECK(netlink_batch_add(&batch, link_set_linklocal(99999, false)) == 0);
		CHECK(netlink_batch_add(&batch, link_create(&pair, KIND_VETH,
							    stage.inside.fd)) == 0);
	}
	CHECK(netlink_batch_add(&batch, NULL) == -ENOMEM);
	CHECK(batch.n == N_PAIRS + 2);
	CHECK(netlink_batch_run(stage.host, &batch, results) == 0);
	CHECK(batch.n == 0);
}

static void test_batch_and_group(void)
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	struct netlink_result results[N_PAIRS + 2];
	size_t before = stage_count_links(stage.host);
	size_t before_inside = stage_count_links(stage.in_netns);

	create_many(results);
	for (int i = 0; i < N_PAIRS + 2; i++) {
		struct link link;
		char name[IFNAMSIZ];

		if (i == 10 || i == 91) {
			CHECK(results[i].error == -ENODEV);
			CHECK(stage_says(&results[i].why, "no such device"));
			netlink_result_done(&results[i]);
			continue;
		}
		snprintf(name, sizeof(name), "mt%d", i - (i > 10) - (i > 91));
		CHECK(results[i].error == 0);
		CHECK(link_get(stage.host, results[i].ifindex, NULL, &link) == 0);
		CHECK(strcmp(link.name, name) == 0 && link.peer_ifindex == results[i].peer_ifindex);
		/* The last one is not doomed. */
		if (i < N_PAIRS + 1)
			CHECK(netlink_batch_add(&batch, link_set_group(results[i].ifindex,
								       LINK_GROUP_DOOMED)) == 0);
	}
	CHECK(stage_count_links(stage.host) == before + N_PAIRS);
	CHECK(netlink_batch_run(stage.host, &batch, results) == 0);
	CHECK(stage_call(stage.host, link_delete_group(LINK_GROUP_DOOMED)) == 0);
	CHECK(stage_count_links(stage.host) == before + 1);
	CHECK(stage_count_links(stage.in_netns) == before_inside + 1);
	CHECK(stage_refused(stage.host, link_delete_group(LINK_GROUP_DOOMED), -ENODEV,
			    "no such device"));
	stage_delete(stage_get(stage.host, "mt99").ifindex);
}

static int give_up(void *ctx, const struct link *link)
{
	++*(int *)ctx;
	return 42;
}

static void test_dump_stops(void)
{
	int n = 0;

	CHECK(link_dump(stage.host, give_up, &n) == 42 && n == 1);
	CHECK(stage_count_links(stage.host) >= 1); /* nothing of it is left in the socket */
}

static atomic_bool churning;

static void *churn(void *ctx)
{
	AUTO(netlink_freep) struct netlink *netlink = NULL;

	CHECK(netlink_open(NULL, &netlink) == 0);
	while (churning) {
		struct pair pair = stage_pair("mtchurn", "churn", MODE_L3);
		AUTO(diag_done) struct diag why = {};

		CHECK(netlink_call(netlink, link_create(&pair, KIND_VETH, stage.inside.fd),
				   &why) == 0);
		CHECK(netlink_call(netlink, link_delete_group(LINK_GROUP_METAD), &why) == 0);
	}
	return NULL;
}

struct census {
	int ifindexes[2 * N_PAIRS];
	size_t n;
};

static int on_census(void *ctx, const struct link *link)
{
	struct census *census = ctx;

	for (size_t i = 0; i < census->n; i++)
		CHECK(census->ifindexes[i] != link->ifindex);
	CHECK(census->n < ARRAY_SIZE(census->ifindexes));
	census->ifindexes[census->n++] = link->ifindex;
	return 0;
}

/* Devices that stay are in every dump, once, however many others come and go meanwhile. */
static void test_dump_under_churn(void)
{
	struct netlink_result results[N_PAIRS + 2];
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	pthread_t thread;
	uint64_t end = util_now_ms() + 500;

	create_many(results);
	for (int i = 0; i < N_PAIRS + 2; i++)
		if (results[i].error == 0)
			netlink_batch_add(&batch, link_set_group(results[i].ifindex,
								 LINK_GROUP_DOOMED));
		else
			netlink_result_done(&results[i]);
	CHECK(netlink_batch_run(stage.host, &batch, results) == 0);
	churning = true;
	CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
	while (util_now_ms() < end) {
		struct census census = {};
		int r = link_dump(stage.host, on_census, &census);

		CHECK(r == 0 || r == -EAGAIN);
		CHECK(r < 0 || census.n >= N_PAIRS);
	}
	churning = false;
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(stage_call(stage.host, link_delete_group(LINK_GROUP_DOOMED)) == 0);
}

static void test_unprivileged(void)
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		AUTO(netlink_freep) struct netlink *netlink = NULL;
		AUTO(diag_done) struct diag why = {};
		struct pair pair = stage_pair("mtno", "no", MODE_L3);

		CHECK(setuid(65534) == 0);
		CHECK(netlink_open(NULL, &netlink) == 0);
		CHECK(stage_refused(netlink, link_create(&pair, KIND_VETH, stage.inside.fd), -EPERM,
			      "not permitted"));
		CHECK(link_probe(netlink, KIND_VETH, &why) == -EPERM && why.text);
		CHECK(stage_count_links(netlink) >= 1);
		exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	stage_set();
	test_layer3();
	test_no_waiting();
	test_batch_and_group();
	test_dump_stops();
	test_dump_under_churn();
	test_unprivileged();
	CHECK(stage_count_links(stage.host) == 1);
	stage_strike();
	return 0;
}
