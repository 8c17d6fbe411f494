/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metactl mask and unmask: whether a file of a lower directory counts. What a person wants to know
 * of either are the pairs that it costs or gives.
 */
#include "client/change.h"
#include "client/original.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define NULL_DEVICE "/dev/null"

struct masking {
	const struct cli *cli;
	struct outlook now;
	struct target target;
};

static void masking_done(struct masking *masking)
{
	target_done(&masking->target);
	outlook_done(&masking->now);
}

static int begin(const struct cli *cli, const char *verb, int argc, char **argv,
		 struct masking *ret)
{
	int r;

	ret->cli = cli;
	r = outlook_make(cli, NULL, &ret->now);
	return r ? r : target_make(cli, &ret->now, argv[0], TARGET_MASK, &ret->target);
}

/* ---- what comes of it ---- */

struct names {
	json_t *array;
	const char *words; /* before the first; NULL: not printed */
};

static void add_name(void *ctx, const char *pair)
{
	struct names *names = ctx;

	if (names->words)
		printf("%s %s", json_array_size(names->array) ? "," : names->words, pair);
	json_array_append_new(names->array, json_string(pair));
}

/* Prints, and returns for --json, the pairs that only one of two outlooks has. */
static json_t *list_pairs(const struct cli *cli, const struct outlook *outlook,
			  const struct outlook *other, const char *words)
{
	struct names names = { .array = json_array(),
			       .words = cli->json == JSON_OFF ? words : NULL };

	outlook_each_only(outlook, other, add_name, &names);
	if (names.words && json_array_size(names.array))
		putchar('\n');
	fflush(stdout);
	return names.array;
}

/* UAPI.6: they are laid over nothing now. */
static void explain_dropins(const struct masking *masking, const struct change *change)
{
	if (masking->target.dropin || masking->cli->json != JSON_OFF)
		return;
	for (size_t i = 0; i < change->after.list.n; i++) {
		const struct dropin_entry *entry = &change->after.list.items[i];

		if (entry->is_dropin && !entry->hidden_by &&
		    entry->kind == masking->target.draft.kind &&
		    strcmp(entry->name, masking->target.name) == 0)
			printf("its drop-in %s still counts\n", entry->path);
	}
}

static bool is_broken(const struct masking *masking)
{
	const struct catalog *catalog = &masking->now.catalog;

	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].kind == masking->target.draft.kind &&
		    strcmp(catalog->files[i].name, masking->target.name) == 0)
			return !catalog->files[i].in_force;
	return false;
}

static void explain_mask(const struct masking *masking, const struct change *change)
{
	const struct target *target = &masking->target;

	if (masking->cli->json != JSON_OFF || masking->cli->no_legend)
		return;
	if (target->is_new)
		printf("there is no %s yet that this would mask\n", target->name);
	if (is_broken(masking))
		printf("%s is broken; what is still in force of it goes\n", target->name);
	explain_dropins(masking, change);
}

/* ---- the link ---- */

static bool is_mask(const char *path, const struct stat *st)
{
	char target[sizeof(NULL_DEVICE) + 1] = "";

	if (S_ISREG(st->st_mode))
		return st->st_size == 0;
	return S_ISLNK(st->st_mode) &&
	       readlink(path, target, sizeof(target) - 1) == strlen(NULL_DEVICE) &&
	       strcmp(target, NULL_DEVICE) == 0;
}

/* ret_done: it is one already. */
static int check_place(const char *path, bool *ret_done)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : complain(EXIT_NOT_OK, "%s: %s", path, strerror(errno));
	*ret_done = is_mask(path, &st);
	if (*ret_done)
		return 0;
	return complain(EXIT_NOT_OK, "%s is no mask but says something: move it away first", path);
}

