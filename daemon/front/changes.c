/* SPDX-License-Identifier: GPL-2.0-only */
/* See changes.h. */
#include "front/changes.h"

#include <stdio.h>

void changes_add(struct changes *changes, const char *name, uint64_t sequence, bool gone)
{
	struct change *change = &changes->ring[changes->n++ % CHANGES_MAX];

	snprintf(change->name, sizeof(change->name), "%s", name);
	change->sequence = sequence;
	change->gone = gone;
}

const struct change *changes_at(const struct changes *changes, uint64_t number)
{
	return &changes->ring[number % CHANGES_MAX];
}
