// SPDX-License-Identifier: GPL-2.0-only
/*
 * A single device (PAIRING 1): what it can be made with, what is dumped of it, that it carries as
 * soon as it is up, that without programs it drops everything, and that what its programs pass it
 * receives itself. netkit of Linux 6.12 has none.
 */
#include "programs.h"
#include "rows.h"
#include "stage.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const unsigned char mac_good[6] = { 2, 0, 0, 0, 0, 1 };
static const unsigned char mac_zero[6];

static struct rtnl rtnl;

#define SINGLE DATA_U32(PAIR_PAIRING, PAIRING_SINGLE)
#define MAKES(...) .request = { .puts = { SINGLE, __VA_ARGS__ } }

static const struct row create_rows[] = {
	{ "nothing else", 0, .request = { .puts = { SINGLE } } },
	{ "policy pass", 0, MAKES(DATA_U32(PAIR_POLICY, POLICY_PASS)) },
	{ "mode L3", 0, MAKES(DATA_U32(PAIR_MODE, MODE_L3)) },
	{ "mode L2", 0, MAKES(DATA_U32(PAIR_MODE, MODE_L2)) },
	{ "L2 with an address", 0,
	  MAKES(DATA_U32(PAIR_MODE, MODE_L2), TOP_RAW(IFLA_ADDRESS, mac_good, 6)) },
	{ "headroom and tailroom", 0,
	  MAKES(DATA_U16(PAIR_HEADROOM, 128), DATA_U16(PAIR_TAILROOM, 64)) },
	{ "a name and an index", 0,
	  .request = { .ifindex = 500, .puts = { SINGLE, TOP_STR(IFLA_IFNAME, "own") } } },
	{ "up", 0, .request = { .flags = IFF_UP, .puts = { SINGLE } } },
	{ "PEER_INFO", -EOPNOTSUPP, .request = { .peer = true, .puts = { SINGLE } } },
	{ "PEER_INFO with a name", -EOPNOTSUPP, MAKES(PEER_STR(IFLA_IFNAME, "b")) },
	{ "scrub default", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_SCRUB, SCRUB_DEFAULT)) },
	{ "scrub none", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_SCRUB, SCRUB_NONE)) },
	{ "scrub 2", -ERANGE, MAKES(DATA_U32(PAIR_SCRUB, 2)) },
	{ "peer scrub default", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_PEER_SCRUB, SCRUB_DEFAULT)) },
	{ "peer scrub none", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_PEER_SCRUB, SCRUB_NONE)) },
	{ "policy drop", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_POLICY, POLICY_DROP)) },
	{ "policy 1", -EINVAL, MAKES(DATA_U32(PAIR_POLICY, 1)) },
	{ "peer policy pass", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_PEER_POLICY, POLICY_PASS)) },
	{ "peer policy drop", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_PEER_POLICY, POLICY_DROP)) },
	{ "lock nothing", -EOPNOTSUPP, MAKES(DATA_U32(PAIR_LOCK, 0)) },
	{ "mode 2", -EINVAL, MAKES(DATA_U32(PAIR_MODE, 2)) },
	{ "L3 with an address", -EOPNOTSUPP, MAKES(TOP_RAW(IFLA_ADDRESS, mac_good, 6)) },
	{ "L2 with a zero address", -EADDRNOTAVAIL,
	  MAKES(DATA_U32(PAIR_MODE, MODE_L2), TOP_RAW(IFLA_ADDRESS, mac_zero, 6)) },
	{ "headroom 4097", -ERANGE, MAKES(DATA_U16(PAIR_HEADROOM, 4097)) },
	{ "attribute 99", -EINVAL, MAKES(DATA_U32(99, 1)) },
	{ "PRIMARY", -EINVAL, MAKES(DATA_U8(PAIR_PRIMARY, 1)) },
	{ "a name with a slash", -EINVAL, MAKES(TOP_STR(IFLA_IFNAME, "a/b")) },
	{ "pairing 2", -ERANGE, .request = { .puts = { DATA_U32(PAIR_PAIRING, 2) } } },
};

