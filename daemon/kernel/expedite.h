/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * /sys/kernel/rcu_expedited around many attaches and detaches. Each of those sleeps for an RCU
 * grace period while it holds the RTNL: 8 to 18 ms normally, below 0.2 ms expedited, at the price
 * of interrupts to all processors. The knob is everybody's, so it is turned only when it is off,
 * always put back, and a marker in the runtime directory puts it back after a crash.
 */

#include "base/diag.h"

#define EXPEDITE_MARKER "expedited" /* its name there */

/* Whether it was turned on, so that expedite_end must follow. */
bool expedite_begin(const char *runtime_dir);
void expedite_end(const char *runtime_dir);

/* Why it could not be turned on now; no words: it could, or is on already. */
void expedite_probe(struct diag *why);

/* At start: puts back what a crash left on. */
void expedite_recover(const char *runtime_dir);
