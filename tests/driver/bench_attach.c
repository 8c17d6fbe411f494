// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_attach [N]: how long it takes to attach a program to each of N devices and to take it off
 * again, on meta and on netkit in the same boot, while packets flow through another pair of the same
 * kind. Then the same with all of N/16 programs on one device, where the other half of a bundle is
 * wanted at once. Says the ratio, and fails when meta is not 20 times faster.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"
#include "rtnl.h"
#include "tap.h"

#define WANTED_RATIO 20.0

struct load {
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong sent;
	int ifindex;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *send_packets(void *arg)
{
	struct load *load = arg;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = load->ifindex, .sll_halen = ETH_ALEN
	};
	struct ether_header frame = { .ether_type = htons(0x88b5) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		bail_out("packet socket: %m");
	while (!atomic_load(&load->stop)) {
		if (sendto(fd, &frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) > 0)
			atomic_fetch_add(&load->sent, 1);
	}
	close(fd);
	return NULL;
}

static int pair_of(struct rtnl *rtnl, const char *kind, const char *prefix, int i)
{
	char name[IFNAMSIZ], peer[IFNAMSIZ];
	struct link_state link;
	struct pair_want want;
	int err;

	snprintf(name, sizeof(name), "%s%da", prefix, i);
	snprintf(peer, sizeof(peer), "%s%db", prefix, i);
	want = pair_want(kind, name, peer);
	err = make_pair(rtnl, &want);
	if (err)
		bail_out("making %s %s: %s %s", kind, name, tap_errno_name(err), rtnl->extack);
	set_up(rtnl, name);
	set_up(rtnl, peer);
	if (link_get(rtnl, name, &link))
		bail_out("%s is not there", name);
	return link.ifindex;
}

/* Attaches a program to each of them in turn, then takes all off. Seconds for each half. */
static void attach_all(const int *ifindex, int n, double *attach, double *detach)
{
	int prog = program_that_says(VERDICT_PASS), *links = calloc(n, sizeof(*links));
	double start = now();

	if (prog < 0 || !links)
		bail_out("a program: %m");
	for (int i = 0; i < n; i++) {
		links[i] = bpf_link_create(prog, ifindex[i], BPF_NETKIT_PRIMARY, NULL);
		if (links[i] < 0)
			bail_out("attaching %d: %m", i);
	}
	*attach = now() - start;
	start = now();
	for (int i = 0; i < n; i++) {
		if (bpf_link_detach(links[i]))
			bail_out("detaching %d: %m", i);
	}
	*detach = now() - start;
	for (int i = 0; i < n; i++)
		close(links[i]);
	free(links);
	close(prog);
}

/* n programs on one end, one after another, then off again. */
static void attach_many(int ifindex, int n, double *attach, double *detach)
{
	int *links = calloc(n, sizeof(*links)), *progs = calloc(n, sizeof(*progs));
	double start;

	if (!links || !progs)
		bail_out("no memory");
	for (int i = 0; i < n; i++)
		progs[i] = program_that_says(VERDICT_NEXT);
	start = now();
	for (int i = 0; i < n; i++) {
		links[i] = bpf_link_create(progs[i], ifindex, BPF_NETKIT_PRIMARY, NULL);
		if (links[i] < 0)
			bail_out("attaching %d: %m", i);
	}
	*attach = now() - start;
	start = now();
	for (int i = 0; i < n; i++)
		bpf_link_detach(links[i]);
	*detach = now() - start;
	for (int i = 0; i < n; i++) {
		close(links[i]);
		close(progs[i]);
	}
	free(links);
	free(progs);
}

struct figures {
	double attach, detach, many_attach, many_detach;
	int n, n_many;
};

static struct figures measure(struct rtnl *rtnl, const char *kind, int n)
{
	struct figures figures = { .n = n, .n_many = n / 16 > 60 ? 60 : n / 16 ?: 1 };
	struct load load = { .ifindex = pair_of(rtnl, kind, "load", 0) };
	int *ifindex = calloc(n, sizeof(*ifindex));
	unsigned long before;
	char name[IFNAMSIZ];

	for (int i = 0; i < n; i++)
		ifindex[i] = pair_of(rtnl, kind, "b", i);
	if (pthread_create(&load.thread, NULL, send_packets, &load))
		bail_out("a thread: %m");
	before = atomic_load(&load.sent);
	attach_all(ifindex, n, &figures.attach, &figures.detach);
	/* On the end that the packets leave by. */
	attach_many(load.ifindex, figures.n_many, &figures.many_attach, &figures.many_detach);
	ok(atomic_load(&load.sent) > before, "%s: packets flowed (%lu)", kind,
	   atomic_load(&load.sent) - before);
	atomic_store(&load.stop, true);
	pthread_join(load.thread, NULL);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "b%da", i);
		del_link(rtnl, name);
	}
	del_link(rtnl, "load0a");
	free(ifindex);
	printf("# %-6s %5d devices: attach %9.3f ms each, detach %9.3f ms each; "
	       "%d programs on one: %9.3f and %9.3f ms each\n",
	       kind, n, figures.attach * 1e3 / n, figures.detach * 1e3 / n, figures.n_many,
	       figures.many_attach * 1e3 / figures.n_many,
	       figures.many_detach * 1e3 / figures.n_many);
	return figures;
}

static void compare(const char *what, double meta, double netkit)
{
	ok(netkit >= WANTED_RATIO * meta, "%s: meta %.0f times faster (wanted %.0f)", what,
	   netkit / meta, WANTED_RATIO);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000;
	struct figures meta, netkit;
	struct rtnl rtnl;

	if (n < 1)
		bail_out("%s is no number of devices", argv[1]);
	netns_isolate();
	if (rtnl_open(&rtnl))
		bail_out("rtnetlink: %m");
	meta = measure(&rtnl, "meta", n);
	netkit = measure(&rtnl, "netkit", n);
	compare("attach to many devices", meta.attach, netkit.attach);
	compare("detach from many devices", meta.detach, netkit.detach);
	compare("attach many to one device", meta.many_attach, netkit.many_attach);
	compare("detach many from one device", meta.many_detach, netkit.many_detach);
	rtnl_close(&rtnl);
	return tap_done();
}
