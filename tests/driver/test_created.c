// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an accepted request for a pair makes: which end is which, everything that is dumped of both,
 * and what of a request serves the peer too. test_create.c has what is refused.
 */
#include "rows.h"
#include "stage.h"

static const unsigned char mac_one[6] = { 2, 0, 0, 0, 0, 1 };
static const unsigned char mac_two[6] = { 2, 0, 0, 0, 0, 2 };

static int create(struct stage *stage, const struct request *request)
{
	struct msg msg;

	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, stage->netns_fd,
		      request);
	return rtnl_send(&stage->here, &msg);
}

#define CREATE(stage, ...) create(stage, &(struct request){ __VA_ARGS__ })

static bool same_address(const struct link_state *link, const unsigned char mac[6])
{
	return link->address_len == 6 && !memcmp(link->address, mac, 6);
}

/* As the kernel makes them up: unicast, locally administered, not zero. */
static bool random_address(const struct link_state *link)
{
	return link->address_len == 6 && (link->address[0] & 3) == 2;
}

/* ---- what is dumped ---- */

struct dumped {
	uint32_t primary, policy, peer_policy, mode, scrub, peer_scrub, headroom, tailroom, pairing,
		lock;
};

static void ok_attr(const char *row, const struct link_state *link, const char *name, int type,
		    size_t len, uint32_t wanted)
{
	if (ok_eq(link->data_len[type], len, "%s: %s: bytes", row, name) && len)
		ok_eq(link->data[type], wanted, "%s: %s", row, name);
}

static void ok_dump(const char *row, const struct link_state *link, const struct dumped *want)
{
	/* What netkit of Linux 6.12 does not know it does not dump. */
	size_t later = is_meta() ? 1 : 0;

	ok(!strcmp(link->kind, test_kind()), "%s: kind %s", row, link->kind);
	ok_attr(row, link, "PEER_INFO", PAIR_PEER_INFO, 0, 0);
	ok_attr(row, link, "PRIMARY", PAIR_PRIMARY, 1, want->primary);
	ok_attr(row, link, "POLICY", PAIR_POLICY, 4, want->policy);
	ok_attr(row, link, "PEER_POLICY", PAIR_PEER_POLICY, 4, want->peer_policy);
	ok_attr(row, link, "MODE", PAIR_MODE, 4, want->mode);
	ok_attr(row, link, "SCRUB", PAIR_SCRUB, 4, want->scrub);
	ok_attr(row, link, "PEER_SCRUB", PAIR_PEER_SCRUB, 4, want->peer_scrub);
	ok_attr(row, link, "HEADROOM", PAIR_HEADROOM, 2 * later, want->headroom);
	ok_attr(row, link, "TAILROOM", PAIR_TAILROOM, 2 * later, want->tailroom);
	ok_attr(row, link, "PAIRING", PAIR_PAIRING, 4 * later, want->pairing);
	ok_attr(row, link, "LOCK", PAIR_LOCK, 4 * later, want->lock);
	for (int type = PAIR_ATTR_MAX + 1; type < PAIR_LOCK; type++)
		ok_eq(link->data_len[type], 0, "%s: attribute %d", row, type);
}

static void case_defaults(const char *row, bool no_data)
{
	struct dumped want = { 1, POLICY_PASS, POLICY_PASS, MODE_L3, SCRUB_DEFAULT, SCRUB_DEFAULT };
	struct link_state primary, peer;
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .no_data = no_data), 0, "%s", row);
	peer = the_link(&stage.here, "nk0");
	primary = the_link(&stage.here, "nk1");
	ok(peer.ifindex < primary.ifindex, "%s: the peer is first: %d < %d", row, peer.ifindex,
	   primary.ifindex);
	ok_dump(row, &primary, &want);
	want.primary = 0;
	ok_dump(row, &peer, &want);
	stage_close(&stage);
}

static void case_every_attribute(void)
{
	struct dumped want = { 1,   POLICY_DROP, POLICY_PASS, MODE_L2, SCRUB_NONE, SCRUB_DEFAULT,
			       100, 4096,	 PAIRING_PAIR, LOCK_ADDRESS };
	struct dumped want_peer = { 0,	     POLICY_PASS,   POLICY_DROP,
				    MODE_L2, SCRUB_DEFAULT, SCRUB_NONE,
				    100,     4096,	    PAIRING_PAIR,
				    LOCK_ADDRESS };
	struct link_state link;
	struct stage stage;
	int err;

	stage_open(&stage);
	err = CREATE(&stage, .puts = {
				     TOP_STR(IFLA_IFNAME, "a"),
				     DATA_U32(PAIR_POLICY, POLICY_DROP),
				     DATA_U32(PAIR_PEER_POLICY, POLICY_PASS),
				     DATA_U32(PAIR_MODE, MODE_L2),
				     DATA_U32(PAIR_SCRUB, SCRUB_NONE),
				     DATA_U32(PAIR_PEER_SCRUB, SCRUB_DEFAULT),
				     DATA_U16(PAIR_HEADROOM, 100),
				     DATA_U16(PAIR_TAILROOM, 4096),
				     DATA_U32(PAIR_PAIRING, PAIRING_PAIR),
				     DATA_U32(PAIR_LOCK, LOCK_ADDRESS),
				     PEER_STR(IFLA_IFNAME, "b"),
			     });
	ok_err(err, 0, "every attribute");
	link = the_link(&stage.here, "a");
	ok_dump("every attribute, primary", &link, &want);
	link = the_link(&stage.here, "b");
	ok_dump("every attribute, seen from the peer", &link, &want_peer);
	stage_close(&stage);
}

