// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core leaves to a device or does in its place: checksums, fragments, the pages of a sender
 * (MSG_ZEROCOPY), transmit time stamps, VLAN tags and generic XDP.
 */
#include "programs.h"
#include "tap.h"
#include "udp.h"
#include "wire.h"
#include "witness.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_vlan.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BY_END, BY_RECEIVER };

static struct witness witness;
static uint32_t next_serial = 1;

static const char *address_of(int side, bool ipv6)
{
	return ipv6 ? (side ? "fd08::2" : "fd08::1") : (side ? "10.8.0.2" : "10.8.0.1");
}

static void attach_witness(struct wire *wire, int side)
{
	int fd = witness_program(&witness, BY_END, VERDICT_NEXT);

	wire_attach(wire, side, fd);
	close(fd);
}

/* With addresses, the way tried, and a witness on each end's chain. */
static void open_addressed(struct wire *wire, int mode)
{
	struct wire_want want = { .mode = mode, .across = true, .ipv6 = true };

	wire_open(wire, &want);
	for (int side = 0; side < 2; side++) {
		wire_give(&wire->ends[side], address_of(side, false), 24);
		wire_give(&wire->ends[side], address_of(side, true), 64);
		attach_witness(wire, side);
	}
	ok_eq(ping("10.8.0.2", 1), 1, "%s: the way by IPv4", wire->name);
	ok_eq(ping("fd08::2", 1), 1, "%s: the way by IPv6", wire->name);
}

/* A pair of UDP sockets, the sender's connected. */
struct talk {
	int sender, receiver;
};

static struct talk talk_open(const struct wire *wire, int side, bool ipv6)
{
	struct sockaddr_in6 to = {};
	struct talk talk;
	socklen_t len = sizeof(to);

	talk.sender = udp_socket(wire->ends[side].netns, address_of(side, ipv6), 0);
	talk.receiver = udp_socket(wire->ends[!side].netns, address_of(!side, ipv6), 9000);
	if (getsockname(talk.receiver, (struct sockaddr *)&to, &len) ||
	    connect(talk.sender, (struct sockaddr *)&to, len))
		bail_out("UDP to %s: %m", address_of(!side, ipv6));
	return talk;
}

static void talk_close(const struct talk *talk)
{
	close(talk->sender);
	close(talk->receiver);
}

static void fill(unsigned char *bytes, size_t n)
{
	next_serial++;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(i * 13 + next_serial);
}

/* Whether n bytes arrive as they were sent. */
static bool talk_passes(const struct talk *talk, size_t n, int flags)
{
	static unsigned char sent[65536], got[65536];
	struct pollfd pollfd = { .fd = talk->receiver, .events = POLLIN };

	fill(sent, n);
	if (send(talk->sender, sent, n, flags) != (ssize_t)n || poll(&pollfd, 1, 3000) != 1)
		return false;
	return recv(talk->receiver, got, sizeof(got), 0) == (ssize_t)n && !memcmp(sent, got, n);
}

/* ---- checksums ---- */

static void set_checksumming(const struct wire_end *end, uint32_t on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = on };
	struct ifreq ifr = { .ifr_data = (void *)&value };

	strcpy(ifr.ifr_name, end->devname);
	if (ioctl(end->fd, SIOCETHTOOL, &ifr))
		bail_out("checksumming of %s: %m", end->devname);
}

/* What a packet socket says of the checksum of the first UDP packet that comes. */
static int checksum_is_open(int tap)
{
	_Alignas(struct cmsghdr) char control[256];
	char bytes[2048];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct pollfd pollfd = { .fd = tap, .events = POLLIN };
	const struct tpacket_auxdata *aux;

	if (poll(&pollfd, 1, 1000) != 1 || recvmsg(tap, &msg, 0) < 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	aux = (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	return !!(aux->tp_status & TP_STATUS_CSUMNOTREADY);
}

static int open_tap(const struct wire_end *end, uint16_t protocol)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = end->ifindex };
	int home = netns_current(), one = 1, fd;

	netns_enter(end->netns);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		bail_out("a packet socket: %m");
	netns_enter(home);
	close(home);
	return fd;
}