static int make_link(const char *path)
{
	AUTO(made_done) struct made made = {};
	int r = made_dirs(path, &made);

	if (r == 0 && symlink(NULL_DEVICE, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	made_undo(&made);
	return complain(EXIT_NOT_OK, "%s cannot be made: %s", path, strerror(-r));
}

/* ---- commands ---- */

/* Faults are those of drop-ins that have lost what they were laid over. */
static int judge_mask(struct masking *masking, struct change *ret)
{
	int r;

	masking->target.draft.bytes = "";
	r = change_look(masking->cli, &masking->target.draft, ret);
	if (r != 0 || !ret->faults.n)
		return r;
	change_print_faults(masking->cli, ret);
	explain_dropins(masking, ret);
	return complain(EXIT_NOT_OK, "%s is not masked: without it there would be %zu fault%s more",
			masking->target.name, ret->faults.n, ret->faults.n == 1 ? "" : "s");
}

static json_t *about(const struct masking *masking, const char *key, json_t *pairs)
{
	return json_pack("{s:s, s:o}", "path", masking->target.path, key, pairs);
}

static int cmd_mask(const struct cli *cli, int argc, char **argv)
{
	AUTO(masking_done) struct masking masking = {};
	AUTO(change_done) struct change change = {};
	bool done = false;
	json_t *pairs;
	int r = begin(cli, "mask", argc, argv, &masking);

	if (r == 0)
		r = change_check_counts(cli, &masking.target);
	if (r == 0)
		r = check_place(masking.target.path, &done);
	if (r == 0 && !done)
		r = judge_mask(&masking, &change);
	if (r == 0 && !done)
		r = make_link(masking.target.path);
	if (r != 0)
		return r;
	if (cli->json == JSON_OFF && !cli->no_legend)
		printf("%s %s\n", done ? "masked already:" : "masked:", masking.target.path);
	if (done)
		return cli->json == JSON_OFF
			       ? 0
			       : change_tell(cli, about(&masking, "gone", json_array()));
	explain_mask(&masking, &change);
	pairs = list_pairs(cli, &change.before, &change.after, "pairs that go away:");
	return change_tell(cli, about(&masking, "gone", pairs));
}

static const struct option_type mask_options[] = {
	OPTION_CONFIG_DIR,
	OPTION_DROP_IN("a drop-in of the file"),
	OPTION_RUNTIME,
};

const struct command command_mask = {
	.name = "mask",
	.family = FAMILY_FILES,
	.arguments = { ARGUMENT("NAME", WORD_FILE_NAME) },
	.help = "keep a file from counting; says which pairs go",
	COMMAND_OPTIONS(mask_options),
	.run = cmd_mask,
};

static int complain_no_mask(const struct masking *masking)
{
	const struct target *target = &masking->target;
	const struct dropin_entry *counting = target_counting(target, &masking->now);
	AUTO_FREE char *bytes = NULL;
	size_t len;

	if (counting && dropin_read_entry(counting, &bytes, &len) == DROPIN_E_MASK)
		return complain(EXIT_NOT_OK, "%s is not there; the mask is %s%s", target->path,
				counting->path,
				counting->rank == 1 ? ", for which there is --runtime" : "");
	return complain(EXIT_NOT_OK, "%s is not masked: there is no %s", target->name,
			target->path);
}

static int cmd_unmask(const struct cli *cli, int argc, char **argv)
{
	AUTO(masking_done) struct masking masking = {};
	AUTO(change_done) struct change change = {};
	bool is_there = false;
	json_t *pairs;
	int r = begin(cli, "unmask", argc, argv, &masking);

	if (r == 0)
		r = check_place(masking.target.path, &is_there);
	if (r == 0 && !is_there)
		r = complain_no_mask(&masking);
	if (r == 0)
		r = change_look(cli, &masking.target.draft, &change);
	if (r == 0 && unlink(masking.target.path) < 0)
		r = complain(EXIT_NOT_OK, "%s cannot be removed: %s", masking.target.path,
			     strerror(errno));
	if (r != 0)
		return r;
	if (cli->json == JSON_OFF && !cli->no_legend)
		printf("removed: %s\n", masking.target.path);
	pairs = list_pairs(cli, &change.after, &change.before, "pairs that come:");
	/* Its faults are told, not a reason to leave it masked: it can only be edited when it counts. */
	if (cli->json == JSON_OFF)
		change_print_faults(cli, &change);
	r = change_tell(cli, about(&masking, "come", pairs));
	return r == 0 && change.faults.n ? EXIT_NOT_OK : r;
}

const struct command command_unmask = {
	.name = "unmask",
	.family = FAMILY_FILES,
	.arguments = { ARGUMENT("NAME", WORD_FILE_NAME) },
	.help = "let it count again",
	COMMAND_OPTIONS(mask_options),
	.run = cmd_unmask,
};
