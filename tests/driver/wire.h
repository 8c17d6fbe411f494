/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Packets on a pair: two ends that are up, in one network namespace or in two, frames that are sent
 * out of one and received on the other, and what was counted of them. IPv6 is off unless it is asked
 * for, so that nothing but the test sends. The process stays in the primary's namespace.
 */

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rtnl.h"

/* An EtherType for experiments, that no protocol answers to. */
enum { WIRE_PROTOCOL = 0x88b5, FRAME_MAX = 9216, FRAME_HEADER = 14 };

/* From outside in the ends are A, the primary, and B. */
enum { END_A, END_B };

struct wire_want {
	int mode;
	bool across; /* B is in a namespace of its own */
	bool ipv6;
	int policy[2], scrub[2];
};

struct wire_end {
	const char *name, *devname;
	int netns, ifindex;
	enum bpf_attach_type hook;
	unsigned char mac[6];
	struct rtnl rtnl;
	int fd; /* sends any frame, receives those of WIRE_PROTOCOL */
};

struct wire {
	char name[64];
	struct wire_end ends[2];
};

/* A pair of the kind under test, in new namespaces. Exits when there can be none. */
void wire_open(struct wire *wire, const struct wire_want *want);
void wire_close(struct wire *wire);
/* An address. Exits when the end does not take it. */
void wire_give(struct wire_end *end, const char *address, int prefix);
/* A program on the end's chain, as the last one. 0 or -errno. */
int wire_attach(const struct wire *wire, int side, int prog_fd);
void wire_detach_all(const struct wire *wire, int side);
/* A tcx program on a device, in the namespace one is in. */
int tcx_attach(const char *devname, enum bpf_attach_type type, int prog_fd);

/* ---- frames ---- */

struct frame {
	size_t len;
	unsigned char bytes[FRAME_MAX];
};

/* Of WIRE_PROTOCOL, len bytes in all, marked with a serial number. */
void frame_make(struct frame *frame, const unsigned char to[6], const unsigned char from[6],
		uint32_t serial, size_t len);
uint32_t frame_serial(const void *bytes, size_t len);

/* What the packet socket says: 0 or -errno. */
int wire_send(const struct wire_end *end, const struct frame *frame);

struct received {
	size_t len;
	int pkt_type;
	unsigned char bytes[FRAME_MAX];
};

bool frame_receive(int fd, struct received *ret, int timeout_ms);
/* How many were waiting. */
int frame_drain(int fd);
bool wire_receive(const struct wire_end *end, struct received *ret, int timeout_ms);
int wire_drain(const struct wire_end *end);

/* ---- a way out ---- */

/*
 * A veth pair: x, in a namespace that one of a pair's ends is in, and y in one of its own. It is where
 * programs redirect to and other packets come from.
 */
struct spur {
	int netns, y_netns; /* netns is borrowed */
	struct wire_end x, y;
};

void spur_open(struct spur *spur, int netns, bool ipv6);
void spur_close(struct spur *spur);

/* ---- counts ---- */

struct counters {
	uint64_t rx, rx_bytes, rx_dropped, tx, tx_bytes, tx_dropped;
};

struct counters counters_of(int netns, const char *devname);
struct counters wire_counters(const struct wire_end *end);
struct counters counters_since(struct counters now, struct counters before);

enum { N_ETHTOOL = 11 };

/* What "ethtool -S" of kind meta counts, in the driver's order; netkit has none: zeros. */
struct ethtool_counts {
	uint64_t n[N_ETHTOOL];
};

struct ethtool_counts wire_ethtool(const struct wire_end *end);
/* Where a counter is; exits when the driver has none of that name. */
int ethtool_index(const struct wire_end *end, const char *name);

/* ---- small things ---- */

/* How many of n echo requests are answered. */
int ping(const char *address, int n);
/* Writes a file of /proc; exits when it cannot. */
void write_proc(const char *path, const char *value);
void sleep_ms(int ms);