static const struct row change_rows[] = {
	{ "empty INFO_DATA", 0 },
	{ "policy pass", -EOPNOTSUPP,
	  .request = { .puts = { DATA_U32(PAIR_POLICY, POLICY_PASS) } } },
	{ "policy drop", -EOPNOTSUPP,
	  .request = { .puts = { DATA_U32(PAIR_POLICY, POLICY_DROP) } } },
	{ "peer policy pass", -EOPNOTSUPP,
	  .request = { .puts = { DATA_U32(PAIR_PEER_POLICY, POLICY_PASS) } } },
	{ "peer policy drop", -EOPNOTSUPP,
	  .request = { .puts = { DATA_U32(PAIR_PEER_POLICY, POLICY_DROP) } } },
	{ "mode", -EACCES, .request = { .puts = { DATA_U32(PAIR_MODE, MODE_L3) } } },
	{ "scrub", -EACCES, .request = { .puts = { DATA_U32(PAIR_SCRUB, SCRUB_DEFAULT) } } },
	{ "headroom", -EACCES, .request = { .puts = { DATA_U16(PAIR_HEADROOM, 0) } } },
	{ "pairing, the same", -EACCES, .request = { .puts = { SINGLE } } },
	{ "pairing, another", -EACCES,
	  .request = { .puts = { DATA_U32(PAIR_PAIRING, PAIRING_PAIR) } } },
	{ "lock mtu", -EOPNOTSUPP, .request = { .puts = { DATA_U32(PAIR_LOCK, LOCK_MTU) } } },
	{ "PEER_INFO", -EINVAL, .request = { .peer = true } },
	{ "attribute 99", -EINVAL, .request = { .puts = { DATA_U32(99, 1) } } },
};

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static int send_request(uint16_t flags, const struct request *request)
{
	struct msg msg;

	request_build(&msg, test_kind(), RTM_NEWLINK, flags, -1, request);
	return rtnl_send(&rtnl, &msg);
}

static int create(const struct request *request)
{
	return send_request(NLM_F_CREATE | NLM_F_EXCL, request);
}

#define CREATE(...) create(&(struct request){ .puts = { SINGLE, __VA_ARGS__ } })

static void ok_words(const char *row, int err)
{
	if (err)
		ok(rtnl.extack[0], "%s: in words: %s", row, rtnl.extack);
}

static void run_create(const struct row *row)
{
	int before = link_count(&rtnl), err = create(&row->request);

	ok_err(err, row->wanted, "creation: %s", row->name);
	ok_words(row->name, err);
	ok_eq(link_count(&rtnl) - before, err ? 0 : 1, "creation: %s: new links", row->name);
	del_links(&rtnl, test_kind());
	ok_eq(link_count(&rtnl), before, "creation: %s: links at the end", row->name);
}

static void run_change(const struct row *row)
{
	struct request request = row->request;
	struct link_state before, after;
	int err;

	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s")), 0, "a single device");
	before = the_link(&rtnl, "s");
	request.ifindex = before.ifindex;
	err = send_request(0, &request);
	ok_err(err, row->wanted, "change: %s", row->name);
	ok_words(row->name, err);
	after = the_link(&rtnl, "s");
	ok(!memcmp(&before, &after, sizeof(before)), "change: %s: nothing has changed", row->name);
	del_links(&rtnl, test_kind());
}

/* ---- what it is ---- */

static void ok_attr(const struct link_state *link, const char *name, int type, size_t len,
		    uint32_t wanted)
{
	if (ok_eq(link->data_len[type], len, "dump: %s: bytes", name) && len)
		ok_eq(link->data[type], wanted, "dump: %s", name);
}