/* The other way round, each with the opposite value, so that none is a constant. */
static void case_peer_attributes(void)
{
	struct dumped want = { 1,	   POLICY_PASS, POLICY_DROP, MODE_L3,	  SCRUB_DEFAULT,
			       SCRUB_NONE, 4096,	0,	     PAIRING_PAIR };
	struct dumped want_peer = { 0,	     POLICY_DROP, POLICY_PASS,
				    MODE_L3, SCRUB_NONE,  SCRUB_DEFAULT,
				    4096,    0,		  PAIRING_PAIR };
	struct link_state link;
	struct stage stage;
	int err;

	stage_open(&stage);
	err = CREATE(&stage, .puts = {
				     TOP_STR(IFLA_IFNAME, "a"),
				     DATA_U32(PAIR_PEER_POLICY, POLICY_DROP),
				     DATA_U32(PAIR_PEER_SCRUB, SCRUB_NONE),
				     DATA_U16(PAIR_HEADROOM, 4096),
				     PEER_STR(IFLA_IFNAME, "b"),
				     PEER_NETNS,
			     });
	ok_err(err, 0, "the peer's attributes");
	link = the_link(&stage.here, "a");
	ok_dump("the peer's attributes, primary", &link, &want);
	link = the_link(&stage.there, "b");
	ok_dump("the peer's attributes, seen from the peer", &link, &want_peer);
	stage_close(&stage);
}

static void case_wide_mode(void)
{
	static const uint32_t wide[2] = { MODE_L2, 0xffffffff };
	struct link_state link;
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .puts = { DATA_RAW(PAIR_MODE, wide, 8) }), 0, "mode of 8 bytes");
	link = the_link(&stage.here, "nk1");
	ok_eq(link.data[PAIR_MODE], MODE_L2, "mode of 8 bytes: the first four count");
	stage_close(&stage);
}

/* ---- names and indices ---- */

static void case_names(void)
{
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "own") }), 0, "own name only");
	ok_eq(the_link(&stage.here, "own").data[PAIR_PRIMARY], 1, "own name is the primary's");
	ok_eq(the_link(&stage.here, "nk0").data_len[PAIR_PRIMARY], 1, "its peer is nk0");
	ok_err(CREATE(&stage, .peer = true, .puts = { TOP_STR(IFLA_IFNAME, "own2") }), 0,
	       "bare ifinfomsg");
	ok_eq(the_link(&stage.here, "nk1").data_len[PAIR_PRIMARY], 1, "its peer is nk1");
	ok_err(CREATE(&stage,
		      .puts = { TOP_STR(IFLA_IFNAME, "x%d"), PEER_STR(IFLA_IFNAME, "y%d") }),
	       0, "patterns for both");
	ok_eq(the_link(&stage.here, "x0").data[PAIR_PRIMARY], 1, "x%%d is expanded");
	ok(the_link(&stage.here, "y0").ifindex, "y%%d is expanded");
	ok_err(CREATE(&stage,
		      .puts = { TOP_STR(IFLA_IFNAME, "x%d"), PEER_STR(IFLA_IFNAME, "x%d") }),
	       0, "the same pattern for both");
	ok_eq(the_link(&stage.here, "x2").data[PAIR_PRIMARY], 1, "the primary is second");
	ok_eq(link_count(&stage.here), 1 + 8, "four pairs and the loopback");
	stage_close(&stage);
}

