/* SPDX-License-Identifier: GPL-2.0-only */
/* See table.h. */
#include "client/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define GAP 2 /* between columns */

/* ---- cells ---- */

static char *join(const json_t *array)
{
	char *text = NULL;
	json_t *item;
	size_t len, i;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	json_array_foreach((json_t *)array, i, item)
		fprintf(out, "%s%s", i ? "," : "", json_string_value(item));
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static char *text_of_number(const json_t *number)
{
	char text[32];

	if (json_is_integer(number))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(number));
	else
		snprintf(text, sizeof(text), "%.1f", json_number_value(number));
	return strdup(text);
}

static char *text_of_member(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_array(value))
		return join(value);
	return json_is_number(value) ? text_of_number(value) : strdup("");
}

static char *text_of_cell(const struct column *column, const json_t *row)
{
	char *text = column->text ? column->text(row)
				  : text_of_member(json_object_get(row, column->key));

	if (!text || text[0] || !column->none)
		return text;
	free(text);
	return strdup(column->none);
}

/* ---- rows ---- */

static void row_done(struct table_row *row, size_t n)
{
	for (size_t i = 0; row->cells && i < n; i++)
		free(row->cells[i]);
	free(row->cells);
	free(row->colours);
}

static int row_make(const struct table *table, const json_t *object, struct table_row *ret)
{
	ret->cells = calloc(table->n_columns, sizeof(*ret->cells));
	ret->colours = calloc(table->n_columns, sizeof(*ret->colours));
	if (!ret->cells || !ret->colours)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i];

		ret->cells[i] = text_of_cell(column, object);
		if (!ret->cells[i])
			return -ENOMEM;
		ret->colours[i] = column->colour ? column->colour(object) : COLOUR_NONE;
	}
	return 0;
}

int table_add(struct table *table, const json_t *object)
{
	struct table_row row = {};
	int r = row_make(table, object, &row);

	if (r == 0)
		r = ARRAY_APPEND(table->rows, table->n_rows, row);
	if (r < 0)
		row_done(&row, table->n_columns);
	return r;
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n_rows; i++)
		row_done(&table->rows[i], table->n_columns);
	free(table->rows);
	*table = (struct table){};
}

/* ---- widths ---- */

static size_t total(const size_t *widths, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += widths[i] ? widths[i] + (sum ? GAP : 0) : 0;
	return sum;
}

static size_t least_of(const struct column *column)
{
	return column->least ? column->least : TABLE_LEAST;
}

/* The column that gives: of those that are cut first the widest. n: none has anything to give. */
static size_t find_giver(const struct table *table, const size_t *widths)
{
	size_t found = table->n_columns;

	for (size_t i = 0; i < table->n_columns; i++) {
		const struct column *column = &table->columns[i], *other = &table->columns[found];

		if (!column->cut || widths[i] <= least_of(column))
			continue;
		if (found == table->n_columns || column->cut > other->cut ||
		    (column->cut == other->cut && widths[i] > widths[found]))
			found = i;
	}
	return found;
}

static unsigned int drop_of(const struct column *column)
{
	return column->drop ? column->drop : column->cut;
}

/* When all are as narrow as they may be: who is left out next. n: there is only one left. */
static size_t find_leaver(const struct table *table, const size_t *widths)
{
	size_t found = table->n_columns, n_left = 0;

	for (size_t i = 0; i < table->n_columns; i++) {
		if (!widths[i])
			continue;
		n_left++;
		if (found == table->n_columns || drop_of(&table->columns[i]) > drop_of(&table->columns[found]))
			found = i;
	}
	return n_left > 1 ? found : table->n_columns;
}

static bool shrink(const struct table *table, size_t *widths, size_t room)
{
	while (total(widths, table->n_columns) > room) {
		size_t giver = find_giver(table, widths);

		if (giver == table->n_columns)
			return false;
		widths[giver]--;
	}
	return true;
}

