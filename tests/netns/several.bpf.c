/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an object may hold beside one program: a second one, one of another type, and variables.
 * runs starts as zero and is state; step has a value of its own in each build of the object.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef RUNS_TYPE
#define RUNS_TYPE int
#endif

RUNS_TYPE runs;
int step = 1;

SEC("tc")
int first(struct __sk_buff *skb)
{
	runs++;
	return -1;
}

SEC("tc")
int second(struct __sk_buff *skb)
{
	step++;
	return -1;
}

SEC("xdp")
int other(struct xdp_md *xdp)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