static void case_dump(void)
{
	struct link_state link;

	ok_err(CREATE(DATA_U16(PAIR_HEADROOM, 128), DATA_U16(PAIR_TAILROOM, 64),
		      DATA_U32(PAIR_MODE, MODE_L2), TOP_RAW(IFLA_ADDRESS, mac_good, 6)),
	       0, "a single device");
	link = the_link(&rtnl, "nk0");
	ok_attr(&link, "PEER_INFO", PAIR_PEER_INFO, 0, 0);
	ok_attr(&link, "PRIMARY", PAIR_PRIMARY, 1, 1);
	ok_attr(&link, "POLICY", PAIR_POLICY, 4, POLICY_PASS);
	ok_attr(&link, "PEER_POLICY", PAIR_PEER_POLICY, 0, 0);
	ok_attr(&link, "MODE", PAIR_MODE, 4, MODE_L2);
	ok_attr(&link, "SCRUB", PAIR_SCRUB, 0, 0);
	ok_attr(&link, "PEER_SCRUB", PAIR_PEER_SCRUB, 0, 0);
	ok_attr(&link, "HEADROOM", PAIR_HEADROOM, 2, 128);
	ok_attr(&link, "TAILROOM", PAIR_TAILROOM, 2, 64);
	ok_attr(&link, "PAIRING", PAIR_PAIRING, 4, PAIRING_SINGLE);
	ok_attr(&link, "LOCK", PAIR_LOCK, 0, 0);
	ok(link.address_len == 6 && !memcmp(link.address, mac_good, 6), "its address");
	ok_eq(link.flags & IFF_NOARP, 0, "L2: neighbours are resolved");
	ok(link.has_link && !link.link, "IFLA_LINK is there and 0");
	ok(!link.has_link_netnsid, "no IFLA_LINK_NETNSID");
	del_links(&rtnl, test_kind());

	ok_err(CREATE(TOP_U32(IFLA_MTU, 9000)), 0, "a single device in L3");
	link = the_link(&rtnl, "nk0");
	ok_eq(link.data[PAIR_MODE], MODE_L3, "L3 by default");
	ok_eq(link.mtu, 9000, "its mtu");
	ok(!!(link.flags & IFF_NOARP), "L3: neighbours are not resolved");
	del_links(&rtnl, test_kind());
}

enum { OPER_DOWN = 2, OPER_UP = 6 };

static void ok_state(const char *row, bool up)
{
	struct link_state link = the_link(&rtnl, "s");
	uint8_t operstate = up ? OPER_UP : OPER_DOWN;

	ok_eq(!!(link.flags & IFF_UP), up, "%s: up", row);
	ok_eq(link.carrier, up, "%s: carrier", row);
	for (int i = 0; i < 250 && link.operstate != operstate; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		link = the_link(&rtnl, "s");
	}
	ok_eq(link.operstate, operstate, "%s: operational state", row);
}

static void case_carrier(int mode)
{
	const char *name = mode == MODE_L2 ? "L2" : "L3";

	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s"), DATA_U32(PAIR_MODE, mode)), 0, "%s", name);
	ok_state("fresh", false);
	ok_err(set_up(&rtnl, "s"), 0, "%s: set up", name);
	ok_state("up", true);
	ok_err(set_down(&rtnl, "s"), 0, "%s: set down", name);
	ok_state("down again", false);
	ok_err(set_up(&rtnl, "s"), 0, "%s: set up again", name);
	ok_state("up again", true);
	del_links(&rtnl, test_kind());
	ok_err(create(&(struct request){
		       .flags = IFF_UP,
		       .puts = { SINGLE, TOP_STR(IFLA_IFNAME, "s"), DATA_U32(PAIR_MODE, mode) } }),
	       0, "%s: created up", name);
	ok_state("created up", true);
	del_links(&rtnl, test_kind());
}

/* ---- what becomes of packets ---- */

