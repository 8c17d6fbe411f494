// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redirects: what programs on the ends of a pair can do by them, and bpf_redirect_peer() of a program
 * on another device, by which packets come into a pair from the side.
 *
 * In every case x is a device in the namespace that the program's packets arrive in, and y is where
 * leads what is sent out of x.
 */
#include "counts.h"
#include "nft.h"
#include "programs.h"
#include "tap.h"
#include "udp.h"
#include "wire.h"
#include "witness.h"

#include <arpa/inet.h>
#include <unistd.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct witness witness;
static uint32_t next_serial = 1;

/* ---- programs on the ends ---- */

enum target { TO_X, TO_PEER, TO_NOWHERE, TO_NOTHING };
enum arrival { NEVER, AT_X, AT_Y, AT_PEER, BACK };

struct row {
	const char *name;
	int helper; /* 0: none is called */
	enum target target;
	uint64_t flags;
	bool down; /* x is */
	enum arrival arrival;
	bool fails;
};

static const struct row rows[] = {
	{ "redirect out of x", BPF_FUNC_redirect, TO_X, .arrival = AT_Y },
	{ "no helper, after one that had a target", 0, TO_NOTHING, .fails = true },
	{ "redirect into x", BPF_FUNC_redirect, TO_X, BPF_F_INGRESS, .arrival = AT_X },
	{ "no helper, after that", 0, TO_NOTHING, .fails = true },
	{ "redirect out of the receiver", BPF_FUNC_redirect, TO_PEER, .arrival = BACK },
	{ "redirect into the receiver", BPF_FUNC_redirect, TO_PEER, BPF_F_INGRESS,
	  .arrival = AT_PEER },
	{ "redirect to no device", BPF_FUNC_redirect, TO_NOWHERE, .fails = true },
	{ "redirect into no device", BPF_FUNC_redirect, TO_NOWHERE, BPF_F_INGRESS, .fails = true },
	{ "redirect out of x, which is down", BPF_FUNC_redirect, TO_X, .down = true,
	  .fails = true },
	{ "redirect into x, which is down", BPF_FUNC_redirect, TO_X, BPF_F_INGRESS, true,
	  .fails = true },
	{ "redirect_peer to x", BPF_FUNC_redirect_peer, TO_X, .fails = true },
	{ "redirect_peer to the receiver", BPF_FUNC_redirect_peer, TO_PEER, .fails = true },
	{ "redirect_peer to no device", BPF_FUNC_redirect_peer, TO_NOWHERE, .fails = true },
};

static void attach_code(const struct wire *wire, int side, struct code *code)
{
	int fd = code_load(code), err = wire_attach(wire, side, fd);

	if (err)
		bail_out("a program is not attached: %s", strerror(-err));
	close(fd);
}

static void attach_row(const struct wire *wire, int side, const struct row *row, int x)
{
	const int targets[] = {
		[TO_X] = x, [TO_PEER] = wire->ends[!side].ifindex, [TO_NOWHERE] = 9999
	};
	struct code code;

	code_begin(&code, &witness, 0);
	if (row->helper) {
		code_call(&code, row->helper, targets[row->target], (int64_t)row->flags);
		code_keep_result(&code);
		code_return_result(&code);
	} else {
		code_return(&code, VERDICT_REDIRECT);
	}
	attach_code(wire, side, &code);
}

static void ok_arrival(const char *label, const struct wire *wire, int side,
		       const struct spur *spur, const struct frame *frame, enum arrival wanted)
{
	const int fds[] = { [AT_X] = spur->x.fd,
			    [AT_Y] = spur->y.fd,
			    [AT_PEER] = wire->ends[!side].fd,
			    [BACK] = wire->ends[side].fd };
	static const char *const names[] = {
		[AT_X] = "x", [AT_Y] = "y", [AT_PEER] = "the receiver", [BACK] = "the sender"
	};
	static struct received received;

	if (wanted == NEVER)
		sleep_ms(5);
	else
		ok(frame_receive(fds[wanted], &received, 2000) && received.len == frame->len &&
			   !memcmp(received.bytes, frame->bytes, frame->len),
		   "%s: arrives on %s as it was sent", label, names[wanted]);
	for (int i = AT_X; i <= BACK; i++)
		ok_eq(frame_drain(fds[i]), 0, "%s: more on %s", label, names[i]);
}

