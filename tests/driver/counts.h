/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Rows of tests about what the ends of a pair have counted.
 */

#include "tap.h"
#include "wire.h"

static inline void ok_counters(const char *label, const char *which, struct counters got,
			       struct counters wanted)
{
	ok(!memcmp(&got, &wanted, sizeof(got)),
	   "%s: %s counts rx %llu (%llu bytes, %llu dropped) tx %llu (%llu bytes, %llu dropped)",
	   label, which, (unsigned long long)got.rx, (unsigned long long)got.rx_bytes,
	   (unsigned long long)got.rx_dropped, (unsigned long long)got.tx,
	   (unsigned long long)got.tx_bytes, (unsigned long long)got.tx_dropped);
}

/* The wanted counters went up by one and nothing else did. */
static inline void ok_ethtool(const char *label, const struct wire_end *end,
			      struct ethtool_counts before, const char *const *counters, size_t n)
{
	struct ethtool_counts after = wire_ethtool(end);
	char said[128] = "";

	if (!is_meta())
		return;
	for (size_t i = 0; i < n; i++) {
		before.n[ethtool_index(end, counters[i])]++;
		snprintf(said + strlen(said), sizeof(said) - strlen(said), " %s", counters[i]);
	}
	ok(!memcmp(&before, &after, sizeof(before)), "%s: %s counts%s once", label, end->name,
	   n ? said : " no verdict, not");
}
