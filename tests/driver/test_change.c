// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of a pair by rtnetlink: what is refused, with which error and with words, that a refused
 * change has changed nothing on either end, and what an accepted one changes.
 */
#include "rows.h"
#include "tap.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

static const unsigned char mac_good[6] = { 2, 0, 0, 0, 0, 1 };
static const unsigned char mac_zero[6];
static const unsigned char mac_group[6] = { 3, 0, 0, 0, 0, 1 };
static const unsigned char short_info[8];
static const struct ifinfomsg bare_info;

/* The pair before each row: policies that differ, so that exchanged and lost ones are seen. */
enum { POLICY_BEFORE = POLICY_PASS, PEER_POLICY_BEFORE = POLICY_DROP };

struct change {
	struct row row;
	bool through_peer;
	const char *kind; /* NULL: the one under test */
	/* Of an accepted change, and of a refused one that netkit applies half of: 1 + policy. */
	int policy, peer_policy;
	bool netkit_half;
};

#define MAKES(...) .request = { .puts = { __VA_ARGS__ } }
#define POLICY(v) DATA_U32(PAIR_POLICY, v)
#define PEER_POLICY(v) DATA_U32(PAIR_PEER_POLICY, v)
#define BECOMES(p, q) .policy = 1 + (p), .peer_policy = 1 + (q)

