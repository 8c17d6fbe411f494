/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What a terminal shows: colours where they are wanted, and tables that fit. */

#include "base/util.h"

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD, COLOUR_FAINT, COLOUR_STRONG };

/* Escape sequences, "" unless standard output is a terminal and NO_COLOR is not set. */
const char *term_colour(enum colour colour);
const char *term_reset(void);
/* Columns of standard output: $COLUMNS, or the terminal's; a large number where there is neither. */
size_t term_width(void);

/*
 * Makes text harmless to a terminal, in place: names come from whoever owns a namespace. Bytes that
 * would control it become question marks.
 */
enum term_lines { TERM_ONE_LINE, TERM_MANY_LINES /* line feeds and tabs may stay */ };
void term_clean(char *text, enum term_lines lines);

/* Columns that a text takes. */
size_t term_text_width(const char *text);

#define TABLE_COLUMNS 8

struct table_row {
	char *cells[TABLE_COLUMNS]; /* owned */
	enum colour colour; /* of the first n_coloured cells */
	size_t n_coloured;
};

/*
 * Left-aligned columns as wide as they need; where they do not fit the terminal, the widest are cut
 * first.
 */
struct table {
	struct table_row *rows; /* owned */
	size_t n_rows, n_columns;
};

/* Takes copies of the cells, n_columns of them. 0 or -ENOMEM. */
int table_add(struct table *table, enum colour colour, size_t n_coloured, const char *const *cells);
void table_print(const struct table *table);
void table_done(struct table *table);
