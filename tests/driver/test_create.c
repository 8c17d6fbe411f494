// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation of pairs by rtnetlink: what is refused, with which error and with words, and that a
 * refusal leaves nothing behind. test_created.c has what accepted requests make.
 */
#include "rows.h"
#include "stage.h"

#include <limits.h>

static const unsigned char mac_good[6] = { 2, 0, 0, 0, 0, 1 };
static const unsigned char mac_zero[6];
static const unsigned char mac_group[6] = { 3, 0, 0, 0, 0, 1 };
static const unsigned char mac_broadcast[6] = { 255, 255, 255, 255, 255, 255 };
static const unsigned char long_mac[8] = { 2, 0, 0, 0, 0, 1, 2, 3 };
static const unsigned char short_info[15];
static const uint32_t wide_l2[2] = { MODE_L2, 0xffffffff };

#define L2 DATA_U32(PAIR_MODE, MODE_L2)
#define L3 DATA_U32(PAIR_MODE, MODE_L3)
#define MAC(bytes) TOP_RAW(IFLA_ADDRESS, bytes, sizeof(bytes))
#define PEER_MAC(bytes) PEER_RAW(IFLA_ADDRESS, bytes, sizeof(bytes))
#define MAKES(...) .request = { .puts = { __VA_ARGS__ } }