static const struct change policy_rows[] = {
	{ { "empty INFO_DATA", 0 } },
	{ { "kind only", 0, .request = { .no_data = true } } },
	{ { "policy drop", 0, MAKES(POLICY(2)) }, BECOMES(2, 2) },
	{ { "policy pass", 0, MAKES(POLICY(0)) }, BECOMES(0, 2) },
	{ { "peer policy pass", 0, MAKES(PEER_POLICY(0)) }, BECOMES(0, 0) },
	{ { "peer policy drop", 0, MAKES(PEER_POLICY(2)) }, BECOMES(0, 2) },
	{ { "both policies", 0, MAKES(POLICY(2), PEER_POLICY(0)) }, BECOMES(2, 0) },
	{ { "policy -1", -EINVAL, MAKES(POLICY(-1)) } },
	{ { "policy 1", -EINVAL, MAKES(POLICY(1)) } },
	{ { "policy 3", -EINVAL, MAKES(POLICY(3)) } },
	{ { "policy 7", -EINVAL, MAKES(POLICY(7)) } },
	{ { "policy of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_POLICY, 2)) } },
	{ { "peer policy -1", -EINVAL, MAKES(PEER_POLICY(-1)) } },
	{ { "peer policy 1", -EINVAL, MAKES(PEER_POLICY(1)) } },
	{ { "peer policy 3", -EINVAL, MAKES(PEER_POLICY(3)) } },
	{ { "peer policy 7", -EINVAL, MAKES(PEER_POLICY(7)) } },
	{ { "peer policy of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_PEER_POLICY, 2)) } },
	{ { "good policy, bad peer policy", -EINVAL, MAKES(POLICY(2), PEER_POLICY(1)) },
	  BECOMES(2, 2),
	  .netkit_half = true },
	{ { "bad policy, good peer policy", -EINVAL, MAKES(POLICY(1), PEER_POLICY(0)) } },
	{ { "good policy and MODE", -EACCES, MAKES(POLICY(2), DATA_U32(PAIR_MODE, MODE_L3)) } },
	{ { "good policy and PEER_INFO", -EINVAL,
	    .request = { .peer = true, .puts = { POLICY(2) } } } },
	{ { "good policy and headroom", -EACCES, ON_NETKIT(0),
	    MAKES(POLICY(2), DATA_U16(PAIR_HEADROOM, 1)) },
	  BECOMES(2, 2) },
	{ { "good policy and attribute 99", -EINVAL, ON_NETKIT(0),
	    MAKES(POLICY(2), DATA_U32(99, 1)) },
	  BECOMES(2, 2) },
};

static const struct change fixed_rows[] = {
	{ { "MODE, the same", -EACCES, MAKES(DATA_U32(PAIR_MODE, MODE_L3)) } },
	{ { "MODE, another", -EACCES, MAKES(DATA_U32(PAIR_MODE, MODE_L2)) } },
	{ { "MODE, none at all", -EACCES, MAKES(DATA_U32(PAIR_MODE, 9)) } },
	{ { "MODE of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_MODE, 1)) } },
	{ { "SCRUB, the same", -EACCES, MAKES(DATA_U32(PAIR_SCRUB, SCRUB_DEFAULT)) } },
	{ { "SCRUB, another", -EACCES, MAKES(DATA_U32(PAIR_SCRUB, SCRUB_NONE)) } },
	{ { "SCRUB 2", -ERANGE, MAKES(DATA_U32(PAIR_SCRUB, 2)) } },
	{ { "PEER_SCRUB, the same", -EACCES, MAKES(DATA_U32(PAIR_PEER_SCRUB, SCRUB_DEFAULT)) } },
	{ { "PEER_SCRUB, another", -EACCES, MAKES(DATA_U32(PAIR_PEER_SCRUB, SCRUB_NONE)) } },
	{ { "PEER_SCRUB 2", -ERANGE, MAKES(DATA_U32(PAIR_PEER_SCRUB, 2)) } },
	{ { "PEER_INFO", -EINVAL,
	    MAKES(DATA_RAW(PAIR_PEER_INFO, &bare_info, sizeof(bare_info))) } },
	{ { "PEER_INFO of 8 bytes", -ERANGE, MAKES(DATA_RAW(PAIR_PEER_INFO, short_info, 8)) } },
	{ { "PRIMARY", -EINVAL, MAKES(DATA_U8(PAIR_PRIMARY, 1)) } },
	{ { "HEADROOM, the same", -EACCES, ON_NETKIT(0), MAKES(DATA_U16(PAIR_HEADROOM, 0)) } },
	{ { "HEADROOM, another", -EACCES, ON_NETKIT(0), MAKES(DATA_U16(PAIR_HEADROOM, 64)) } },
	{ { "HEADROOM 4097", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_HEADROOM, 4097)) } },
	{ { "TAILROOM, another", -EACCES, ON_NETKIT(0), MAKES(DATA_U16(PAIR_TAILROOM, 64)) } },
	{ { "TAILROOM 4097", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_TAILROOM, 4097)) } },
	{ { "PAIRING, the same", -EACCES, ON_NETKIT(0), MAKES(DATA_U32(PAIR_PAIRING, 0)) } },
	{ { "PAIRING, another", -EACCES, ON_NETKIT(0), MAKES(DATA_U32(PAIR_PAIRING, 1)) } },
	{ { "PAIRING 2", -ERANGE, ON_NETKIT(0), MAKES(DATA_U32(PAIR_PAIRING, 2)) } },
	{ { "LOCK 4", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_LOCK, 4)) } },
	{ { "LOCK of 1 byte", -ERANGE, ON_NETKIT(0), MAKES(DATA_U8(PAIR_LOCK, 1)) } },
	{ { "LOCK, the same", 0, MAKES(DATA_U32(PAIR_LOCK, 0)) } },
	{ { "attribute 0", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(0, 1)) } },
	{ { "attribute 11", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_ATTR_MAX + 1, 1)) } },
	{ { "attribute 99", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(99, 1)) } },
	{ { "another kind", -EOPNOTSUPP, .by_core = true, MAKES(POLICY(2)) }, .kind = "bridge" },
};

