/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Names of pins below <bpffs>/metad: what a restart knows, it knows from them.
 *
 *	links/<pair>:<side>:<definition>:<link id>
 *	programs/<definition>:<digest, 16 hex digits>:<program id>
 *
 * Pins of pairs that metad has given back are not below it any more, and nobody's:
 *
 *	<bpffs>/metad-released/<pair>/<side>:<definition>:<link id>
 *
 * bpffs refuses dots, so a dot in a pair's name is written %2e; neither % nor : can be in a name.
 */

#include "core/model.h"

#define PIN_RELEASED "metad-released" /* beside metad */
#define PIN_LINKS "links"
#define PIN_PROGRAMS "programs"

/* One link's pin, by its name. */
struct pin {
	char pair[IFNAMSIZ];
	enum side side;
	char program[PROGRAM_NAME_SIZE];
	uint32_t link_id;
};

/* Full paths, owned by the caller; NULL: out of memory. dir is <bpffs>/metad. */
char *pin_link_path(const char *dir, const struct pin *pin);
char *pin_released_dir(const char *released, const char *pair); /* released: with PIN_RELEASED */
char *pin_released_path(const char *pair_dir, const struct pin *pin);
char *pin_program_path(const char *dir, const char *program, uint64_t digest, uint32_t id);

/* false: not a name of that form; ret is untouched. */
bool pin_parse_link(const char *name, struct pin *ret);
bool pin_parse_program(const char *name, char ret_program[static PROGRAM_NAME_SIZE],
		       uint64_t *ret_digest, uint32_t *ret_id);

/* Calls fn for each name in dir/sub; fn's non-zero return ends the walk and is returned. */
int pin_each(const char *dir, const char *sub, int (*fn)(void *ctx, const char *name), void *ctx);