/* Values of the kind's own attributes. */
static const struct row attribute_rows[] = {
	{ "no INFO_DATA", 0, .request = { .no_data = true } },
	{ "empty INFO_DATA", 0 },
	{ "mode L2", 0, MAKES(L2) },
	{ "mode L3", 0, MAKES(L3) },
	{ "mode 2", -EINVAL, MAKES(DATA_U32(PAIR_MODE, 2)) },
	{ "mode 3", -EINVAL, MAKES(DATA_U32(PAIR_MODE, 3)) },
	{ "mode 0xffffffff", -EINVAL, MAKES(DATA_U32(PAIR_MODE, -1)) },
	{ "mode of no bytes", -ERANGE, MAKES(DATA_RAW(PAIR_MODE, "", 0)) },
	{ "mode of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_MODE, 1)) },
	{ "mode of 3 bytes", -ERANGE, MAKES(DATA_RAW(PAIR_MODE, "\1\0\0", 3)) },
	{ "mode of 8 bytes", 0, MAKES(DATA_RAW(PAIR_MODE, wide_l2, 8)) },
	{ "policy pass", 0, MAKES(DATA_U32(PAIR_POLICY, POLICY_PASS)) },
	{ "policy drop", 0, MAKES(DATA_U32(PAIR_POLICY, POLICY_DROP)) },
	{ "policy -1", -EINVAL, MAKES(DATA_U32(PAIR_POLICY, -1)) },
	{ "policy 1", -EINVAL, MAKES(DATA_U32(PAIR_POLICY, 1)) },
	{ "policy 3", -EINVAL, MAKES(DATA_U32(PAIR_POLICY, 3)) },
	{ "policy 7", -EINVAL, MAKES(DATA_U32(PAIR_POLICY, 7)) },
	{ "policy of 2 bytes", -ERANGE, MAKES(DATA_U16(PAIR_POLICY, 2)) },
	{ "peer policy drop", 0, MAKES(DATA_U32(PAIR_PEER_POLICY, POLICY_DROP)) },
	{ "peer policy -1", -EINVAL, MAKES(DATA_U32(PAIR_PEER_POLICY, -1)) },
	{ "peer policy 1", -EINVAL, MAKES(DATA_U32(PAIR_PEER_POLICY, 1)) },
	{ "peer policy 3", -EINVAL, MAKES(DATA_U32(PAIR_PEER_POLICY, 3)) },
	{ "peer policy 7", -EINVAL, MAKES(DATA_U32(PAIR_PEER_POLICY, 7)) },
	{ "peer policy of 2 bytes", -ERANGE, MAKES(DATA_U16(PAIR_PEER_POLICY, 2)) },
	{ "good policy, bad peer policy", -EINVAL,
	  MAKES(DATA_U32(PAIR_POLICY, 2), DATA_U32(PAIR_PEER_POLICY, 1)) },
	{ "scrub none", 0, MAKES(DATA_U32(PAIR_SCRUB, SCRUB_NONE)) },
	{ "scrub 2", -ERANGE, MAKES(DATA_U32(PAIR_SCRUB, 2)) },
	{ "scrub -1", -ERANGE, MAKES(DATA_U32(PAIR_SCRUB, -1)) },
	{ "scrub of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_SCRUB, 1)) },
	{ "peer scrub none", 0, MAKES(DATA_U32(PAIR_PEER_SCRUB, SCRUB_NONE)) },
	{ "peer scrub 2", -ERANGE, MAKES(DATA_U32(PAIR_PEER_SCRUB, 2)) },
	{ "peer scrub of 1 byte", -ERANGE, MAKES(DATA_U8(PAIR_PEER_SCRUB, 1)) },
	{ "PRIMARY 1", -EINVAL, MAKES(DATA_U8(PAIR_PRIMARY, 1)) },
	{ "PRIMARY 0", -EINVAL, MAKES(DATA_U8(PAIR_PRIMARY, 0)) },
	{ "PRIMARY of no bytes", -EINVAL, MAKES(DATA_RAW(PAIR_PRIMARY, "", 0)) },
	{ "PEER_INFO of no bytes", -ERANGE, MAKES(DATA_RAW(PAIR_PEER_INFO, "", 0)) },
	{ "PEER_INFO of 8 bytes", -ERANGE, MAKES(DATA_RAW(PAIR_PEER_INFO, short_info, 8)) },
	{ "PEER_INFO of 15 bytes", -ERANGE, MAKES(DATA_RAW(PAIR_PEER_INFO, short_info, 15)) },
	{ "PEER_INFO is a bare ifinfomsg", 0, .request = { .peer = true } },
};

/* What netkit of Linux 6.12 does not know and passes over. */
static const struct row later_rows[] = {
	{ "headroom 0", 0, MAKES(DATA_U16(PAIR_HEADROOM, 0)) },
	{ "headroom 4096", 0, MAKES(DATA_U16(PAIR_HEADROOM, 4096)) },
	{ "headroom 4097", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_HEADROOM, 4097)) },
	{ "headroom 65535", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_HEADROOM, 65535)) },
	{ "headroom of 1 byte", -ERANGE, ON_NETKIT(0), MAKES(DATA_U8(PAIR_HEADROOM, 1)) },
	{ "headroom of no bytes", -ERANGE, ON_NETKIT(0), MAKES(DATA_RAW(PAIR_HEADROOM, "", 0)) },
	{ "tailroom 4096", 0, MAKES(DATA_U16(PAIR_TAILROOM, 4096)) },
	{ "tailroom 4097", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_TAILROOM, 4097)) },
	{ "tailroom 65535", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_TAILROOM, 65535)) },
	{ "tailroom of 1 byte", -ERANGE, ON_NETKIT(0), MAKES(DATA_U8(PAIR_TAILROOM, 1)) },
	{ "pairing pair", 0, MAKES(DATA_U32(PAIR_PAIRING, PAIRING_PAIR)) },
	{ "pairing 2", -ERANGE, ON_NETKIT(0), MAKES(DATA_U32(PAIR_PAIRING, 2)) },
	{ "pairing -1", -ERANGE, ON_NETKIT(0), MAKES(DATA_U32(PAIR_PAIRING, -1)) },
	{ "pairing of 2 bytes", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_PAIRING, 0)) },
	{ "lock nothing", 0, MAKES(DATA_U32(PAIR_LOCK, 0)) },
	{ "lock both", 0, MAKES(DATA_U32(PAIR_LOCK, LOCK_MTU | LOCK_ADDRESS)) },
	{ "lock 4", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_LOCK, 4)) },
	{ "lock -1", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_LOCK, -1)) },
	{ "lock of 2 bytes", -ERANGE, ON_NETKIT(0), MAKES(DATA_U16(PAIR_LOCK, 1)) },
	{ "lock mtu, the peer's another", -EINVAL, ON_NETKIT(0),
	  MAKES(DATA_U32(PAIR_LOCK, LOCK_MTU), PEER_U32(IFLA_MTU, 9000)) },
	{ "lock mtu, the peer's the same", 0,
	  MAKES(DATA_U32(PAIR_LOCK, LOCK_MTU), TOP_U32(IFLA_MTU, 9000), PEER_U32(IFLA_MTU, 9000)) },
	{ "lock address, the peer's another mtu", 0,
	  MAKES(DATA_U32(PAIR_LOCK, LOCK_ADDRESS), PEER_U32(IFLA_MTU, 9000)) },
	{ "attribute 0", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(0, 1)) },
	{ "attribute 11", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_ATTR_MAX + 1, 1)) },
	{ "attribute 39", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_LOCK - 1, 1)) },
	{ "attribute 41", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(PAIR_LOCK + 1, 1)) },
	{ "attribute 99", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(99, 1)) },
	{ "attribute 16383", -EINVAL, ON_NETKIT(0), MAKES(DATA_U32(16383, 1)) },
	{ "attribute 99 behind good ones", -EINVAL, ON_NETKIT(0),
	  MAKES(L2, DATA_U32(PAIR_POLICY, 2), DATA_U32(99, 1)) },
	{ "attribute 99 before a bad mode", -EINVAL,
	  MAKES(DATA_U32(99, 1), DATA_U32(PAIR_MODE, 9)) },
};

