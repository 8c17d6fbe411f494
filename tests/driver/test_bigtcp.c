// SPDX-License-Identifier: GPL-2.0-only
/*
 * BIG TCP: once both ends allow segments of more than 64 KiB, such segments cross the pair, by IPv6
 * and IPv4, in both directions, and the data is what was sent; also when it is sent from the sender's
 * own pages (MSG_ZEROCOPY), of which the kernel has to say when it has done with them.
 */
#include "programs.h"
#include "tap.h"
#include "wire.h"
#include "witness.h"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BIG = 180000, TOTAL = 8 << 20, PIECE = 1 << 18 };

static struct witness witness;

static unsigned char byte_at(size_t offset)
{
	return (unsigned char)(offset * 31 + (offset >> 8) * 7 + (offset >> 16));
}

static int set_big(struct wire_end *end, uint32_t size)
{
	static const uint16_t types[] = { IFLA_GSO_MAX_SIZE, IFLA_GRO_MAX_SIZE,
					  IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE };
	struct msg msg;

	msg_link(&msg, RTM_NEWLINK, 0, end->ifindex);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		put_u32(&msg, types[i], size);
	return rtnl_send(&end->rtnl, &msg);
}

/* ---- one transfer ---- */

struct transfer {
	int listener; /* in the receiver's namespace */
	size_t n_received;
	bool intact;
};

static void *receive_all(void *arg)
{
	struct transfer *transfer = arg;
	unsigned char *bytes = malloc(PIECE);
	int fd = accept(transfer->listener, NULL, NULL);
	ssize_t n;

	transfer->intact = true;
	while ((n = recv(fd, bytes, PIECE, 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			transfer->intact &= bytes[i] == byte_at(transfer->n_received + i);
		transfer->n_received += n;
	}
	close(fd);
	free(bytes);
	return NULL;
}

/* How many of the sends the kernel has done with; the range of an answer is in its data. */
static unsigned int completions(int fd)
{
	char control[128];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	const struct sock_extended_err *err;
	struct cmsghdr *cmsg;
	unsigned int n = 0;

	while (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
		cmsg = CMSG_FIRSTHDR(&msg);
		err = cmsg ? (const void *)CMSG_DATA(cmsg) : NULL;
		if (err && err->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
			n += err->ee_data - err->ee_info + 1;
		msg.msg_controllen = sizeof(control);
	}
	return n;
}

struct sent {
	unsigned int n_calls, n_done;
	bool complete;
};

static struct sent send_all(int fd, int flags)
{
	unsigned char *bytes = malloc(TOTAL);
	struct sent sent = {};
	size_t n_sent = 0;
	ssize_t n;

	for (size_t i = 0; i < TOTAL; i++)
		bytes[i] = byte_at(i);
	while (n_sent < TOTAL) {
		n = send(fd, bytes + n_sent, TOTAL - n_sent < PIECE ? TOTAL - n_sent : PIECE,
			 flags);
		if (n < 0)
			break;
		n_sent += n;
		sent.n_calls++;
		if (flags)
			sent.n_done += completions(fd);
	}
	sent.complete = n_sent == TOTAL;
	shutdown(fd, SHUT_WR);
	for (int i = 0; flags && i < 500 && sent.n_done < sent.n_calls; i++) {
		sleep_ms(10);
		sent.n_done += completions(fd);
	}
	free(bytes);
	return sent;
}

static int tcp_socket(int netns, bool ipv6, const char *local, const char *remote)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9000) };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(9000) };
	const struct sockaddr *addr = ipv6 ? (void *)&at6 : (void *)&at;
	socklen_t len = ipv6 ? sizeof(at6) : sizeof(at);
	int home = netns_current(), fd, one = 1, err;

	netns_enter(netns);
	inet_pton(AF_INET, local ?: remote, &at.sin_addr);
	inet_pton(AF_INET6, local ?: remote, &at6.sin6_addr);
	fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	err = local ? bind(fd, addr, len) ?: listen(fd, 1) : connect(fd, addr, len);
	if (fd < 0 || err)
		bail_out("TCP %s %s: %m", local ? "on" : "to", local ?: remote);
	netns_enter(home);
	close(home);
	return fd;
}