static void run_row(struct wire *wire, int side, struct spur *spur, const struct row *row)
{
	static const char *const counters[] = { "verdict_redirect", "redirect_failed" };
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct counters from_before, to_before, x_before, from_wanted, to_wanted = {};
	struct ethtool_counts before = wire_ethtool(from);
	size_t len = 60 + next_serial % 1000;
	struct frame frame;
	char label[160];

	snprintf(label, sizeof(label), "%s, %s, %s", wire->name, from->name, row->name);
	if (row->down)
		set_down(&spur->x.rtnl, "x");
	from_before = wire_counters(from);
	to_before = wire_counters(to);
	x_before = wire_counters(&spur->x);
	witness_clear(&witness);
	frame_make(&frame, to->mac, from->mac, next_serial++, len);
	ok_err(wire_send(from, &frame), 0, "%s: sending", label);
	if (row->helper)
		ok_eq(witness_read(&witness, 0).result, VERDICT_REDIRECT, "%s: the helper", label);
	ok_arrival(label, wire, side, spur, &frame, row->arrival);
	from_wanted = (struct counters){ .tx = 1, .tx_bytes = len };
	if (row->arrival == BACK) {
		from_wanted.rx = 1;
		from_wanted.rx_bytes = len;
		to_wanted = (struct counters){ .tx = 1, .tx_bytes = len };
	}
	ok_counters(label, "the sender", counters_since(wire_counters(from), from_before),
		    from_wanted);
	ok_counters(label, "the receiver", counters_since(wire_counters(to), to_before), to_wanted);
	ok_eq((long long)(wire_counters(&spur->x).tx - x_before.tx), row->arrival == AT_Y,
	      "%s: packets out of x", label);
	ok_ethtool(label, from, before, counters, row->fails ? 2 : 1);
	if (row->down)
		set_up(&spur->x.rtnl, "x");
}

static void test_rows(int mode, bool across)
{
	struct wire_want want = { .mode = mode, .across = across };
	struct wire wire;
	struct spur spur;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		spur_open(&spur, wire.ends[!side].netns, false);
		for (size_t i = 0; i < N(rows); i++) {
			attach_row(&wire, side, &rows[i], spur.x.ifindex);
			run_row(&wire, side, &spur, &rows[i]);
			wire_detach_all(&wire, side);
		}
		spur_close(&spur);
	}
	wire_close(&wire);
}

/* The clone goes one way, the packet the other. */
static void test_clone(void)
{
	struct wire_want want = { .mode = MODE_L3, .across = true };
	static struct received clone, received;
	struct frame frame;
	struct wire wire;
	struct spur spur;
	struct code code;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		const struct wire_end *from = &wire.ends[side], *to = &wire.ends[!side];

		spur_open(&spur, to->netns, false);
		code_begin(&code, &witness, 0);
		code_call_skb(&code, BPF_FUNC_clone_redirect, spur.x.ifindex, 0);
		code_keep_result(&code);
		code_return(&code, VERDICT_PASS);
		attach_code(&wire, side, &code);
		frame_make(&frame, to->mac, from->mac, next_serial++, 700);
		ok_err(wire_send(from, &frame), 0, "%s, clone_redirect: sending", from->name);
		ok_eq(witness_read(&witness, 0).result, 0, "%s, clone_redirect: the helper",
		      from->name);
		ok(frame_receive(spur.y.fd, &clone, 2000) && clone.len == 700 &&
			   !memcmp(clone.bytes, frame.bytes, 700),
		   "%s, clone_redirect: the clone arrives on y", from->name);
		ok(wire_receive(to, &received, 2000) && received.len == 700 &&
			   !memcmp(received.bytes, frame.bytes, 700),
		   "%s, clone_redirect: the packet arrives at the receiver", from->name);
		wire_detach_all(&wire, side);
		spur_close(&spur);
	}
	wire_close(&wire);
}

/* Both chains send back what comes. */
static void test_circle(bool across)
{
	struct wire_want want = { .mode = MODE_L3, .across = across };
	struct ethtool_counts after[2];
	struct counters counters[2];
	struct frame frame;
	struct wire wire;
	struct code code;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		code_begin(&code, &witness, side);
		code_call(&code, BPF_FUNC_redirect, wire.ends[!side].ifindex, 0);
		code_return_result(&code);
		attach_code(&wire, side, &code);
	}
	witness_clear(&witness);
	frame_make(&frame, wire.ends[END_B].mac, wire.ends[END_A].mac, next_serial++, 60);
	ok_err(wire_send(&wire.ends[END_A], &frame), 0, "%s, in a circle: sending", wire.name);
	for (int side = 0; side < 2; side++) {
		uint64_t n = witness_read(&witness, side).n;

		counters[side] = wire_counters(&wire.ends[side]);
		after[side] = wire_ethtool(&wire.ends[side]);
		ok(n > 0 && n < 10, "%s, in a circle: %llu times through %s", wire.name,
		   (unsigned long long)n, wire.ends[side].name);
		ok_eq((long long)counters[side].tx, (long long)n,
		      "%s, in a circle: each is counted", wire.name);
	}
	if (is_meta()) {
		int failed = ethtool_index(&wire.ends[END_A], "redirect_failed");

		ok_eq((long long)(after[0].n[failed] + after[1].n[failed]), 1,
		      "%s, in a circle: redirects that failed", wire.name);
	}
	wire_close(&wire);
}

