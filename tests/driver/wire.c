// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets on a pair, as wire.h says.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static const unsigned char serial_magic[4] = { 0x6d, 0xe7, 0xad, 0x17 };

/* ---- small things ---- */

void write_proc(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bail_out("%s: %m", path);
	close(fd);
}

void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- the pair ---- */

static void silence_ipv6(bool wanted)
{
	if (wanted || access("/proc/sys/net/ipv6", F_OK) < 0)
		return;
	write_proc("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_proc("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

/* With indices of their own: nothing else in either namespace has the number of one of them. */
static int make_ends(struct wire *wire, const struct wire_want *want)
{
	struct linkinfo info;
	struct msg msg;
	size_t peer;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 500);
	put_str(&msg, IFLA_IFNAME, "a");
	info = linkinfo_begin(&msg, test_kind());
	put_u32(&msg, PAIR_MODE, want->mode);
	put_u32(&msg, PAIR_POLICY, want->policy[END_A]);
	put_u32(&msg, PAIR_PEER_POLICY, want->policy[END_B]);
	put_u32(&msg, PAIR_SCRUB, want->scrub[END_A]);
	put_u32(&msg, PAIR_PEER_SCRUB, want->scrub[END_B]);
	peer = peer_info_begin(&msg, 501, 0, 0);
	put_str(&msg, IFLA_IFNAME, "b");
	put_u32(&msg, IFLA_NET_NS_FD, wire->ends[END_B].netns);
	nest_end(&msg, peer);
	linkinfo_end(&msg, info);
	return rtnl_send(&wire->ends[END_A].rtnl, &msg);
}

static int packet_socket(int ifindex)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(WIRE_PROTOCOL),
				  .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		bail_out("a packet socket: %m");
	return fd;
}

static void end_open(struct wire_end *end)
{
	struct link_state link;
	int err = set_up(&end->rtnl, end->devname);

	if (!err)
		err = link_get(&end->rtnl, end->devname, &link);
	if (err)
		bail_out("%s is not up: %s", end->devname, strerror(-err));
	end->ifindex = link.ifindex;
	memcpy(end->mac, link.address, 6);
	end->fd = packet_socket(end->ifindex);
}

/* A device without carrier does not send; the core learns of the carrier some time later. */
static void await_carrier(struct wire_end *end)
{
	struct link_state link;

	for (int i = 0; i < 500; i++) {
		if (!link_get(&end->rtnl, end->devname, &link) && link.operstate == 6)
			return;
		sleep_ms(10);
	}
	bail_out("%s has no carrier", end->devname);
}

void wire_open(struct wire *wire, const struct wire_want *want)
{
	struct wire_end *a = &wire->ends[END_A], *b = &wire->ends[END_B];
	int err;

	*wire = (struct wire){
		.ends = { { .name = "primary to peer", .devname = "a", .hook = BPF_NETKIT_PRIMARY },
			  { .name = "peer to primary", .devname = "b", .hook = BPF_NETKIT_PEER } }
	};
	snprintf(wire->name, sizeof(wire->name), "%s, %s", want->mode == MODE_L2 ? "L2" : "L3",
		 want->across ? "two namespaces" : "one namespace");
	netns_isolate();
	a->netns = netns_current();
	silence_ipv6(want->ipv6);
	b->netns = want->across ? netns_new() : netns_current();
	netns_enter(b->netns);
	silence_ipv6(want->ipv6);
	netns_enter(a->netns);
	if (rtnl_open(&a->rtnl) || rtnl_open_in(&b->rtnl, b->netns))
		bail_out("no rtnetlink");
	err = make_ends(wire, want);
	if (err)
		bail_out("no pair of kind %s: %s %s", test_kind(), strerror(-err), a->rtnl.extack);
	end_open(a);
	netns_enter(b->netns);
	end_open(b);
	netns_enter(a->netns);
	await_carrier(a);
	await_carrier(b);
}

void wire_close(struct wire *wire)
{
	del_link(&wire->ends[END_A].rtnl, "a");
	for (int i = 0; i < 2; i++) {
		rtnl_close(&wire->ends[i].rtnl);
		close(wire->ends[i].fd);
		close(wire->ends[i].netns);
	}
}

void wire_give(struct wire_end *end, const char *address, int prefix)
{
	int err = add_addr(&end->rtnl, end->devname, address, prefix);

	if (err)
		bail_out("%s is not given %s: %s", end->devname, address, strerror(-err));
}

int wire_attach(const struct wire *wire, int side, int prog_fd)
{
	int home = netns_current(), err;

	netns_enter(wire->ends[END_A].netns);
	err = bpf_prog_attach_opts(prog_fd, wire->ends[END_A].ifindex, wire->ends[side].hook, NULL);
	netns_enter(home);
	close(home);
	return err;
}

