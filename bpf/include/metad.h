/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What every shipped program needs. They run at three hooks with one meaning: tcx on the host end
 * of a veth, and the two ends of netkit and meta devices. The verdicts have the same numbers at
 * all of them (linux/bpf.h: TCX_*, linux/if_link.h: NETKIT_*), but a number that is neither is
 * NEXT for tcx and DROP for the devices, so programs return nothing else.
 */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define VERDICT_NEXT (-1) /* go on with the chain; at its end the packet passes */
#define VERDICT_PASS 0 /* pass, and ask no later program */
#define VERDICT_DROP 2

/* Per-CPU counters that user space adds up. */
struct counter {
	__u64 packets;
	__u64 bytes;
};

static __always_inline void counter_add(void *map, __u32 key, __u32 bytes)
{
	struct counter *counter = bpf_map_lookup_elem(map, &key);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}
