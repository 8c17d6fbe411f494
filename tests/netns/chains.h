/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What tests of programs and chains share: a BPF file system on the stage, the floor's objects on
 * it, pairs of kind veth, and steps as a plan would have them. A chain is compared as words, first
 * to last: a definition's name for ours, "(function)" for a program of somebody else.
 */

#include "kernel/chain.h"
#include "netns/stage.h"

#define CHAINS_BPFFS STAGE_DIR "/bpf"
#define CHAINS_FILES STAGE_DIR "/files" /* for objects of the test's own */

struct chains {
	struct objects *objects;
	const char *shipped; /* the directory of shipped objects */
	const char *bad, *several, *wide; /* objects that are there for tests only */
};
extern struct chains chains;

/* stage_set() and what the head says; exits with 77 where programs cannot be. */
void chains_set(void);
void chains_strike(void);
/* As if metad had been killed and started. */
void chains_restart(void);

/* A definition; object is a shipped one's name or a path. Owns nothing. */
struct program chains_program(const char *name, const char *object, const char *function);
/* Copies an object to CHAINS_FILES/name and adds a byte for each version: other content, same
 * program. The path is valid until the next call. */
const char *chains_copy(const char *from, const char *name, size_t version);
uint64_t chains_digest(const struct program *program);

/* One pair's chain. */
struct chains_end {
	char pair[IFNAMSIZ];
	struct chain_hook hook;
	uint64_t revision; /* what the next step expects; 0: any */
};
/* Makes a pair, with the peer in stage.inside, and speaks of its chain on side. */
struct chains_end chains_make(const char *pair, enum side side);
struct chains_end chains_other(const struct chains_end *end);
void chains_delete(const struct chains_end *end); /* with its pins */

/* The step of a plan. anchor may be NULL: at the tail; anchor_id 0: the youngest of that name. */
int chains_attach(struct chains_end *end, const struct program *program, enum place place,
		  const char *anchor, uint32_t anchor_id, struct diag *why);
/* At the tail, and it must work. Returns the link's id. */
uint32_t chains_append(struct chains_end *end, const struct program *program);
int chains_update(struct chains_end *end, const struct program *program, uint32_t link_id,
		  struct diag *why);
int chains_reap(const char *pair, struct diag *why); /* by a listing of this moment */
int chains_detach(struct chains_end *end, const char *program, uint32_t link_id);

struct chains_sight {
	struct sighted_end seen;
	unsigned int n_defunct;
};
struct chains_sight chains_look(const struct chains_end *end);
void chains_sight_done(struct chains_sight *sight);
/* Whether the chain reads so; says how it reads otherwise. */
bool chains_read(const struct chains_end *end, const char *words);
/* The slot at a position; the chain must be that long. */
struct slot chains_slot(const struct chains_end *end, size_t i);
size_t chains_length(const struct chains_end *end);
unsigned int chains_defunct(const struct chains_end *end);

/* Somebody else's link with a shipped program; gone when the fd is closed. */
int chains_intrude(const struct chains_end *end, const char *object, enum place place,
		   uint32_t anchor_id);
/* Paths of pins; valid until the next call. */
const char *chains_pin(const struct chains_end *end, const char *program, uint32_t link_id);
const char *chains_program_pin(const struct program *program, uint32_t id);
size_t chains_count(const char *sub); /* pins in PIN_LINKS or PIN_PROGRAMS */

/* Turns CAP_DAC_OVERRIDE on or off: without it root too must be let by a file's mode. */
void chains_override_modes(bool on);
