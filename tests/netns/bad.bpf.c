/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verifier must refuse: reads through a pointer that may be NULL. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

SEC("tc")
int bad(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	return (int)*value;
}

char LICENSE[] SEC("license") = "GPL";
