/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * rtnetlink by hand: messages are built byte by byte, so that a test can send what no library would,
 * and every refusal is kept with its extended acknowledgement. Calls return 0 or -errno.
 *
 * Numbers of the kind's attributes are written out here, apart from the driver's header, because
 * they are the wire's.
 */

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In IFLA_INFO_DATA of kinds "netkit" and "meta". Linux 6.12 knows the first seven for netkit. */
enum pair_attr {
	PAIR_PEER_INFO = 1,
	PAIR_PRIMARY,
	PAIR_POLICY,
	PAIR_PEER_POLICY,
	PAIR_MODE,
	PAIR_SCRUB,
	PAIR_PEER_SCRUB,
	PAIR_HEADROOM,
	PAIR_TAILROOM,
	PAIR_PAIRING,
	PAIR_ATTR_MAX = PAIR_PAIRING,
	PAIR_LOCK = 40, /* meta's own */
	N_PAIR_ATTRS,
};

enum { MODE_L2, MODE_L3 };
enum { POLICY_PASS = 0, POLICY_DROP = 2 };
enum { SCRUB_NONE, SCRUB_DEFAULT };
enum { PAIRING_PAIR, PAIRING_SINGLE };
enum { LOCK_MTU = 1, LOCK_ADDRESS = 2 };

/* ---- the socket ---- */

struct rtnl {
	int fd;
	uint32_t seq;
	char extack[256]; /* text of the last answer, "" when it had none */
	uint32_t extack_offs; /* where in the message, 0 when it did not say */
};

int rtnl_open(struct rtnl *rtnl); /* in the namespace one is in */
int rtnl_open_in(struct rtnl *rtnl, int netns_fd); /* in another one; comes back */
void rtnl_close(struct rtnl *rtnl);

/* ---- messages ---- */

struct msg {
	size_t len;
	_Alignas(8) unsigned char bytes[16384];
};

/* NLM_F_REQUEST | NLM_F_ACK are always set. */
void msg_begin(struct msg *msg, uint16_t type, uint16_t flags, const void *header, size_t len);
/* RTM_NEWLINK, RTM_DELLINK or RTM_GETLINK with an ifinfomsg of that index. */
void msg_link(struct msg *msg, uint16_t type, uint16_t flags, int ifindex);
struct ifinfomsg *msg_ifinfo(struct msg *msg);

void put_raw(struct msg *msg, uint16_t type, const void *data, size_t len);
void put_u8(struct msg *msg, uint16_t type, uint8_t value);
void put_u16(struct msg *msg, uint16_t type, uint16_t value);
void put_u32(struct msg *msg, uint16_t type, uint32_t value);
void put_str(struct msg *msg, uint16_t type, const char *value);
/* Bytes that belong to no attribute, as the ifinfomsg inside PEER_INFO. Padded to 4. */
void put_bytes(struct msg *msg, const void *data, size_t len);
size_t nest_begin(struct msg *msg, uint16_t type);
void nest_end(struct msg *msg, size_t nest);

/* IFLA_LINKINFO with IFLA_INFO_KIND, and IFLA_INFO_DATA left open. */
struct linkinfo {
	size_t info, data;
};
struct linkinfo linkinfo_begin(struct msg *msg, const char *kind);
void linkinfo_end(struct msg *msg, struct linkinfo nests);
/* PEER_INFO with its ifinfomsg, left open. */
size_t peer_info_begin(struct msg *msg, int ifindex, unsigned int flags, unsigned int change);

/* Sends and waits for the acknowledgement. rtnl->extack has the text of a refusal, or a warning. */
int rtnl_send(struct rtnl *rtnl, const struct msg *msg);

/* ---- what a link is ---- */

struct link_state {
	int ifindex;
	unsigned int flags;
	char name[IFNAMSIZ];
	char kind[32], qdisc[32];
	unsigned char address[32];
	size_t address_len;
	uint32_t mtu, txqlen, min_mtu, max_mtu, n_tx, n_rx, gso_max, tso_max, gro_max;
	uint16_t type; /* ARPHRD_* */
	uint8_t operstate, carrier;
	bool has_link, has_link_netnsid;
	int link, link_netnsid;
	/* IFLA_INFO_DATA: lengths are 0 for what was not there; the data sits in values. */
	size_t data_len[N_PAIR_ATTRS];
	uint32_t data[N_PAIR_ATTRS];
};

int link_get(struct rtnl *rtnl, const char *name, struct link_state *ret);
int link_get_by_index(struct rtnl *rtnl, int ifindex, struct link_state *ret);
/* How many links the namespace has, loopback included; or -errno. */
int link_count(struct rtnl *rtnl);
/* Calls back for each link. */
int link_each(struct rtnl *rtnl, void (*on_link)(const struct link_state *link, void *ctx),
	      void *ctx);

/* ---- the usual requests ---- */

/* What a pair is to be. pair_want() gives one with everything left to the driver. */
struct pair_want {
	const char *kind, *name, *peer_name;
	int mode, policy, peer_policy, scrub, peer_scrub; /* -1: not said */
	int headroom, tailroom, pairing; /* -1: not said */
	int peer_netns_fd; /* -1: the same namespace */
};
struct pair_want pair_want(const char *kind, const char *name, const char *peer_name);
int make_pair(struct rtnl *rtnl, const struct pair_want *want);

int set_up(struct rtnl *rtnl, const char *name);
int set_down(struct rtnl *rtnl, const char *name);
/* address/prefix, both v4 and v6 ("10.0.0.1", 24). No DAD for v6: usable at once. */
int add_addr(struct rtnl *rtnl, const char *name, const char *address, int prefix);
int set_mac(struct rtnl *rtnl, const char *name, const unsigned char mac[6]);
int set_netns(struct rtnl *rtnl, const char *name, int netns_fd);
int del_link(struct rtnl *rtnl, const char *name);
/* Every link of the kind, one by one, that does not go with its peer. How many there were. */
int del_links(struct rtnl *rtnl, const char *kind);

/* ---- network namespaces ---- */

/* Puts the process into a network namespace of its own, loopback up. Exits when it may not. */
void netns_isolate(void);
int netns_new(void); /* an fd of a new one, loopback up; the caller stays where it is */
int netns_current(void); /* an fd */
void netns_enter(int netns_fd); /* exits when it cannot */