static const struct change peer_rows[] = {
	{ { "peer: kind only", 0, .request = { .no_data = true } }, .through_peer = true },
	{ { "peer: empty INFO_DATA", -EACCES }, .through_peer = true },
	{ { "peer: policy", -EACCES, MAKES(POLICY(2)) }, .through_peer = true },
	{ { "peer: peer policy", -EACCES, MAKES(PEER_POLICY(0)) }, .through_peer = true },
	{ { "peer: bad policy", -EACCES, MAKES(POLICY(1)) }, .through_peer = true },
	{ { "peer: mode", -EACCES, MAKES(DATA_U32(PAIR_MODE, MODE_L3)) }, .through_peer = true },
	{ { "peer: scrub", -EACCES, MAKES(DATA_U32(PAIR_SCRUB, 1)) }, .through_peer = true },
	{ { "peer: PEER_INFO", -EACCES, .request = { .peer = true } }, .through_peer = true },
	{ { "peer: headroom", -EACCES, MAKES(DATA_U16(PAIR_HEADROOM, 1)) }, .through_peer = true },
	{ { "peer: lock", -EACCES, MAKES(DATA_U32(PAIR_LOCK, 0)) }, .through_peer = true },
	{ { "peer: attribute 99", -EINVAL, ON_NETKIT(-EACCES), MAKES(DATA_U32(99, 1)) },
	  .through_peer = true },
};

/* ---- running them ---- */

struct ends {
	struct link_state primary, peer;
};

static struct rtnl rtnl;

static void look(struct ends *ret)
{
	int err = link_get(&rtnl, "a", &ret->primary);

	if (!err)
		err = link_get(&rtnl, "b", &ret->peer);
	if (err)
		bail_out("a pair is gone: %s", strerror(-err));
}

static bool same(const struct ends *a, const struct ends *b)
{
	return !memcmp(&a->primary, &b->primary, sizeof(a->primary)) &&
	       !memcmp(&a->peer, &b->peer, sizeof(a->peer));
}

static void begin_pair(int mode)
{
	struct pair_want want = pair_want(test_kind(), "a", "b");
	int err;

	want.mode = mode;
	want.policy = POLICY_BEFORE;
	want.peer_policy = PEER_POLICY_BEFORE;
	err = make_pair(&rtnl, &want);
	if (err)
		bail_out("no pair: %s", strerror(-err));
}

static void end_pair(void)
{
	int err = del_link(&rtnl, "a");

	if (err)
		bail_out("a pair cannot be deleted: %s", strerror(-err));
}

static int request(const char *kind, bool through_peer, const struct request *what)
{
	struct request named = *what;
	struct ends ends;
	struct msg msg;

	look(&ends);
	named.ifindex = through_peer ? ends.peer.ifindex : ends.primary.ifindex;
	request_build(&msg, kind, RTM_NEWLINK, 0, -1, &named);
	return rtnl_send(&rtnl, &msg);
}

static void set_policies(struct ends *ends, int policy, int peer_policy)
{
	ends->primary.data[PAIR_POLICY] = ends->peer.data[PAIR_PEER_POLICY] = policy;
	ends->primary.data[PAIR_PEER_POLICY] = ends->peer.data[PAIR_POLICY] = peer_policy;
}

static void run_change(const struct change *change)
{
	const struct row *row = &change->row;
	int wanted = !is_meta() && row->netkit_differs ? row->netkit : row->wanted;
	struct ends before, after;
	int err;

	begin_pair(MODE_L3);
	look(&before);
	err = request(change->kind ? change->kind : test_kind(), change->through_peer,
		      &row->request);
	ok_err(err, wanted, "%s", row->name);
	if (err && is_meta() && !row->by_core)
		ok(rtnl.extack[0], "%s: in words: %s", row->name, rtnl.extack);
	if (change->policy && (!wanted || (change->netkit_half && !is_meta())))
		set_policies(&before, change->policy - 1, change->peer_policy - 1);
	look(&after);
	ok(same(&before, &after), "%s: %s", row->name,
	   err ? "nothing has changed" : "and only that");
	end_pair();
}

/* ---- what every device can be asked ---- */

struct device_change {
	const char *name;
	int wanted_l2, wanted_l3;
	struct request request;
};

