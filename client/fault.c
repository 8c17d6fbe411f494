/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults with their lines; see fault.h. */
#include "client/fault.h"

#include "client/term.h"

#include <fcntl.h>
#include <stdio.h>

#define BEFORE_CARET 60 /* columns of a long line that are shown before the fault, and behind it */

void fault_lines_done(struct fault_lines *lines)
{
	free(lines->path);
	free(lines->bytes);
	*lines = (struct fault_lines){};
}

/* ---- finding the line ---- */

/* Borrowed; NULL: there is no such file, or none that can be read. */
static const char *read_bytes(struct fault_lines *lines, const char *path)
{
	size_t len;

	if (lines->absolute && path[0] != '/')
		return NULL;
	if (lines->path && strcmp(lines->path, path) == 0)
		return lines->bytes;
	free(lines->bytes);
	free(lines->path);
	lines->bytes = NULL;
	lines->path = strdup(path);
	if (lines->path)
		(void)util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &lines->bytes, &len);
	return lines->bytes;
}

static const char *find_bytes(struct fault_lines *lines, const char *path)
{
	for (size_t i = 0; i < lines->n_sources; i++) {
		const struct catalog_source *source = &lines->sources[i];

		for (size_t j = 0; j < source->n_parts; j++)
			if (strcmp(source->parts[j].path, path) == 0)
				return source->parts[j].bytes;
	}
	return read_bytes(lines, path);
}

/* Borrowed; NULL: it has fewer lines. */
static const char *find_line(const char *bytes, unsigned int line)
{
	const char *at = bytes;

	for (unsigned int i = 1; at && i < line; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return line ? at : NULL;
}

/* The n-th character of text, or its end before that. Columns count characters, not bytes. */
static const char *character(const char *text, size_t n)
{
	while (*text && n--)
		do
			text++;
		while ((*text & 0xc0) == 0x80);
	return text;
}

static size_t count_characters(const char *text)
{
	size_t n = 0;

	for (; *text; text = character(text, 1))
		n++;
	return n;
}

/* ---- printing ---- */

/* The line, or what is around the place in a long one, with a caret under the place. */
static void print_caret(const char *bytes, const struct diag *diag)
{
	const char *line = bytes ? find_line(bytes, diag->line) : NULL;
	size_t skipped = diag->column > BEFORE_CARET ? diag->column - BEFORE_CARET : 0;
	AUTO_FREE char *text = line ? strndup(line, strcspn(line, "\r\n")) : NULL;
	AUTO_FREE char *prefix = NULL;
	const char *from, *until, *place;

	/* A fault may be behind the last character, and no further. */
	if (!text || !diag->column || diag->column > count_characters(text) + 1)
		return;
	from = character(text, skipped);
	place = character(text, diag->column - 1);
	until = character(place, BEFORE_CARET);
	for (char *c = text; *c; c++)
		*c = *c == '\t' ? ' ' : *c;
	term_clean(text, TERM_ONE_LINE);
	printf("    %s%.*s%s\n    %s", skipped ? "…" : "", (int)(until - from), from,
	       *until ? "…" : "", skipped ? " " : "");
	prefix = strndup(from, place - from);
	printf("%*s%s^%s\n", (int)(prefix ? term_text_width(prefix) : 0), "",
	       term_colour(COLOUR_BAD), term_reset());
}

void fault_print(struct fault_lines *lines, const char *mark, const struct diag *diag)
{
	AUTO_FREE char *text = diag_text(diag);

	if (text)
		term_clean(text, TERM_ONE_LINE);
	printf("%s%s%s", mark[0] ? term_colour(COLOUR_BAD) : "", mark, mark[0] ? term_reset() : "");
	printf("%s%s\n", mark[0] ? " " : "", text ? text : "out of memory");
	if (diag->file && diag->line)
		print_caret(find_bytes(lines, diag->file), diag);
}

void fault_print_all(const json_t *diagnostics, const char *mark, enum fault_paths paths)
{
	AUTO(fault_lines_done) struct fault_lines lines = { .absolute = paths == FAULT_METADS_PATHS };
	json_t *diagnostic;
	size_t i;

	json_array_foreach((json_t *)diagnostics, i, diagnostic) {
		const char *file = json_string_value(json_object_get(diagnostic, "file"));
		struct diag diag = {
			.file = (char *)file,
			.line = json_integer_value(json_object_get(diagnostic, "line")),
			.column = json_integer_value(json_object_get(diagnostic, "column")),
			.text = (char *)text_of(diagnostic, "text"),
		};

		fault_print(&lines, mark, &diag);
	}
}
