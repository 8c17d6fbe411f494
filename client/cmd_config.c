/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl check and reload: what is wrong with configuration files. check needs no metad. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/term.h"
#include "core/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static void sources_done(struct catalog_source **sources)
{
	for (struct catalog_source *s = *sources; s && s->name; s++)
		catalog_source_done(s);
	free(*sources);
}

/* The line itself, with a caret under the place. */
static void print_caret(const struct catalog_source *source, const struct diag *diag)
{
	const char *line = source->bytes;
	size_t len;

	for (unsigned int i = 1; line && i < diag->line; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || !diag->line)
		return;
	len = strcspn(line, "\n");
	printf("    %.*s\n    ", (int)MIN(len, 200u), line);
	for (unsigned int i = 1; i < diag->column && i < 200; i++)
		putchar(i <= len && line[i - 1] == '\t' ? '\t' : ' ');
	printf("%s^%s\n", term_colour(COLOUR_BAD), term_reset());
}

struct report {
	const struct catalog_source *sources;
	size_t n_faults;
};

static void report(void *ctx, const struct diag *diag)
{
	struct report *to = ctx;
	AUTO_FREE char *text = diag_text(diag);

	puts(text ? text : "out of memory");
	to->n_faults++;
	for (const struct catalog_source *s = to->sources; s->name; s++)
		if (diag->file && strcmp(s->path, diag->file) == 0)
			print_caret(s, diag);
}

/* metad.yaml holds settings, everything else pairs: as in metad's own directories. */
static enum config_kind kind_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "metad.yaml") == 0 ? CONFIG_SETTINGS : CONFIG_PAIRS;
}

static void read_source(const char *path, struct catalog_source *ret)
{
	ret->name = strdup(path);
	ret->path = strdup(path);
	ret->kind = kind_of(path);
	ret->error = util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &ret->bytes, &ret->len);
}

int cmd_check(const struct cli *cli, int argc, char **argv)
{
	AUTO(sources_done) struct catalog_source *sources = calloc(argc + 1, sizeof(*sources));
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO(desired_unrefp) struct desired *desired = NULL;
	struct report to = { .sources = sources };

	if (argc == 0)
		return complain(EXIT_USAGE, "check needs the names of files");
	for (int i = 0; sources && i < argc; i++)
		read_source(argv[i], &sources[i]);
	if (!sources || catalog_update(&catalog, sources, argc) < 0 ||
	    catalog_join(&catalog, &desired) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	if (cli->json != JSON_OFF) {
		AUTO(frame_json_unref) json_t *diagnostics = wire_diagnostics(&catalog);

		print_json(cli, diagnostics);
		return json_array_size(diagnostics) ? EXIT_NOT_OK : 0;
	}
	catalog_each_diag(&catalog, report, &to);
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
