/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What garble.c knows of attributes, a row for each: values that are accepted, values that are not, and who
 * refuses them.
 */

#include "garble.h"
#include "rows.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* How an attribute may come in a request. */
enum fate { FATE_NONE, FATE_BOTH, FATE_WRONG };

struct sample {
	uint32_t value;
	uint16_t len; /* of bytes; 0: a number */
	const char *bytes;
};

#define BYTES(b)                                                                                   \
	{                                                                                          \
		.bytes = (b), .len = sizeof(b) - 1                                                 \
	}
/* As names are sent, with their end. */
#define NAME(b)                                                                                    \
	{                                                                                          \
		.bytes = (b), .len = sizeof(b)                                                     \
	}

enum special { SPECIAL_NONE, SPECIAL_NAME, SPECIAL_NETNS, SPECIAL_PEER_INFO };

struct attr {
	const char *name;
	enum put_place place;
	uint16_t type;
	uint8_t width; /* of a number; 0: bytes */
	enum fate create, change;
	bool by_core; /* who refuses what is wrong */
	bool dear; /* it is refused when a device is there already, and has to go again */
	bool depends; /* on other attributes, whether what is right is accepted */
	enum special special; /* what is right is no sample */
	struct sample right[4], wrong[6];
	uint8_t n_right, n_wrong;
};

#define RIGHT(n, ...) .right = { __VA_ARGS__ }, .n_right = (n)
#define WRONG(n, ...) .wrong = { __VA_ARGS__ }, .n_wrong = (n)
#define ON_CREATE .create = FATE_BOTH
#define AT_CREATION_ONLY .create = FATE_BOTH, .change = FATE_WRONG
#define ALWAYS .create = FATE_BOTH, .change = FATE_BOTH
#define DATA(t, w) .place = PUT_DATA, .type = PAIR_##t, .width = (w)
#define TOP(t, w) .place = PUT_TOP, .type = IFLA_##t, .width = (w), .by_core = true
#define PEER(t, w) .place = PUT_PEER, .type = IFLA_##t, .width = (w)

#define POLICIES                                                                                   \
	RIGHT(2, { POLICY_PASS }, { POLICY_DROP }), WRONG(5, { -1 }, { 1 }, { 3 }, { 7 }, { 256 })
#define SCRUBS RIGHT(2, { SCRUB_NONE }, { SCRUB_DEFAULT }), WRONG(3, { 2 }, { -1 }, { 1 << 24 })
#define ROOMS RIGHT(4, { 0 }, { 1 }, { 64 }, { 4096 }), WRONG(3, { 4097 }, { 65535 }, { 0x8000 })
#define MTUS                                                                                       \
	RIGHT(4, { 68 }, { 1500 }, { 9000 }, { 65535 }), WRONG(4, { 67 }, { 65536 }, { 0 }, { -1 })
#define QUEUES RIGHT(2, { 1 }, { 4 }), WRONG(3, { 0 }, { 4097 }, { -1 })
/* What is too long, cores of 6.12 do not agree on. */
#define LENGTHS RIGHT(2, { 0 }, { 1000 })
#define ADDRESSES                                                                                  \
	RIGHT(2, BYTES("\2\0\0\0\0\1"), BYTES("\xee\xff\xff\xff\xff\xfe")),                        \
		WRONG(6, BYTES("\0\0\0\0\0\0"), BYTES("\3\0\0\0\0\1"),                             \
		      BYTES("\xff\xff\xff\xff\xff\xff"), BYTES("\2\0\0\0\0"),                      \
		      BYTES("\2\0\0\0\0\1\2\3"), BYTES("0123456789012345678901234567890123"))
#define NAMES                                                                                      \
	.special = SPECIAL_NAME,                                                                   \
	WRONG(5, NAME(""), NAME("a/b"), NAME("."), NAME("lo"), NAME("sixteenletterss1"))
#define NAMESPACES .special = SPECIAL_NETNS, WRONG(3, { 9999 }, { -1 }, { 0 })
#define PROCESSES WRONG(2, { 0x7ffffffe }, { -1 })

