/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Rules of netfilter in the namespace one is in, by nft(8), and what they have counted.
 */

/* Reads a ruleset; exits when nft does not take it. */
void nft_load(const char *ruleset);
void nft_flush(void);
/* Packets of a named counter in a table, such as "ip t". */
long long nft_packets(const char *table, const char *counter);
