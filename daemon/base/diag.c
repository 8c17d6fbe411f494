/* SPDX-License-Identifier: GPL-2.0-only */
/* Building, moving and printing of diagnostics; see diag.h. */
#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void diag_done(struct diag *diag)
{
	free(diag->file);
	free(diag->text);
	free(diag->detail);
	*diag = (struct diag){};
}

void diag_list_done(struct diag_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		diag_done(&list->items[i]);
	free(list->items);
	*list = (struct diag_list){};
}

void diag_set(struct diag *diag, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	free(diag->text);
	diag->text = text;
}

void diag_prefix(struct diag *diag, const char *format, ...)
{
	AUTO_FREE char *prefix = NULL;
	va_list args;

	if (!diag->text)
		return;
	va_start(args, format);
	if (vasprintf(&prefix, format, args) < 0)
		prefix = NULL;
	va_end(args);
	if (prefix) {
		AUTO_FREE char *text = STEAL(diag->text);

		diag_set(diag, "%s: %s", prefix, text);
	}
}

int diag_copy(const struct diag *diag, struct diag *ret)
{
	AUTO(diag_done) struct diag copy = { .line = diag->line, .column = diag->column };

	if (util_text_copy(diag->file, &copy.file) < 0 || util_text_copy(diag->text, &copy.text) < 0 ||
	    util_text_copy(diag->detail, &copy.detail) < 0)
		return -ENOMEM;
	*ret = STEAL(copy);
	return 0;
}

int diag_compare_place(const struct diag *a, const struct diag *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->column > b->column) - (a->column < b->column);
}

bool diag_list_equal(const struct diag_list *a, const struct diag_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!util_text_equal(a->items[i].file, b->items[i].file) ||
		    !util_text_equal(a->items[i].text, b->items[i].text) ||
		    diag_compare_place(&a->items[i], &b->items[i]) != 0)
			return false;
	return true;
}

int diag_list_add(struct diag_list *list, struct diag *diag)
{
	int r = ARRAY_APPEND(list->items, list->n, *diag);

	if (r < 0)
		diag_done(diag);
	*diag = (struct diag){};
	return r;
}

char *diag_text(const struct diag *diag)
{
	const char *text = diag->text ? diag->text : "unknown error";
	char *line;
	int n;

	if (!diag->file)
		n = asprintf(&line, "%s", text);
	else if (!diag->line)
		n = asprintf(&line, "%s: %s", diag->file, text);
	else
		n = asprintf(&line, "%s:%u:%u: %s", diag->file, diag->line, diag->column, text);
	return n < 0 ? NULL : line;
}
