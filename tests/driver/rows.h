/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Rows of tables of requests: what is put into a message, as data, and what the kernel is to say to
 * it. Kinds "meta" and "netkit" are asked the same; where meta is meant to answer otherwise, the row
 * says so with ON_NETKIT.
 */

#include "rtnl.h"

enum put_place {
	PUT_NOTHING,
	PUT_TOP, /* in the message itself */
	PUT_DATA, /* in IFLA_INFO_DATA */
	PUT_PEER, /* in PEER_INFO, after its ifinfomsg */
};

struct put {
	enum put_place place;
	uint16_t type, len;
	uint32_t value; /* unless bytes are given; little-endian machines only */
	const void *bytes;
	bool netns; /* the value is the fd of the table's other namespace */
};

#define TOP_U32(t, v)                                                                              \
	{                                                                                          \
		.place = PUT_TOP, .type = (t), .len = 4, .value = (v)                              \
	}
#define TOP_RAW(t, b, l)                                                                           \
	{                                                                                          \
		.place = PUT_TOP, .type = (t), .len = (l), .bytes = (b)                            \
	}
#define TOP_STR(t, s) TOP_RAW(t, s, sizeof(s))
#define TOP_NETNS                                                                                  \
	{                                                                                          \
		.place = PUT_TOP, .type = IFLA_NET_NS_FD, .len = 4, .netns = true                  \
	}
#define DATA_U8(t, v)                                                                              \
	{                                                                                          \
		.place = PUT_DATA, .type = (t), .len = 1, .value = (v)                             \
	}
#define DATA_U16(t, v)                                                                             \
	{                                                                                          \
		.place = PUT_DATA, .type = (t), .len = 2, .value = (v)                             \
	}
#define DATA_U32(t, v)                                                                             \
	{                                                                                          \
		.place = PUT_DATA, .type = (t), .len = 4, .value = (uint32_t)(v)                   \
	}
#define DATA_RAW(t, b, l)                                                                          \
	{                                                                                          \
		.place = PUT_DATA, .type = (t), .len = (l), .bytes = (b)                           \
	}
#define PEER_U32(t, v)                                                                             \
	{                                                                                          \
		.place = PUT_PEER, .type = (t), .len = 4, .value = (v)                             \
	}
#define PEER_RAW(t, b, l)                                                                          \
	{                                                                                          \
		.place = PUT_PEER, .type = (t), .len = (l), .bytes = (b)                           \
	}
#define PEER_STR(t, s) PEER_RAW(t, s, sizeof(s))
#define PEER_NETNS                                                                                 \
	{                                                                                          \
		.place = PUT_PEER, .type = IFLA_NET_NS_FD, .len = 4, .netns = true                 \
	}

#define MAX_PUTS 12

struct request {
	bool plain; /* no IFLA_LINKINFO at all */
	bool no_data; /* IFLA_LINKINFO has a kind only */
	bool peer; /* with PEER_INFO; also when anything is PUT_PEER */
	int ifindex, peer_ifindex;
	unsigned int flags, peer_flags; /* changed are those that are set ... */
	unsigned int change; /* ... and, in the request's own, these */
	struct put puts[MAX_PUTS];
};

struct row {
	const char *name;
	int wanted; /* 0 or -errno */
	bool netkit_differs;
	int netkit; /* what netkit of Linux 6.12 says, when it differs */
	bool by_core; /* the refusal is the core's, which may have no words for it */
	struct request request;
};

#define ON_NETKIT(e) .netkit_differs = true, .netkit = (e)

/* A message of the type with all of it, first to last. netns_fd is what TOP_NETNS means. */
void request_build(struct msg *msg, const char *kind, uint16_t type, uint16_t flags, int netns_fd,
		   const struct request *request);
