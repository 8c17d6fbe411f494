/* SPDX-License-Identifier: GPL-2.0-only */
/* Documents and their views; see output.h. */
#include "client/output.h"

#include "client/pager.h"

#include <stdio.h>

void output_begin(const struct cli *cli)
{
	if (cli->command && cli->command->is_paged && !cli->no_pager)
		pager_open();
}

static void print_json(const struct cli *cli, const json_t *document)
{
	json_dumpf(document, stdout, cli->json == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
}

void output(const struct cli *cli, const json_t *document, output_view view)
{
	output_begin(cli);
	if (cli->json != JSON_OFF)
		print_json(cli, document);
	else
		view(cli, document);
	fflush(stdout);
}

int output_list_add(struct output_list *list, const json_t *document)
{
	list->n++;
	if (list->cli->json == JSON_OFF) {
		output_begin(list->cli);
		list->view(list->cli, document);
		return 0;
	}
	if (!list->items)
		list->items = json_array();
	if (json_array_append(list->items, (json_t *)document) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	return 0;
}

int output_list_end(struct output_list *list)
{
	if (list->cli->json == JSON_OFF)
		return 0;
	if (!list->items)
		list->items = json_array();
	if (!list->items)
		return complain(EXIT_NOT_OK, "out of memory");
	output(list->cli, list->items, NULL);
	return 0;
}

void output_list_done(struct output_list *list)
{
	json_decref(list->items);
	*list = (struct output_list){};
}

void output_rows(const struct cli *cli, const json_t *rows, const struct column *columns,
		 size_t n_columns)
{
	if (cli->json != JSON_OFF) {
		output(cli, rows, NULL);
		return;
	}
	output_begin(cli);
	output_table(cli, columns, n_columns, rows);
	fflush(stdout);
}

void output_table(const struct cli *cli, const struct column *columns, size_t n_columns,
		  const json_t *rows)
{
	AUTO(table_done) struct table table = { .columns = columns, .n_columns = n_columns };
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) {
		if (table_add(&table, row) < 0) {
			complain(EXIT_NOT_OK, "out of memory");
			return;
		}
	}
	if (table.n_rows)
		table_print(&table, !cli->no_legend, cli->full ? SIZE_MAX / 2 : term_width());
}
