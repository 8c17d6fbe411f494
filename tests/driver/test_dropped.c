// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that no program decides about: without a whole Ethernet header, for a backlog that is full,
 * for a peer that is down. And of kind meta why each packet that it drops was dropped.
 */
#include "counts.h"
#include "drops.h"
#include "programs.h"
#include "tap.h"
#include "wire.h"
#include "witness.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct witness witness;
static uint32_t next_serial = 1;
static int first_netns;

/* ---- a short frame ---- */

/*
 * Packet sockets send no frame without a whole header. What is sent here comes from a device without
 * one: 8 bytes that a program puts 5 more in front of, for the header, and then redirects.
 */
struct tun {
	int fd;
	char name[IFNAMSIZ];
};

static void tun_open(struct tun *tun, const struct wire_end *to)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct code code;
	int prog_fd;

	tun->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun->fd < 0 && !system("modprobe -q tun"))
		tun->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun->fd < 0 || ioctl(tun->fd, TUNSETIFF, &ifr))
		bail_out("no tun device: %m");
	memcpy(tun->name, ifr.ifr_name, sizeof(tun->name));
	if (set_up((struct rtnl *)&to->rtnl, tun->name))
		bail_out("%s is not up", tun->name);
	code_begin(&code, &witness, 1);
	code_call_skb(&code, BPF_FUNC_skb_change_head, 5, 0);
	code_keep_result(&code);
	code_call(&code, BPF_FUNC_redirect, to->ifindex, 0);
	code_return_result(&code);
	prog_fd = code_load(&code);
	if (tcx_attach(tun->name, BPF_TCX_INGRESS, prog_fd))
		bail_out("no program on %s", tun->name);
	close(prog_fd);
}

static void tun_send(const struct tun *tun, uint32_t serial)
{
	struct frame frame;
	static const unsigned char nobody[6];

	frame_make(&frame, nobody, nobody, serial, 60);
	/* Its first digit is 6: an IPv6 packet, as far as the device looks. */
	if (write(tun->fd, frame.bytes + FRAME_HEADER, 8) != 8)
		bail_out("the tun device does not take it: %m");
}

static void run_short(const struct wire *wire, int side)
{
	static const char *const counters[] = { "drop_short" };
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct ethtool_counts before = wire_ethtool(from);
	struct counters from_before = wire_counters(from), to_before = wire_counters(to);
	struct frame frame;
	struct tun tun;
	char label[128];

	snprintf(label, sizeof(label), "%s, %s, 13 bytes", wire->name, from->name);
	witness_clear(&witness);
	netns_enter(from->netns);
	tun_open(&tun, from);
	tun_send(&tun, next_serial++);
	close(tun.fd);
	netns_enter(wire->ends[END_A].netns);
	ok_eq((long long)witness_read(&witness, 1).n, 1, "%s: it is sent", label);
	ok_eq(witness_read(&witness, 1).result, 0, "%s: with room for a header", label);
	ok_eq((long long)witness_read(&witness, 0).n, 0, "%s: runs of the program", label);
	ok_counters(label, "the sender", counters_since(wire_counters(from), from_before),
		    (struct counters){ .tx_dropped = 1 });
	ok_counters(label, "the receiver", counters_since(wire_counters(to), to_before),
		    (struct counters){});
	ok_ethtool(label, from, before, counters, 1);

	to_before = wire_counters(to);
	frame_make(&frame, to->mac, from->mac, next_serial++, FRAME_HEADER);
	ok_err(wire_send(from, &frame), 0, "%s, one more: sending", label);
	ok_eq((long long)witness_read(&witness, 0).n, 1, "%s, one more: runs of the program",
	      label);
	ok_eq((long long)(wire_counters(to).rx - to_before.rx), 1, "%s, one more: it arrives",
	      label);
}

static void test_short(void)
{
	struct wire_want want = { .mode = MODE_L2, .across = true };
	struct wire wire;
	int fd;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		fd = witness_program(&witness, 0, VERDICT_PASS);
		wire_attach(&wire, side, fd);
		close(fd);
		run_short(&wire, side);
		wire_detach_all(&wire, side);
	}
	wire_close(&wire);
}

/* ---- a full backlog ---- */

static void set_backlog(const char *value)
{
	int home = netns_current();

	netns_enter(first_netns);
	write_proc("/proc/sys/net/core/netdev_max_backlog", value);
	netns_enter(home);
	close(home);
}

/*
 * With a limit of 0 the backlog takes one packet and no second: the clone that the program sends
 * ahead takes the place, and it cannot be taken out before this packet's sender is done.
 */
