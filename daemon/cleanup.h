/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The way off: everything that metad has made goes, and nothing else does. */

#include "kernel/kernel.h"

/*
 * Deletes all of metad's pairs and its pins, on the caller's thread. Files of the configuration and
 * what was last good of them stay. 0, or what is left could not be deleted: -errno, and the log
 * says what.
 */
int cleanup_run(struct kernel *kernel, const char *bpffs);