static void case_drops(int mode)
{
	unsigned char frame[60] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), n_refused = 0;

	to.sll_protocol = htons(0x88b5);
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s"), DATA_U32(PAIR_MODE, mode)), 0, "mode %d", mode);
	ok_err(set_up(&rtnl, "s"), 0, "mode %d: up", mode);
	to.sll_ifindex = the_link(&rtnl, "s").ifindex;
	for (int i = 0; i < 100; i++) {
		ssize_t n = sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to));

		n_refused += n < 0 && errno == ENOBUFS;
	}
	ok_eq(n_refused, 100, "mode %d: packets of 100 that are dropped, -ENOBUFS", mode);
	close(fd);
	del_links(&rtnl, test_kind());
}

struct tap {
	int fd; /* sends, and receives what the device receives */
	struct sockaddr_ll at;
};

static struct tap tap_open(const char *name)
{
	struct tap tap = { .fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x88b5)),
			   .at = { .sll_family = AF_PACKET, .sll_halen = 6 } };

	tap.at.sll_protocol = htons(0x88b5);
	tap.at.sll_ifindex = the_link(&rtnl, name).ifindex;
	if (tap.fd < 0 || bind(tap.fd, (struct sockaddr *)&tap.at, sizeof(tap.at)))
		bail_out("packet socket: %m");
	return tap;
}

/* 0 when it was sent and comes in again, 1 when it was sent and does not, or -errno. */
static int send_and_receive(struct tap *tap)
{
	unsigned char frame[60] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 };
	unsigned char got[100];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);

	if (sendto(tap->fd, frame, sizeof(frame), 0, (struct sockaddr *)&tap->at, sizeof(tap->at)) <
	    0)
		return -errno;
	/* Its own sending is seen, too. */
	for (int i = 0; i < 100; i++) {
		ssize_t n = recvfrom(tap->fd, got, sizeof(got), 0, (struct sockaddr *)&from, &len);

		if (n == sizeof(frame) && from.sll_pkttype != PACKET_OUTGOING)
			return memcmp(got, frame, sizeof(frame)) ? -EBADMSG : 0;
		if (n < 0)
			nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return 1;
}

static void case_programs(int mode)
{
	static const struct {
		const char *name;
		int verdict, wanted;
	} rows[] = {
		{ "pass", VERDICT_PASS, 0 },
		{ "next", VERDICT_NEXT, 0 },
		{ "drop", VERDICT_DROP, -ENOBUFS },
		{ "an unknown verdict", 3, -ENOBUFS },
		{ "redirect to nowhere", VERDICT_REDIRECT, 1 },
	};
	struct tap tap;
	int program;

	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s"), DATA_U32(PAIR_MODE, mode)), 0, "mode %d", mode);
	ok_err(set_up(&rtnl, "s"), 0, "mode %d: up", mode);
	tap = tap_open("s");
	for (size_t i = 0; i < N(rows); i++) {
		program = program_that_says(rows[i].verdict);
		ok_err(bpf_prog_attach_opts(program, tap.at.sll_ifindex, BPF_NETKIT_PEER, NULL),
		       -EOPNOTSUPP, "mode %d, %s: it has no peer to attach to", mode, rows[i].name);
		ok_err(bpf_prog_attach_opts(program, tap.at.sll_ifindex, BPF_NETKIT_PRIMARY, NULL),
		       0, "mode %d, %s: attach", mode, rows[i].name);
		ok_eq(send_and_receive(&tap), rows[i].wanted, "mode %d, %s: a packet", mode,
		      rows[i].name);
		ok_err(bpf_prog_detach_opts(program, tap.at.sll_ifindex, BPF_NETKIT_PRIMARY, NULL),
		       0, "mode %d, %s: detach", mode, rows[i].name);
		ok_eq(send_and_receive(&tap), -ENOBUFS, "mode %d, %s: without it", mode,
		      rows[i].name);
		close(program);
	}
	close(tap.fd);
	del_links(&rtnl, test_kind());
}

