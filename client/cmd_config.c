/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl check and reload: what is wrong with the configuration. check needs no metad. */
#include "client/conn.h"
#include "client/fault.h"
#include "client/output.h"
#include "core/wire.h"
#include "files/dropin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

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

/* ---- reading ---- */

/* metad.yaml holds settings, everything else pairs: as in metad's own directories. */
static enum config_kind kind_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, DROPIN_SETTINGS) == 0 ? CONFIG_SETTINGS
								      : CONFIG_PAIRS;
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

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A file that is named twice is one file. */
static int add_file(struct sources *sources, const char *path)
{
	struct catalog_source source;
	int r;

	for (size_t i = 0; i < sources->n; i++)
		if (strcmp(sources->items[i].name, path) == 0)
			return 0;
	r = read_source(path, &source);
	if (r < 0)
		return r;
	r = ARRAY_APPEND(sources->items, sources->n, source);
	if (r < 0)
		catalog_source_done(&source);
	return r;
}

static int take_files(struct sources *sources, struct dropin_files *files)
{
	int r = 0;

	for (size_t i = 0; i < files->n && r == 0; i++) {
		r = ARRAY_APPEND(sources->items, sources->n, files->items[i]);
		if (r == 0)
			files->items[i] = (struct catalog_source){};
	}
	return r;
}

/* Nothing found must not pass for nothing wrong where somebody has named the wrong directory. */
static int check_dir(const char *dir)
{
	AUTO_FREE char *pairs = util_join(dir, DROPIN_DIR);
	AUTO_FREE char *settings = util_join(dir, DROPIN_SETTINGS);
	AUTO_FREE char *below = util_join(dir, DROPIN_SETTINGS ".d");

	if (!pairs || !settings || !below)
		return complain(EXIT_NOT_OK, "out of memory");
	if (access(pairs, F_OK) == 0 || access(settings, F_OK) == 0 || access(below, F_OK) == 0)
		return 0;
	return complain(EXIT_NOT_OK, "%s is no directory of metad's: it has neither %s nor %s", dir,
			DROPIN_DIR, DROPIN_SETTINGS);
}

/* Together, as metad reads them. */
static int add_dirs(struct sources *sources, const char *const *dirs, size_t n)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	AUTO(diag_done) struct diag why = {};

	if (dropin_read(dirs, n, &files, &why) < 0)
		return complain(EXIT_NOT_OK, "%s%s%s", why.file ? why.file : "", why.file ? ": " : "",
				why.text ? why.text : "out of memory");
	return take_files(sources, &files) < 0 ? complain(EXIT_NOT_OK, "out of memory") : 0;
}

static int add_named(struct sources *sources, int argc, char **argv)
{
	AUTO_FREE const char **dirs = calloc(argc, sizeof(*dirs));
	size_t n = 0;

	if (!dirs)
		return complain(EXIT_NOT_OK, "out of memory");
	for (int i = 0; i < argc; i++) {
		int r = is_dir(argv[i]) ? check_dir(argv[i]) : 0;

		if (r != 0)
			return r;
		if (is_dir(argv[i]))
			dirs[n++] = argv[i];
		else if (add_file(sources, argv[i]) < 0)
			return complain(EXIT_NOT_OK, "out of memory");
	}
	return n ? add_dirs(sources, dirs, n) : 0;
}

/* ---- commands ---- */

static void view_check(const struct cli *cli, const json_t *document)
{
	const json_t *diagnostics = json_object_get(document, "diagnostics");
	long long n_pairs = number_of(document, "pairs");

	/* No mark: editors look for the place at the beginning of a line. */
	fault_print_all(diagnostics, "", FAULT_OWN_PATHS);
	if (!json_array_size(diagnostics) && !cli->no_legend)
		printf("%lld pair%s, nothing wrong\n", n_pairs, n_pairs == 1 ? "" : "s");
}

static int check(const struct cli *cli, const struct sources *sources)
{
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO(desired_unrefp) struct desired *desired = NULL;
	AUTO(frame_json_unref) json_t *document = NULL;

	if (catalog_update(&catalog, sources->items, sources->n) < 0 ||
	    catalog_join(&catalog, NULL, &desired) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	document = json_pack("{s:I, s:o}", "pairs", (json_int_t)desired->n_pairs, "diagnostics",
			     wire_diagnostics(&catalog, desired));
	output(cli, document, view_check);
	return json_array_size(json_object_get(document, "diagnostics")) ? EXIT_NOT_OK : 0;
}

static int cmd_check(const struct cli *cli, int argc, char **argv)
{
	AUTO(sources_done) struct sources sources = {};
	int r = argc ? add_named(&sources, argc, argv)
		     : add_dirs(&sources, cli->config_dirs, cli->n_config_dirs);

	return r ? r : check(cli, &sources);
}

static const struct option_type check_options[] = { OPTION_CONFIG_DIR };

const struct command command_check = {
	.name = "check",
	.family = FAMILY_FILES,
	.arguments = { ARGUMENTS_OPTIONAL("FILE", WORD_FILE) },
	.help = "what is wrong with the configuration, or with some",
	.details = "Each FILE is checked for itself, and a directory as one of metad's. Without\n"
		   "FILE it is all that metad reads.\n\n"
		   "Exit status: 0 nothing is wrong, 1 something is.",
	COMMAND_OPTIONS(check_options),
	.is_paged = true,
	.run = cmd_check,
};

static void view_reload(const struct cli *cli, const json_t *document)
{
	fault_print_all(json_object_get(document, "diagnostics"), FAULT_MARK, FAULT_METADS_PATHS);
}

static int cmd_reload(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = conn_reload(conn, &answer);
	if (r != 0)
		return r;
	output(cli, answer, view_reload);
	return json_array_size(json_object_get(answer, "diagnostics")) ? EXIT_NOT_OK : 0;
}

const struct command command_reload = {
	.name = "reload",
	.family = FAMILY_CHANGE,
	.help = "read the configuration again, say what is wrong with it",
	.details = "What is broken keeps its last good content in force; the exit status is 1 then.",
	.run = cmd_reload,
};