static const struct row address_rows[] = {
	{ "L3, primary's address", -EOPNOTSUPP, MAKES(L3, MAC(mac_good)) },
	{ "L3 by default, primary's address", -EOPNOTSUPP, MAKES(MAC(mac_good)) },
	{ "L3, peer's address", -EOPNOTSUPP, MAKES(L3, PEER_MAC(mac_good)) },
	{ "L3 by default, peer's address", -EOPNOTSUPP, MAKES(PEER_MAC(mac_good)) },
	{ "L2, primary's address", 0, MAKES(L2, MAC(mac_good)) },
	{ "L2, peer's address", 0, MAKES(L2, PEER_MAC(mac_good)) },
	{ "L2, zero address", -EADDRNOTAVAIL, MAKES(L2, MAC(mac_zero)) },
	{ "L2, multicast address", -EADDRNOTAVAIL, MAKES(L2, MAC(mac_group)) },
	{ "L2, broadcast address", -EADDRNOTAVAIL, MAKES(L2, MAC(mac_broadcast)) },
	{ "L2, peer's zero address", -EADDRNOTAVAIL, MAKES(L2, PEER_MAC(mac_zero)) },
	{ "L2, peer's multicast address", -EADDRNOTAVAIL, MAKES(L2, PEER_MAC(mac_group)) },
	{ "L2, address of 5 bytes", -EINVAL, MAKES(L2, TOP_RAW(IFLA_ADDRESS, mac_good, 5)) },
	{ "L2, address of 8 bytes", -EINVAL, MAKES(L2, MAC(long_mac)) },
	{ "L2, address of no bytes", -EINVAL, MAKES(L2, TOP_RAW(IFLA_ADDRESS, "", 0)) },
	{ "L2, peer's address of 5 bytes", -EINVAL,
	  MAKES(L2, PEER_RAW(IFLA_ADDRESS, mac_good, 5)) },
	{ "L2, peer's address of 8 bytes", -EINVAL, MAKES(L2, PEER_MAC(long_mac)) },
	{ "L2, good address, peer's bad", -EADDRNOTAVAIL,
	  MAKES(L2, MAC(mac_good), PEER_MAC(mac_zero)) },
};