static void test_checksum(const struct wire *wire, int side, bool ipv6)
{
	struct talk talk = talk_open(wire, side, ipv6);
	const struct wire_end *from = &wire->ends[side];

	for (int left = 1; left >= 0; left--) {
		int tap = open_tap(&wire->ends[!side], ipv6 ? 0x86dd : 0x0800);
		const char *how = left ? "left to the device" : "made by the core";

		set_checksumming(from, left);
		ok(talk_passes(&talk, 1000, 0), "%s, %s, IPv%d, a checksum %s: arrives", wire->name,
		   from->name, ipv6 ? 6 : 4, how);
		ok_eq(checksum_is_open(tap), left, "%s, %s, IPv%d, a checksum %s: is open",
		      wire->name, from->name, ipv6 ? 6 : 4, how);
		close(tap);
	}
	set_checksumming(from, 1);
	talk_close(&talk);
}

/* ---- fragments ---- */

static void test_fragments(const struct wire *wire, int side, bool ipv6)
{
	struct talk talk = talk_open(wire, side, ipv6);
	struct seen seen;

	witness_clear(&witness);
	ok(talk_passes(&talk, 20000, 0), "%s, %s, IPv%d, 20000 bytes at once: arrive", wire->name,
	   wire->ends[side].name, ipv6 ? 6 : 4);
	seen = witness_read(&witness, BY_END);
	ok(seen.n >= 14 && seen.max_len <= 1514, "%s, %s, IPv%d, as %llu fragments", wire->name,
	   wire->ends[side].name, ipv6 ? 6 : 4, (unsigned long long)seen.n);
	talk_close(&talk);
}

/* ---- the sender's own pages ---- */

/* Waits for the kernel to have done with n sends. */
static unsigned int await_completions(int fd, unsigned int n)
{
	_Alignas(struct cmsghdr) char control[128];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	const struct sock_extended_err *err;
	unsigned int n_done = 0;

	for (int i = 0; i < 300 && n_done < n; i++) {
		msg.msg_controllen = sizeof(control);
		if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
			sleep_ms(10);
			continue;
		}
		err = CMSG_FIRSTHDR(&msg) ? (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg)) : NULL;
		if (err && err->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
			n_done += err->ee_data - err->ee_info + 1;
	}
	return n_done;
}

static void test_zerocopy(const struct wire *wire, int side, bool ipv6)
{
	static unsigned char bytes[1400];
	struct talk talk = talk_open(wire, side, ipv6);
	int one = 1, fd, n_passed = 0;
	char label[128];

	snprintf(label, sizeof(label), "%s, %s, IPv%d, the sender's pages", wire->name,
		 wire->ends[side].name, ipv6 ? 6 : 4);
	if (setsockopt(talk.sender, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		bail_out("SO_ZEROCOPY: %m");
	for (int i = 0; i < 20; i++)
		n_passed += talk_passes(&talk, 1400, MSG_ZEROCOPY);
	ok_eq(n_passed, 20, "%s: packets that arrive", label);
	ok_eq(await_completions(talk.sender, 20), 20, "%s: of those, done with", label);

	fd = program_that_says(VERDICT_DROP);
	wire_attach(wire, side, fd);
	close(fd);
	for (int i = 0; i < 20; i++)
		send(talk.sender, bytes, sizeof(bytes), MSG_ZEROCOPY);
	ok_eq(await_completions(talk.sender, 20), 20, "%s: of dropped ones, done with", label);
	wire_detach_all(wire, side);
	fd = witness_program(&witness, BY_END, VERDICT_NEXT);
	wire_attach(wire, side, fd);
	close(fd);
	talk_close(&talk);
}

/* ---- transmit time stamps ---- */

/* Whether there is one in time, and of which send it is. */
static bool await_stamp(int fd, int timeout_ms, struct timespec *ret, uint32_t *ret_id)
{
	_Alignas(struct cmsghdr) char control[512];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct pollfd pollfd = { .fd = fd };
	bool found = false;

	if (poll(&pollfd, 1, timeout_ms) != 1 || recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		const struct sock_extended_err *err = (const void *)CMSG_DATA(cmsg);

		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPING) {
			memcpy(ret, CMSG_DATA(cmsg), sizeof(*ret));
			found = true;
		} else if (err->ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
			*ret_id = err->ee_data;
		}
	}
	return found;
}

static void test_stamps(const struct wire *wire, int side, bool ipv6)
{
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
		    SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	struct talk talk = talk_open(wire, side, ipv6);
	struct timespec stamp = {}, before, after;
	uint32_t id = 99;
	char label[128];

	snprintf(label, sizeof(label), "%s, %s, IPv%d, a transmit time stamp", wire->name,
		 wire->ends[side].name, ipv6 ? 6 : 4);
	if (setsockopt(talk.sender, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)))
		bail_out("SO_TIMESTAMPING: %m");
	for (uint32_t i = 0; i < 2; i++) {
		clock_gettime(CLOCK_REALTIME, &before);
		ok(talk_passes(&talk, 100, 0), "%s: the packet arrives", label);
		clock_gettime(CLOCK_REALTIME, &after);
		if (!is_meta()) {
			ok(!await_stamp(talk.sender, 50, &stamp, &id), "%s: there is none", label);
			continue;
		}
		ok(await_stamp(talk.sender, 2000, &stamp, &id), "%s: comes", label);
		ok_eq(id, i, "%s: of the right packet", label);
		ok((stamp.tv_sec > before.tv_sec ||
		    (stamp.tv_sec == before.tv_sec && stamp.tv_nsec >= before.tv_nsec)) &&
			   (stamp.tv_sec < after.tv_sec ||
			    (stamp.tv_sec == after.tv_sec && stamp.tv_nsec <= after.tv_nsec)),
		   "%s: is of the time between sending and receiving", label);
		ok(!await_stamp(talk.sender, 20, &stamp, &id), "%s: comes once", label);
	}
	talk_close(&talk);
}

