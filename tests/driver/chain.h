/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The chains of a pair's two ends, for tests of what the BPF system call does to them. A chain is
 * written as a word: programs are the letters a to h, in upper case where a link holds them. Every
 * step is one call; after it both chains and both revisions are read back, and all four have to be
 * what the step says, or what they were.
 */

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "tap.h"

enum { N_LETTERS = 8, CHAIN_MAX = 64, STEP_RESULT_MAX = 512 };

/* Where a letter is expected: */
#define BAD_FD '!' /* a descriptor that is not open; as an ID, one that nobody has */
#define XDP_PROGRAM 'x' /* a program of another type */

enum step_op {
	STEP_ATTACH,
	STEP_DETACH,
	STEP_LINK,
	STEP_UPDATE,
	STEP_LINK_DETACH,
	STEP_FIND, /* a link by its ID */
	STEP_CLOSE,
};

enum step_revision { REVISION_ANY, REVISION_RIGHT, REVISION_NEXT, REVISION_LAST };

struct step {
	const char *name;
	int wanted; /* 0 or -errno */
	const char *chain; /* afterwards; NULL: as before */
	enum step_op op;
	char prog; /* 0: none given. STEP_UPDATE: the new one */
	uint32_t flags; /* BPF_F_*; with BPF_F_ID the relative is given by its ID */
	char relative; /* a letter; in upper case: the link made with that letter */
	char replaced; /* attach: for BPF_F_REPLACE; update: the one expected to be there */
	char link; /* of what is done to a link: made with that letter */
	enum step_revision revision;
	bool silent; /* a success that does not count as a change */
};

struct end {
	enum bpf_attach_type type;
	const char *name;
	char chain[CHAIN_MAX + 1];
	uint64_t revision;
};

struct chains {
	int ifindex; /* of the primary */
	struct end ends[2];
	int progs[N_LETTERS], xdp;
	uint32_t prog_ids[N_LETTERS];
	int links[N_LETTERS];
	uint32_t link_ids[N_LETTERS];
};

/* Programs without a device. Exits when there can be none. */
void chains_init(struct chains *chains);
/* A device that has no programs yet. */
void chains_begin(struct chains *chains, int ifindex);
void chains_close_links(struct chains *chains);
/* Another program for a letter whose descriptor is closed. */
void chains_renew(struct chains *chains, char letter);

/* Only the call. */
int chains_call(struct chains *chains, const struct end *end, const struct step *step);
/* Only the call, or a query without a step, by a process that has the descriptors but no privilege. */
enum caller { CALLER_NOBODY, CALLER_OTHER_ROOT };
int chains_call_as(struct chains *chains, const struct end *end, const struct step *step,
		   enum caller caller);
const char *caller_name(enum caller caller);
/* The call and the reading back: whether all is as it should be, and in words what is. */
bool chains_step(struct chains *chains, struct end *end, const struct step *step,
		 char ret_result[STEP_RESULT_MAX]);

/* The chain and the revision of an end as the kernel tells them, or -errno. */
int chain_read(const struct chains *chains, enum bpf_attach_type type, char ret[CHAIN_MAX + 1],
	       uint64_t *ret_revision);
/* A new descriptor of a program's letter; -1 when it has none. */
int chains_prog_fd(const struct chains *chains, char letter);
uint32_t prog_id_of(int prog_fd);
uint32_t link_id_of(int link_fd);
/* Whether a program that nobody has a descriptor of is let go of: not at once, but soon. */
bool prog_is_released(uint32_t prog_id);

/* One row of the test for each step. */
static inline void chains_run(struct chains *chains, struct end *end, const struct step *steps,
			      size_t n)
{
	char result[STEP_RESULT_MAX];
	bool holds;

	for (const struct step *step = steps; step < steps + n; step++) {
		holds = chains_step(chains, end, step, result);
		ok(holds, "%s, %s: %s", end->name, step->name, result);
	}
}
