/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What pairs count, and how fast: rates are made of two answers to the same question. */

#include "client/conn.h"

/* What metad calls PairStatistics, of all; an array, owned by the caller. 0 or an exit code, which has
 * been explained. */
int rates_ask(struct conn *conn, json_t **ret);

enum rates_order { RATES_BY_BYTES, RATES_BY_PACKETS, RATES_BY_DROPS, RATES_BY_NAME, RATES_BY_STATE };

/*
 * A row for each pair of after, the busiest first: pair, state, and by the second as real numbers
 * toPeer, toPeerPackets, fromPeer, fromPeerPackets (bytes, packets, as the primary counts them) and
 * dropped (packets, on both ends). They are absent where before does not have the pair, or where there
 * is no device. Owned by the caller; NULL: out of memory.
 */
json_t *rates_make(const json_t *before, const json_t *after, enum rates_order order);
