/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* One entry of "pairs:", or what a template makes of its body: its keys, its defaults, and what must fit together within it. */

#include "core/config_reader.h"

/* What a pair has without being told so. */
#define CONFIG_MTU 1500
#define CONFIG_PEER_NAME "eth0"

/*
 * Reads into ret, which is filled as far as it was understood; the caller owns it. netns is the name
 * of the namespace that a template's pair is in, which then does not say so itself; else NULL.
 */
void config_pair_read(struct reader_file *file, const struct node *key, const struct node *value,
		      const char *netns, struct pair *ret);

/* Whether text can be the key of a label: 1 to LABEL_LEN_MAX of [A-Za-z0-9_./-]. */
#define LABEL_LEN_MAX 255 /* bytes of a label's key or value */
bool config_label_key_is_valid(const char *text);

/* Whether text can be the name of a program definition: 1 to 63 of [A-Za-z0-9_-]. */
bool config_program_name_is_valid(const char *text);

/* Reads the name of a definition of some sort ("program"), which is under the same rule, or faults it. */
void config_name_read(struct reader_file *file, const struct node *node, const char *what,
		      char ret[static PROGRAM_NAME_SIZE]);
