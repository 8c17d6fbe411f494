/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One YAML file's bytes to nouns, or to diagnostics that each name a line and a column. Knows
 * nothing of directories or of other files (catalog.h joins files), and reads nothing itself.
 */

#include "core/model.h"

#define CONFIG_BYTES_MAX (16u << 20) /* a larger file is refused before it is parsed */

enum config_kind {
	CONFIG_PAIRS, /* a drop-in of pairs.d: programs, pairs */
	CONFIG_SETTINGS, /* metad.yaml */
};

/* What one file declares; uses name programs that other files may define. */
struct config {
	struct settings settings; /* CONFIG_SETTINGS; else defaults */
	struct pair *pairs; /* sorted by name */
	size_t n_pairs;
	struct program *programs; /* sorted by name */
	size_t n_programs;
};

enum { CONFIG_E_INVALID = 1 /* diags says why; ret is untouched */ };

/*
 * Parses bytes[0..len) (NUL bytes and invalid UTF-8 among them are diagnosed). An empty or
 * comment-only file is a config without pairs. All faults that can be told apart are reported, at
 * most a hundred. Memory and time are linear in len. 0, CONFIG_E_INVALID or -ENOMEM.
 */
int config_parse(enum config_kind kind, const char *file, const char *bytes, size_t len,
		 struct config *ret, struct diag_list *diags);
void config_done(struct config *config);
