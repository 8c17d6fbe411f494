// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a packet that one end of a pair sends: by policy and by verdict, in both directions,
 * in both modes, within a namespace and between two. Who counts it and how, what the sender is told,
 * how often each program runs, and what it sees.
 */
#include "counts.h"
#include "programs.h"
#include "tap.h"
#include "wire.h"
#include "witness.h"

#include <linux/if_packet.h>
#include <unistd.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct witness witness;
static uint32_t next_serial = 1;

/* ---- verdicts ---- */

enum outcome {
	BY_POLICY,
	ARRIVES,
	DROPPED,
	REDIRECTED_NOWHERE,
};

struct row {
	const char *name;
	int n, says[4];
	int n_run;
	enum outcome outcome;
	const char *counter; /* of meta, that counts it once */
};

static const struct row rows[] = {
	{ "no program", 0, {}, 0, BY_POLICY, NULL },
	{ "PASS", 1, { 0 }, 1, ARRIVES, "verdict_pass" },
	{ "NEXT", 1, { -1 }, 1, ARRIVES, "verdict_next" },
	{ "DROP", 1, { 2 }, 1, DROPPED, "verdict_drop" },
	{ "REDIRECT without a target", 1, { 7 }, 1, REDIRECTED_NOWHERE, "verdict_redirect" },
	{ "1", 1, { 1 }, 1, DROPPED, "verdict_unknown" },
	{ "3", 1, { 3 }, 1, DROPPED, "verdict_unknown" },
	{ "4", 1, { 4 }, 1, DROPPED, "verdict_unknown" },
	{ "8", 1, { 8 }, 1, DROPPED, "verdict_unknown" },
	{ "100", 1, { 100 }, 1, DROPPED, "verdict_unknown" },
	{ "-2", 1, { -2 }, 1, DROPPED, "verdict_unknown" },
	{ "NEXT NEXT NEXT", 3, { -1, -1, -1 }, 3, ARRIVES, "verdict_next" },
	{ "NEXT PASS DROP", 3, { -1, 0, 2 }, 2, ARRIVES, "verdict_pass" },
	{ "PASS DROP", 2, { 0, 2 }, 1, ARRIVES, "verdict_pass" },
	{ "DROP PASS", 2, { 2, 0 }, 1, DROPPED, "verdict_drop" },
	{ "NEXT DROP PASS", 3, { -1, 2, 0 }, 2, DROPPED, "verdict_drop" },
	{ "NEXT 1 PASS", 3, { -1, 1, 0 }, 2, DROPPED, "verdict_unknown" },
	{ "NEXT REDIRECT PASS", 3, { -1, 7, 0 }, 2, REDIRECTED_NOWHERE, "verdict_redirect" },
	{ "NEXT NEXT NEXT PASS", 4, { -1, -1, -1, 0 }, 4, ARRIVES, "verdict_pass" },
};

/* Loaded once: the verifier of a kernel that looks for faults takes its time. */
static int program_for(int place, int says)
{
	static int fds[4][256];
	int *fd = &fds[place][says & 255];

	if (!*fd)
		*fd = witness_program(&witness, place, says);
	return *fd;
}

static void attach_row(const struct wire *wire, int side, const struct row *row)
{
	int err;

	for (int i = 0; i < row->n; i++) {
		err = wire_attach(wire, side, program_for(i, row->says[i]));
		if (err)
			bail_out("a program is not attached: %s", strerror(-err));
	}
}

static void ok_arrival(const char *label, const struct wire_end *to, const struct frame *frame,
		       bool wanted)
{
	static struct received received;
	bool arrives = wire_receive(to, &received, wanted ? 2000 : 5);

	if (!wanted) {
		ok(!arrives, "%s: nothing arrives", label);
		return;
	}
	ok(arrives && received.len == frame->len &&
		   !memcmp(received.bytes, frame->bytes, frame->len),
	   "%s: the frame arrives as it was sent", label);
	ok_eq(wire_drain(to), 0, "%s: frames that arrive too", label);
}

