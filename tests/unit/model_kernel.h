/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A model of the kernel for testing plans: random states, and steps applied to them. It knows only
 * the invariants it was taught; each of those has a test against the real kernel in tests/netns.
 * Shared by the property test, the fuzz target and the engine's fake backend.
 */

#include "core/plan.h"

/* Where choices come from: a generator seeded by a number, or a fuzzer's bytes. */
struct dice {
	uint64_t seed;
	const uint8_t *bytes; /* NULL: use seed */
	size_t n_bytes;
};
unsigned int dice_roll(struct dice *dice, unsigned int n); /* 0..n-1 */

/* A random configuration of up to four pairs, one reference. */
struct desired *model_random_desired(struct dice *dice);
/* A random kernel: sightings of every pair that is desired and of some that are not. */
void model_random_observed(struct dice *dice, const struct desired *desired,
			   struct observed *ret);
/* An empty kernel with all of the desired namespaces. */
void model_empty_observed(const struct desired *desired, enum kind usable, struct observed *ret);

/* Applies one step as the kernel would. NULL, or what the kernel would refuse. */
const char *model_apply(struct observed *observed, const struct task *task,
			const struct step *step);

/* NULL when the sighting is what the pair wants, else what differs. Written apart from plan.c. */
const char *model_difference(const struct observed *observed, const struct pair *want,
			     const struct sighting *seen);
/* Whether a packet could pass some way while a wanted program is not in its chain. */
bool model_leaks(const struct pair *want, const struct sighting *seen);

void model_copy_observed(const struct observed *from, struct observed *ret);
/* A copy with the sightings of these names, or all of them. */
void model_look(const struct observed *world, bool all, char (*names)[IFNAMSIZ], size_t n_names,
		struct observed *ret);
