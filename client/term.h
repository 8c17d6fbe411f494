/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What a terminal shows: colours where they are wanted, and tables that fit. */

#include "base/util.h"

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD, COLOUR_FAINT, COLOUR_STRONG };

/* Escape sequences, "" unless standard output is a terminal and NO_COLOR is not set. */
const char *term_colour(enum colour colour);
const char *term_reset(void);
/* Columns of standard output; a large number where it is no terminal. */
size_t term_width(void);

#define TABLE_COLUMNS 8

struct table_row {
	char *cells[TABLE_COLUMNS]; /* owned */
	enum colour colour; /* of the first cell */
};

/* Left-aligned columns as wide as they need; the last one is cut to fit the terminal. */
struct table {
	struct table_row *rows; /* owned */
	size_t n_rows, n_columns;
};

/* Takes copies of the cells, n_columns of them. 0 or -ENOMEM. */
int table_add(struct table *table, enum colour colour, const char *const *cells);
void table_print(const struct table *table);
void table_done(struct table *table);