static void run_backlog(const struct wire *wire, int side)
{
	static const char *const counters[] = { "verdict_pass", "drop_backlog" };
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct ethtool_counts before = wire_ethtool(from);
	struct counters from_before = wire_counters(from), to_before = wire_counters(to);
	struct frame frame;
	char label[128];
	int err;

	snprintf(label, sizeof(label), "%s, %s, the backlog is full", wire->name, from->name);
	frame_make(&frame, to->mac, from->mac, next_serial++, 300);
	witness_clear(&witness);
	set_backlog("0");
	err = wire_send(from, &frame);
	set_backlog("1000");
	ok_err(err, -ENOBUFS, "%s: sending", label);
	ok_eq(witness_read(&witness, 0).result, 0, "%s: the clone", label);
	ok_eq(wire_drain(to), 1, "%s: what arrives is the clone", label);
	ok_counters(label, "the sender", counters_since(wire_counters(from), from_before),
		    (struct counters){ .tx_dropped = 1 });
	/* The stack counts it there, not the driver. */
	ok_counters(label, "the receiver", counters_since(wire_counters(to), to_before),
		    (struct counters){ .rx_dropped = 1 });
	ok_ethtool(label, from, before, counters, 2);
}

static void test_backlog(void)
{
	struct wire_want want = { .mode = MODE_L3, .across = true };
	struct wire wire;
	struct code code;
	int fd;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		code_begin(&code, &witness, 0);
		code_call_skb(&code, BPF_FUNC_clone_redirect, wire.ends[!side].ifindex,
			      BPF_F_INGRESS);
		code_keep_result(&code);
		code_return(&code, VERDICT_PASS);
		fd = code_load(&code);
		wire_attach(&wire, side, fd);
		close(fd);
		run_backlog(&wire, side);
		wire_detach_all(&wire, side);
	}
	wire_close(&wire);
}

/* ---- the peer goes down under load ---- */

struct load {
	const struct wire_end *from;
	struct frame frame;
	atomic_bool stop;
	_Atomic uint64_t n_sent, n_refused, n_down;
};

static void *send_on(void *arg)
{
	struct load *load = arg;
	int err;

	while (!load->stop) {
		err = wire_send(load->from, &load->frame);
		if (!err)
			load->n_sent++;
		else if (err == -ENOBUFS)
			load->n_refused++;
		else
			load->n_down++;
	}
	return NULL;
}

/* netkit does not say which of its refusals were for that. */
static bool peer_was_down(const struct load *load, struct ethtool_counts before)
{
	int down;

	if (!is_meta())
		return load->n_refused > 0;
	down = ethtool_index(load->from, "drop_peer_down");
	return wire_ethtool(load->from).n[down] > before.n[down];
}

/*
 * The core takes the queue away from a device soon after its carrier has gone, and then drops by
 * itself; the driver sees only the packets of the time between. Those it has to refuse. While the
 * receiver is being closed but is not down yet, it is the backlog that takes none.
 */
static void run_peer_down(struct wire *wire, int side)
{
	const struct wire_end *from = &wire->ends[side];
	struct wire_end *to = &wire->ends[!side];
	struct load load = { .from = from };
	struct ethtool_counts before = wire_ethtool(from), after;
	struct counters counted, from_before = wire_counters(from), to_before = wire_counters(to);
	pthread_t thread;
	int i;

	frame_make(&load.frame, to->mac, from->mac, next_serial++, 100);
	if (pthread_create(&thread, NULL, send_on, &load))
		bail_out("no thread");
	for (i = 0; i < 20 || (i < 400 && !peer_was_down(&load, before)); i++) {
		set_down(&to->rtnl, to->devname);
		sleep_ms(2);
		set_up(&to->rtnl, to->devname);
		sleep_ms(5);
	}
	load.stop = true;
	pthread_join(thread, NULL);
	counted = counters_since(wire_counters(from), from_before);
	printf("# %s, %s, the peer goes down and up: %d times, %llu packets: %llu sent, "
	       "%llu refused\n",
	       wire->name, from->name, i, (unsigned long long)(load.n_sent + load.n_refused),
	       (unsigned long long)counted.tx, (unsigned long long)load.n_refused);
	ok(load.n_refused > 0, "%s, %s: a peer that is down refuses packets", wire->name,
	   from->name);
	/* What the core drops by itself it counts too, but tells the sender nothing. */
	ok(counted.tx_dropped >= load.n_refused, "%s, %s: they are counted as dropped: %llu",
	   wire->name, from->name, (unsigned long long)counted.tx_dropped);
	ok_eq((long long)(counted.tx + counted.tx_dropped),
	      (long long)(load.n_sent + load.n_refused),
	      "%s, %s: every packet is counted once, as sent or dropped", wire->name, from->name);
	ok_eq((long long)load.n_down, 0, "%s, %s: there is no other error", wire->name, from->name);
	ok_eq((long long)(wire_counters(to).rx - to_before.rx), (long long)counted.tx,
	      "%s, %s: what one end sent the other received", wire->name, from->name);
	after = wire_ethtool(from);
	if (is_meta()) {
		int down = ethtool_index(from, "drop_peer_down");
		int full = ethtool_index(from, "drop_backlog");

		ok(after.n[down] > before.n[down], "%s, %s: drop_peer_down counts", wire->name,
		   from->name);
		ok_eq((long long)(after.n[down] - before.n[down] + after.n[full] - before.n[full]),
		      (long long)load.n_refused, "%s, %s: and counts all, with drop_backlog",
		      wire->name, from->name);
	}
}