#define PLAIN(...)                                                                                 \
	{                                                                                          \
		.plain = true, .puts = { __VA_ARGS__ }                                             \
	}

/* The core refuses these, or an operation that has no words at its disposal. */
static const struct device_change device_rows[] = {
	{ "an address", 0, -EOPNOTSUPP, PLAIN(TOP_RAW(IFLA_ADDRESS, mac_good, 6)) },
	{ "a zero address", -EADDRNOTAVAIL, 0, PLAIN(TOP_RAW(IFLA_ADDRESS, mac_zero, 6)) },
	{ "a multicast address", -EADDRNOTAVAIL, -EOPNOTSUPP,
	  PLAIN(TOP_RAW(IFLA_ADDRESS, mac_group, 6)) },
	{ "mtu 67", -EINVAL, -EINVAL, PLAIN(TOP_U32(IFLA_MTU, 67)) },
	{ "mtu 68", 0, 0, PLAIN(TOP_U32(IFLA_MTU, 68)) },
	{ "mtu 65535", 0, 0, PLAIN(TOP_U32(IFLA_MTU, 65535)) },
	{ "mtu 65536", -EINVAL, -EINVAL, PLAIN(TOP_U32(IFLA_MTU, 65536)) },
	{ "arp off", 0, 0, { .plain = true, .flags = IFF_NOARP } },
	{ "arp on", 0, 0, { .plain = true, .change = IFF_NOARP } },
	{ "carrier on", -EOPNOTSUPP, -EOPNOTSUPP,
	  PLAIN({ .place = PUT_TOP, .type = IFLA_CARRIER, .len = 1, .value = 1 }) },
	{ "carrier off", -EOPNOTSUPP, -EOPNOTSUPP,
	  PLAIN({ .place = PUT_TOP, .type = IFLA_CARRIER, .len = 1, .value = 0 }) },
	{ "gso_max_size 200000", 0, 0, PLAIN(TOP_U32(IFLA_GSO_MAX_SIZE, 200000)) },
	{ "gso_max_size 524280", 0, 0, PLAIN(TOP_U32(IFLA_GSO_MAX_SIZE, 524280)) },
	{ "gso_max_size 524281", -EINVAL, -EINVAL, PLAIN(TOP_U32(IFLA_GSO_MAX_SIZE, 524281)) },
	{ "gso_max_size 600000", -EINVAL, -EINVAL, PLAIN(TOP_U32(IFLA_GSO_MAX_SIZE, 600000)) },
};

/* What the end that was asked is to be like afterwards; the other one stays as it was. */
static void expect_device(struct link_state *link, const struct request *request)
{
	const struct put *put = &request->puts[0];

	if (request->change || request->flags)
		link->flags = (link->flags & ~IFF_NOARP) | request->flags;
	else if (put->type == IFLA_ADDRESS)
		memcpy(link->address, put->bytes, 6);
	else if (put->type == IFLA_MTU)
		link->mtu = put->value;
	else if (put->type == IFLA_GSO_MAX_SIZE)
		link->gso_max = put->value;
}

static void run_device_change(const struct device_change *change, int mode, bool through_peer)
{
	int wanted = mode == MODE_L2 ? change->wanted_l2 : change->wanted_l3;
	struct ends before, after;
	char name[100];

	snprintf(name, sizeof(name), "L%d, %s: %s", mode == MODE_L2 ? 2 : 3,
		 through_peer ? "peer" : "primary", change->name);
	begin_pair(mode);
	if (set_up(&rtnl, "a") || set_up(&rtnl, "b"))
		bail_out("the pair cannot be brought up");
	look(&before);
	ok_err(request("", through_peer, &change->request), wanted, "%s, while up", name);
	if (!wanted)
		expect_device(through_peer ? &before.peer : &before.primary, &change->request);
	look(&after);
	ok(same(&before, &after), "%s: %s", name, wanted ? "nothing has changed" : "and only that");
	end_pair();
}

