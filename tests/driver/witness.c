// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs and what they witness, as witness.h says.
 */
#include "witness.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include "tap.h"

/* ---- the map ---- */

void witness_open(struct witness *witness)
{
	witness->map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "witness", sizeof(uint32_t),
					 sizeof(struct seen), WITNESS_PLACES, NULL);
	if (witness->map_fd < 0)
		bail_out("no map: %s", strerror(-witness->map_fd));
}

void witness_close(struct witness *witness)
{
	close(witness->map_fd);
}

void witness_clear(const struct witness *witness)
{
	static const struct seen nothing;

	for (uint32_t place = 0; place < WITNESS_PLACES; place++)
		bpf_map_update_elem(witness->map_fd, &place, &nothing, BPF_ANY);
}

struct seen witness_read(const struct witness *witness, uint32_t place)
{
	struct seen seen = {};

	if (bpf_map_lookup_elem(witness->map_fd, &place, &seen))
		bail_out("the witness says nothing: %m");
	return seen;
}

/* ---- instructions ---- */

void code_emit(struct code *code, struct bpf_insn insn)
{
	if (code->n == CODE_MAX)
		bail_out("a program is too long");
	code->insns[code->n++] = insn;
}

static void load_wide(struct code *code, int reg, int source, int64_t value)
{
	code_emit(code, INSN(BPF_LD | BPF_DW | BPF_IMM, reg, source, 0, (int32_t)value));
	code_emit(code, INSN(0, 0, 0, 0, (int32_t)(value >> 32)));
}

static void count(struct code *code, size_t field)
{
	code_emit(code, INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_7, BPF_REG_1, field, BPF_ADD));
}

/* R7->field = max(R7->field, R1) */
static void keep_larger(struct code *code, size_t field)
{
	code_emit(code, LOAD(BPF_W, BPF_REG_2, BPF_REG_7, field));
	code_emit(code, JUMP_REG(BPF_JGE, BPF_REG_2, BPF_REG_1, 1));
	code_emit(code, STORE(BPF_W, BPF_REG_7, BPF_REG_1, field));
}

static void keep_fields(struct code *code)
{
	static const struct {
		size_t from, to;
	} fields[] = {
#define FIELD(f) { offsetof(struct __sk_buff, f), offsetof(struct seen, f) }
		FIELD(pkt_type),	FIELD(mark),	 FIELD(priority),     FIELD(ifindex),
		FIELD(ingress_ifindex), FIELD(protocol), FIELD(vlan_present), FIELD(vlan_tci),
#undef FIELD
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		code_emit(code, LOAD(BPF_W, BPF_REG_1, BPF_REG_6, fields[i].from));
		code_emit(code, STORE(BPF_W, BPF_REG_7, BPF_REG_1, fields[i].to));
	}
	code_emit(code, LOAD(BPF_B, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, tstamp_type)));
	code_emit(code, STORE(BPF_W, BPF_REG_7, BPF_REG_1, offsetof(struct seen, tstamp_type)));
	code_emit(code, LOAD(BPF_DW, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, tstamp)));
	code_emit(code, STORE(BPF_DW, BPF_REG_7, BPF_REG_1, offsetof(struct seen, tstamp)));
	code_emit(code, LOAD(BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, gso_size)));
	code_emit(code, STORE(BPF_W, BPF_REG_7, BPF_REG_1, offsetof(struct seen, gso_size)));
	keep_larger(code, offsetof(struct seen, max_gso_size));
	code_emit(code, LOAD(BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, len)));
	code_emit(code, STORE(BPF_W, BPF_REG_7, BPF_REG_1, offsetof(struct seen, len)));
	keep_larger(code, offsetof(struct seen, max_len));
	count(code, offsetof(struct seen, bytes));
	code_emit(code, MOV_IMM(BPF_REG_1, 1));
	count(code, offsetof(struct seen, n));
}

/* skb_load_bytes() writes zeros where the packet is shorter. */
static void keep_header(struct code *code)
{
	code_emit(code, MOV_REG(BPF_REG_1, BPF_REG_6));
	code_emit(code, MOV_IMM(BPF_REG_2, 0));
	code_emit(code, MOV_REG(BPF_REG_3, BPF_REG_7));
	code_emit(code, ADD_IMM(BPF_REG_3, offsetof(struct seen, header)));
	code_emit(code, MOV_IMM(BPF_REG_4, 14));
	code_emit(code, CALL(BPF_FUNC_skb_load_bytes));
}