static void test_peer_down(void)
{
	struct wire_want want = { .mode = MODE_L3, .across = true };
	struct wire wire;

	for (int side = 0; side < 2; side++) {
		wire_open(&wire, &want);
		run_peer_down(&wire, side);
		wire_close(&wire);
	}
}

/* ---- why ---- */

struct why_row {
	const char *name;
	bool no_program;
	int says;
	const char *reason;
};

static const struct why_row why_rows[] = {
	{ .name = "policy", .no_program = true, .reason = "META_POLICY" },
	{ .name = "DROP", .says = 2, .reason = "META_PROGRAM" },
	{ .name = "1", .says = 1, .reason = "META_BAD_VERDICT" },
	{ .name = "-2", .says = -2, .reason = "META_BAD_VERDICT" },
};

static uint32_t make_marked(struct frame *frame, const struct wire *wire, int side)
{
	uint32_t serial = 0xabcd0000 + next_serial++;

	frame_make(frame, wire->ends[!side].mac, wire->ends[side].mac, serial, 60);
	return serial;
}

static void test_why_short(struct drops *drops, const struct wire *wire)
{
	uint32_t serial = 0xabcd0000 + next_serial++;
	struct tun tun;
	char reason[64];

	tun_open(&tun, &wire->ends[END_A]);
	tun_send(&tun, serial);
	drops_reason(drops, serial, 5000, reason, sizeof(reason));
	ok(!strcmp(reason, "META_SHORT"), "13 bytes: why it is dropped: %s", reason);
	close(tun.fd);
}

static void test_why(struct drops *drops)
{
	struct wire_want want = { .mode = MODE_L3,
				  .across = true,
				  .policy = { POLICY_DROP, POLICY_DROP } };
	struct frame frame;
	struct wire wire;
	uint32_t serial;
	char reason[64];
	int fd;

	wire_open(&wire, &want);
	for (size_t i = 0; i < 2 * N(why_rows); i++) {
		const struct why_row *row = &why_rows[i / 2];
		int side = i % 2;

		if (!row->no_program) {
			fd = program_that_says(row->says);
			wire_attach(&wire, side, fd);
			close(fd);
		}
		serial = make_marked(&frame, &wire, side);
		wire_send(&wire.ends[side], &frame);
		drops_reason(drops, serial, 5000, reason, sizeof(reason));
		ok(!strcmp(reason, row->reason), "%s, %s: why it is dropped: %s",
		   wire.ends[side].name, row->name, reason);
		wire_detach_all(&wire, side);
	}
	test_why_short(drops, &wire);
	wire_close(&wire);
}

/*
 * A peer that is down has to be met in the moment before the core stops its end. Of many drops at once
 * the monitor tells only some.
 */
static void test_why_peer_down(struct drops *drops)
{
	struct wire_want want = { .mode = MODE_L3, .across = true };
	struct load load = {};
	char reason[64] = "";
	bool found = false;
	struct wire wire;
	pthread_t thread;
	uint32_t serial;

	wire_open(&wire, &want);
	load.from = &wire.ends[END_A];
	serial = make_marked(&load.frame, &wire, END_A);
	if (pthread_create(&thread, NULL, send_on, &load))
		bail_out("no thread");
	for (int i = 0; i < 400 && !found; i++) {
		set_down(&wire.ends[END_B].rtnl, "b");
		sleep_ms(2);
		set_up(&wire.ends[END_B].rtnl, "b");
		/* As many as the monitor keeps; packets that arrive are dropped for good, without end. */
		for (int n = 0; n < 1000 && !found; n++) {
			if (!drops_reason(drops, serial, 20, reason, sizeof(reason)))
				break;
			found = !strcmp(reason, "META_PEER_DOWN");
		}
	}
	load.stop = true;
	pthread_join(thread, NULL);
	ok(found, "the peer is down: why it is dropped: META_PEER_DOWN");
	wire_close(&wire);
}

int main(void)
{
	struct drops drops;

	first_netns = netns_current();
	witness_open(&witness);
	test_short();
	test_backlog();
	test_peer_down();
	/* The monitor is not in other namespaces than this. */
	netns_enter(first_netns);
	if (!is_meta()) {
		tap_skip("kind netkit gives no reasons for its drops");
	} else if (drops_open(&drops)) {
		test_why(&drops);
		test_why_peer_down(&drops);
		drops_close(&drops);
	}
	witness_close(&witness);
	return tap_done();
}
