/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The youngest changes of pairs, for monitors that are behind. One that is further behind than these
 * starts anew.
 */

#include "base/util.h"

#include <net/if.h>

#define CHANGES_MAX 4096

struct change {
	char name[IFNAMSIZ];
	uint64_t sequence;
	bool gone;
};

struct changes {
	struct change ring[CHANGES_MAX]; /* number i is at i % CHANGES_MAX */
	uint64_t n; /* of all there ever were */
};

void changes_add(struct changes *changes, const char *name, uint64_t sequence, bool gone);
/* number: below changes->n, and not older than CHANGES_MAX. */
const struct change *changes_at(const struct changes *changes, uint64_t number);
