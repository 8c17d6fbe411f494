// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet loses on its way from one end of a pair to the other before programs see it, within
 * a namespace and between two, by what the sending end was told to scrub.
 *
 * How each is observed: mark, priority, time stamp and its clock, type and ingress_ifindex as fields
 * of the packet, by a program on the end and by one that the receiver has at tcx ingress. The
 * destination (skb->dst) is one that a program at tcx egress gives with bpf_skb_set_tunnel_key(), and
 * which bpf_skb_get_tunnel_key() finds or not. A stamp by the clock of real time is what a receive
 * stamp is; stamps by the others are times of delivery.
 *
 * Conntrack, trace, netfilter's egress and ignore_df are in test_netfilter.c. Not observed: skb
 * extensions, marks of switchdev and the flag of ipvs, which nothing in these kernels can put on a
 * packet and read again.
 */
#include "programs.h"
#include "tap.h"
#include "wire.h"
#include "witness.h"

#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { BY_END, BY_RECEIVER, BY_EGRESS, BY_X };
enum { MARK = 0x1234, PRIORITY = 5, CHANGED_MARK = 0x77, CHANGED_PRIORITY = 9 };

static struct witness witness;
static uint32_t next_serial = 1;

struct row {
	const char *name;
	int mode;
	bool across;
	int scrub[2];
};

static const struct row rows[] = {
	{ "one namespace, both scrub", MODE_L3, false, { SCRUB_DEFAULT, SCRUB_DEFAULT } },
	{ "one namespace, none scrubs", MODE_L3, false, { SCRUB_NONE, SCRUB_NONE } },
	{ "one namespace, L2", MODE_L2, false, { SCRUB_DEFAULT, SCRUB_DEFAULT } },
	{ "two namespaces, both scrub", MODE_L3, true, { SCRUB_DEFAULT, SCRUB_DEFAULT } },
	{ "two namespaces, none scrubs", MODE_L3, true, { SCRUB_NONE, SCRUB_NONE } },
	{ "two namespaces, the primary scrubs", MODE_L3, true, { SCRUB_DEFAULT, SCRUB_NONE } },
	{ "two namespaces, the peer scrubs", MODE_L3, true, { SCRUB_NONE, SCRUB_DEFAULT } },
	{ "two namespaces, L2, the peer scrubs", MODE_L2, true, { SCRUB_NONE, SCRUB_DEFAULT } },
};

static void attach_code(const struct wire *wire, int side, const struct code *code)
{
	int fd = code_load(code), err = wire_attach(wire, side, fd);

	if (err)
		bail_out("a program is not attached: %s", strerror(-err));
	close(fd);
}

static void attach_tcx(const struct wire_end *end, enum bpf_attach_type type,
		       const struct code *code)
{
	int home = netns_current(), fd = code_load(code), err;

	netns_enter(end->netns);
	err = tcx_attach(end->devname, type, fd);
	netns_enter(home);
	if (err)
		bail_out("no tcx program on %s: %s", end->devname, strerror(-err));
	close(fd);
	close(home);
}

static void watch(const struct wire *wire)
{
	struct code code;

	for (int side = 0; side < 2; side++) {
		code_begin(&code, &witness, BY_RECEIVER);
		code_return(&code, VERDICT_NEXT);
		attach_tcx(&wire->ends[side], BPF_TCX_INGRESS, &code);
	}
}

/* ---- mark and priority ---- */

static void set_option(int fd, int option, int value)
{
	if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)))
		bail_out("socket option %d: %m", option);
}

static void send_one(const struct wire *wire, int side, const char *label)
{
	struct frame frame;

	witness_clear(&witness);
	frame_make(&frame, wire->ends[!side].mac, wire->ends[side].mac, next_serial++, 100);
	ok_err(wire_send(&wire->ends[side], &frame), 0, "%s: sending", label);
	ok_eq((long long)witness_read(&witness, BY_RECEIVER).n, 1, "%s: arrives", label);
}

