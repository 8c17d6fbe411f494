// SPDX-License-Identifier: GPL-2.0-only
/*
 * What netfilter and the IP stack know of a packet and a pair does not hand on: the connection that it
 * was found to belong to and that it is not tracked, that it is traced, that it may be fragmented all
 * the same (ignore_df). And that netfilter's egress hook is passed by where a program redirects to,
 * but only there.
 *
 * Connections: a rule before tracking asks for the state. Traces: nf_tables tells which chains a packet
 * that is traced goes through. ignore_df: a router with a small MTU fragments a packet that has it and
 * must not be fragmented. The egress hook: a rule there counts.
 */
#include "nft.h"
#include "programs.h"
#include "tap.h"
#include "udp.h"
#include "wire.h"
#include "witness.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct witness witness;
static uint32_t next_serial = 1;

/* The sender takes every address that begins with 10 for one behind its end. */
static void open_routed(struct wire *wire, int side, bool across)
{
	struct wire_want want = { .mode = MODE_L3,
				  .across = across,
				  .scrub = { SCRUB_DEFAULT, SCRUB_DEFAULT } };

	wire_open(wire, &want);
	wire_give(&wire->ends[side], "10.8.0.1", 8);
	if (across)
		wire_give(&wire->ends[!side], "10.8.0.2", 24);
}

/*
 * The receiver routes what comes, out of x. In one namespace packets have a source that is the
 * router's own, which has to be allowed.
 */
static void open_spur(const struct wire *wire, int side, struct spur *spur)
{
	const struct wire_end *to = &wire->ends[!side];
	char path[96];

	spur_open(spur, to->netns, false);
	wire_give(&spur->x, "10.9.0.1", 24);
	wire_give(&spur->y, "10.9.0.2", 24);
	netns_enter(to->netns);
	write_proc("/proc/sys/net/ipv4/ip_forward", "1");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/accept_local", to->devname);
	write_proc(path, "1");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", to->devname);
	write_proc(path, "0");
	write_proc("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	netns_enter(wire->ends[END_A].netns);
}

/* Its packets leave by the end also when another device has a better route. */
static int bound_socket(const struct wire_end *from)
{
	int fd = udp_socket(from->netns, "10.8.0.1", 0);

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, from->devname, 2))
		bail_out("SO_BINDTODEVICE: %m");
	return fd;
}

/* ---- the egress hook ---- */

static const char egress_rules[] =
	"table netdev t {\n"
	" counter seen {}\n"
	" chain e { type filter hook egress device \"x\" priority 0; counter name seen; }\n"
	"}\n";

static void run_egress(const struct wire *wire, int side, const struct spur *spur)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	static struct received received;
	struct code code;
	struct frame frame;
	int fd;

	frame_make(&frame, spur->y.mac, spur->x.mac, next_serial++, 100);
	ok_err(wire_send(&spur->x, &frame), 0, "%s, %s, out of x: sending", wire->name, from->name);
	ok_eq(nft_packets("netdev t", "seen"), 1, "%s, %s, out of x: the egress hook sees it",
	      wire->name, from->name);
	frame_drain(spur->y.fd);

	code_begin(&code, NULL, 0);
	code_call(&code, BPF_FUNC_redirect, spur->x.ifindex, 0);
	code_return_result(&code);
	fd = code_load(&code);
	wire_attach(wire, side, fd);
	close(fd);
	frame_make(&frame, to->mac, from->mac, next_serial++, 100);
	ok_err(wire_send(from, &frame), 0, "%s, %s, redirected to x: sending", wire->name,
	       from->name);
	ok(frame_receive(spur->y.fd, &received, 2000), "%s, %s, redirected to x: arrives",
	   wire->name, from->name);
	ok_eq(nft_packets("netdev t", "seen"), 1, "%s, %s, redirected to x: passes the hook by",
	      wire->name, from->name);
	wire_detach_all(wire, side);
}

/*
 * A packet that is delivered and then routed out of x is x's like any other. netkit lets it pass by
 * the hook as well, unless something uses an ingress hook anywhere in the system.
 */