static void case_indices(void)
{
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .ifindex = 500, .peer_ifindex = 501,
		      .puts = { TOP_STR(IFLA_IFNAME, "a"), PEER_STR(IFLA_IFNAME, "b") }),
	       0, "both indices");
	ok_eq(the_link(&stage.here, "a").ifindex, 500, "primary's index");
	ok_eq(the_link(&stage.here, "b").ifindex, 501, "peer's index");
	ok_err(CREATE(&stage, .peer_ifindex = 601,
		      .puts = { TOP_STR(IFLA_IFNAME, "c"), PEER_STR(IFLA_IFNAME, "d") }),
	       0, "peer's index only");
	if (is_meta())
		ok_eq(the_link(&stage.here, "d").ifindex, 601, "peer's index is honoured");
	else
		ok(the_link(&stage.here, "d").ifindex != 601, "peer's index is passed over");
	ok_err(CREATE(&stage, .ifindex = 700,
		      .puts = { TOP_STR(IFLA_IFNAME, "e"), PEER_STR(IFLA_IFNAME, "f") }),
	       0, "primary's index only");
	ok_eq(the_link(&stage.here, "e").ifindex, 700, "primary's index is honoured");
	ok_err(CREATE(&stage, .ifindex = 800, .peer_ifindex = 800,
		      .puts = { TOP_STR(IFLA_IFNAME, "g"), PEER_STR(IFLA_IFNAME, "h"),
				PEER_NETNS }),
	       0, "the same index in two namespaces");
	ok_eq(the_link(&stage.here, "g").ifindex, 800, "here");
	ok_eq(the_link(&stage.there, "h").ifindex, 800, "and there");
	stage_close(&stage);
}

/* The peer is registered first: it must not take the one index that was asked for. */
static void case_next_index(void)
{
	struct stage stage;
	int err;

	stage_open(&stage);
	err = CREATE(&stage, .ifindex = 2, .puts = { TOP_STR(IFLA_IFNAME, "a") });
	ok_err(err, is_meta() ? 0 : -EBUSY, "the index that is next, for the primary");
	if (!err)
		ok_eq(the_link(&stage.here, "a").ifindex, 2, "the primary has it");
	ok_eq(link_count(&stage.here), err ? 1 : 3, "links there are");
	stage_close(&stage);
}

/* Names that are chosen are chosen in the order that they always are. */
static void case_index_and_chosen_name(void)
{
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .ifindex = 500, .puts = { PEER_STR(IFLA_IFNAME, "nk0") }), 0,
	       "an index for the primary, and the first name for the peer");
	ok_eq(the_link(&stage.here, "nk1").ifindex, 500, "the primary has the index, and the next name");
	stage_close(&stage);
}

/* ---- addresses ---- */

static void case_addresses(void)
{
	struct link_state a, b;
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "a"), DATA_U32(PAIR_MODE, MODE_L2),
					TOP_RAW(IFLA_ADDRESS, mac_one, 6) }),
	       0, "L2, primary's address, no PEER_INFO");
	a = the_link(&stage.here, "a");
	b = the_link(&stage.here, "nk0");
	ok(same_address(&a, mac_one), "the primary has it");
	ok(random_address(&b) && !same_address(&b, mac_one), "the peer has a random one");
	del_links(&stage.here, test_kind());

	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "a"), DATA_U32(PAIR_MODE, MODE_L2),
					PEER_RAW(IFLA_ADDRESS, mac_two, 6) }),
	       0, "L2, peer's address");
	a = the_link(&stage.here, "a");
	b = the_link(&stage.here, "nk0");
	ok(same_address(&b, mac_two), "the peer has it");
	ok(random_address(&a) && !same_address(&a, mac_two), "the primary has a random one");
	del_links(&stage.here, test_kind());

	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "a"), DATA_U32(PAIR_MODE, MODE_L2) }),
	       0, "L2, no address");
	a = the_link(&stage.here, "a");
	b = the_link(&stage.here, "nk0");
	ok(random_address(&a) && random_address(&b) && !same_address(&a, b.address),
	   "two random ones");
	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "c") }), 0, "L3");
	a = the_link(&stage.here, "c");
	b = the_link(&stage.here, "nk1");
	ok(same_address(&a, (const unsigned char[6]){ 0 }) && same_address(&b, a.address),
	   "zero on both ends");
	stage_close(&stage);
}

/* ---- what serves the peer too ---- */

#define SHARED                                                                                     \
	TOP_U32(IFLA_MTU, 9000), TOP_U32(IFLA_TXQLEN, 77), TOP_U32(IFLA_NUM_TX_QUEUES, 4),         \
		TOP_U32(IFLA_NUM_RX_QUEUES, 3), TOP_U32(IFLA_GSO_MAX_SIZE, 60000)

static void ok_shared(const char *row, const struct link_state *link, bool has)
{
	ok_eq(link->mtu, has ? 9000 : 1500, "%s: mtu", row);
	ok_eq(link->txqlen, has ? 77 : 1000, "%s: queue length", row);
	ok_eq(link->n_tx, has ? 4 : 1, "%s: transmit queues", row);
	ok_eq(link->n_rx, has ? 3 : 1, "%s: receive queues", row);
	ok_eq(link->gso_max, has ? 60000 : 65536, "%s: gso_max_size", row);
}