/* ---- addresses, moves, the end ---- */

static void case_address(void)
{
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s"), DATA_U32(PAIR_MODE, MODE_L2)), 0, "L2");
	ok_err(set_mac(&rtnl, "s", mac_good), 0, "L2: an address");
	ok(!memcmp(the_link(&rtnl, "s").address, mac_good, 6), "L2: it has it");
	ok_err(set_mac(&rtnl, "s", mac_zero), -EADDRNOTAVAIL, "L2: a zero address");
	del_links(&rtnl, test_kind());
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s")), 0, "L3");
	ok_err(set_mac(&rtnl, "s", mac_good), -EOPNOTSUPP, "L3: an address");
	del_links(&rtnl, test_kind());
}

static void case_move(void)
{
	int netns_fd = netns_new(), n = 0;
	struct link_state link;
	struct rtnl there;

	if (rtnl_open_in(&there, netns_fd))
		bail_out("no netlink socket");
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s")), 0, "a single device");
	ok_err(set_up(&rtnl, "s"), 0, "it is up");
	ok_err(set_netns(&rtnl, "s", netns_fd), 0, "it moves");
	ok_eq(link_count(&rtnl), 1, "nothing is left here");
	ok_err(set_up(&there, "s"), 0, "it is up there");
	link = the_link(&there, "s");
	ok_eq(link.carrier, 1, "it carries there");
	ok(link.has_link && !link.link && !link.has_link_netnsid, "it has no peer there");
	ok_err(set_netns(&there, "s", netns_current()), 0, "it moves back");
	ok_err(set_netns(&rtnl, "s", netns_fd), 0, "it moves again");
	rtnl_close(&there);
	close(netns_fd);
	/* What is left of the namespace goes in the background; a new device may come at any time. */
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s")), 0, "its namespace goes, another one comes");
	n = link_count(&rtnl);
	ok_eq(n, 2, "links here");
	ok_err(del_link(&rtnl, "s"), 0, "deletion");
	ok_eq(link_count(&rtnl), 1, "nothing is left");
}

/* IPv6 has addresses to give to a device that carries. */
static void case_link_local(void)
{
	char line[128], address[33] = "none", device[20];

	if (access("/proc/net/if_inet6", F_OK) < 0) {
		tap_skip("the kernel has no IPv6");
		return;
	}
	ok_err(CREATE(TOP_STR(IFLA_IFNAME, "s")), 0, "a single device");
	ok_err(set_up(&rtnl, "s"), 0, "it is up");
	for (int i = 0; i < 250 && !strcmp(address, "none"); i++) {
		FILE *file = fopen("/proc/net/if_inet6", "r");

		while (file && fgets(line, sizeof(line), file)) {
			char seen[33];

			if (sscanf(line, "%32s %*s %*s %*s %*s %19s", seen, device) == 2 &&
			    !strcmp(device, "s"))
				strcpy(address, seen);
		}
		if (file)
			fclose(file);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	ok(!strcmp(address, "fe80000000000000000000fffe000000"), "its link-local address: %s",
	   address);
	del_links(&rtnl, test_kind());
}

int main(void)
{
	if (!is_meta()) {
		printf("skipped: kind %s of Linux 6.12 has no single devices\n", test_kind());
		return 77;
	}
	netns_isolate();
	if (rtnl_open(&rtnl))
		bail_out("no netlink socket");
	for (size_t i = 0; i < N(create_rows); i++)
		run_create(&create_rows[i]);
	for (size_t i = 0; i < N(change_rows); i++)
		run_change(&change_rows[i]);
	case_dump();
	for (int mode = MODE_L2; mode <= MODE_L3; mode++) {
		case_carrier(mode);
		case_drops(mode);
		case_programs(mode);
	}
	case_address();
	case_move();
	case_link_local();
	return tap_done();
}
