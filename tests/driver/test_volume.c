// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics that add up: on every CPU senders at both ends, thousands of packets of all sizes, and
 * programs that decide by the packet's number, so that it is known before what has to become of how
 * many. Every packet and every byte is to be counted once.
 */
#include "programs.h"
#include "tap.h"
#include "wire.h"
#include "witness.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

enum { N_FRAMES = 4096, MTU = 9000, N_FATES = 8 };

/* What becomes of a packet is its number modulo N_FATES. */
enum fate { PASS, PASS_TOO, NEXT, DROP, DROP_TOO, UNKNOWN, REDIRECT, REDIRECT_NOWHERE };

struct tally {
	uint64_t n, bytes;
};

struct sender {
	const struct wire *wire;
	int side, cpu;
	uint32_t first;
	struct tally fates[N_FATES], refused;
	uint64_t n_errors;
	pthread_t thread;
};

static struct witness witness;

static size_t size_of(uint32_t serial)
{
	/* Up to what the MTU allows, with the smallest and the largest among them. */
	return 22 + serial * 7919u % (MTU + FRAME_HEADER - 22 + 1);
}

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	const struct wire_end *from = &sender->wire->ends[sender->side];
	const struct wire_end *to = &sender->wire->ends[!sender->side];
	struct frame *frame = malloc(sizeof(*frame));
	cpu_set_t cpus;
	int err;

	CPU_ZERO(&cpus);
	CPU_SET(sender->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (uint32_t serial = sender->first; serial < sender->first + N_FRAMES; serial++) {
		struct tally *fate = &sender->fates[serial % N_FATES];

		frame_make(frame, to->mac, from->mac, serial, size_of(serial));
		fate->n++;
		fate->bytes += frame->len;
		err = wire_send(from, frame);
		if (err == -ENOBUFS) {
			sender->refused.n++;
			sender->refused.bytes += frame->len;
		} else if (err) {
			sender->n_errors++;
		}
	}
	free(frame);
	return NULL;
}

/* skb_load_bytes() of the low byte of the number, then a verdict for each of its values. */
static int deciding_program(uint32_t place, int x)
{
	static const int verdicts[N_FATES] = { [NEXT] = VERDICT_NEXT,
					       [DROP] = VERDICT_DROP,
					       [DROP_TOO] = VERDICT_DROP,
					       [UNKNOWN] = 3 };
	struct code code;

	code_begin(&code, &witness, place);
	code_emit(&code, MOV_REG(BPF_REG_1, BPF_REG_6));
	code_emit(&code, MOV_IMM(BPF_REG_2, FRAME_HEADER + 4));
	code_emit(&code, MOV_REG(BPF_REG_3, BPF_REG_10));
	code_emit(&code, ADD_IMM(BPF_REG_3, -8));
	code_emit(&code, MOV_IMM(BPF_REG_4, 1));
	code_emit(&code, CALL(BPF_FUNC_skb_load_bytes));
	code_emit(&code, LOAD(BPF_B, BPF_REG_8, BPF_REG_10, -8));
	code_emit(&code, INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_8, 0, 0, N_FATES - 1));
	for (int fate = 0; fate < REDIRECT; fate++) {
		code_emit(&code, JUMP_IMM(BPF_JNE, BPF_REG_8, fate, 2));
		code_return(&code, verdicts[fate]);
	}
	code_emit(&code, MOV_IMM(BPF_REG_1, x));
	code_emit(&code, JUMP_IMM(BPF_JEQ, BPF_REG_8, REDIRECT, 1));
	code_emit(&code, MOV_IMM(BPF_REG_1, 9999));
	code_emit(&code, MOV_IMM(BPF_REG_2, 0));
	code_emit(&code, CALL(BPF_FUNC_redirect));
	code_return_result(&code);
	return code_load(&code);
}

