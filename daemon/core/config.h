/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One YAML file's bytes to nouns, or to diagnostics that each name a line and a column. Knows
 * nothing of directories or of other files (catalog.h joins files), and reads nothing itself.
 */

#include "core/config_tree.h"
#include "core/template.h"

#define CONFIG_TEMPLATES_MAX 256 /* of one file: each namespace is compared with each */
#define CONFIG_BYTES_MAX (16u << 20) /* a larger file is refused before it is parsed */

enum config_kind {
	CONFIG_PAIRS, /* a drop-in of pairs.d: programs, pools, templates, pairs */
	CONFIG_SETTINGS, /* metad.yaml */
};

/* A file as bytes, or why it could not be read. */
struct config_part {
	char *path; /* where it was found, for people */
	char *bytes; /* NULL: not readable, error says why */
	size_t len;
	int error; /* -errno */
};

/* What one file declares, its drop-ins included; uses name programs that other files may define. */
struct config {
	char **files; /* owned; the paths of the parts, which the places of trees below refer to */
	size_t n_files;
	struct settings settings; /* CONFIG_SETTINGS; else defaults */
	struct node defaults; /* CONFIG_SETTINGS: owned; what pairs are laid over; empty: nothing */
	struct pair *pairs; /* sorted by name */
	size_t n_pairs;
	struct node **overrides; /* owned; those of pairs that are laid over a template */
	size_t n_overrides;
	struct program *programs; /* sorted by name */
	size_t n_programs;
	struct pool *pools; /* sorted by name */
	size_t n_pools;
	struct template *templates; /* sorted by name */
	size_t n_templates;
};

enum { CONFIG_E_INVALID = 1 /* diags says why; ret is untouched */ };

/*
 * Parses a file and its drop-ins, each laid over what stands before it (config_tree_merge); all are
 * readable. Each pair is laid over defaults, which are those of the settings; NULL: none. NUL bytes and invalid UTF-8 are diagnosed. An empty or comment-only file is a config
 * without pairs. All faults that can be told apart are reported, at most a hundred. Memory and time
 * are linear in the bytes, but for sorting. 0, CONFIG_E_INVALID or -ENOMEM.
 */
int config_parse(enum config_kind kind, const struct config_part *parts, size_t n_parts,
		 const struct node *defaults, struct config *ret, struct diag_list *diags);
void config_done(struct config *config);
