/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drop: drops every packet and counts what it dropped. metad attaches it by itself where a veth
 * pair has policy drop and no program, because a veth has no policy in its driver.
 *
 * Hook: tcx, primary, peer. Verdict: DROP, always.
 * Maps: dropped (per-CPU array, key 0: struct counter). Cost: one map lookup.
 */
#include "metad.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counter);
} dropped SEC(".maps");

SEC("tc")
int drop(struct __sk_buff *skb)
{
	counter_add(&dropped, 0, skb->len);
	return VERDICT_DROP;
}

char LICENSE[] SEC("license") = "GPL";