static void case_shared(void)
{
	struct link_state link;
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "a"), SHARED }), 0, "no PEER_INFO");
	link = the_link(&stage.here, "a");
	ok_shared("no PEER_INFO, primary", &link, true);
	link = the_link(&stage.here, "nk0");
	ok_shared("no PEER_INFO, peer", &link, true);
	ok_err(CREATE(&stage, .peer = true, .puts = { TOP_STR(IFLA_IFNAME, "b"), SHARED }), 0,
	       "bare PEER_INFO");
	link = the_link(&stage.here, "b");
	ok_shared("bare PEER_INFO, primary", &link, true);
	link = the_link(&stage.here, "nk1");
	ok_shared("bare PEER_INFO, peer", &link, false);
	ok_err(CREATE(&stage, .puts = { TOP_STR(IFLA_IFNAME, "c"), PEER_U32(IFLA_MTU, 9000),
					PEER_U32(IFLA_TXQLEN, 77), PEER_U32(IFLA_NUM_TX_QUEUES, 4),
					PEER_U32(IFLA_NUM_RX_QUEUES, 3),
					PEER_U32(IFLA_GSO_MAX_SIZE, 60000) }),
	       0, "PEER_INFO with all of it");
	link = the_link(&stage.here, "c");
	ok_shared("PEER_INFO with all of it, primary", &link, false);
	link = the_link(&stage.here, "nk2");
	ok_shared("PEER_INFO with all of it, peer", &link, true);
	stage_close(&stage);
}

static void case_namespaces(void)
{
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .puts = { TOP_NETNS }), 0, "a namespace for both");
	ok_eq(link_count(&stage.here), 1, "none is here");
	ok_eq(the_link(&stage.there, "nk1").data[PAIR_PRIMARY], 1, "the primary is there");
	ok_eq(the_link(&stage.there, "nk0").data_len[PAIR_PRIMARY], 1, "the peer is there");
	del_links(&stage.there, test_kind());

	ok_err(CREATE(&stage, .peer = true, .puts = { TOP_NETNS }), 0,
	       "a namespace for the primary, PEER_INFO without one");
	ok_eq(the_link(&stage.there, "nk0").data[PAIR_PRIMARY], 1, "the primary is there");
	ok_eq(the_link(&stage.here, "nk0").data_len[PAIR_PRIMARY], 1, "the peer is here");
	del_links(&stage.there, test_kind());

	ok_err(CREATE(&stage, .puts = { PEER_NETNS }), 0, "a namespace for the peer");
	ok_eq(the_link(&stage.here, "nk0").data[PAIR_PRIMARY], 1, "the primary is here");
	ok_eq(the_link(&stage.there, "nk0").data_len[PAIR_PRIMARY], 1, "the peer is there");
	stage_close(&stage);
}

/* ---- flags ---- */

static void ok_up(const char *row, const struct link_state *link, bool up, bool carrier)
{
	ok_eq(!!(link->flags & IFF_UP), up, "%s: up", row);
	ok_eq(link->carrier, carrier, "%s: carrier", row);
}

static void case_up(const char *row, unsigned int flags, unsigned int peer_flags)
{
	bool both = flags && peer_flags && is_meta();
	struct link_state link;
	struct stage stage;
	int err;

	stage_open(&stage);
	err = CREATE(&stage, .flags = flags, .peer_flags = peer_flags, .peer = true,
		     .puts = { TOP_STR(IFLA_IFNAME, "a"), PEER_STR(IFLA_IFNAME, "b") });
	ok_err(err, 0, "%s", row);
	link = the_link(&stage.here, "a");
	ok_up(row, &link, flags, both);
	link = the_link(&stage.here, "b");
	ok_up(row, &link, peer_flags && is_meta(), both);
	stage_close(&stage);
}

/* Without PEER_INFO the request's flags are the primary's alone. */
static void case_up_without_peer_info(void)
{
	struct link_state link;
	struct stage stage;

	stage_open(&stage);
	ok_err(CREATE(&stage, .flags = IFF_UP, .puts = { TOP_STR(IFLA_IFNAME, "a") }), 0,
	       "up, no PEER_INFO");
	link = the_link(&stage.here, "a");
	ok_up("up, no PEER_INFO, primary", &link, true, false);
	link = the_link(&stage.here, "nk0");
	ok_up("up, no PEER_INFO, peer", &link, false, false);
	stage_close(&stage);
}

int main(void)
{
	case_defaults("no INFO_DATA", true);
	case_defaults("empty INFO_DATA", false);
	case_every_attribute();
	case_peer_attributes();
	case_wide_mode();
	case_names();
	case_indices();
	case_next_index();
	case_index_and_chosen_name();
	case_addresses();
	case_shared();
	case_namespaces();
	case_up("up in the request", IFF_UP, 0);
	case_up("up in PEER_INFO", 0, IFF_UP);
	case_up("up in both", IFF_UP, IFF_UP);
	case_up_without_peer_info();
	return tap_done();
}