/* ---- helpers with addresses and sockets ---- */

static void run_neigh(struct wire *wire, int side, struct spur *spur, bool ipv6)
{
	const char *address = ipv6 ? "fd09::2" : "10.9.0.2", *text = ipv6 ? "six" : "four";
	int sender = udp_socket(wire->ends[side].netns, ipv6 ? "fd08::1" : "10.8.0.1", 0);
	int receiver = udp_socket(spur->y_netns, address, 9000);
	struct counters before = wire_counters(&wire->ends[!side]);
	bool arrives = false;

	/* The first packets wait for the neighbour, as long as it takes. */
	for (int i = 0; i < 5 && !arrives; i++) {
		udp_send(sender, address, 9000, text);
		arrives = udp_receives(receiver, text, 1000);
	}
	ok(arrives, "%s, %s, redirect_neigh by IPv%d: arrives behind x", wire->name,
	   wire->ends[side].name, ipv6 ? 6 : 4);
	ok_eq((long long)(wire_counters(&wire->ends[!side]).rx - before.rx), 0,
	      "%s, %s, redirect_neigh by IPv%d: packets that the receiver counts", wire->name,
	      wire->ends[side].name, ipv6 ? 6 : 4);
	close(sender);
	close(receiver);
}

/*
 * The sender takes everything for its neighbour and resolves none; that y is asked for its address
 * and gets the packet is redirect_neigh()'s doing.
 */
static void test_neigh(bool across)
{
	for (int side = 0; side < 2; side++) {
		struct wire_want want = { .mode = MODE_L3, .across = across, .ipv6 = true };
		struct wire wire;
		struct spur spur;
		struct code code;

		wire_open(&wire, &want);
		spur_open(&spur, wire.ends[!side].netns, true);
		wire_give(&wire.ends[side], "10.8.0.1", 8);
		wire_give(&wire.ends[side], "fd08::1", 8);
		wire_give(&spur.x, "10.9.0.1", 24);
		wire_give(&spur.x, "fd09::1", 64);
		wire_give(&spur.y, "10.9.0.2", 24);
		wire_give(&spur.y, "fd09::2", 64);
		code_begin(&code, &witness, 0);
		code_call(&code, BPF_FUNC_redirect_neigh, spur.x.ifindex, 0);
		code_return_result(&code);
		attach_code(&wire, side, &code);
		run_neigh(&wire, side, &spur, false);
		run_neigh(&wire, side, &spur, true);
		spur_close(&spur);
		wire_close(&wire);
	}
}

/* The socket that is at address:port, by bpf_sk_lookup_udp(), as the packet's. */
static void code_assign(struct code *code, const char *address, uint16_t port)
{
	struct bpf_sock_tuple tuple = { .ipv4 = { .dport = htons(port) } };

	inet_pton(AF_INET, "10.8.0.9", &tuple.ipv4.saddr);
	inet_pton(AF_INET, address, &tuple.ipv4.daddr);
	tuple.ipv4.sport = htons(1);
	code_begin(code, &witness, 0);
	code_call_stack(code, BPF_FUNC_sk_lookup_udp, &tuple, sizeof(tuple.ipv4),
			BPF_F_CURRENT_NETNS);
	code_emit(code, MOV_REG(BPF_REG_8, BPF_REG_0));
	code_emit(code, JUMP_IMM(BPF_JEQ, BPF_REG_8, 0, 8));
	code_emit(code, MOV_REG(BPF_REG_1, BPF_REG_6));
	code_emit(code, MOV_REG(BPF_REG_2, BPF_REG_8));
	code_emit(code, MOV_IMM(BPF_REG_3, 0));
	code_emit(code, CALL(BPF_FUNC_sk_assign));
	code_keep_result(code);
	code_emit(code, MOV_REG(BPF_REG_1, BPF_REG_8));
	code_emit(code, CALL(BPF_FUNC_sk_release));
	code_emit(code, MOV_IMM(BPF_REG_8, 0));
	code_return(code, VERDICT_PASS);
}

