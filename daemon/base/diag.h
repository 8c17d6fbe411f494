/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Words for people, with the place they speak of. A diag is filled once, where the fault is found
 * (config, the kernel floor, wire), and travels unchanged to the person who reads it.
 */

#include "base/util.h"

struct diag {
	char *file; /* owned; NULL: no file is to blame */
	unsigned int line, column; /* from 1; 0: the file as a whole */
	char *text; /* owned; one sentence without full stop; NULL: nothing was said */
	char *detail; /* owned; many lines, such as a verifier's log; NULL: none */
};

struct diag_list {
	struct diag *items; /* owned */
	size_t n;
};

void diag_done(struct diag *diag);
void diag_list_done(struct diag_list *list);

/* Replaces what diag says. Out of memory leaves it empty: an error code travels beside it. */
__attribute__((format(printf, 2, 3))) void diag_set(struct diag *diag, const char *format, ...);

/* Puts "prefix: " before what diag says, where it says anything. */
__attribute__((format(printf, 2, 3))) void diag_prefix(struct diag *diag, const char *format, ...);

/* A deep copy, -ENOMEM with ret untouched. */
int diag_copy(const struct diag *diag, struct diag *ret);

/* Order of two places in one file, by line and column. */
int diag_compare_place(const struct diag *a, const struct diag *b);

/* Whether both say the same of the same places, in the same order. */
bool diag_list_equal(const struct diag_list *a, const struct diag_list *b);

/* Appends; takes what diag owns, also on failure. 0 or -ENOMEM. */
int diag_list_add(struct diag_list *list, struct diag *diag);

/* "file:line:column: text", as far as each is known; owned by the caller, NULL: out of memory. */
char *diag_text(const struct diag *diag);