static const struct attr attrs[] = {
	{ "PEER_INFO", DATA(PEER_INFO, 0), AT_CREATION_ONLY, .special = SPECIAL_PEER_INFO,
	  WRONG(4, BYTES(""), BYTES("01234567"), BYTES("0123456789abcde"), BYTES("\0")) },
	{ "PRIMARY", DATA(PRIMARY, 1), .create = FATE_WRONG, .change = FATE_WRONG,
	  WRONG(2, { 0 }, { 1 }) },
	{ "POLICY", DATA(POLICY, 4), ALWAYS, POLICIES },
	{ "PEER_POLICY", DATA(PEER_POLICY, 4), ALWAYS, POLICIES },
	{ "MODE", DATA(MODE, 4), AT_CREATION_ONLY, RIGHT(2, { MODE_L2 }, { MODE_L3 }),
	  WRONG(3, { 2 }, { -1 }, { 256 }) },
	{ "SCRUB", DATA(SCRUB, 4), AT_CREATION_ONLY, SCRUBS },
	{ "PEER_SCRUB", DATA(PEER_SCRUB, 4), AT_CREATION_ONLY, SCRUBS },
	{ "HEADROOM", DATA(HEADROOM, 2), AT_CREATION_ONLY, ROOMS },
	{ "TAILROOM", DATA(TAILROOM, 2), AT_CREATION_ONLY, ROOMS },
	{ "PAIRING", DATA(PAIRING, 4), AT_CREATION_ONLY,
	  RIGHT(2, { PAIRING_PAIR }, { PAIRING_SINGLE }), WRONG(2, { 2 }, { -1 }) },
	{ "LOCK", DATA(LOCK, 4), ALWAYS, .depends = true, RIGHT(4, { 0 }, { 1 }, { 2 }, { 3 }),
	  WRONG(3, { 4 }, { -1 }, { 1 << 16 }) },
	{ "attribute 0", .place = PUT_DATA, .type = 0, .width = 4, .create = FATE_WRONG,
	  .change = FATE_WRONG, WRONG(1, { 0 }) },
	{ "attribute 11", .place = PUT_DATA, .type = 11, .width = 4, .create = FATE_WRONG,
	  .change = FATE_WRONG, WRONG(1, { 0 }) },
	{ "attribute 99", .place = PUT_DATA, .type = 99, .create = FATE_WRONG, .change = FATE_WRONG,
	  WRONG(2, BYTES(""), BYTES("anything")) },
	{ "attribute 16383", .place = PUT_DATA, .type = 16383, .create = FATE_WRONG,
	  .change = FATE_WRONG, WRONG(1, BYTES("anything")) },

	{ "peer's IFNAME", PEER(IFNAME, 0), ON_CREATE, NAMES },
	{ "peer's ADDRESS", PEER(ADDRESS, 0), ON_CREATE, .depends = true, ADDRESSES },
	{ "peer's BROADCAST", PEER(BROADCAST, 0), ON_CREATE,
	  RIGHT(1, BYTES("\xff\xff\xff\xff\xff\xff")), WRONG(1, BYTES("\xff")) },
	{ "peer's MTU", PEER(MTU, 4), ON_CREATE, MTUS },
	{ "peer's TXQLEN", PEER(TXQLEN, 4), ON_CREATE, LENGTHS },
	{ "peer's NUM_TX_QUEUES", PEER(NUM_TX_QUEUES, 4), ON_CREATE, QUEUES },
	{ "peer's NUM_RX_QUEUES", PEER(NUM_RX_QUEUES, 4), ON_CREATE, QUEUES },
	{ "peer's GSO_MAX_SIZE", PEER(GSO_MAX_SIZE, 4), ON_CREATE, RIGHT(2, { 65536 }, { 200000 }),
	  WRONG(2, { 0 }, { 600000 }) },
	{ "peer's GROUP", PEER(GROUP, 4), ON_CREATE, RIGHT(1, { GARBLE_GROUP }) },
	{ "peer's NET_NS_FD", PEER(NET_NS_FD, 4), ON_CREATE, NAMESPACES },
	{ "peer's NET_NS_PID", PEER(NET_NS_PID, 4), .create = FATE_WRONG, PROCESSES },
	{ "peer's OPERSTATE", PEER(OPERSTATE, 1), ON_CREATE, RIGHT(2, { 0 }, { 6 }) },
	{ "peer's LINKMODE", PEER(LINKMODE, 1), ON_CREATE, RIGHT(2, { 0 }, { 1 }) },
	{ "peer's AF_SPEC", PEER(AF_SPEC, 0), .create = FATE_WRONG, WRONG(1, BYTES("\4\0\377\0")) },

	{ "IFNAME", TOP(IFNAME, 0), ON_CREATE, NAMES },
	{ "IFNAME pattern", TOP(IFNAME, 0), .create = FATE_WRONG, .dear = true,
	  WRONG(1, NAME("bad%s")) },
	{ "ADDRESS", TOP(ADDRESS, 0), ALWAYS, .depends = true, ADDRESSES },
	{ "BROADCAST", TOP(BROADCAST, 0), ON_CREATE, RIGHT(1, BYTES("\xff\xff\xff\xff\xff\xff")),
	  WRONG(1, BYTES("\xff")) },
	{ "MTU", TOP(MTU, 4), ALWAYS, MTUS },
	{ "TXQLEN", TOP(TXQLEN, 4), ALWAYS, LENGTHS },
	{ "NUM_TX_QUEUES", TOP(NUM_TX_QUEUES, 4), ON_CREATE, QUEUES },
	{ "NUM_RX_QUEUES", TOP(NUM_RX_QUEUES, 4), ON_CREATE, QUEUES },
	{ "GSO_MAX_SIZE", TOP(GSO_MAX_SIZE, 4), ALWAYS, RIGHT(2, { 65536 }, { 200000 }),
	  WRONG(2, { 0 }, { 600000 }) },
	{ "NET_NS_FD", TOP(NET_NS_FD, 4), ON_CREATE, NAMESPACES },
	{ "NET_NS_PID", TOP(NET_NS_PID, 4), .create = FATE_WRONG, PROCESSES },
	{ "LINKMODE", TOP(LINKMODE, 1), ALWAYS, RIGHT(2, { 0 }, { 1 }) },
	{ "MASTER", TOP(MASTER, 4), ALWAYS, .dear = true, RIGHT(1, { 0 }),
	  WRONG(2, { 99999 }, { 1 }) },
	{ "CARRIER", TOP(CARRIER, 1), .change = FATE_WRONG, WRONG(2, { 0 }, { 1 }) },
	{ "AF_SPEC", TOP(AF_SPEC, 0), .create = FATE_WRONG, .change = FATE_WRONG,
	  WRONG(1, BYTES("\4\0\377\0")) },
};
