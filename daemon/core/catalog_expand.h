/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The part of a join that depends on which namespaces there are; for catalog_join.c. */

#include "core/catalog.h"
#include "core/conflict.h"

/*
 * Appends to the desired pairs, which are all those that files declare, one for each namespace that
 * a template matches. Templates and pools that two files declare stay with the file that sorts
 * first. world NULL: no namespaces. 0 or -ENOMEM.
 */
int catalog_expand(const struct catalog *catalog, const struct catalog_world *world,
		   struct desired *desired, struct conflicts *conflicts);
