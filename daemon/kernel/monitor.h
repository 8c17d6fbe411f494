/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The rtnetlink listener: link, address and route events of this namespace and of every namespace
 * that has a number here. Events only say where to look; nothing is learned from them.
 * Main thread.
 */

#include "base/util.h"

#include <net/if.h>

struct monitor_event {
	bool overflow; /* events were lost: look at everything; nothing else is set */
	int nsid; /* -1: the namespace metad runs in */
	int ifindex;
	char name[IFNAMSIZ]; /* link events; empty otherwise */
};

struct monitor;
int monitor_new(struct monitor **ret);
void monitor_free(struct monitor *monitor);
int monitor_fd(const struct monitor *monitor);
/*
 * Reads what is there, at most a bounded number of messages a call; on_event for each. A loss is
 * told once, when the socket has been emptied and no more is being lost.
 */
int monitor_drain(struct monitor *monitor,
		  void (*on_event)(void *ctx, const struct monitor_event *event), void *ctx);
