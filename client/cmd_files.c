/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metactl cat: configuration files in the order in which they count, each below its path, and
 * which ones do not count and why. Needs no metad.
 */
#include "client/output.h"
#include "client/target.h"

#include <stdio.h>

struct show {
	const struct cli *cli;
	const struct outlook *outlook;
	json_t *entries; /* --json; NULL: printed as they come */
	size_t n; /* shown */
	bool faulty; /* something could not be read */
};

/* An escape sequence is harmless in a pipe, and nobody's business but the reader's there. */
static void print_bytes(char *bytes, size_t len)
{
	if (term_is_terminal())
		term_clean(bytes, TERM_MANY_LINES);
	fwrite(bytes, 1, len, stdout);
	if (len && bytes[len - 1] != '\n')
		putchar('\n');
}

static void print_heading(const char *path, const char *words, const char *other)
{
	printf("%s# %s%s%s%s\n", term_colour(COLOUR_STRONG), path, words, other, term_reset());
}

static void print_entry(struct show *show, const struct dropin_entry *entry, int result,
			char *bytes, size_t len, bool hider_masks)
{
	if (show->n++ && !entry->hidden_by)
		putchar('\n');
	if (entry->hidden_by)
		print_heading(entry->path, hider_masks ? " is masked by " : " is overridden by ",
			      entry->hidden_by);
	else if (result == DROPIN_E_MASK)
		print_heading(entry->path, ": masked", "");
	else if (result < 0)
		print_heading(entry->path, " cannot be read: ", strerror(-result));
	else
		print_heading(entry->path, "", "");
	if (bytes)
		print_bytes(bytes, len);
}

static json_t *entry_json(const struct dropin_entry *entry, int result, const char *bytes,
			  size_t len, bool hider_masks)
{
	const char *state = result == 0 ? "read" : result < 0 ? "unreadable" : "masked";

	if (entry->hidden_by)
		state = hider_masks ? "masked" : "overridden";
	/* Content that is no text has no place in JSON. */
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s*, s:s*, s:o*}", "name", entry->name, "kind",
			 entry->kind == CONFIG_SETTINGS ? "settings" : "pairs", "path", entry->path,
			 "dropin", entry->is_dropin, "state", state, "by", entry->hidden_by,
			 "error", result < 0 ? strerror(-result) : NULL, "content",
			 bytes ? json_stringn(bytes, len) : NULL);
}

/* One file: all entries of it. Those that are hidden stand behind what hides them. */
static int show_file(struct show *show, size_t first)
{
	size_t n = target_n_entries(show->outlook, first);
	bool hider_masks = false;

	for (size_t i = 0; i < n; i++) {
		const struct dropin_entry *entry = &show->outlook->list.items[first + i];
		AUTO_FREE char *bytes = NULL;
		size_t len = 0;
		int r = entry->hidden_by ? 0 : dropin_read_entry(entry, &bytes, &len);

		if (!entry->hidden_by)
			hider_masks = r == DROPIN_E_MASK;
		show->faulty |= r < 0;
		output_begin(show->cli);
		if (!show->entries)
			print_entry(show, entry, r, bytes, len, hider_masks);
		else if (json_array_append_new(show->entries,
					       entry_json(entry, r, bytes, len, hider_masks)) < 0)
			return complain(EXIT_NOT_OK, "out of memory");
	}
	return 0;
}

static int show_all(struct show *show)
{
	const struct outlook *outlook = show->outlook;
	int r = 0;

	for (size_t i = 0; i < outlook->list.n && r == 0; i += target_n_entries(outlook, i))
		r = show_file(show, i);
	if (r == 0 && !outlook->list.n && !show->entries && !show->cli->no_legend) {
		fputs("# no configuration in", stdout);
		for (size_t i = 0; i < show->cli->n_config_dirs; i++)
			printf("%s %s", i ? "," : "", show->cli->config_dirs[i]);
		putchar('\n');
	}
	return r;
}

static int complain_unknown(const struct outlook *outlook, const char *name)
{
	int r = complain(EXIT_NOT_OK, "there is no file and no pair \"%s\"", name);

	for (size_t i = 0; i < outlook->catalog.n_files; i++)
		if (!outlook->catalog.files[i].in_force)
			fprintf(stderr, "  %s is broken: what it declares is not known\n",
				outlook->catalog.files[i].name);
	return r;
}

static int show_named(struct show *show, const char *name)
{
	AUTO(found_done) struct found found = {};
	int r = target_find(show->outlook, name, &found);

	if (r == 0 && !found.n)
		return complain_unknown(show->outlook, name);
	for (size_t i = 0; i < found.n && r == 0; i++)
		r = show_file(show, found.files[i]);
	return r;
}

static int cmd_cat(const struct cli *cli, int argc, char **argv)
{
	AUTO(outlook_done) struct outlook outlook = {};
	AUTO(frame_json_unref) json_t *entries = cli->json != JSON_OFF ? json_array() : NULL;
	struct show show = { .cli = cli, .outlook = &outlook, .entries = entries };
	int r = outlook_make(cli, NULL, &outlook), last = 0;

	if (r != 0)
		return r;
	if (argc == 0)
		last = show_all(&show);
	for (int i = 0; i < argc; i++) {
		r = show_named(&show, argv[i]);
		last = r != 0 ? r : last;
	}
	if (entries)
		output(cli, entries, NULL);
	return last != 0 ? last : show.faulty ? EXIT_NOT_OK : 0;
}

static const struct option_type cat_options[] = { OPTION_CONFIG_DIR };

const struct command command_cat = {
	.name = "cat",
	.family = FAMILY_FILES,
	.arguments = { ARGUMENTS_OPTIONAL("NAME", WORD_NAME) },
	.help = "files in the order in which they count",
	.details = TARGET_NAME_DETAILS "\nWithout NAME it is all that metad reads.",
	COMMAND_OPTIONS(cat_options),
	.is_paged = true,
	.run = cmd_cat,
};
