/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What a command has to say is a JSON document; with --json that is what is printed, else a view of
 * it. So there is nothing in one that is not in the other. Where the command is paged, all of it
 * goes through the pager.
 */

#include "client/metactl.h"
#include "client/table.h"

/* Prints a document as text. */
typedef void (*output_view)(const struct cli *cli, const json_t *document);

void output(const struct cli *cli, const json_t *document, output_view view);

/*
 * A document for each of many, printed as they come; as JSON, one list of them all, at the end.
 * 0 or an exit code, which has been explained.
 */
struct output_list {
	const struct cli *cli;
	output_view view;
	json_t *items; /* owned; NULL: none is kept, or none has come */
	size_t n;
};
int output_list_add(struct output_list *list, const json_t *document);
int output_list_end(struct output_list *list);
void output_list_done(struct output_list *list);

/* A list of objects, as JSON or as a table. */
void output_rows(const struct cli *cli, const json_t *rows, const struct column *columns,
		 size_t n_columns);
/* The table alone, for views of more. */
void output_table(const struct cli *cli, const struct column *columns, size_t n_columns,
		  const json_t *rows);

/* For what is text and nothing else. */
void output_begin(const struct cli *cli);
