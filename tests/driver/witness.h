/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Programs that are put together instruction by instruction, and what they witness: a witness is a
 * map with a few places, and a program that was begun with a place leaves there what it saw of the
 * last packet, and how many there were.
 */

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

enum { WITNESS_PLACES = 8, CODE_MAX = 256 };

struct seen {
	uint64_t n, bytes; /* of all packets */
	uint64_t tstamp;
	int64_t result; /* what code_keep_result() was called for */
	uint32_t max_len, max_gso_size; /* of all packets */
	uint32_t len, pkt_type, mark, priority, ifindex, ingress_ifindex, protocol, tstamp_type;
	uint32_t gso_size, vlan_present, vlan_tci;
	uint8_t header[16]; /* of an Ethernet frame the first 14 */
};

struct witness {
	int map_fd;
};

/* Exits when there can be none. */
void witness_open(struct witness *witness);
void witness_close(struct witness *witness);
void witness_clear(const struct witness *witness);
struct seen witness_read(const struct witness *witness, uint32_t place);

struct code {
	size_t n;
	struct bpf_insn insns[CODE_MAX];
};

/* In all that follows R6 is the packet and R7 the witness's place, or nothing without a witness. */
void code_begin(struct code *code, const struct witness *witness, uint32_t place);
void code_emit(struct code *code, struct bpf_insn insn);
/* skb->FIELD = value, for the fields of 4 bytes that a program may write. */
void code_write(struct code *code, size_t field, uint32_t value);
/* Helpers; what they return is R0. Arguments are numbers, but for the packet. */
void code_call(struct code *code, int helper, int64_t one, int64_t two);
void code_call_skb(struct code *code, int helper, int64_t two, int64_t three);
/* With a pointer to bytes of R10's stack as the second argument, which are written there first. */
void code_call_stack(struct code *code, int helper, const void *bytes, size_t size, int64_t four);
/* bpf_skb_set_tunnel_key(): the packet gets a destination (skb->dst) of the program's. */
void code_set_dst(struct code *code);
/* bpf_skb_get_tunnel_key(): R0 is 0 when it still has it, and -EINVAL when it has none. */
void code_get_dst(struct code *code);
/* R0 goes to the witness's place. */
void code_keep_result(struct code *code);
void code_return(struct code *code, int verdict);
/* Ends with whatever R0 is. */
void code_return_result(struct code *code);
/* The program's descriptor. Exits, with what the verifier said, when there can be none. */
int code_load(const struct code *code);

/* Says verdict, and is a witness. */
int witness_program(const struct witness *witness, uint32_t place, int verdict);

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_REG(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, s, o) INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define JUMP_IMM(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JUMP_REG(op, d, s, o) INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define CALL(helper) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
