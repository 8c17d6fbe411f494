/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Tables of JSON objects: a row each, a column for a member or for what is made of several. On a
 * terminal no line is longer than that is wide: what is cut ends in "…", and those columns give
 * first that matter least. What is left out is not told: there is --full.
 */

#include "client/term.h"
#include "core/frame.h"

struct column {
	const char *title; /* in capitals; "" is never told, and cannot be chosen */
	const char *key; /* text, number, yes or no, or a list of texts; NULL: there is a function */
	char *(*text)(const json_t *row); /* owned by the caller; NULL: no memory */
	enum colour (*colour)(const json_t *row); /* NULL: none */
	const char *none; /* for nothing; NULL: "" */
	unsigned char cut; /* who is cut first: the greatest; 0: never */
	unsigned char least; /* it is not cut below that; 0: TABLE_LEAST */
	unsigned char drop; /* who is left out first then: the greatest; 0: as cut */
	bool is_right;
};

#define TABLE_LEAST 10

struct table_row {
	char **cells; /* owned, and so are they */
	enum colour *colours; /* owned */
};

struct table {
	const struct column *columns;
	size_t n_columns;
	struct table_row *rows; /* owned */
	size_t n_rows;
};

/* Looks at the row and keeps nothing of it. 0 or -ENOMEM. */
int table_add(struct table *table, const json_t *row);
/* width: term_width(), or another one. */
void table_print(const struct table *table, bool with_titles, size_t width);
void table_done(struct table *table);

/*
 * The columns that a list like "name,state" chooses, in its order; owned by the caller. 0, -ENOMEM,
 * or 1 with the word that is no column's in ret_word, of which *ret_len bytes count.
 */
#define TABLE_E_NO_COLUMN 1
int table_choose(const struct column *columns, size_t n, const char *list, struct column **ret,
		 size_t *ret_n, const char **ret_word, size_t *ret_len);
