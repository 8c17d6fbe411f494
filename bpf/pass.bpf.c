/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pass: lets every packet through and ends the chain.
 *
 * Hook: tcx, primary, peer. Verdict: PASS, always. Maps: none. Cost: one instruction.
 */
#include "metad.h"

SEC("tc")
int pass(struct __sk_buff *skb)
{
	return VERDICT_PASS;
}

char LICENSE[] SEC("license") = "GPL";