/* Names "taken" are another device's. */
static const struct row name_rows[] = {
	{ "own name", 0, MAKES(TOP_STR(IFLA_IFNAME, "own")) },
	{ "both names", 0, MAKES(TOP_STR(IFLA_IFNAME, "own"), PEER_STR(IFLA_IFNAME, "other")) },
	{ "own name is taken", -EEXIST, .by_core = true, MAKES(TOP_STR(IFLA_IFNAME, "taken")) },
	{ "peer's name is taken", -EEXIST, MAKES(PEER_STR(IFLA_IFNAME, "taken")) },
	{ "peer's name is taken, own free", -EEXIST,
	  MAKES(TOP_STR(IFLA_IFNAME, "own"), PEER_STR(IFLA_IFNAME, "taken")) },
	{ "peer's name is taken, but not there", 0,
	  MAKES(TOP_STR(IFLA_IFNAME, "own"), PEER_STR(IFLA_IFNAME, "taken"), PEER_NETNS) },
	{ "peer's name is the own one", -EEXIST,
	  MAKES(TOP_STR(IFLA_IFNAME, "own"), PEER_STR(IFLA_IFNAME, "own")) },
	{ "peer's name is the own one, elsewhere", 0,
	  MAKES(TOP_STR(IFLA_IFNAME, "own"), PEER_STR(IFLA_IFNAME, "own"), PEER_NETNS) },
	{ "own name is a pattern", 0, MAKES(TOP_STR(IFLA_IFNAME, "pa%d")) },
	{ "own name is a bad pattern", -EINVAL, MAKES(TOP_STR(IFLA_IFNAME, "pa%s")) },
	{ "peer's name is a bad pattern", -EINVAL, MAKES(PEER_STR(IFLA_IFNAME, "pa%s")) },
	{ "own name is empty", -EINVAL, MAKES(TOP_STR(IFLA_IFNAME, "")) },
	{ "own name with a slash", -EINVAL, MAKES(TOP_STR(IFLA_IFNAME, "a/b")) },
	{ "peer's name is empty", -EINVAL, MAKES(PEER_STR(IFLA_IFNAME, "")) },
	{ "peer's name with a slash", -EINVAL, MAKES(PEER_STR(IFLA_IFNAME, "a/b")) },
	{ "own name of 16 characters", -ERANGE, .by_core = true,
	  MAKES(TOP_STR(IFLA_IFNAME, "sixteenletterss1")) },
};

/* 90 is another device's index; the namespace has given out less than 60. */
static const struct row index_rows[] = {
	{ "own index", 0, .request = { .ifindex = 500 } },
	{ "own index and bare PEER_INFO", 0, .request = { .ifindex = 500, .peer = true } },
	{ "both indices", 0, .request = { .ifindex = 500, .peer_ifindex = 501 } },
	{ "peer's index only", 0, .request = { .peer_ifindex = 601 } },
	{ "peer's index -1", -EINVAL, .request = { .peer_ifindex = -1 } },
	{ "peer's index the smallest number", -EINVAL, .request = { .peer_ifindex = INT_MIN } },
	{ "own index -1", -EINVAL, .by_core = true, .request = { .ifindex = -1 } },
	{ "the same index", -EBUSY, .request = { .ifindex = 502, .peer_ifindex = 502 } },
	{ "the same index elsewhere", 0,
	  .request = { .ifindex = 502, .peer_ifindex = 502, .puts = { PEER_NETNS } } },
	{ "peer's index is taken", -EBUSY, .request = { .ifindex = 503, .peer_ifindex = 90 } },
	{ "peer's index only, and taken", -EBUSY, ON_NETKIT(0), .request = { .peer_ifindex = 90 } },
};