static void run_row(const struct wire *wire, int side, const struct row *row, int policy)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct ethtool_counts from_ethtool = wire_ethtool(from), to_ethtool = wire_ethtool(to);
	struct counters from_before = wire_counters(from), to_before = wire_counters(to);
	struct counters from_wanted = {}, to_wanted = {};
	enum outcome outcome = row->outcome;
	const char *counters[2] = { row->counter, "redirect_failed" };
	size_t n_counters = row->counter ? 1 : 0, len = 60 + next_serial % 1000;
	char label[192];
	struct frame frame;

	snprintf(label, sizeof(label), "%s, %s, policy %s: %s", wire->name, from->name,
		 policy == POLICY_PASS ? "pass" : "drop", row->name);
	if (outcome == BY_POLICY) {
		outcome = policy == POLICY_PASS ? ARRIVES : DROPPED;
		if (outcome == DROPPED)
			counters[n_counters++] = "drop_policy";
	}
	if (outcome == REDIRECTED_NOWHERE)
		n_counters++;
	if (outcome == DROPPED)
		from_wanted.tx_dropped = 1;
	else
		from_wanted = (struct counters){ .tx = 1, .tx_bytes = len };
	if (outcome == ARRIVES)
		to_wanted = (struct counters){ .rx = 1, .rx_bytes = len };

	witness_clear(&witness);
	frame_make(&frame, to->mac, from->mac, next_serial++, len);
	ok_err(wire_send(from, &frame), outcome == DROPPED ? -ENOBUFS : 0, "%s: sending", label);
	ok_arrival(label, to, &frame, outcome == ARRIVES);
	ok_counters(label, "the sender", counters_since(wire_counters(from), from_before),
		    from_wanted);
	ok_counters(label, "the receiver", counters_since(wire_counters(to), to_before), to_wanted);
	for (int i = 0; i < row->n; i++)
		ok_eq((long long)witness_read(&witness, i).n, i < row->n_run,
		      "%s: runs of program %d", label, i + 1);
	ok_ethtool(label, from, from_ethtool, counters, n_counters);
	ok_ethtool(label, to, to_ethtool, NULL, 0);
}

static void test_verdicts(int mode, bool across, int policy)
{
	struct wire_want want = { .mode = mode,
				  .across = across,
				  .policy = { policy, policy },
				  .scrub = { SCRUB_DEFAULT, SCRUB_DEFAULT } };
	struct wire wire;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < N(rows); i++) {
			attach_row(&wire, side, &rows[i]);
			run_row(&wire, side, &rows[i], policy);
			wire_detach_all(&wire, side);
		}
		/* With none left the policy counts again. */
		run_row(&wire, side, &rows[0], policy);
	}
	wire_close(&wire);
}

/* Each end has a policy and programs of its own. */
static void test_ends_apart(void)
{
	static const struct row drops = { "DROP", 1, { 2 }, 1, DROPPED, "verdict_drop" };
	static const struct row passes = { "PASS", 1, { 0 }, 1, ARRIVES, "verdict_pass" };

	for (int side = 0; side < 2; side++) {
		struct wire_want want = { .mode = MODE_L3 };
		struct wire wire;

		want.policy[side] = POLICY_DROP;
		wire_open(&wire, &want);
		run_row(&wire, side, &rows[0], POLICY_DROP);
		run_row(&wire, !side, &rows[0], POLICY_PASS);
		attach_row(&wire, side, &passes);
		run_row(&wire, side, &passes, POLICY_DROP);
		run_row(&wire, !side, &rows[0], POLICY_PASS);
		attach_row(&wire, !side, &drops);
		run_row(&wire, !side, &drops, POLICY_PASS);
		run_row(&wire, side, &passes, POLICY_DROP);
		wire_detach_all(&wire, side);
		run_row(&wire, side, &rows[0], POLICY_DROP);
		wire_close(&wire);
	}
}

/* ---- what a program sees ---- */

struct address_row {
	const char *name;
	int type;
};

static const struct address_row address_rows[] = {
	{ "the receiver's", PACKET_HOST },
	{ "of another", PACKET_OTHERHOST },
	{ "broadcast", PACKET_BROADCAST },
	{ "multicast", PACKET_MULTICAST },
};

static void address_of(const struct wire_end *end, int type, unsigned char ret[6])
{
	static const unsigned char other[6] = { 2, 9, 9, 9, 9, 9 };
	static const unsigned char broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	static const unsigned char multicast[6] = { 1, 0, 0x5e, 1, 2, 3 };
	const unsigned char *const addresses[] = { [PACKET_HOST] = end->mac,
						   [PACKET_BROADCAST] = broadcast,
						   [PACKET_MULTICAST] = multicast,
						   [PACKET_OTHERHOST] = other };

	memcpy(ret, addresses[type], 6);
}