/* ---- VLAN tags ---- */

static void tag(struct frame *frame, uint16_t id)
{
	memmove(frame->bytes + 16, frame->bytes + 12, frame->len - 12);
	frame->bytes[12] = 0x81;
	frame->bytes[13] = 0;
	frame->bytes[14] = id >> 8;
	frame->bytes[15] = id & 0xff;
	frame->len += 4;
}

/* The core takes the tag out of what arrives and remembers it. */
static void test_tagged(const struct wire *wire, int side)
{
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	int home = netns_current(), fd = witness_program(&witness, BY_RECEIVER, VERDICT_NEXT);
	struct frame frame;
	struct seen seen;

	netns_enter(to->netns);
	if (tcx_attach(to->devname, BPF_TCX_INGRESS, fd))
		bail_out("no program on %s", to->devname);
	netns_enter(home);
	witness_clear(&witness);
	frame_make(&frame, to->mac, from->mac, next_serial++, 200);
	tag(&frame, 5);
	ok_err(wire_send(from, &frame), 0, "%s, %s, tagged: sending", wire->name, from->name);
	seen = witness_read(&witness, BY_END);
	ok(seen.len == 204 && !memcmp(seen.header, frame.bytes, FRAME_HEADER) &&
		   seen.protocol == htons(ETH_P_8021Q),
	   "%s, %s, tagged: the program sees the tag", wire->name, from->name);
	seen = witness_read(&witness, BY_RECEIVER);
	ok(seen.n == 1 && seen.len == 200 && seen.vlan_present && seen.vlan_tci == 5,
	   "%s, %s, tagged: arrives with the tag", wire->name, from->name);
	ok_eq(wire_drain(to), 1, "%s, %s, tagged: also for sockets", wire->name, from->name);
	netns_enter(to->netns);
	bpf_prog_detach_opts(fd, to->ifindex, BPF_TCX_INGRESS, NULL);
	netns_enter(home);
	close(fd);
	close(home);
}

static void make_vlan(struct wire_end *end, const char *address)
{
	struct linkinfo info;
	struct msg msg;
	int err;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	put_str(&msg, IFLA_IFNAME, "v5");
	put_u32(&msg, IFLA_LINK, end->ifindex);
	info = linkinfo_begin(&msg, "vlan");
	put_u16(&msg, IFLA_VLAN_ID, 5);
	linkinfo_end(&msg, info);
	err = rtnl_send(&end->rtnl, &msg) ?: set_up(&end->rtnl, "v5");
	err = err ?: add_addr(&end->rtnl, "v5", address, 24);
	if (err)
		bail_out("no VLAN on %s: %s %s", end->devname, strerror(-err), end->rtnl.extack);
}