void wire_detach_all(const struct wire *wire, int side)
{
	int home = netns_current(), err;

	netns_enter(wire->ends[END_A].netns);
	do
		err = bpf_prog_detach_opts(0, wire->ends[END_A].ifindex, wire->ends[side].hook,
					   NULL);
	while (!err);
	if (err != -ENOENT)
		bail_out("a program does not go: %s", strerror(-err));
	netns_enter(home);
	close(home);
}

int tcx_attach(const char *devname, enum bpf_attach_type type, int prog_fd)
{
	return bpf_prog_attach_opts(prog_fd, if_nametoindex(devname), type, NULL);
}

/* ---- frames ---- */

void frame_make(struct frame *frame, const unsigned char to[6], const unsigned char from[6],
		uint32_t serial, size_t len)
{
	memcpy(frame->bytes, to, 6);
	memcpy(frame->bytes + 6, from, 6);
	frame->bytes[12] = WIRE_PROTOCOL >> 8;
	frame->bytes[13] = WIRE_PROTOCOL & 0xff;
	memcpy(frame->bytes + FRAME_HEADER, serial_magic, 4);
	memcpy(frame->bytes + FRAME_HEADER + 4, &serial, 4);
	for (size_t i = FRAME_HEADER + 8; i < len; i++)
		frame->bytes[i] = (unsigned char)(serial + i * 7);
	frame->len = len;
}

uint32_t frame_serial(const void *bytes, size_t len)
{
	const unsigned char *found = memmem(bytes, len, serial_magic, sizeof(serial_magic));
	uint32_t serial = 0;

	if (found && found + 8 <= (const unsigned char *)bytes + len)
		memcpy(&serial, found + 4, sizeof(serial));
	return serial;
}

int wire_send(const struct wire_end *end, const struct frame *frame)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = end->ifindex,
				  .sll_halen = 6 };
	ssize_t n;

	memcpy(&to.sll_protocol, frame->bytes + 12, 2);
	n = sendto(end->fd, frame->bytes, frame->len, 0, (struct sockaddr *)&to, sizeof(to));
	if (n < 0)
		return -errno;
	return (size_t)n == frame->len ? 0 : -EMSGSIZE;
}

bool frame_receive(int fd, struct received *ret, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct sockaddr_ll from = {};
	socklen_t from_len = sizeof(from);
	ssize_t n;

	if (poll(&pollfd, 1, timeout_ms) != 1)
		return false;
	n = recvfrom(fd, ret->bytes, sizeof(ret->bytes), MSG_DONTWAIT, (struct sockaddr *)&from,
		     &from_len);
	ret->len = n < 0 ? 0 : n;
	ret->pkt_type = from.sll_pkttype;
	return n >= 0;
}

int frame_drain(int fd)
{
	static struct received received;
	int n = 0;

	while (frame_receive(fd, &received, 0))
		n++;
	return n;
}

bool wire_receive(const struct wire_end *end, struct received *ret, int timeout_ms)
{
	return frame_receive(end->fd, ret, timeout_ms);
}

int wire_drain(const struct wire_end *end)
{
	return frame_drain(end->fd);
}

/* ---- a way out ---- */

static int make_veth(struct rtnl *rtnl, int y_netns)
{
	struct linkinfo info;
	struct msg msg;
	size_t peer;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	put_str(&msg, IFLA_IFNAME, "x");
	info = linkinfo_begin(&msg, "veth");
	peer = peer_info_begin(&msg, 0, 0, 0);
	put_str(&msg, IFLA_IFNAME, "y");
	put_u32(&msg, IFLA_NET_NS_FD, y_netns);
	nest_end(&msg, peer);
	linkinfo_end(&msg, info);
	return rtnl_send(rtnl, &msg);
}

void spur_open(struct spur *spur, int netns, bool ipv6)
{
	int home = netns_current(), err;

	*spur = (struct spur){ .netns = netns,
			       .y_netns = netns_new(),
			       .x = { .name = "x", .devname = "x", .netns = netns },
			       .y = { .name = "y", .devname = "y" } };
	spur->y.netns = spur->y_netns;
	if (rtnl_open_in(&spur->x.rtnl, netns) || rtnl_open_in(&spur->y.rtnl, spur->y_netns))
		bail_out("no rtnetlink");
	netns_enter(spur->y_netns);
	silence_ipv6(ipv6);
	netns_enter(netns);
	err = make_veth(&spur->x.rtnl, spur->y_netns);
	if (err)
		bail_out("no veth: %s %s", strerror(-err), spur->x.rtnl.extack);
	end_open(&spur->x);
	netns_enter(spur->y_netns);
	end_open(&spur->y);
	netns_enter(home);
	close(home);
	await_carrier(&spur->x);
	await_carrier(&spur->y);
}

