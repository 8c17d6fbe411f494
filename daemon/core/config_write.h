/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A pair as the text of a file that declares it: the opposite of config_pair.h. */

#include "core/config_tree.h"
#include "core/model.h"

/*
 * Says what differs from what a pair is without being told so, and what defaults (those of the
 * settings, NULL: none) say otherwise. comment, lines that each begin with '#', stands first. Of
 * an end's attributes only those that has names, of the chain nothing. The text is owned by the
 * caller. 0 or -ENOMEM.
 */
int config_write_pair(const struct pair *pair, const struct node *defaults, const char *comment,
		      char **ret, size_t *ret_len);
