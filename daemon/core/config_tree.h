/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * YAML bytes as a tree of nodes that know where they stand. The only door to libyaml. Refuses what
 * a declarative file has no use for and what could cost more than its size: aliases, tags, several
 * documents, deep nesting. What it refuses ends the reading: there is one diagnostic.
 */

#include "base/diag.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned int line, column; /* from 1 */
	bool quoted; /* a scalar in quotes: never a number or a boolean */
	char *text; /* NODE_SCALAR: owned; without NUL characters */
	struct node *children; /* owned; NODE_MAP: key, value, key, value … */
	size_t n_children;
};

enum { CONFIG_TREE_E_INVALID = 1 /* diags says why */ };

/* ret is an empty map for a file without content. */
int config_tree_parse(const char *file, const char *bytes, size_t len, struct node *ret,
		      struct diag_list *diags);
void config_tree_done(struct node *node);
