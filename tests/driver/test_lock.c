// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a primary keeps from its peer (LOCK): the MTU, which then is one for both ends, and the
 * Ethernet address; from whichever namespace the peer is asked, and only as long as it is locked.
 * netkit of Linux 6.12 has no locks.
 */
#include "rows.h"
#include "stage.h"

static const unsigned char mac_one[6] = { 2, 0, 0, 0, 0, 1 };
static const unsigned char mac_two[6] = { 2, 0, 0, 0, 0, 2 };

/* The primary is here, the peer is there. */
static void make(struct stage *stage, uint32_t lock)
{
	struct request request = { .puts = { TOP_STR(IFLA_IFNAME, "a"), TOP_U32(IFLA_MTU, 1400),
					     DATA_U32(PAIR_MODE, MODE_L2),
					     DATA_U32(PAIR_LOCK, lock), PEER_STR(IFLA_IFNAME, "b"),
					     PEER_RAW(IFLA_ADDRESS, mac_one, 6), PEER_NETNS } };
	struct msg msg;

	stage_open(stage);
	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, stage->netns_fd,
		      &request);
	ok_err(rtnl_send(&stage->here, &msg), 0, "a pair, lock %u", lock);
}

static int set_mtu(struct rtnl *rtnl, const char *name, uint32_t mtu)
{
	struct msg msg;

	msg_link(&msg, RTM_NEWLINK, 0, 0);
	put_str(&msg, IFLA_IFNAME, name);
	put_u32(&msg, IFLA_MTU, mtu);
	return rtnl_send(rtnl, &msg);
}

static int set_lock(struct stage *stage, uint32_t lock)
{
	struct request request = { .ifindex = the_link(&stage->here, "a").ifindex,
				   .puts = { DATA_U32(PAIR_LOCK, lock) } };
	struct msg msg;

	request_build(&msg, test_kind(), RTM_NEWLINK, 0, -1, &request);
	return rtnl_send(&stage->here, &msg);
}

static void ok_mtus(struct stage *stage, const char *row, uint32_t primary, uint32_t peer)
{
	ok_eq(the_link(&stage->here, "a").mtu, primary, "%s: the primary's mtu", row);
	ok_eq(the_link(&stage->there, "b").mtu, peer, "%s: the peer's mtu", row);
}

static void ok_peer_address(struct stage *stage, const char *row, const unsigned char mac[6])
{
	ok(!memcmp(the_link(&stage->there, "b").address, mac, 6), "%s: the peer's address", row);
}

static void case_mtu(void)
{
	struct stage stage;

	make(&stage, LOCK_MTU);
	ok_mtus(&stage, "created with the primary's", 1400, 1400);
	ok_err(set_mtu(&stage.there, "b", 1300), -EPERM, "the peer asks for less");
	ok_err(set_mtu(&stage.there, "b", 9000), -EPERM, "the peer asks for more");
	ok_err(set_mtu(&stage.there, "b", 1400), 0, "the peer asks for what it has");
	ok_mtus(&stage, "after that", 1400, 1400);
	ok_err(set_mtu(&stage.here, "a", 9000), 0, "the primary asks for more");
	ok_mtus(&stage, "both follow", 9000, 9000);
	ok_err(set_mtu(&stage.here, "a", 65536), -EINVAL, "the primary asks for too much");
	ok_mtus(&stage, "neither follows", 9000, 9000);
	ok_err(set_mac(&stage.there, "b", mac_two), 0, "the peer's address is its own");
	ok_peer_address(&stage, "another", mac_two);
	stage_close(&stage);
}

static void case_address(void)
{
	struct stage stage;

	make(&stage, LOCK_ADDRESS);
	ok_err(set_mac(&stage.there, "b", mac_two), -EPERM, "the peer asks for another address");
	ok_peer_address(&stage, "the same", mac_one);
	ok_err(set_mac(&stage.here, "a", mac_two), 0, "the primary's address is its own");
	ok_err(set_mtu(&stage.there, "b", 1300), 0, "the peer's mtu is its own");
	ok_err(set_mtu(&stage.here, "a", 1500), 0, "the primary's is, too");
	ok_mtus(&stage, "each its own", 1500, 1300);
	stage_close(&stage);
}

/* Locks come and go with the primary's word; what is locked later is put right at that time. */
static void case_change(void)
{
	struct stage stage;

	make(&stage, 0);
	ok_err(set_mtu(&stage.there, "b", 1300), 0, "nothing is locked");
	ok_err(set_lock(&stage, LOCK_MTU | LOCK_ADDRESS), 0, "both are locked");
	ok_mtus(&stage, "the peer's is put right", 1400, 1400);
	ok_err(set_mtu(&stage.there, "b", 1300), -EPERM, "locked: mtu");
	ok_err(set_mac(&stage.there, "b", mac_two), -EPERM, "locked: address");
	ok_eq(the_link(&stage.here, "a").data[PAIR_LOCK], 3, "told of the primary");
	ok_eq(the_link(&stage.there, "b").data[PAIR_LOCK], 3, "told of the peer");
	ok_err(set_lock(&stage, LOCK_ADDRESS), 0, "the mtu is unlocked");
	ok_err(set_mtu(&stage.there, "b", 1300), 0, "unlocked: mtu");
	ok_err(set_mac(&stage.there, "b", mac_two), -EPERM, "still locked: address");
	ok_err(set_lock(&stage, 0), 0, "all is unlocked");
	ok_err(set_mac(&stage.there, "b", mac_two), 0, "unlocked: address");
	ok_mtus(&stage, "in the end", 1400, 1300);
	stage_close(&stage);
}

/* The lock is the pair's, wherever the peer goes. */
static void case_move(void)
{
	struct stage stage;
	int other = netns_new();
	struct rtnl rtnl;

	make(&stage, LOCK_MTU);
	ok_err(set_netns(&stage.there, "b", other), 0, "the peer moves");
	if (rtnl_open_in(&rtnl, other))
		bail_out("no netlink socket");
	ok_err(set_mtu(&rtnl, "b", 1300), -EPERM, "still locked elsewhere");
	ok_err(set_mtu(&stage.here, "a", 68), 0, "the primary asks for the least");
	ok_eq(the_link(&rtnl, "b").mtu, 68, "the peer follows");
	rtnl_close(&rtnl);
	close(other);
	stage_close(&stage);
}

int main(void)
{
	if (!is_meta()) {
		printf("skipped: kind %s of Linux 6.12 has no locks\n", test_kind());
		return 77;
	}
	case_mtu();
	case_address();
	case_change();
	case_move();
	return tap_done();
}
