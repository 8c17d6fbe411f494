/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What io.metad.varlink calls Summary, Pair, Task, Kind and Diagnostic, out of the nouns. Pure.
 * Every function returns a new reference, NULL: out of memory.
 */

#include "core/catalog.h"
#include "core/status.h"

#include <jansson.h>

json_t *wire_summary(const struct status *status);
json_t *wire_pair(const struct status *status);
json_t *wire_task(const struct task *task);
json_t *wire_kinds(const struct kind_state kinds[static N_KINDS]);
json_t *wire_diagnostics(const struct catalog *catalog, const struct desired *desired);
json_t *wire_diag_list(const struct diag_list *list);
json_t *wire_files(const struct catalog *catalog); /* names of files that are in force */