static void test_mark(const struct row *row, const struct wire *wire, int side)
{
	const struct wire_end *from = &wire->ends[side];
	bool zeroed = row->across && row->scrub[side] == SCRUB_DEFAULT;
	struct seen seen;
	struct code code;
	char label[128];

	snprintf(label, sizeof(label), "%s, %s", row->name, from->name);
	set_option(from->fd, SO_MARK, MARK);
	set_option(from->fd, SO_PRIORITY, PRIORITY);
	code_begin(&code, &witness, BY_END);
	code_return(&code, VERDICT_NEXT);
	attach_code(wire, side, &code);
	send_one(wire, side, label);
	for (int by = BY_END; by <= BY_RECEIVER; by++) {
		const char *who = by == BY_END ? "its program" : "the receiver";

		seen = witness_read(&witness, by);
		ok_eq(seen.mark, zeroed ? 0 : MARK, "%s: the mark that %s sees", label, who);
		ok_eq(seen.priority, zeroed ? 0 : PRIORITY, "%s: the priority that %s sees", label,
		      who);
	}

	/* What a program sets comes after the scrubbing, and stays. */
	code_begin(&code, NULL, 0);
	code_write(&code, offsetof(struct __sk_buff, mark), CHANGED_MARK);
	code_write(&code, offsetof(struct __sk_buff, priority), CHANGED_PRIORITY);
	code_return(&code, VERDICT_NEXT);
	attach_code(wire, side, &code);
	send_one(wire, side, label);
	seen = witness_read(&witness, BY_RECEIVER);
	ok_eq(seen.mark, CHANGED_MARK, "%s: the mark that a program set", label);
	ok_eq(seen.priority, CHANGED_PRIORITY, "%s: the priority that a program set", label);
	wire_detach_all(wire, side);
	set_option(from->fd, SO_MARK, 0);
	set_option(from->fd, SO_PRIORITY, 0);
}

/* ---- time stamps ---- */

struct stamp_row {
	const char *name;
	clockid_t clock;
	uint32_t type; /* as programs see it */
};

static const struct stamp_row stamp_rows[] = {
	{ "a stamp of real time", CLOCK_REALTIME, BPF_SKB_CLOCK_REALTIME },
	{ "a time of delivery", CLOCK_MONOTONIC, BPF_SKB_CLOCK_MONOTONIC },
	{ "a time of delivery by TAI", CLOCK_TAI, BPF_SKB_CLOCK_TAI },
};

static int stamped_socket(const struct wire_end *from, clockid_t clock)
{
	struct sock_txtime txtime = { .clockid = clock };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = from->ifindex };
	int home = netns_current(), fd;

	netns_enter(from->netns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TXTIME, &txtime, sizeof(txtime)))
		bail_out("no socket with SO_TXTIME: %m");
	netns_enter(home);
	close(home);
	return fd;
}

static int send_stamped(const struct wire_end *from, int fd, const struct frame *frame,
			uint64_t stamp)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(stamp))] = {};
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = from->ifindex };
	struct iovec iov = { (void *)frame->bytes, frame->len };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof(to),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memcpy(&to.sll_protocol, frame->bytes + 12, 2);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_TXTIME;
	cmsg->cmsg_len = CMSG_LEN(sizeof(stamp));
	memcpy(CMSG_DATA(cmsg), &stamp, sizeof(stamp));
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