void code_begin(struct code *code, const struct witness *witness, uint32_t place)
{
	code->n = 0;
	code_emit(code, MOV_REG(BPF_REG_6, BPF_REG_1));
	if (!witness)
		return;
	code_emit(code, INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, place));
	load_wide(code, BPF_REG_1, BPF_PSEUDO_MAP_FD, witness->map_fd);
	code_emit(code, MOV_REG(BPF_REG_2, BPF_REG_10));
	code_emit(code, ADD_IMM(BPF_REG_2, -4));
	code_emit(code, CALL(BPF_FUNC_map_lookup_elem));
	code_emit(code, JUMP_IMM(BPF_JNE, BPF_REG_0, 0, 1));
	code_emit(code, EXIT);
	code_emit(code, MOV_REG(BPF_REG_7, BPF_REG_0));
	keep_fields(code);
	keep_header(code);
}

void code_write(struct code *code, size_t field, uint32_t value)
{
	code_emit(code, MOV_IMM(BPF_REG_1, value));
	code_emit(code, STORE(BPF_W, BPF_REG_6, BPF_REG_1, field));
}

void code_call(struct code *code, int helper, int64_t one, int64_t two)
{
	load_wide(code, BPF_REG_1, 0, one);
	load_wide(code, BPF_REG_2, 0, two);
	code_emit(code, MOV_IMM(BPF_REG_3, 0));
	code_emit(code, MOV_IMM(BPF_REG_4, 0));
	code_emit(code, CALL(helper));
}

void code_call_skb(struct code *code, int helper, int64_t two, int64_t three)
{
	code_emit(code, MOV_REG(BPF_REG_1, BPF_REG_6));
	load_wide(code, BPF_REG_2, 0, two);
	load_wide(code, BPF_REG_3, 0, three);
	code_emit(code, CALL(helper));
}

void code_call_stack(struct code *code, int helper, const void *bytes, size_t size, int64_t four)
{
	int at = -8 - (int)((size + 7) & ~7ul);
	int32_t word;

	for (size_t i = 0; i < size; i += 4) {
		memcpy(&word, (const char *)bytes + i, 4);
		code_emit(code, INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, at + (int)i, word));
	}
	code_emit(code, MOV_REG(BPF_REG_1, BPF_REG_6));
	code_emit(code, MOV_REG(BPF_REG_2, BPF_REG_10));
	code_emit(code, ADD_IMM(BPF_REG_2, at));
	code_emit(code, MOV_IMM(BPF_REG_3, (int)size));
	load_wide(code, BPF_REG_4, 0, four);
	code_emit(code, MOV_IMM(BPF_REG_5, 0));
	code_emit(code, CALL(helper));
}

void code_set_dst(struct code *code)
{
	const struct bpf_tunnel_key key = { .tunnel_id = 7, .remote_ipv4 = 0x0a090002 };

	code_call_stack(code, BPF_FUNC_skb_set_tunnel_key, &key, sizeof(key), 0);
}

void code_get_dst(struct code *code)
{
	const struct bpf_tunnel_key key = {};

	code_call_stack(code, BPF_FUNC_skb_get_tunnel_key, &key, sizeof(key), 0);
}

void code_keep_result(struct code *code)
{
	code_emit(code, STORE(BPF_DW, BPF_REG_7, BPF_REG_0, offsetof(struct seen, result)));
}

void code_return(struct code *code, int verdict)
{
	code_emit(code, MOV_IMM(BPF_REG_0, verdict));
	code_emit(code, EXIT);
}

void code_return_result(struct code *code)
{
	code_emit(code, EXIT);
}

int code_load(const struct code *code)
{
	static char log[65536];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log),
		    .log_level = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "driver_test", "GPL", code->insns, code->n,
			       NULL);

	if (fd >= 0)
		return fd;
	bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "driver_test", "GPL", code->insns, code->n, &opts);
	bail_out("no program: %s\n%s", strerror(-fd), log);
}

int witness_program(const struct witness *witness, uint32_t place, int verdict)
{
	struct code code;

	code_begin(&code, witness, place);
	code_return(&code, verdict);
	return code_load(&code);
}
