/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * count: counts packets and bytes, decides nothing.
 *
 * Hook: tcx, primary, peer. Verdict: NEXT, always.
 * Maps: counted (per-CPU array, key 0: struct counter); kept when the program is updated.
 * Cost: one map lookup. A segment that is still to be cut (GSO) counts as one packet.
 */
#include "metad.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counter);
} counted SEC(".maps");

SEC("tc")
int count(struct __sk_buff *skb)
{
	counter_add(&counted, 0, skb->len);
	return VERDICT_NEXT;
}

char LICENSE[] SEC("license") = "GPL";
