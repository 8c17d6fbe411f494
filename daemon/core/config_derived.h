/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Pairs that say "template:": what they say themselves is laid over the template's pair, key by key
 * as a drop-in is laid over its file. The template may stand in another file, so a pair is read
 * twice: for what it says itself, and once the template is known as a whole.
 */

#include "core/config_template.h"

/*
 * What the pair says itself, into ret, which the caller owns. Faults of its own keys are found here.
 * ret->overrides is value, borrowed; the peer's name is empty unless it is said.
 */
void config_derived_read(struct reader_file *file, const struct node *key,
			 const struct node *value, struct pair *ret);

/* Which addresses (bits of enum template_use) the whole pair needs of a pool. 0 or -ENOMEM. */
int config_derived_uses(const struct pair *derived, const struct template *template,
			unsigned int *ret);

/* The whole pair of one that was read so. Faults are in file; the caller owns ret. */
void config_derived_pair(struct reader_file *file, const struct pair *derived,
			 const struct template *template, const struct template_values *values,
			 struct pair *ret);