static void run_forwarded(const struct wire *wire, int side, const struct spur *spur)
{
	int fd = bound_socket(&wire->ends[side]), receiver;
	long long before = nft_packets("netdev t", "seen"), seen;

	receiver = udp_socket(spur->y_netns, "10.9.0.2", 9000);
	/* ARP goes through the hook too: the neighbour is known after the first. */
	for (int i = 0; i < 5; i++) {
		udp_send(fd, "10.9.0.2", 9000, "first");
		if (udp_receives(receiver, "first", 1000))
			break;
	}
	before = nft_packets("netdev t", "seen");
	udp_send(fd, "10.9.0.2", 9000, "second");
	ok(udp_receives(receiver, "second", 2000), "%s, %s, routed to x: arrives", wire->name,
	   wire->ends[side].name);
	seen = nft_packets("netdev t", "seen") - before;
	if (is_meta())
		ok_eq(seen, 1, "%s, %s, routed to x: the egress hook sees it", wire->name,
		      wire->ends[side].name);
	else
		printf("# %s, %s, routed to x: the egress hook sees %lld of 1\n", wire->name,
		       wire->ends[side].name, seen);
	close(fd);
	close(receiver);
}

static void test_egress(bool across)
{
	for (int side = 0; side < 2; side++) {
		struct wire wire;
		struct spur spur;

		open_routed(&wire, side, across);
		open_spur(&wire, side, &spur);
		netns_enter(spur.netns);
		nft_load(egress_rules);
		run_egress(&wire, side, &spur);
		run_forwarded(&wire, side, &spur);
		nft_flush();
		netns_enter(wire.ends[END_A].netns);
		spur_close(&spur);
		wire_close(&wire);
	}
}

/* ---- connections ---- */

static const char state_rules[] =
	"table ip t {\n"
	" counter left {}\n"
	" counter left_untracked {}\n"
	" counter seen {}\n"
	" counter tracked {}\n"
	" counter untracked {}\n"
	" chain first { type filter hook output priority -300; udp dport 9001 notrack; }\n"
	" chain out { type filter hook output priority 0;\n"
	"  udp dport 9000 ct state new,established counter name left;\n"
	"  udp dport 9001 ct state untracked counter name left_untracked; }\n"
	" chain early { type filter hook prerouting priority -300;\n"
	"  udp dport 9000-9001 counter name seen;\n"
	"  ct state new,established counter name tracked;\n"
	"  ct state untracked counter name untracked; }\n"
	"}\n";

static void test_conntrack(bool across)
{
	for (int side = 0; side < 2; side++) {
		struct wire wire;
		const char *name;
		int fd;

		open_routed(&wire, side, across);
		name = wire.ends[side].name;
		for (int i = 0; i <= across; i++) {
			netns_enter(wire.ends[i].netns);
			nft_load(state_rules);
		}
		fd = bound_socket(&wire.ends[side]);
		udp_send(fd, "10.9.0.2", 9000, "tracked");
		udp_send(fd, "10.9.0.2", 9001, "untracked");
		netns_enter(wire.ends[side].netns);
		ok_eq(nft_packets("ip t", "left"), 1, "%s, %s: leaves tracked", wire.name, name);
		ok_eq(nft_packets("ip t", "left_untracked"), 1, "%s, %s: leaves untracked",
		      wire.name, name);
		netns_enter(wire.ends[!side].netns);
		sleep_ms(20);
		ok_eq(nft_packets("ip t", "seen"), 2, "%s, %s: both arrive", wire.name, name);
		ok_eq(nft_packets("ip t", "tracked"), 0, "%s, %s: with a connection", wire.name,
		      name);
		ok_eq(nft_packets("ip t", "untracked"), 0, "%s, %s: as untracked", wire.name, name);
		netns_enter(wire.ends[END_A].netns);
		close(fd);
		wire_close(&wire);
	}
}

/* ---- traces ---- */

static const char trace_rules[] =
	"table ip t {\n"
	" counter seen {}\n"
	" chain out { type filter hook output priority 0; udp dport 9000 meta nftrace set 1; }\n"
	" chain early { type filter hook prerouting priority -300; udp dport 9000 counter name "
	"seen; }\n"
	"}\n";

static int trace_socket(void)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int group = NFNLGRP_NFTRACE;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		bail_out("no traces: %m");
	return fd;
}