static void set_mtu(struct rtnl *rtnl, const char *name)
{
	struct msg msg;
	int err;

	msg_link(&msg, RTM_NEWLINK, 0, 0);
	put_str(&msg, IFLA_IFNAME, name);
	put_u32(&msg, IFLA_MTU, MTU);
	err = rtnl_send(rtnl, &msg);
	if (err)
		bail_out("mtu of %s: %s", name, strerror(-err));
}

/* ---- the sums ---- */

static struct tally sum_of(const struct sender *senders, int n, int side, unsigned int fates)
{
	struct tally sum = {};

	for (const struct sender *sender = senders; sender < senders + n; sender++) {
		for (int fate = 0; sender->side == side && fate < N_FATES; fate++) {
			if (!(fates & 1u << fate))
				continue;
			sum.n += sender->fates[fate].n;
			sum.bytes += sender->fates[fate].bytes;
		}
	}
	return sum;
}

#define FATES_SENT (1u << PASS | 1u << PASS_TOO | 1u << NEXT)
#define FATES_DROPPED (1u << DROP | 1u << DROP_TOO | 1u << UNKNOWN)
#define FATES_REDIRECTED (1u << REDIRECT | 1u << REDIRECT_NOWHERE)
#define FATES_ALL ((1u << N_FATES) - 1)

static void ok_sum(const char *label, const char *what, uint64_t got, uint64_t wanted)
{
	ok_eq((long long)got, (long long)wanted, "%s: %s", label, what);
}

struct before {
	struct counters ends[2], x[2];
	struct ethtool_counts ethtool[2];
};

static void check_ethtool(const char *label, const struct wire_end *end,
			  const struct ethtool_counts *before, const struct sender *senders, int n,
			  int side, uint64_t n_full)
{
	const struct {
		const char *name;
		uint64_t wanted;
	} counters[] = {
		{ "verdict_pass", sum_of(senders, n, side, 1u << PASS | 1u << PASS_TOO).n },
		{ "verdict_next", sum_of(senders, n, side, 1u << NEXT).n },
		{ "verdict_drop", sum_of(senders, n, side, 1u << DROP | 1u << DROP_TOO).n },
		{ "verdict_unknown", sum_of(senders, n, side, 1u << UNKNOWN).n },
		{ "verdict_redirect", sum_of(senders, n, side, FATES_REDIRECTED).n },
		{ "redirect_failed", sum_of(senders, n, side, 1u << REDIRECT_NOWHERE).n },
		{ "drop_backlog", n_full },
		{ "drop_policy", 0 },
		{ "drop_peer_down", 0 },
		{ "drop_short", 0 },
		{ "drop_nomem", 0 },
	};
	struct ethtool_counts after = wire_ethtool(end);

	for (size_t i = 0; is_meta() && i < sizeof(counters) / sizeof(counters[0]); i++) {
		int at = ethtool_index(end, counters[i].name);

		ok_sum(label, counters[i].name, after.n[at] - before->n[at], counters[i].wanted);
	}
}

