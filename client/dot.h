/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A drawing of pairs in the language of graphviz: the host and each namespace with the ends that are
 * there, and for each direction of a pair the programs that it passes, in their order.
 */

#include "client/metactl.h"

#include <stdio.h>

/* pairs: an array of what Describe answers. */
void dot_write(FILE *out, const json_t *pairs);
