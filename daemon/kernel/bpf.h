/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * libbpf, and nothing but: loading one program of an object, links in mprog chains (Linux 6.6),
 * pins, and what the kernel says of them. Errors are -errno. Worker thread, but for
 * bpf_statistics_fd and bpf_program_describe_id.
 */

#include "base/diag.h"
#include "core/step.h"

enum bpf_hook { BPF_HOOK_TCX_INGRESS, BPF_HOOK_TCX_EGRESS, BPF_HOOK_PRIMARY, BPF_HOOK_PEER };

/* One entry of a chain. link_id 0: attached without a link. */
struct bpf_entry {
	uint32_t prog_id, link_id;
};

struct bpf_chain {
	struct bpf_entry entries[CHAIN_MAX + 1];
	size_t n;
	uint64_t revision;
};

/*
 * The chain of a device in the namespace of the calling thread. revision is 0 where the kernel does
 * not tell it: an empty chain of kind netkit.
 */
int bpf_chain_query(int ifindex, enum bpf_hook hook, struct bpf_chain *ret);

/* Where a new link goes. anchor_link_id is not looked at for PLACE_TAIL. */
struct bpf_position {
	enum place place;
	uint32_t anchor_link_id;
	uint64_t revision; /* the chain's must be this; 0: any. Else -ESTALE. */
};
/* Attaches; the caller owns the link's fd, whose closing detaches it while it is not pinned. */
int bpf_chain_attach(int prog_fd, int ifindex, enum bpf_hook hook,
		     const struct bpf_position *position, int *ret_link_fd, uint32_t *ret_link_id);
/* Puts another program into a link, in place. */
int bpf_link_replace(int link_fd, int prog_fd);
/* Takes a link out of its chain; the link itself stays until its last fd and pin go. */
int bpf_link_take_out(int link_fd);
/* ifindex 0: the link is defunct. */
int bpf_link_ifindex(int link_fd, int *ret_ifindex);

int bpf_pin(int fd, const char *path);
int bpf_open_pin(const char *path, int *ret_fd);

struct bpf_program_facts {
	uint32_t id;
	char name[16];
	uint64_t run_count, run_time_ns;
};
int bpf_program_describe(int prog_fd, struct bpf_program_facts *ret);
int bpf_program_describe_id(uint32_t id, struct bpf_program_facts *ret);

/*
 * Loads one program (function NULL: the only one) of the object file as SCHED_CLS. like_id: a
 * program whose maps are shared where name, type and sizes agree; 0, or one that is gone: none. On
 * failure why says what is wrong, with the verifier's log, cut to its last 64 KiB, as detail.
 */
int bpf_program_load_file(const char *path, const char *function, uint32_t like_id, int *ret_fd,
			  struct diag *why);

/* An fd that keeps run statistics of all programs on (BPF_ENABLE_STATS, Linux 5.8). */
int bpf_statistics_fd(void);
