/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What people give on the command line: files ("-" is standard input), durations, namespaces. */

#include "client/metactl.h"

/* The bytes, with a NUL behind them; owned by the caller. 0 or an exit code, which has been explained. */
int input_read(const char *path, char **ret, size_t *ret_len);

/* An option's value as milliseconds, no more than max; otherwise where it is not given. As input_read. */
int input_duration(const struct cli *cli, const char *option, uint64_t otherwise_ms, uint64_t max_ms,
		   uint64_t *ret_ms);

/* Where a peer is, by --netns (a name or a path) and --pid; NULL: nothing says so. 0 or an exit code. */
int input_netns(const struct cli *cli, json_t **ret);