void spur_close(struct spur *spur)
{
	del_link(&spur->x.rtnl, "x");
	rtnl_close(&spur->x.rtnl);
	rtnl_close(&spur->y.rtnl);
	close(spur->x.fd);
	close(spur->y.fd);
	close(spur->y_netns);
}

/* ---- counts ---- */

struct counters counters_of(int netns, const char *devname)
{
	struct counters counters = {};
	int home = netns_current();
	char line[512], name[32];
	bool found = false;
	FILE *file;

	netns_enter(netns);
	file = fopen("/proc/thread-self/net/dev", "r");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long n[12];

		if (sscanf(line, " %31[^:]: %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", name,
			   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9],
			   &n[10], &n[11]) != 13 ||
		    strcmp(name, devname))
			continue;
		found = true;
		counters = (struct counters){ .rx = n[1],
					      .rx_bytes = n[0],
					      .rx_dropped = n[3],
					      .tx = n[9],
					      .tx_bytes = n[8],
					      .tx_dropped = n[11] };
	}
	if (file)
		fclose(file);
	netns_enter(home);
	close(home);
	if (!found)
		bail_out("nothing is counted of %s", devname);
	return counters;
}

struct counters wire_counters(const struct wire_end *end)
{
	return counters_of(end->netns, end->devname);
}

struct counters counters_since(struct counters now, struct counters before)
{
	return (struct counters){ .rx = now.rx - before.rx,
				  .rx_bytes = now.rx_bytes - before.rx_bytes,
				  .rx_dropped = now.rx_dropped - before.rx_dropped,
				  .tx = now.tx - before.tx,
				  .tx_bytes = now.tx_bytes - before.tx_bytes,
				  .tx_dropped = now.tx_dropped - before.tx_dropped };
}

static void ethtool(const struct wire_end *end, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	strcpy(ifr.ifr_name, end->devname);
	if (ioctl(end->fd, SIOCETHTOOL, &ifr))
		bail_out("ethtool on %s: %m", end->devname);
}

struct ethtool_counts wire_ethtool(const struct wire_end *end)
{
	struct {
		struct ethtool_stats head;
		uint64_t n[64];
	} stats = { .head = { .cmd = ETHTOOL_GSTATS } };
	struct ethtool_counts counts = {};

	if (!is_meta())
		return counts;
	ethtool(end, &stats);
	if (stats.head.n_stats != N_ETHTOOL)
		bail_out("%u counters, not %d", stats.head.n_stats, N_ETHTOOL);
	memcpy(counts.n, stats.head.data, sizeof(counts.n));
	return counts;
}

/* Every device of the kind has the same names. */
int ethtool_index(const struct wire_end *end, const char *name)
{
	static struct {
		struct ethtool_gstrings head;
		char names[64][ETH_GSTRING_LEN];
	} strings;

	if (!strings.head.cmd) {
		strings.head.cmd = ETHTOOL_GSTRINGS;
		strings.head.string_set = ETH_SS_STATS;
		ethtool(end, &strings);
	}
	for (unsigned int i = 0; i < strings.head.len && i < N_ETHTOOL; i++) {
		if (!strncmp(strings.names[i], name, ETH_GSTRING_LEN))
			return i;
	}
	bail_out("there is no counter %s", name);
}

/* ---- echoes ---- */

static bool echo(int fd, int family, uint16_t sequence)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	unsigned char bytes[64] = { family == AF_INET ? 8 : 128 };

	bytes[6] = sequence >> 8;
	bytes[7] = sequence & 0xff;
	if (send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	while (poll(&pollfd, 1, 2000) == 1) {
		if (recv(fd, bytes, sizeof(bytes), 0) == sizeof(bytes) &&
		    bytes[0] == (family == AF_INET ? 0 : 129) &&
		    (bytes[6] << 8 | bytes[7]) == sequence)
			return true;
	}
	return false;
}

int ping(const char *address, int n)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	int family = strchr(address, ':') ? AF_INET6 : AF_INET, answers = 0, fd, err;

	write_proc("/proc/sys/net/ipv4/ping_group_range", "0 0");
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC,
		    family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	inet_pton(AF_INET, address, &to.sin_addr);
	inet_pton(AF_INET6, address, &to6.sin6_addr);
	err = family == AF_INET ? connect(fd, (struct sockaddr *)&to, sizeof(to))
				: connect(fd, (struct sockaddr *)&to6, sizeof(to6));
	/* Routes come with the carrier, which the core may be late to see. */
	for (int i = 0; !err && i < 5 && !echo(fd, family, 1000 + i); i++)
		continue;
	for (int i = 0; !err && i < n; i++)
		answers += echo(fd, family, i + 1);
	close(fd);
	return answers;
}
