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
	const char *file; /* where it stands; borrowed from whoever parsed it */
	unsigned int line, column; /* from 1 */
	bool quoted; /* a scalar in quotes: never a number or a boolean */
	char *text; /* NODE_SCALAR: owned; without NUL characters */
	struct node *children; /* owned; NODE_MAP: key, value, key, value … */
	size_t n_children;
};

enum { CONFIG_TREE_E_INVALID = 1 /* diags says why */ };

/* ret is an empty map for a file without content. file is borrowed as long as the tree lives. */
int config_tree_parse(const char *file, const char *bytes, size_t len, struct node *ret,
		      struct diag_list *diags);
void config_tree_done(struct node *node);

/* Takes out keys whose value is null, at every depth of maps. */
void config_tree_drop_nulls(struct node *node);

/*
 * The tree as text, in block style, a line for each value; what config_tree_parse makes of it says
 * the same. Owned by the caller. 0 or -ENOMEM.
 */
int config_tree_write(const struct node *node, char **ret, size_t *ret_len);

/* A deep copy, of the same places. 0 or -ENOMEM with ret untouched. */
int config_tree_copy(const struct node *node, struct node *ret);

/*
 * Lays over on base: maps key by key at every depth, anything else as a whole. A key whose value is
 * null (nothing, "~" or "null") is taken away. Values move; what is left of over is to be freed. 0
 * or -ENOMEM, with both in any state.
 */
int config_tree_merge(struct node *base, struct node *over);
uint64_t config_tree_digest(const struct node *node); /* of what it says and where */
bool config_tree_is_null(const struct node *node);