static void test_assign(void)
{
	struct wire_want want = { .mode = MODE_L3, .across = true };
	static struct received received;
	struct frame frame;
	struct wire wire;
	struct code code;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		struct wire_end *from = &wire.ends[side], *to = &wire.ends[!side];
		int fd;

		wire_give(to, "10.8.0.2", 24);
		fd = udp_socket(to->netns, "10.8.0.2", 7000);
		code_assign(&code, "10.8.0.2", 7000);
		attach_code(&wire, side, &code);
		witness_clear(&witness);
		frame_make(&frame, to->mac, from->mac, next_serial++, 60);
		wire_send(from, &frame);
		ok_err((int)witness_read(&witness, 0).result, -EOPNOTSUPP, "%s, sk_assign",
		       from->name);
		ok(wire_receive(to, &received, 2000), "%s, sk_assign: the packet arrives",
		   from->name);
		wire_detach_all(&wire, side);
		close(fd);
	}
	wire_close(&wire);
}

/* ---- into a pair from the side ---- */

/* From y to x, whose program sends what comes to the other end of the pair, as if received there. */
static void attach_aside(const struct spur *spur, int ifindex)
{
	int home = netns_current(), fd, err;
	struct code code;

	code_begin(&code, &witness, 0);
	code_set_dst(&code);
	code_get_dst(&code);
	code_keep_result(&code);
	code_call(&code, BPF_FUNC_redirect_peer, ifindex, 0);
	code_return_result(&code);
	fd = code_load(&code);
	netns_enter(spur->netns);
	err = tcx_attach("x", BPF_TCX_INGRESS, fd);
	netns_enter(home);
	if (err)
		bail_out("no program on x: %s", strerror(-err));
	close(fd);
	close(home);
}

static void watch_arrivals(const struct wire_end *to)
{
	int home = netns_current(), fd, err;
	struct code code;

	code_begin(&code, &witness, 1);
	code_get_dst(&code);
	code_keep_result(&code);
	code_return(&code, VERDICT_NEXT);
	fd = code_load(&code);
	netns_enter(to->netns);
	err = tcx_attach(to->devname, BPF_TCX_INGRESS, fd);
	netns_enter(home);
	if (err)
		bail_out("no program on %s: %s", to->devname, strerror(-err));
	close(fd);
	close(home);
}

static void run_aside(struct wire *wire, int side, struct spur *spur, bool down)
{
	const struct wire_end *to = &wire->ends[!side], *through = &wire->ends[side];
	struct counters to_before, through_before;
	static struct received received;
	size_t len = 60 + next_serial % 1000;
	struct frame frame;
	char label[128];
	bool arrives;

	snprintf(label, sizeof(label), "%s, redirect_peer into a pair, %s%s", wire->name,
		 through->name, down ? ", which is down" : "");
	to_before = wire_counters(to);
	through_before = wire_counters(through);
	witness_clear(&witness);
	frame_make(&frame, to->mac, spur->y.mac, next_serial++, len);
	ok_err(wire_send(&spur->y, &frame), 0, "%s: sending", label);
	arrives = wire_receive(to, &received, down ? 5 : 2000);
	ok_eq((long long)witness_read(&witness, 0).n, 1, "%s: runs of the program", label);
	ok_eq(witness_read(&witness, 0).result, 0, "%s: it gives a destination", label);
	ok_counters(label, "the other end", counters_since(wire_counters(through), through_before),
		    (struct counters){});
	if (down) {
		ok(!arrives, "%s: nothing arrives", label);
		return;
	}
	ok(arrives && received.len == len && !memcmp(received.bytes, frame.bytes, len),
	   "%s: arrives as it was sent", label);
	ok_counters(label, "the receiver", counters_since(wire_counters(to), to_before),
		    (struct counters){ .rx = 1, .rx_bytes = len });
	ok_eq((long long)witness_read(&witness, 1).n, 1, "%s: runs of the receiver's program",
	      label);
	ok_eq(witness_read(&witness, 1).ifindex, to->ifindex, "%s: it is on the receiver", label);
	ok_err((int)witness_read(&witness, 1).result, -EINVAL, "%s: without that destination",
	       label);
}

