// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_packet [ROUNDS]: how many instructions a UDP packet of 64 bytes costs from sendto() to recv()
 * through meta, netkit and veth with tcx, with no program, one and four, in one boot. For a virtual
 * machine that counts instructions (QEMU -icount shift=0), where the time stamp counter is the count
 * of instructions and the least of many rounds is one that no interrupt fell into. Fails when meta
 * needs more than netkit.
 */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <x86intrin.h>

#include "programs.h"
#include "rtnl.h"
#include "tap.h"

enum { BURST = 32, N_CASES = 3 };

static const int n_programs[N_CASES] = { 0, 1, 4 };

struct path {
	const char *label, *kind;
	enum bpf_attach_type hook;
	double least[N_CASES], median[N_CASES];
};

struct ends {
	int sender, receiver;
	struct sockaddr_in to;
};

static const char address[] = "10.9.0.1", peer_address[] = "10.9.0.2";

/* veth resolves neighbours unless it is told not to, and then wants the same address on both ends. */
static int make_veth(struct rtnl *rtnl, int netns)
{
	static const unsigned char mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct msg msg;
	struct linkinfo nests;
	size_t peer;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	msg_ifinfo(&msg)->ifi_flags = msg_ifinfo(&msg)->ifi_change = IFF_NOARP;
	put_str(&msg, IFLA_IFNAME, "bench");
	put_raw(&msg, IFLA_ADDRESS, mac, sizeof(mac));
	nests = linkinfo_begin(&msg, "veth");
	peer = peer_info_begin(&msg, 0, IFF_NOARP, IFF_NOARP);
	put_str(&msg, IFLA_IFNAME, "peer");
	put_raw(&msg, IFLA_ADDRESS, mac, sizeof(mac));
	put_u32(&msg, IFLA_NET_NS_FD, netns);
	nest_end(&msg, peer);
	linkinfo_end(&msg, nests);
	return rtnl_send(rtnl, &msg);
}

static void make_path(struct rtnl *rtnl, const struct path *path, int netns)
{
	struct pair_want want = pair_want(path->kind, "bench", "peer");
	struct rtnl inside;
	int err;

	want.peer_netns_fd = netns;
	err = strcmp(path->kind, "veth") ? make_pair(rtnl, &want) : make_veth(rtnl, netns);
	if (err || rtnl_open_in(&inside, netns))
		bail_out("making %s: %s %s", path->kind, tap_errno_name(err), rtnl->extack);
	err = add_addr(rtnl, "bench", address, 24) ?: set_up(rtnl, "bench");
	err = err ?: add_addr(&inside, "peer", peer_address, 24) ?: set_up(&inside, "peer");
	if (err)
		bail_out("setting %s up: %s", path->kind, tap_errno_name(err));
	rtnl_close(&inside);
}

static struct ends open_ends(int netns)
{
	struct ends ends = { .to = { .sin_family = AF_INET, .sin_port = htons(9) } };
	int here = netns_current();

	inet_pton(AF_INET, peer_address, &ends.to.sin_addr);
	ends.sender = socket(AF_INET, SOCK_DGRAM, 0);
	netns_enter(netns);
	ends.receiver = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(ends.receiver, (struct sockaddr *)&ends.to, sizeof(ends.to)))
		bail_out("bind: %m");
	netns_enter(here);
	close(here);
	if (connect(ends.sender, (struct sockaddr *)&ends.to, sizeof(ends.to)))
		bail_out("connect: %m");
	return ends;
}

/* Instructions a packet in one burst; 0 when one was not there at once. */
static double burst(const struct ends *ends)
{
	char payload[64] = { 0 };
	unsigned long long start = __rdtsc();

	for (int i = 0; i < BURST; i++) {
		if (send(ends->sender, payload, sizeof(payload), 0) < 0)
			return 0;
	}
	for (int i = 0; i < BURST; i++) {
		if (recv(ends->receiver, payload, sizeof(payload), MSG_DONTWAIT) < 0)
			return 0;
	}
	return (double)(__rdtsc() - start) / BURST;
}

/* Packets may be left to ksoftirqd, and the count to another process. Waits for what is on its way. */
static void drain(const struct ends *ends)
{
	struct pollfd poller = { .fd = ends->receiver, .events = POLLIN };
	char payload[64];

	while (poll(&poller, 1, 100) > 0)
		recv(ends->receiver, payload, sizeof(payload), MSG_DONTWAIT);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct path *path, int which, const struct ends *ends, int rounds)
{
	double *costs = calloc(rounds, sizeof(*costs));

	if (!costs)
		bail_out("no memory");
	/* Caches of routes and neighbours are filled first. */
	for (int i = 0; i < 20; i++)
		burst(ends);
	drain(ends);
	for (int i = 0, n_late = 0; i < rounds; i++) {
		costs[i] = burst(ends);
		if (costs[i] > 0)
			continue;
		drain(ends);
		i--;
		if (++n_late > rounds)
			bail_out("%s does not deliver at once: %m", path->label);
	}
	qsort(costs, rounds, sizeof(*costs), compare_doubles);
	path->least[which] = costs[0];
	path->median[which] = costs[rounds / 2];
	free(costs);
}

static void measure_path(struct rtnl *rtnl, struct path *path, int rounds)
{
	int netns = netns_new(), attached = 0, program, link;
	struct ends ends;

	make_path(rtnl, path, netns);
	ends = open_ends(netns);
	for (int i = 0; i < N_CASES; i++) {
		for (; attached < n_programs[i]; attached++) {
			program = program_that_says(VERDICT_NEXT);
			link = bpf_link_create(program, if_nametoindex("bench"), path->hook, NULL);
			if (link < 0)
				bail_out("attaching to %s: %m", path->label);
		}
		measure(path, i, &ends, rounds);
	}
	close(ends.sender);
	close(ends.receiver);
	del_link(rtnl, "bench");
	close(netns);
}

int main(int argc, char **argv)
{
	struct path paths[] = {
		{ .label = "meta", .kind = "meta", .hook = BPF_NETKIT_PRIMARY },
		{ .label = "netkit", .kind = "netkit", .hook = BPF_NETKIT_PRIMARY },
		{ .label = "veth+tcx", .kind = "veth", .hook = BPF_TCX_EGRESS },
	};
	int rounds = argc > 1 ? atoi(argv[1]) : 300;
	struct rtnl rtnl;

	netns_isolate();
	if (rounds < 1 || rtnl_open(&rtnl))
		bail_out("bench_packet [ROUNDS]");
	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		measure_path(&rtnl, &paths[i], rounds);
	printf("# instructions a packet, least (median) of %d rounds\n"
	       "# %-10s %18s %18s %18s\n",
	       rounds, "", "no program", "1 program", "4 programs");
	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		printf("# %-10s %8.0f (%7.0f) %8.0f (%7.0f) %8.0f (%7.0f)\n", paths[i].label,
		       paths[i].least[0], paths[i].median[0], paths[i].least[1], paths[i].median[1],
		       paths[i].least[2], paths[i].median[2]);
	for (int i = 0; i < N_CASES; i++)
		ok(paths[0].least[i] <= paths[1].least[i],
		   "%d programs: meta %.1f instructions, netkit %.1f", n_programs[i],
		   paths[0].least[i], paths[1].least[i]);
	return tap_done();
}
