/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What fuzz_rtnl sends its requests to: two network namespaces, and devices that stand throughout, known
 * as they were last seen and made again when a request has destroyed them.
 */

#include "garble.h"

enum { N_STANDING = 5 };

/* What must not happen, counted; the first ones are shown. */
enum fault {
	FAULT_ACCEPTED,
	FAULT_REFUSED,
	FAULT_MUTE,
	FAULT_COUNT,
	FAULT_PAIR,
	FAULT_VALUE,
	FAULT_CHANGED,
	FAULT_LEFT,
	FAULT_SILENCE,
	N_FAULTS,
};

/* A device that stands throughout, and is changed. */
struct standing {
	enum target target;
	const char *name;
	struct link_state state;
	bool stale; /* it may have changed since it was looked at */
};

struct stage {
	struct rtnl here, there;
	int devices_here, devices_there; /* /proc/net/dev of both */
	struct garble garble;
	struct standing standing[N_STANDING];
	int n_base; /* devices when only those are there */
	int n_now;
	unsigned int faults[N_FAULTS];
};

/* In a namespace of the process's own, and another one. Exits when there can be no such devices. */
void stage_open(struct stage *stage, uint64_t seed);
/* Deletes everything. */
void stage_close(struct stage *stage);

/* With the request, unless there is none to blame. */
__attribute__((format(printf, 4, 5))) void
stage_fault(struct stage *stage, enum fault fault, const struct msg *msg, const char *format, ...);
const char *fault_name(enum fault fault);

/* Devices in both namespaces. */
int stage_count(const struct stage *stage);
/* Deletes what was made. */
void stage_clear(struct stage *stage);

/* Any of the standing devices may be another now. */
void stage_expect_anything(struct stage *stage);
/* It is there after this, and as it was last seen, whatever a damaged request has done to it. */
void stage_refresh(struct stage *stage, struct standing *s);
/* One of them, refreshed. */
struct standing *stage_any(struct stage *stage);
/* All of them anew. */
void stage_remake(struct stage *stage);
/* Without what the kernel may make different in its own time. Returns 0 or -errno. */
int stage_look(struct stage *stage, int ifindex, struct link_state *ret);
