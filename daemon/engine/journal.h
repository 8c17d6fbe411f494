/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What the engine logs of a pair: one line per change, nothing for a round without one. generation
 * is that of the status which the change leads to.
 */

#include "core/hand.h"
#include "engine/table.h"

void journal_done(const struct entry *entry, const struct task *task, uint64_t generation);
/* want: NULL where nobody declares the pair. */
void journal_verdict(const struct entry *entry, const struct pair *want, uint64_t generation);
/* error: -errno. */
void journal_failure(const struct entry *entry, const struct pair *want, uint64_t generation, int error);

/* What has changed hands. */
void journal_hand(const struct hand *hand, uint64_t generation);

/* Whether the steps put something back; a changed object file is a wish, not a repair. */
bool journal_is_repair(const struct entry *entry, const struct task *task);
