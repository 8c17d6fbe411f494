/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The way off: everything that metad has made goes, and nothing else does. */

#include "kernel/kernel.h"

enum cleanup_mode {
	CLEANUP_REMOVE,
	CLEANUP_SAY, /* on standard output, what would go, and nothing is changed */
};

/*
 * Devices, pins, runtime pairs, and what is kept in the state directory, on the caller's thread. Files
 * of the configuration stay, and so does what was released. 0, or the first -errno for which something
 * is left or could not be looked at; the log says what.
 */
int cleanup_run(const struct kernel_options *options, enum cleanup_mode mode);
