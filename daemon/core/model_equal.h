/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What two snapshots of what is declared have in common. */

#include "core/model.h"

/* Whether the same is declared; where it is declared does not count. */
bool pair_equal(const struct pair *a, const struct pair *b);

/* Calls fn for each pair that only one of them declares, or that they declare differently. */
void desired_each_difference(const struct desired *before, const struct desired *after,
			     void (*fn)(void *ctx, const char *name), void *ctx);