/* ---- effect ---- */

/* What becomes of one packet that goes out of the device. */
static int send_packet(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	unsigned char frame[60] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), ret = 0;
	struct link_state link;

	if (fd < 0 || link_get(&rtnl, name, &link))
		bail_out("a packet cannot be sent");
	to.sll_ifindex = link.ifindex;
	to.sll_protocol = htons(0x88b5);
	if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static void case_next_packet(int mode)
{
	static const struct {
		int policy, peer_policy;
	} steps[] = { { 0, 2 }, { 2, 0 }, { 2, 2 }, { 0, 0 } };
	int err;

	begin_pair(mode);
	if (set_up(&rtnl, "a") || set_up(&rtnl, "b"))
		bail_out("the pair cannot be brought up");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const char *words = steps[i].policy ? "drop" : "pass";
		const char *peer_words = steps[i].peer_policy ? "drop" : "pass";

		err = request(test_kind(), false,
			      &(struct request){ .puts = { POLICY(steps[i].policy),
							   PEER_POLICY(steps[i].peer_policy) } });
		ok_err(err, 0, "policies %s and %s", words, peer_words);
		ok_err(send_packet("a"), steps[i].policy ? -ENOBUFS : 0,
		       "policy %s: the primary's next packet", words);
		ok_err(send_packet("b"), steps[i].peer_policy ? -ENOBUFS : 0,
		       "peer policy %s: the peer's next packet", peer_words);
	}
	end_pair();
}

/* A peer that is elsewhere is changed through the primary all the same. */
static void case_peer_elsewhere(void)
{
	struct link_state primary, peer;
	int netns_fd = netns_new();
	struct rtnl there;

	begin_pair(MODE_L3);
	if (rtnl_open_in(&there, netns_fd))
		bail_out("no netlink socket");
	ok_err(set_netns(&rtnl, "b", netns_fd), 0, "the peer is moved");
	if (link_get(&rtnl, "a", &primary) || link_get(&there, "b", &peer))
		bail_out("a pair is gone");
	{
		struct request what = { .ifindex = primary.ifindex,
					.puts = { POLICY(2), PEER_POLICY(0) } };
		struct msg msg;

		request_build(&msg, test_kind(), RTM_NEWLINK, 0, -1, &what);
		ok_err(rtnl_send(&rtnl, &msg), 0, "peer elsewhere: both policies");
		what.ifindex = peer.ifindex;
		request_build(&msg, test_kind(), RTM_NEWLINK, 0, -1, &what);
		ok_err(rtnl_send(&there, &msg), -EACCES, "peer elsewhere: through the peer");
	}
	if (link_get(&rtnl, "a", &primary) || link_get(&there, "b", &peer))
		bail_out("a pair is gone");
	ok(primary.data[PAIR_POLICY] == 2 && primary.data[PAIR_PEER_POLICY] == 0,
	   "peer elsewhere: seen from the primary");
	ok(peer.data[PAIR_POLICY] == 0 && peer.data[PAIR_PEER_POLICY] == 2,
	   "peer elsewhere: seen from the peer");
	end_pair();
	rtnl_close(&there);
	close(netns_fd);
}

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	netns_isolate();
	if (rtnl_open(&rtnl))
		bail_out("no netlink socket");
	for (size_t i = 0; i < N(policy_rows); i++)
		run_change(&policy_rows[i]);
	for (size_t i = 0; i < N(fixed_rows); i++)
		run_change(&fixed_rows[i]);
	for (size_t i = 0; i < N(peer_rows); i++)
		run_change(&peer_rows[i]);
	for (size_t i = 0; i < N(device_rows); i++) {
		for (int way = 0; way < 4; way++)
			run_device_change(&device_rows[i], way & 1 ? MODE_L2 : MODE_L3, way & 2);
	}
	case_next_packet(MODE_L3);
	case_next_packet(MODE_L2);
	case_peer_elsewhere();
	return tap_done();
}