/* The tag of a VLAN device's packets is beside them, as the ends offer to insert it. */
static void test_vlan(struct wire *wire)
{
	struct seen seen;

	for (int side = 0; side < 2; side++)
		attach_witness(wire, side);
	make_vlan(&wire->ends[END_A], "10.5.0.1");
	make_vlan(&wire->ends[END_B], "10.5.0.2");
	witness_clear(&witness);
	ok_eq(ping("10.5.0.2", 3), 3, "%s: echoes through a VLAN", wire->name);
	seen = witness_read(&witness, BY_END);
	ok(seen.vlan_present && seen.vlan_tci == 5, "%s: the program sees the VLAN", wire->name);
}

/* ---- generic XDP ---- */

static int xdp_attach(const struct wire_end *end, int action, uint32_t flags)
{
	const struct bpf_insn insns[] = { MOV_IMM(BPF_REG_0, action), EXIT };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int home = netns_current(), fd, link;

	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "driver_test", "GPL", insns, 2, NULL);
	if (fd < 0)
		bail_out("no XDP program: %s", strerror(-fd));
	netns_enter(end->netns);
	link = bpf_link_create(fd, end->ifindex, BPF_XDP, &opts);
	netns_enter(home);
	close(fd);
	close(home);
	return link;
}

static void test_xdp(const struct wire *wire, int side)
{
	static const struct {
		const char *name;
		int action, at_receiver, at_sender;
	} rows[] = { { "XDP_PASS", XDP_PASS, 1, 0 },
		     { "XDP_DROP", XDP_DROP, 0, 0 },
		     { "XDP_TX", XDP_TX, 0, 1 } };
	const struct wire_end *from = &wire->ends[side], *to = &wire->ends[!side];
	static struct received received;
	struct counters before;
	struct frame frame;
	int link;

	ok_err(xdp_attach(to, XDP_PASS, 1u << 2 /* XDP_FLAGS_DRV_MODE */), -EOPNOTSUPP,
	       "%s, %s, XDP in the driver", wire->name, to->name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		link = xdp_attach(to, rows[i].action, 1u << 1 /* XDP_FLAGS_SKB_MODE */);
		ok(link >= 0, "%s, %s, generic XDP", wire->name, to->name);
		before = wire_counters(to);
		frame_make(&frame, to->mac, from->mac, next_serial++, 300);
		ok_err(wire_send(from, &frame), 0, "%s, %s, %s: sending", wire->name, from->name,
		       rows[i].name);
		if (rows[i].at_receiver || rows[i].at_sender)
			ok(wire_receive(rows[i].at_receiver ? to : from, &received, 2000) &&
				   received.len == 300 && !memcmp(received.bytes, frame.bytes, 300),
			   "%s, %s, %s: arrives as it was sent", wire->name, from->name,
			   rows[i].name);
		ok_eq(wire_drain(to) + wire_drain(from), 0, "%s, %s, %s: and nothing else",
		      wire->name, from->name, rows[i].name);
		ok_eq((long long)(wire_counters(to).rx - before.rx), 1,
		      "%s, %s, %s: it is received", wire->name, from->name, rows[i].name);
		ok_eq((long long)(wire_counters(to).tx - before.tx), rows[i].at_sender,
		      "%s, %s, %s: packets sent back", wire->name, from->name, rows[i].name);
		close(link);
	}
}

static void test_mode(int mode)
{
	struct wire_want want = { .mode = mode, .across = true };
	struct wire wire;

	open_addressed(&wire, mode);
	for (int i = 0; i < 4; i++) {
		test_checksum(&wire, i & 1, i & 2);
		test_fragments(&wire, i & 1, i & 2);
		test_zerocopy(&wire, i & 1, i & 2);
		test_stamps(&wire, i & 1, i & 2);
	}
	wire_close(&wire);

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		test_xdp(&wire, side);
		attach_witness(&wire, side);
		test_tagged(&wire, side);
		wire_detach_all(&wire, side);
	}
	/* A VLAN device takes no zero address, which is all that L3 has. */
	if (mode == MODE_L2)
		test_vlan(&wire);
	wire_close(&wire);
}

int main(void)
{
	witness_open(&witness);
	test_mode(MODE_L3);
	test_mode(MODE_L2);
	witness_close(&witness);
	return tap_done();
}