static void run_transfer(const struct wire *wire, int side, bool ipv6, int flags)
{
	const char *address = ipv6 ? (side ? "fd08::1" : "fd08::2")
				   : (side ? "10.8.0.1" : "10.8.0.2");
	struct transfer transfer = {};
	struct sent sent;
	struct seen seen;
	pthread_t thread;
	char label[128];
	int fd;

	snprintf(label, sizeof(label), "%s, %s, IPv%d%s", wire->name, wire->ends[side].name,
		 ipv6 ? 6 : 4, flags ? ", zero-copy" : "");
	witness_clear(&witness);
	transfer.listener = tcp_socket(wire->ends[!side].netns, ipv6, address, NULL);
	if (pthread_create(&thread, NULL, receive_all, &transfer))
		bail_out("no thread");
	fd = tcp_socket(wire->ends[side].netns, ipv6, NULL, address);
	sent = send_all(fd, flags);
	pthread_join(thread, NULL);
	close(fd);
	close(transfer.listener);
	seen = witness_read(&witness, side);
	ok(sent.complete, "%s: all is sent", label);
	ok_eq((long long)transfer.n_received, TOTAL, "%s: bytes that arrive", label);
	ok(transfer.intact, "%s: they are what was sent", label);
	ok(seen.max_gso_size > 0 && seen.max_gso_size < 1500, "%s: in segments of %u", label,
	   seen.max_gso_size);
	/* What the sender's pages are in pieces of decides how long a packet of them is. */
	if (!flags)
		ok(seen.max_len > 65536 + 100 && seen.max_len <= BIG + 100,
		   "%s: of which up to %u bytes are one packet", label, seen.max_len);
	else
		ok_eq(sent.n_done, sent.n_calls, "%s: sends that the kernel has done with", label);
}

static void test_big(int mode)
{
	struct wire_want want = { .mode = mode, .across = true, .ipv6 = true };
	struct wire wire;
	struct link_state link;
	int fd;

	wire_open(&wire, &want);
	for (int side = 0; side < 2; side++) {
		struct wire_end *end = &wire.ends[side];

		/* Segments get shorter the longer a packet takes, which on a slow machine is long. */
		netns_enter(end->netns);
		write_proc("/proc/sys/net/ipv4/tcp_tso_rtt_log", "20");
		wire_give(end, side ? "10.8.0.2" : "10.8.0.1", 24);
		wire_give(end, side ? "fd08::2" : "fd08::1", 64);
		ok_err(set_big(end, BIG), 0, "%s, %s: segments of %d", wire.name, end->name, BIG);
		link_get(&end->rtnl, end->devname, &link);
		ok(link.gso_max == BIG && link.gro_max == BIG, "%s, %s: so it is", wire.name,
		   end->name);
		fd = witness_program(&witness, side, VERDICT_NEXT);
		wire_attach(&wire, side, fd);
		close(fd);
		netns_enter(wire.ends[END_A].netns);
	}
	ok_eq(ping("10.8.0.2", 1), 1, "%s: the way by IPv4", wire.name);
	ok_eq(ping("fd08::2", 1), 1, "%s: the way by IPv6", wire.name);
	for (int side = 0; side < 2; side++) {
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			run_transfer(&wire, side, ipv6, 0);
			run_transfer(&wire, side, ipv6, MSG_ZEROCOPY);
		}
	}
	wire_close(&wire);
}

int main(void)
{
	witness_open(&witness);
	test_big(MODE_L3);
	test_big(MODE_L2);
	witness_close(&witness);
	return tap_done();
}
