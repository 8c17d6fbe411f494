/* SPDX-License-Identifier: GPL-2.0-only */
/* See term.h. Widths count characters, not bytes: a name may be in any script. */
#include "client/term.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

static bool is_colourful(void)
{
	static int answer = -1;
	const char *no_color = getenv("NO_COLOR");

	if (answer < 0)
		answer = isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
	return answer;
}

const char *term_colour(enum colour colour)
{
	if (!is_colourful())
		return "";
	switch (colour) {
	case COLOUR_NONE:
		return "";
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARN:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[31m";
	case COLOUR_FAINT:
		return "\033[2m";
	case COLOUR_STRONG:
		return "\033[1m";
	}
	return "";
}

const char *term_reset(void)
{
	return is_colourful() ? "\033[0m" : "";
}

size_t term_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return SIZE_MAX / 2;
	return size.ws_col;
}

/* Characters of UTF-8 text: bytes that do not continue another. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first n characters. */
static size_t bytes_of(const char *text, size_t n)
{
	size_t i = 0;

	while (text[i] && (n || (text[i] & 0xc0) == 0x80))
		n -= (text[i++] & 0xc0) != 0x80;
	return i;
}

int table_add(struct table *table, enum colour colour, const char *const *cells)
{
	struct table_row row = { .colour = colour };
	int r = 0;

	for (size_t i = 0; i < table->n_columns && r == 0; i++) {
		row.cells[i] = strdup(cells[i]);
		r = row.cells[i] ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = ARRAY_APPEND(table->rows, table->n_rows, row);
	for (size_t i = 0; r < 0 && i < table->n_columns; i++)
		free(row.cells[i]);
	return r;
}

static void print_last(const char *text, size_t room)
{
	if (width_of(text) <= room)
		printf("%s", text);
	else if (room > 1)
		printf("%.*s…", (int)bytes_of(text, room - 1), text);
}

static void print_row(const struct table *table, const struct table_row *row, const size_t *widths)
{
	size_t used = 0, last = table->n_columns - 1;

	/* Nothing is padded behind the last cell that says something. */
	while (last > 0 && !row->cells[last][0])
		last--;
	for (size_t i = 0; i < last; i++) {
		printf("%s%s%s%*s", i == 0 ? term_colour(row->colour) : "", row->cells[i],
		       i == 0 ? term_reset() : "", (int)(widths[i] - width_of(row->cells[i]) + 2),
		       "");
		used += widths[i] + 2;
	}
	print_last(row->cells[last], term_width() > used ? term_width() - used : 20);
	putchar('\n');
}

void table_print(const struct table *table)
{
	size_t widths[TABLE_COLUMNS] = {};

	for (size_t i = 0; i < table->n_rows; i++)
		for (size_t j = 0; j < table->n_columns; j++)
			widths[j] = MAX(widths[j], width_of(table->rows[i].cells[j]));
	for (size_t i = 0; i < table->n_rows; i++)
		print_row(table, &table->rows[i], widths);
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n_rows; i++)
		for (size_t j = 0; j < table->n_columns; j++)
			free(table->rows[i].cells[j]);
	free(table->rows);
	*table = (struct table){};
}