static void check_side(const struct wire *wire, int side, const struct spur *spur,
		       const struct before *before, const struct sender *senders, int n)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct counters sent = counters_since(wire_counters(from), before->ends[side]);
	struct counters received = counters_since(wire_counters(to), before->ends[!side]);
	struct counters out = counters_since(wire_counters(&spur->x), before->x[side]);
	struct tally passed = sum_of(senders, n, side, FATES_SENT);
	struct tally dropped = sum_of(senders, n, side, FATES_DROPPED);
	struct tally redirected = sum_of(senders, n, side, FATES_REDIRECTED);
	struct tally all = sum_of(senders, n, side, FATES_ALL), refused = {};
	struct seen seen = witness_read(&witness, side), arrived = witness_read(&witness, 2 + side);
	uint64_t n_full;
	char label[96];

	for (const struct sender *sender = senders; sender < senders + n; sender++) {
		if (sender->side != side)
			continue;
		refused.n += sender->refused.n;
		refused.bytes += sender->refused.bytes;
	}
	n_full = refused.n - dropped.n;
	snprintf(label, sizeof(label), "%s, %s", wire->name, from->name);
	printf("# %s: %llu packets, %llu bytes, %llu for a full backlog\n", label,
	       (unsigned long long)all.n, (unsigned long long)all.bytes,
	       (unsigned long long)n_full);
	ok_sum(label, "packets that the program saw", seen.n, all.n);
	ok_sum(label, "bytes that the program saw", seen.bytes, all.bytes);
	ok_sum(label, "sent and dropped packets", sent.tx + sent.tx_dropped, all.n);
	ok_sum(label, "dropped packets, as the senders know them", sent.tx_dropped, refused.n);
	ok_sum(label, "sent packets", sent.tx, passed.n + redirected.n - n_full);
	ok_sum(label, "sent bytes", sent.tx_bytes,
	       passed.bytes + redirected.bytes - (refused.bytes - dropped.bytes));
	ok_sum(label, "received packets", received.rx, sent.tx - redirected.n);
	ok_sum(label, "received bytes", received.rx_bytes, sent.tx_bytes - redirected.bytes);
	ok_sum(label, "packets that came through", arrived.n, received.rx);
	ok_sum(label, "bytes that came through", arrived.bytes, received.rx_bytes);
	ok_sum(label, "packets out of x", out.tx + out.tx_dropped,
	       sum_of(senders, n, side, 1u << REDIRECT).n);
	check_ethtool(label, from, &before->ethtool[side], senders, n, side, n_full);
}

static void attach_all(const struct wire *wire, int side, const struct spur *spur)
{
	const struct wire_end *to = &wire->ends[!side];
	int fd = deciding_program(side, spur->x.ifindex), home = netns_current(), err;

	err = wire_attach(wire, side, fd);
	close(fd);
	netns_enter(to->netns);
	fd = witness_program(&witness, 2 + side, VERDICT_NEXT);
	err = err ?: tcx_attach(to->devname, BPF_TCX_INGRESS, fd);
	netns_enter(home);
	close(fd);
	close(home);
	if (err)
		bail_out("a program is not attached: %s", strerror(-err));
}

/* Two senders on every CPU, one at each end. */
static void test_volume(int mode)
{
	struct wire_want want = { .mode = mode, .across = true };
	int n_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), n = 2 * (n_cpus < 4 ? n_cpus : 4);
	struct sender senders[8] = {};
	struct before before;
	struct spur spurs[2];
	struct wire wire;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		set_mtu(&wire.ends[side].rtnl, wire.ends[side].devname);
		spur_open(&spurs[side], wire.ends[!side].netns, false);
		set_mtu(&spurs[side].x.rtnl, "x");
		set_mtu(&spurs[side].y.rtnl, "y");
		attach_all(&wire, side, &spurs[side]);
	}
	witness_clear(&witness);
	for (int side = 0; side < 2; side++) {
		before.ends[side] = wire_counters(&wire.ends[side]);
		before.x[side] = wire_counters(&spurs[side].x);
		before.ethtool[side] = wire_ethtool(&wire.ends[side]);
	}
	for (int i = 0; i < n; i++) {
		senders[i] = (struct sender){
			.wire = &wire, .side = i % 2, .cpu = i / 2, .first = (uint32_t)i << 16
		};
		if (pthread_create(&senders[i].thread, NULL, send_all, &senders[i]))
			bail_out("no thread");
	}
	for (int i = 0; i < n; i++) {
		pthread_join(senders[i].thread, NULL);
		ok_eq((long long)senders[i].n_errors, 0, "%s, sender %d: other errors", wire.name,
		      i);
	}
	/* What is in a backlog still is counted, but may not have come through. */
	sleep_ms(200);
	for (int side = 0; side < 2; side++)
		check_side(&wire, side, &spurs[side], &before, senders, n);
	for (int side = 0; side < 2; side++)
		spur_close(&spurs[side]);
	wire_close(&wire);
}

int main(void)
{
	witness_open(&witness);
	test_volume(MODE_L3);
	test_volume(MODE_L2);
	witness_close(&witness);
	return tap_done();
}
