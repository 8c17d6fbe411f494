/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What io.metad.varlink calls Summary, Pair, Task, Kind and so on, out of the nouns. Pure.
 * Every function returns a new reference, NULL: out of memory.
 */

#include "core/catalog.h"
#include "core/status.h"
#include "core/usage.h"

#include <jansson.h>

json_t *wire_summary(const struct status *status);
json_t *wire_pair(const struct status *status);
json_t *wire_task(const struct task *task);
json_t *wire_kinds(const struct kind_state kinds[static N_KINDS]);
json_t *wire_diagnostics(const struct catalog *catalog, const struct desired *desired);
json_t *wire_diag_list(const struct diag_list *list);
json_t *wire_files(const struct catalog *catalog); /* names of files that are in force */

/* In wire_numbers.c. */
json_t *wire_statistics(const struct status *status);
/* A definition by index, with n of its users; why: its object cannot be read, text NULL: it can. */
json_t *wire_program(const struct usage *usage, size_t program, const struct usage_place *users,
		     size_t n, const struct diag *why);
json_t *wire_features(const struct feature_state features[static N_FEATURES]);

/*
 * What the parts of wire share. append: a new reference to array; one that is NULL stays NULL. text:
 * NULL stays NULL, and what is no UTF-8 is repaired.
 */
json_t *wire_append(json_t *array, json_t *item);
json_t *wire_text(const char *words);
json_t *wire_chain(const struct sighted_end *end);