/* wanted: what each would have, 0 for those that have left. What one leaves is for all others. */
static void fit(const struct table *table, size_t *wanted, size_t *ret_widths, size_t room)
{
	size_t n = table->n_columns, leaver;

	for (;;) {
		memcpy(ret_widths, wanted, n * sizeof(*wanted));
		if (shrink(table, ret_widths, room))
			return;
		leaver = find_leaver(table, ret_widths);
		if (leaver == n)
			break;
		wanted[leaver] = 0;
	}
	for (size_t i = 0; i < n; i++)
		ret_widths[i] = MIN(ret_widths[i], room);
}

static void measure(const struct table *table, bool with_titles, size_t *ret)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		ret[i] = with_titles ? term_text_width(table->columns[i].title) : 0;
		for (size_t j = 0; j < table->n_rows; j++)
			ret[i] = MAX(ret[i], term_text_width(table->rows[j].cells[i]));
	}
}

/* ---- printing ---- */

static void print_blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

static void print_cell(const struct column *column, const char *text, enum colour colour,
		       size_t room, bool is_last)
{
	size_t width, len = term_text_fit(text, room, &width);
	bool is_cut = text[len];

	if (is_cut) {
		len = term_text_fit(text, room - 1, &width);
		width++;
	}
	if (column->is_right)
		print_blanks(room - width);
	printf("%s%.*s%s%s", text[0] ? term_colour(colour) : "", (int)len, text,
	       is_cut ? "…" : "", text[0] && colour ? term_reset() : "");
	if (!is_last && !column->is_right)
		print_blanks(room - width);
}

/* cells, colours: of a row; NULL: titles. */
static void print_row(const struct table *table, const struct table_row *row, const size_t *widths)
{
	size_t last = table->n_columns;
	bool is_first = true;

	/* Nothing is padded behind the last cell that says something. */
	while (last > 0 && !(widths[last - 1] && (row ? row->cells[last - 1]
						      : table->columns[last - 1].title)[0]))
		last--;
	for (size_t i = 0; i < last; i++) {
		if (!widths[i])
			continue;
		print_blanks(is_first ? 0 : GAP);
		is_first = false;
		print_cell(&table->columns[i], row ? row->cells[i] : table->columns[i].title,
			   row ? row->colours[i] : COLOUR_FAINT, widths[i], i == last - 1);
	}
	putchar('\n');
}

void table_print(const struct table *table, bool with_titles, size_t width)
{
	AUTO_FREE size_t *wanted = calloc(table->n_columns, sizeof(*wanted));
	AUTO_FREE size_t *widths = calloc(table->n_columns, sizeof(*widths));

	if (!wanted || !widths)
		return;
	measure(table, with_titles, wanted);
	fit(table, wanted, widths, MAX(width, 1));
	if (with_titles)
		print_row(table, NULL, widths);
	for (size_t i = 0; i < table->n_rows; i++)
		print_row(table, &table->rows[i], widths);
}

/* ---- choosing ---- */

static bool is_title(const char *title, const char *word, size_t len)
{
	if (!len || strlen(title) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (toupper((unsigned char)word[i]) != title[i])
			return false;
	return true;
}

int table_choose(const struct column *columns, size_t n, const char *list, struct column **ret,
		 size_t *ret_n, const char **ret_word, size_t *ret_len)
{
	AUTO_FREE struct column *chosen = NULL;
	size_t n_chosen = 0;

	for (const char *word = list;; word++) {
		size_t len = strcspn(word, ","), i = 0;

		while (i < n && !is_title(columns[i].title, word, len))
			i++;
		if (i == n) {
			*ret_word = word;
			*ret_len = len;
			return TABLE_E_NO_COLUMN;
		}
		if (ARRAY_APPEND(chosen, n_chosen, columns[i]) < 0)
			return -ENOMEM;
		word += len;
		if (!*word)
			break;
	}
	*ret = STEAL(chosen);
	*ret_n = n_chosen;
	return 0;
}
