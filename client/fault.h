/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Faults of configuration files as people see them: file:line:column, what is wrong, and the line
 * itself with a caret under the place.
 */

#include "client/metactl.h"
#include "core/catalog.h"

/* Where the lines are taken from. Keeps the file that it has read last. */
struct fault_lines {
	const struct catalog_source
		*sources; /* borrowed; what is in none of them is read from disk */
	size_t n_sources;
	bool absolute; /* only such paths are read: others are relative to somebody else's directory */
	char *path, *bytes; /* owned */
};

void fault_lines_done(struct fault_lines *lines);

/*
 * mark stands before it, "" for none. Without the line where it cannot be read, or is shorter than
 * the place says: the file has changed since.
 */
void fault_print(struct fault_lines *lines, const char *mark, const struct diag *diag);
#define FAULT_MARK "×"

/* The same of what io.metad calls diagnostics. Whose paths: metad's relative ones lead elsewhere. */
enum fault_paths { FAULT_OWN_PATHS, FAULT_METADS_PATHS };
void fault_print_all(const json_t *diagnostics, const char *mark, enum fault_paths paths);