/* How many steps in that chain are told of, from now on and for a moment. */
static int traced_in(int fd, const char *chain)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	static _Alignas(8) unsigned char bytes[16384];
	int n_steps = 0;

	while (poll(&pollfd, 1, 100) == 1) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		const struct nlmsghdr *nlh = (const void *)bytes;
		const struct rtattr *attr;
		int left;

		if (n < 0 || !NLMSG_OK(nlh, n))
			break;
		left = (int)(nlh->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg)));
		attr = (const void *)((char *)NLMSG_DATA(nlh) +
				      NLMSG_ALIGN(sizeof(struct nfgenmsg)));
		for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
			if ((attr->rta_type & NLA_TYPE_MASK) == NFTA_TRACE_CHAIN &&
			    !strcmp(RTA_DATA(attr), chain))
				n_steps++;
		}
	}
	return n_steps;
}

static void test_trace(bool across)
{
	for (int side = 0; side < 2; side++) {
		int fd, traces[2], both;
		struct wire wire;
		const char *name;

		open_routed(&wire, side, across);
		name = wire.ends[side].name;
		for (int i = 0; i < 2; i++) {
			netns_enter(wire.ends[i].netns);
			if (i <= across)
				nft_load(trace_rules);
			traces[i] = trace_socket();
		}
		fd = bound_socket(&wire.ends[side]);
		udp_send(fd, "10.9.0.2", 9000, "traced");
		ok(traced_in(traces[side], "out") > 0, "%s, %s: leaves traced", wire.name, name);
		netns_enter(wire.ends[!side].netns);
		ok_eq(nft_packets("ip t", "seen"), 1, "%s, %s: arrives", wire.name, name);
		/* A second one: what was told of the first is read already. */
		netns_enter(wire.ends[END_A].netns);
		udp_send(fd, "10.9.0.2", 9000, "traced");
		both = traced_in(traces[!side], "early");
		ok_eq(both, 0, "%s, %s: steps of it that are traced there", wire.name, name);
		close(fd);
		close(traces[0]);
		close(traces[1]);
		wire_close(&wire);
	}
}

/* ---- ignore_df ---- */

static void set_mtu(struct wire_end *end, uint32_t mtu)
{
	struct msg msg;
	int err;

	msg_link(&msg, RTM_NEWLINK, 0, end->ifindex);
	put_u32(&msg, IFLA_MTU, mtu);
	err = rtnl_send(&end->rtnl, &msg);
	if (err)
		bail_out("mtu %u: %s", mtu, strerror(-err));
}

/* Whether 1000 bytes arrive behind x, which takes 600. Only once: then the sender knows the MTU. */
static bool passes_small(const struct wire_end *from, const struct spur *spur, int discover)
{
	char text[1001] = "", got[1001];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9000) };
	int fd = bound_socket(from), receiver = udp_socket(spur->y_netns, "10.9.0.2", 9000);
	struct pollfd pollfd = { .fd = receiver, .events = POLLIN };
	bool arrives;

	memset(text, 'm', 1000);
	to.sin_addr.s_addr = htonl(0x0a090002);
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
	sendto(fd, text, 1000, 0, (struct sockaddr *)&to, sizeof(to));
	arrives = poll(&pollfd, 1, discover == IP_PMTUDISC_DONT ? 3000 : 100) == 1 &&
		  recv(receiver, got, sizeof(got), 0) == 1000;
	close(fd);
	close(receiver);
	return arrives;
}

static void test_ignore_df(bool across)
{
	for (int side = 0; side < 2; side++) {
		struct wire wire;
		struct spur spur;

		open_routed(&wire, side, across);
		open_spur(&wire, side, &spur);
		set_mtu(&spur.x, 600);
		ok(passes_small(&wire.ends[side], &spur, IP_PMTUDISC_DONT),
		   "%s, %s: what may be fragmented arrives", wire.name, wire.ends[side].name);
		ok(!passes_small(&wire.ends[side], &spur, IP_PMTUDISC_WANT),
		   "%s, %s: what may be fragmented by its sender only does not", wire.name,
		   wire.ends[side].name);
		spur_close(&spur);
		wire_close(&wire);
	}
}

int main(void)
{
	witness_open(&witness);
	/* Before anything uses an ingress hook: while one is in use, netkit differs. */
	for (int across = 0; across < 2; across++)
		test_egress(across);
	for (int across = 0; across < 2; across++) {
		test_conntrack(across);
		test_trace(across);
		test_ignore_df(across);
	}
	witness_close(&witness);
	return tap_done();
}
