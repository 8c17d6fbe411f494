/* SPDX-License-Identifier: GPL-2.0-only */
/* See term.h. Widths count characters, not bytes: a name may be in any script. */
#include "client/term.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define GAP 2 /* between columns */
#define WIDTH_MIN 10 /* a column as narrow as this is not cut */

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
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (columns && util_parse_u64(columns, 1, 10000, &n) == 0)
		return n;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return SIZE_MAX / 2;
	return size.ws_col;
}

void term_clean(char *text, enum term_lines lines)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		bool kept = lines == TERM_MANY_LINES && (*c == '\n' || *c == '\t');

		if ((*c < ' ' && !kept) || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080 to U+009F */
			c[0] = c[1] = '?';
	}
}

/* Characters of UTF-8 text: bytes that do not continue another. */
size_t term_text_width(const char *text)
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

int table_add(struct table *table, enum colour colour, size_t n_coloured, const char *const *cells)
{
	struct table_row row = { .colour = colour, .n_coloured = n_coloured };
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

/* Cut with an ellipsis where it is too wide. Returns the columns used. */
static size_t print_cell(const char *text, size_t room)
{
	size_t width = term_text_width(text);

	if (width <= room)
		fputs(text, stdout);
	else if (room)
		printf("%.*s…", (int)bytes_of(text, room - 1), text);
	return MIN(width, room);
}

static void print_row(const struct table *table, const struct table_row *row, const size_t *widths)
{
	size_t last = table->n_columns - 1;

	/* Nothing is padded behind the last cell that says something. */
	while (last > 0 && !row->cells[last][0])
		last--;
	for (size_t i = 0; i <= last; i++) {
		bool coloured = i < row->n_coloured && row->cells[i][0];
		size_t used;

		fputs(coloured ? term_colour(row->colour) : "", stdout);
		used = print_cell(row->cells[i], widths[i]);
		fputs(coloured ? term_reset() : "", stdout);
		if (i < last)
			printf("%*s", (int)(widths[i] - used + GAP), "");
	}
	putchar('\n');
}

/* Takes from the widest column until all fit, or none is wider than it may always be. */
static void fit(size_t *widths, size_t n, size_t room)
{
	for (;;) {
		size_t widest = 0, total = 0;

		for (size_t i = 0; i < n; i++) {
			total += widths[i] + (i ? GAP : 0);
			widest = widths[i] > widths[widest] ? i : widest;
		}
		if (total <= room || widths[widest] <= WIDTH_MIN)
			return;
		widths[widest]--;
	}
}

void table_print(const struct table *table)
{
	size_t widths[TABLE_COLUMNS] = {};

	for (size_t i = 0; i < table->n_rows; i++)
		for (size_t j = 0; j < table->n_columns; j++)
			widths[j] = MAX(widths[j], term_text_width(table->rows[i].cells[j]));
	fit(widths, table->n_columns, term_width());
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
