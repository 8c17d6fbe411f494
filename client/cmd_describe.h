/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* One pair in full, and what it shares with the overview. */

#include "client/metactl.h"
#include "client/term.h"

int describe_pair(const struct cli *cli, const char *name);

enum colour state_colour(const char *state);
const char *state_dot(const char *state);
