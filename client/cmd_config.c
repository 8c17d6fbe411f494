/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl check and reload: what is wrong with configuration files. check needs no metad. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/term.h"
#include "core/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct sources {
	struct catalog_source *items; /* owned */
	size_t n;
};

static void sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++)
		catalog_source_done(&sources->items[i]);
	free(sources->items);
}

/* ---- faults with their lines ---- */

#define BEFORE_CARET 60 /* columns of a long line that are shown before the fault, and behind it */

/* The n-th character of text, or its end before that. Columns count characters, not bytes. */
static const char *character(const char *text, size_t n)
{
	while (*text && n--)
		do
			text++;
		while ((*text & 0xc0) == 0x80);
	return text;
}

/* Borrowed; NULL: it has fewer lines. */
static const char *find_line(const struct config_part *part, unsigned int line)
{
	const char *at = part->bytes;

	for (unsigned int i = 1; at && i < line; i++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return line ? at : NULL;
}

/* The line, or what is around the place in a long one, with a caret under the place. */
static void print_caret(const struct config_part *part, const struct diag *diag)
{
	const char *line = find_line(part, diag->line);
	size_t skipped = diag->column > BEFORE_CARET ? diag->column - BEFORE_CARET : 0;
	AUTO_FREE char *text = line ? strndup(line, strcspn(line, "\r\n")) : NULL;
	const char *from, *until, *place;

	if (!text || !diag->column)
		return;
	from = character(text, skipped);
	place = character(text, diag->column - 1);
	until = character(place, BEFORE_CARET);
	for (char *c = text; *c; c++)
		*c = *c == '\t' ? ' ' : *c;
	term_clean(text, TERM_ONE_LINE);
	printf("    %s%.*s%s\n    %s", skipped ? "…" : "", (int)(until - from), from,
	       *until ? "…" : "", skipped ? " " : "");
	for (; from < place; from = character(from, 1))
		putchar(' ');
	printf("%s^%s\n", term_colour(COLOUR_BAD), term_reset());
}

struct report {
	const struct sources *sources;
	size_t n_faults;
};

static void report(void *ctx, const struct diag *diag)
{
	struct report *to = ctx;
	AUTO_FREE char *text = diag_text(diag);

	if (text)
		term_clean(text, TERM_ONE_LINE);
	puts(text ? text : "out of memory");
	to->n_faults++;
	for (size_t i = 0; diag->file && i < to->sources->n; i++)
		if (strcmp(to->sources->items[i].name, diag->file) == 0)
			print_caret(to->sources->items[i].parts, diag);
}

/* ---- reading ---- */

/* metad.yaml holds settings, everything else pairs: as in metad's own directories. */
static enum config_kind kind_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "metad.yaml") == 0 ? CONFIG_SETTINGS : CONFIG_PAIRS;
}

/* Each file is checked for itself: which drop-ins go with it is a matter of where it will be. */
static int read_source(const char *path, struct catalog_source *ret)
{
	AUTO(catalog_source_done) struct catalog_source source = { .kind = kind_of(path) };

	source.name = strdup(path);
	source.parts = calloc(1, sizeof(*source.parts));
	if (!source.name || !source.parts)
		return -ENOMEM;
	source.n_parts = 1;
	source.parts->path = strdup(path);
	if (!source.parts->path)
		return -ENOMEM;
	source.parts->error = util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX,
						&source.parts->bytes, &source.parts->len);
	*ret = STEAL(source);
	return 0;
}

/* A file that is named twice is one file. */
static int read_sources(int argc, char **argv, struct sources *ret)
{
	ret->items = calloc(argc, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (int i = 0; i < argc; i++) {
		bool known = false;
		int r;

		for (size_t j = 0; j < ret->n; j++)
			known |= strcmp(ret->items[j].name, argv[i]) == 0;
		r = known ? 0 : read_source(argv[i], &ret->items[ret->n]);
		if (r < 0)
			return r;
		ret->n += !known;
	}
	return 0;
}

/* ---- commands ---- */

int cmd_check(const struct cli *cli, int argc, char **argv)
{
	AUTO(sources_done) struct sources sources = {};
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO(desired_unrefp) struct desired *desired = NULL;
	struct report to = { .sources = &sources };

	if (argc == 0)
		return complain(EXIT_USAGE, "check needs the names of files");
	if (read_sources(argc, argv, &sources) < 0 ||
	    catalog_update(&catalog, sources.items, sources.n) < 0 ||
	    catalog_join(&catalog, &desired) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	if (cli->json != JSON_OFF) {
		AUTO(frame_json_unref) json_t *diagnostics = wire_diagnostics(&catalog, desired);

		print_json(cli, diagnostics);
		return json_array_size(diagnostics) ? EXIT_NOT_OK : 0;
	}
	catalog_each_diag(&catalog, desired, report, &to);
	if (!to.n_faults && !cli->no_legend)
		printf("%zu pair%s, nothing wrong\n", desired->n_pairs,
		       desired->n_pairs == 1 ? "" : "s");
	return to.n_faults ? EXIT_NOT_OK : 0;
}

int cmd_reload(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	const json_t *diagnostics;
	int r;

	if (argc > 0)
		return complain(EXIT_USAGE, "reload takes no arguments");
	r = conn_open(cli, &conn);
	if (r == 0)
		r = conn_call(conn, "Reload", NULL, &answer);
	if (r != 0)
		return r;
	diagnostics = json_object_get(answer, "diagnostics");
	if (cli->json != JSON_OFF)
		print_json(cli, diagnostics);
	else
		print_diagnostics(diagnostics);
	return json_array_size(diagnostics) ? EXIT_NOT_OK : 0;
}
