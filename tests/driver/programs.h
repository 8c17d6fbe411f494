/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Programs for the ends of a pair, made of raw instructions so that nothing has to be compiled. Each
 * call returns the descriptor of a new program, or -errno.
 */

#include <bpf/bpf.h>
#include <linux/bpf.h>

enum { VERDICT_NEXT = -1, VERDICT_PASS = 0, VERDICT_DROP = 2, VERDICT_REDIRECT = 7 };

/* A SCHED_CLS program of these instructions. */
static inline int program_of(const struct bpf_insn *insns, size_t n)
{
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "driver_test", "GPL", insns, n, NULL);
}

/* A SCHED_CLS program that always says this. Every call makes another program. */
static inline int program_that_says(int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return program_of(insns, sizeof(insns) / sizeof(insns[0]));
}
