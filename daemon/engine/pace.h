/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * When a pair may be worked on again: after a failure, later each time and never all failed ones
 * at once; in a quarrel with somebody who undoes what metad does, not more than once a second.
 */

#include "engine/table.h"

/* Counts a failure and sets the moment of the next attempt. jitter: state of a generator. */
void pace_failed(struct entry *entry, uint64_t *jitter, uint64_t now_ms);
void pace_succeeded(struct entry *entry, uint64_t now_ms);
/* Something outside changed that may be what a failure was about: no more waiting. */
void pace_forgive(struct entry *entry);