static void test_stamp(const struct row *row, const struct wire *wire, int side,
		       const struct stamp_row *stamp_row)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	bool kept = !row->across || stamp_row->clock != CLOCK_REALTIME;
	uint64_t stamp = 1234567890123456789ull;
	int fd = stamped_socket(from, stamp_row->clock);
	struct frame frame;
	struct seen seen;
	struct code code;
	char label[160];

	snprintf(label, sizeof(label), "%s, %s, %s", row->name, from->name, stamp_row->name);
	code_begin(&code, &witness, BY_END);
	code_return(&code, VERDICT_NEXT);
	attach_code(wire, side, &code);
	witness_clear(&witness);
	frame_make(&frame, to->mac, from->mac, next_serial++, 100);
	ok_err(send_stamped(from, fd, &frame, stamp), 0, "%s: sending", label);
	for (int by = BY_END; by <= BY_RECEIVER; by++) {
		const char *who = by == BY_END ? "its program" : "the receiver";

		seen = witness_read(&witness, by);
		ok_eq((long long)seen.n, 1, "%s: %s sees it", label, who);
		ok_eq((long long)seen.tstamp, kept ? (long long)stamp : 0, "%s: as %s sees it",
		      label, who);
		ok_eq(seen.tstamp_type, kept ? stamp_row->type : BPF_SKB_CLOCK_REALTIME,
		      "%s: its clock, as %s sees it", label, who);
	}
	wire_detach_all(wire, side);
	close(fd);
}

/* ---- type, ingress_ifindex and destination ---- */

/*
 * From y by x, whose program redirects to the end: so the packet has an ingress_ifindex, and at the
 * end's tcx egress it gets a type that is not its own and a destination.
 */
static void test_rest(const struct row *row, struct wire *wire, int side)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	struct frame frame;
	struct spur spur;
	struct code code;
	struct seen seen;
	char label[128];

	snprintf(label, sizeof(label), "%s, %s, redirected", row->name, from->name);
	spur_open(&spur, from->netns, false);
	code_begin(&code, &witness, BY_X);
	code_call(&code, BPF_FUNC_redirect, from->ifindex, 0);
	code_return_result(&code);
	attach_tcx(&spur.x, BPF_TCX_INGRESS, &code);
	code_begin(&code, &witness, BY_EGRESS);
	code_call_skb(&code, BPF_FUNC_skb_change_type, PACKET_OTHERHOST, 0);
	code_set_dst(&code);
	code_get_dst(&code);
	code_keep_result(&code);
	code_return(&code, VERDICT_NEXT);
	attach_tcx(from, BPF_TCX_EGRESS, &code);
	code_begin(&code, &witness, BY_END);
	code_get_dst(&code);
	code_keep_result(&code);
	code_return(&code, VERDICT_NEXT);
	attach_code(wire, side, &code);

	witness_clear(&witness);
	frame_make(&frame, to->mac, spur.y.mac, next_serial++, 100);
	ok_err(wire_send(&spur.y, &frame), 0, "%s: sending", label);
	seen = witness_read(&witness, BY_EGRESS);
	ok_eq(seen.ingress_ifindex, spur.x.ifindex, "%s: before, ingress_ifindex", label);
	ok_err((int)seen.result, 0, "%s: before, a destination", label);
	seen = witness_read(&witness, BY_END);
	ok_eq((long long)seen.n, 1, "%s: its program sees it", label);
	ok_eq(seen.ingress_ifindex, 0, "%s: its ingress_ifindex", label);
	ok_eq(seen.pkt_type, PACKET_HOST, "%s: its type is that of its address", label);
	ok_err((int)seen.result, -EINVAL, "%s: its destination", label);
	wire_detach_all(wire, side);
	spur_close(&spur);
}

int main(void)
{
	struct wire wire;

	witness_open(&witness);
	for (size_t i = 0; i < N(rows); i++) {
		struct wire_want want = { .mode = rows[i].mode, .across = rows[i].across };

		memcpy(want.scrub, rows[i].scrub, sizeof(want.scrub));
		wire_open(&wire, &want);
		watch(&wire);
		for (int side = 0; side < 2; side++) {
			test_mark(&rows[i], &wire, side);
			for (size_t k = 0; k < N(stamp_rows); k++)
				test_stamp(&rows[i], &wire, side, &stamp_rows[k]);
			test_rest(&rows[i], &wire, side);
		}
		wire_close(&wire);
	}
	witness_close(&witness);
	return tap_done();
}
