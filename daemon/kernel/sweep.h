/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * All that metad has ever made on this machine, found by its marks, so that it is found whatever is
 * declared now, and whatever of it is broken: devices without pins, pins without devices, a BPF file
 * system that is not there. What the kernel floor needs for its jobs is not needed here.
 */

#include "kernel/kernel.h"

enum sweep_kind {
	SWEEP_DEVICE, /* a primary; its peer goes with it */
	SWEEP_LINK, /* a pin of a program's link */
	SWEEP_PROGRAM, /* a pin of a program */
	SWEEP_KNOB, /* grace periods are still short (kernel/expedite.h) */
	SWEEP_FILE, /* in the runtime and state directories, and beginnings of files elsewhere */
};

struct sweep_item {
	enum sweep_kind kind;
	char *name; /* owned; a device's, or a path */
	int ifindex; /* SWEEP_DEVICE */
	int error; /* after sweep_run: -errno, it is still there */
};

struct sweep {
	struct sweep_item *items; /* owned; in the order in which they go */
	size_t n;
	struct diag_list notes; /* what is in metad's places and not metad's, and what is not there */
	int error; /* -errno: a place could not be looked at, as a note says */
};

/* Finds it, and changes nothing. 0 or -ENOMEM. */
int sweep_find(const struct kernel_options *options, struct sweep *ret);
/* Removes it: programs only from devices that are down. Goes on after a failure. */
void sweep_run(const struct kernel_options *options, struct sweep *sweep);
void sweep_done(struct sweep *sweep);

const char *sweep_kind_name(enum sweep_kind kind); /* "device", "link"; never NULL */