static void test_aside(int mode)
{
	struct wire_want want = { .mode = mode, .across = true };
	struct wire wire;
	struct spur spur;

	for (int side = 0; side < 2; side++) {
		wire_open(&wire, &want);
		spur_open(&spur, wire.ends[side].netns, false);
		attach_aside(&spur, wire.ends[side].ifindex);
		watch_arrivals(&wire.ends[!side]);
		run_aside(&wire, side, &spur, false);
		set_down(&wire.ends[!side].rtnl, wire.ends[!side].devname);
		run_aside(&wire, side, &spur, true);
		spur_close(&spur);
		wire_close(&wire);
	}
}

/* A single device has no namespace to redirect into. */
static void test_aside_single(void)
{
	struct pair_want single = pair_want(test_kind(), "single", NULL);
	struct wire_want want = { .mode = MODE_L3, .across = true };
	struct counters before;
	struct frame frame;
	struct wire wire;
	struct spur spur;
	struct link_state link;
	int err;

	if (!is_meta()) {
		tap_skip("kind netkit of Linux 6.12 has no single devices");
		return;
	}
	wire_open(&wire, &want);
	spur_open(&spur, wire.ends[END_A].netns, false);
	single.pairing = PAIRING_SINGLE;
	err = make_pair(&wire.ends[END_A].rtnl, &single);
	err = err ?: set_up(&wire.ends[END_A].rtnl, "single");
	err = err ?: link_get(&wire.ends[END_A].rtnl, "single", &link);
	ok_err(err, 0, "a single device");
	attach_aside(&spur, link.ifindex);
	before = counters_of(spur.netns, "single");
	witness_clear(&witness);
	frame_make(&frame, spur.x.mac, spur.y.mac, next_serial++, 60);
	ok_err(wire_send(&spur.y, &frame), 0, "redirect_peer to a single device: sending");
	sleep_ms(5);
	ok_eq((long long)witness_read(&witness, 0).n, 1, "redirect_peer to a single device: runs");
	ok_counters("redirect_peer to a single device", "it",
		    counters_since(counters_of(spur.netns, "single"), before), (struct counters){});
	spur_close(&spur);
	wire_close(&wire);
}

/*
 * Loopback keeps of a packet what it has from the sender, and so hands a connection tracked in one
 * namespace to the program that redirects it into another. Before it is tracked there, a rule that
 * asks for its state sees what is left.
 */
static void test_aside_conntrack(void)
{
	static const char ruleset[] =
		"table ip t {\n"
		" counter tracked {}\n"
		" counter seen {}\n"
		" chain early { type filter hook prerouting priority -300;\n"
		"  udp dport 9000 counter name seen\n"
		"  udp dport 9000 ct state new,established counter name tracked; }\n"
		" chain late { type filter hook output priority 0; ct state new accept; }\n"
		"}\n";
	struct wire_want want = { .mode = MODE_L3, .across = true };
	struct wire wire;
	struct code code;
	int sender, fd;

	wire_open(&wire, &want);
	nft_load(ruleset);
	netns_enter(wire.ends[END_B].netns);
	nft_load(ruleset);
	netns_enter(wire.ends[END_A].netns);
	sender = udp_socket(wire.ends[END_A].netns, "127.0.0.1", 0);
	udp_send(sender, "127.0.0.1", 9000, "before");
	ok_eq(nft_packets("ip t", "tracked"), 1, "conntrack: loopback keeps the connection");

	code_begin(&code, &witness, 0);
	code_call(&code, BPF_FUNC_redirect_peer, wire.ends[END_A].ifindex, 0);
	code_return_result(&code);
	fd = code_load(&code);
	if (tcx_attach("lo", BPF_TCX_INGRESS, fd))
		bail_out("no program on lo");
	close(fd);
	udp_send(sender, "127.0.0.1", 9000, "after");
	sleep_ms(20);
	ok_eq(nft_packets("ip t", "seen"), 1, "conntrack: what is redirected is gone here");
	netns_enter(wire.ends[END_B].netns);
	ok_eq(nft_packets("ip t", "seen"), 1, "conntrack: it arrives at the peer");
	ok_eq(nft_packets("ip t", "tracked"), 0, "conntrack: with a connection");
	netns_enter(wire.ends[END_A].netns);
	close(sender);
	wire_close(&wire);
}

int main(void)
{
	witness_open(&witness);
	for (int i = 0; i < 4; i++)
		test_rows(i & 1, i & 2);
	test_clone();
	test_circle(false);
	test_circle(true);
	test_neigh(false);
	test_neigh(true);
	test_assign();
	test_aside(MODE_L2);
	test_aside(MODE_L3);
	test_aside_single();
	test_aside_conntrack();
	witness_close(&witness);
	return tap_done();
}