static void run_address(const struct wire *wire, int side, const struct address_row *row)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	static struct received received;
	unsigned char address[6];
	struct frame frame;
	struct seen seen;
	char label[160];

	snprintf(label, sizeof(label), "%s, %s, address %s", wire->name, from->name, row->name);
	address_of(to, row->type, address);
	frame_make(&frame, address, from->mac, next_serial++, 200);
	witness_clear(&witness);
	ok_err(wire_send(from, &frame), 0, "%s: sending", label);
	seen = witness_read(&witness, 0);
	ok_eq(seen.pkt_type, row->type, "%s: the program sees its type", label);
	ok(!memcmp(seen.header, frame.bytes, FRAME_HEADER), "%s: and the Ethernet header", label);
	ok_eq(seen.len, 200, "%s: and all of its length", label);
	ok_eq(seen.ifindex, to->ifindex, "%s: and the receiver's ifindex", label);
	ok_eq(seen.ingress_ifindex, 0, "%s: and no ingress_ifindex", label);
	ok_eq(seen.protocol, htons(WIRE_PROTOCOL), "%s: and the protocol", label);
	ok(wire_receive(to, &received, 2000), "%s: it arrives", label);
	ok_eq(received.pkt_type, row->type, "%s: as what it is", label);
}

/* A program that says what a packet is has the last word. */
static void run_change_type(const struct wire *wire, int side, int type, int says)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	static struct received received;
	unsigned char address[6];
	struct frame frame;
	struct code code;
	int fd;

	code_begin(&code, &witness, 1);
	code_call_skb(&code, BPF_FUNC_skb_change_type, says, 0);
	code_keep_result(&code);
	code_return(&code, VERDICT_PASS);
	fd = code_load(&code);
	wire_attach(wire, side, fd);
	close(fd);
	address_of(to, type, address);
	frame_make(&frame, address, from->mac, next_serial++, 200);
	witness_clear(&witness);
	wire_send(from, &frame);
	ok_eq(witness_read(&witness, 1).result, 0, "%s, %s: type %d is changed to %d", wire->name,
	      from->name, type, says);
	ok(wire_receive(to, &received, 2000), "%s, %s: it arrives", wire->name, from->name);
	ok_eq(received.pkt_type, says, "%s, %s: as what the program said", wire->name, from->name);
	wire_detach_all(wire, side);
}

static void test_sight(int mode, bool across)
{
	struct wire_want want = { .mode = mode, .across = across };
	struct wire wire;
	int fd;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		fd = witness_program(&witness, 0, VERDICT_NEXT);
		wire_attach(&wire, side, fd);
		close(fd);
		for (size_t i = 0; i < N(address_rows); i++)
			run_address(&wire, side, &address_rows[i]);
		wire_detach_all(&wire, side);
		run_change_type(&wire, side, PACKET_OTHERHOST, PACKET_HOST);
		run_change_type(&wire, side, PACKET_HOST, PACKET_OTHERHOST);
		run_change_type(&wire, side, PACKET_MULTICAST, PACKET_HOST);
	}
	wire_close(&wire);
}

static void test_ping(int mode)
{
	struct wire_want want = { .mode = mode, .across = true, .ipv6 = true };
	struct wire wire;
	int fd;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		struct wire_end *end = &wire.ends[side];

		if (add_addr(&end->rtnl, end->devname, side ? "10.8.0.2" : "10.8.0.1", 24) ||
		    add_addr(&end->rtnl, end->devname, side ? "fd08::2" : "fd08::1", 64))
			bail_out("no addresses: %s", end->rtnl.extack);
		fd = program_that_says(VERDICT_NEXT);
		wire_attach(&wire, side, fd);
		close(fd);
	}
	for (int side = 0; side < 2; side++) {
		netns_enter(wire.ends[side].netns);
		ok_eq(ping(side ? "10.8.0.1" : "10.8.0.2", 3), 3, "%s, %s: echoes by IPv4",
		      wire.name, wire.ends[side].name);
		ok_eq(ping(side ? "fd08::1" : "fd08::2", 3), 3, "%s, %s: echoes by IPv6", wire.name,
		      wire.ends[side].name);
		netns_enter(wire.ends[END_A].netns);
	}
	wire_close(&wire);
}

int main(void)
{
	witness_open(&witness);
	for (int i = 0; i < 8; i++)
		test_verdicts(i & 1, i & 2, i & 4 ? POLICY_DROP : POLICY_PASS);
	test_ends_apart();
	for (int i = 0; i < 4; i++)
		test_sight(i & 1, i & 2);
	test_ping(MODE_L2);
	test_ping(MODE_L3);
	witness_close(&witness);
	return tap_done();
}