static const struct row device_rows[] = {
	{ "4 queues", 0, MAKES(TOP_U32(IFLA_NUM_TX_QUEUES, 4), TOP_U32(IFLA_NUM_RX_QUEUES, 4)) },
	{ "mtu 67", -EINVAL, MAKES(TOP_U32(IFLA_MTU, 67)) },
	{ "mtu 65536", -EINVAL, MAKES(TOP_U32(IFLA_MTU, 65536)) },
	{ "mtu 68", 0, MAKES(TOP_U32(IFLA_MTU, 68)) },
	{ "mtu 65535", 0, MAKES(TOP_U32(IFLA_MTU, 65535)) },
	{ "peer's mtu 67", -EINVAL, MAKES(PEER_U32(IFLA_MTU, 67)) },
	{ "peer's mtu 65536", -EINVAL, MAKES(PEER_U32(IFLA_MTU, 65536)) },
	{ "peer's mtu 68", 0, MAKES(PEER_U32(IFLA_MTU, 68)) },
	{ "peer's mtu 65535", 0, MAKES(PEER_U32(IFLA_MTU, 65535)) },
	{ "no such process", -ESRCH, .by_core = true, MAKES(TOP_U32(IFLA_NET_NS_PID, 0x7ffffffe)) },
	{ "peer, no such process", -ESRCH, MAKES(PEER_U32(IFLA_NET_NS_PID, 0x7ffffffe)) },
	{ "no such fd", -EBADF, .by_core = true, MAKES(TOP_U32(IFLA_NET_NS_FD, 9999)) },
	{ "peer, no such fd", -EBADF, MAKES(PEER_U32(IFLA_NET_NS_FD, 9999)) },
	{ "peer, a process and an fd", -EINVAL, ON_NETKIT(-ESRCH),
	  MAKES(PEER_U32(IFLA_NET_NS_PID, 0x7ffffffe), PEER_NETNS) },
	{ "peer, a namespace's number", -EINVAL, ON_NETKIT(0), MAKES(PEER_U32(IFLA_TARGET_NETNSID, 0)) },
	{ "gso_max_size 200000", 0, MAKES(TOP_U32(IFLA_GSO_MAX_SIZE, 200000)) },
	{ "gso_max_size 600000", -EINVAL, .by_core = true,
	  MAKES(TOP_U32(IFLA_GSO_MAX_SIZE, 600000)) },
	{ "the other namespace for both", 0, MAKES(TOP_NETNS) },
	{ "the other namespace for the primary", 0,
	  .request = { .peer = true, .puts = { TOP_NETNS } } },
	{ "the other namespace for the peer", 0, MAKES(PEER_NETNS) },
};

/* ---- running them ---- */

static void run_row(struct stage *stage, const struct row *row)
{
	int wanted = !is_meta() && row->netkit_differs ? row->netkit : row->wanted;
	int n_here = link_count(&stage->here), n_there = link_count(&stage->there), n, err;
	struct msg msg;

	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, stage->netns_fd,
		      &row->request);
	err = rtnl_send(&stage->here, &msg);
	ok_err(err, wanted, "%s", row->name);
	if (err && is_meta() && !row->by_core)
		ok(stage->here.extack[0], "%s: in words: %s", row->name, stage->here.extack);
	n = link_count(&stage->here) + link_count(&stage->there) - n_here - n_there;
	ok_eq(n, err ? 0 : 2, "%s: new links", row->name);
	del_links(&stage->here, test_kind());
	del_links(&stage->there, test_kind());
	ok(link_count(&stage->here) == n_here && link_count(&stage->there) == n_there,
	   "%s: nothing is left behind", row->name);
}

/* A bridge, because every kernel under test has it: it takes a name and an index from the pairs. */
static void take_name(struct rtnl *rtnl)
{
	struct msg msg;
	int err;

	request_build(
		&msg, "bridge", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, -1,
		&(struct request){ .ifindex = 90, .puts = { TOP_STR(IFLA_IFNAME, "taken") } });
	err = rtnl_send(rtnl, &msg);
	if (err)
		bail_out("a bridge cannot be made: %s", strerror(-err));
}

int main(void)
{
	static const struct {
		const struct row *rows;
		size_t n;
	} tables[] = {
#define TABLE(rows) { rows, sizeof(rows) / sizeof((rows)[0]) }
		TABLE(attribute_rows), TABLE(later_rows), TABLE(address_rows),
		TABLE(name_rows),      TABLE(index_rows), TABLE(device_rows),
	};
	struct stage stage;

	stage_open(&stage);
	take_name(&stage.here);
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (size_t i = 0; i < tables[t].n; i++)
			run_row(&stage, &tables[t].rows[i]);
	}
	return tap_done();
}
