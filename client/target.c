/* SPDX-License-Identifier: GPL-2.0-only */
/* From names to files; see target.h. */
#include "client/target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define SUFFIX ".yaml"
#define USUAL_DROPIN "override" SUFFIX

void found_done(struct found *found)
{
	free(found->files);
	*found = (struct found){};
}

void target_done(struct target *target)
{
	free(target->name);
	free(target->dropin);
	free(target->path);
	*target = (struct target){};
}

/* ---- finding ---- */

static bool is_same_file(const struct dropin_entry *a, const struct dropin_entry *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

size_t target_n_entries(const struct outlook *outlook, size_t first)
{
	const struct dropin_entry *entries = &outlook->list.items[first];
	size_t n = 1;

	while (first + n < outlook->list.n && is_same_file(entries, &entries[n]))
		n++;
	return n;
}

/* "50-web" is short for "50-web.yaml". */
static bool is_called(const char *name, const char *text)
{
	size_t len = strlen(text);

	return strncmp(name, text, len) == 0 && (!name[len] || strcmp(name + len, SUFFIX) == 0);
}

static bool is_settings(const char *text)
{
	return is_called(DROPIN_SETTINGS, text) && text[0];
}

static bool declares(const struct outlook *outlook, const struct dropin_entry *entry,
		     const char *pair)
{
	for (size_t i = 0; i < outlook->catalog.n_files; i++) {
		const struct catalog_file *file = &outlook->catalog.files[i];

		if (file->kind != entry->kind || strcmp(file->name, entry->name) != 0)
			continue;
		for (size_t j = 0; j < file->config.n_pairs; j++)
			if (strcmp(file->config.pairs[j].name, pair) == 0)
				return true;
	}
	return false;
}

static bool has_path(const struct outlook *outlook, size_t first, const char *text,
		     const struct dropin_entry **ret)
{
	const struct dropin_entry *entries = &outlook->list.items[first];

	for (size_t i = 0; i < target_n_entries(outlook, first); i++) {
		if (strcmp(entries[i].path, text) == 0) {
			*ret = &entries[i];
			return true;
		}
	}
	return false;
}

/* metad.yaml means the settings; a file of pairs that is called so has a path. */
static bool is_wanted(const struct outlook *outlook, size_t first, const char *text,
		      struct found *found)
{
	const struct dropin_entry *entry = &outlook->list.items[first];

	if (strchr(text, '/'))
		return has_path(outlook, first, text, &found->entry);
	if (found->by_pair)
		return declares(outlook, entry, text);
	return is_called(entry->name, text) &&
	       (entry->kind == CONFIG_SETTINGS) == is_settings(text);
}

static int find(const struct outlook *outlook, const char *text, struct found *found)
{
	for (size_t i = 0; i < outlook->list.n; i += target_n_entries(outlook, i))
		if (is_wanted(outlook, i, text, found) &&
		    ARRAY_APPEND(found->files, found->n, i) < 0)
			return complain(EXIT_NOT_OK, "out of memory");
	return 0;
}

int target_find(const struct outlook *outlook, const char *text, struct found *ret)
{
	AUTO(found_done) struct found found = {};
	int r = find(outlook, text, &found);

	if (r == 0 && !found.n) {
		found.by_pair = true;
		r = find(outlook, text, &found);
		found.by_pair = found.n > 0;
	}
	if (r == 0)
		*ret = STEAL(found);
	return r;
}

/* ---- what to write ---- */

/* The name of a file or a drop-in that may be new. Owned by the caller; NULL: explained. */
static char *whole_name(const char *text)
{
	size_t len = strlen(text);
	bool suffixed = len > strlen(SUFFIX) && is_called(text + len - strlen(SUFFIX), SUFFIX);
	char *name;

	if (asprintf(&name, "%s%s", text, suffixed ? "" : SUFFIX) < 0) {
		complain(EXIT_NOT_OK, "out of memory");
		return NULL;
	}
	if (!strchr(name, '/') && dropin_is_name(name) && strlen(name) <= NAME_MAX)
		return name;
	complain(EXIT_USAGE,
		 "\"%s\" cannot be the name of a configuration file: it has no '/', does not begin "
		 "with '.' and ends in %s",
		 text, SUFFIX);
	free(name);
	return NULL;
}

/* Several files declare a pair. */
static int complain_ambiguous(const struct outlook *outlook, const char *text,
			      const struct found *found)
{
	int r = complain(EXIT_NOT_OK, "pair \"%s\" is in several files; say which:", text);

	for (size_t i = 0; i < found->n; i++)
		fprintf(stderr, "  %s\n", outlook->list.items[found->files[i]].name);
	return r;
}

/* A mask is for a file: more pairs may be in it than the one that somebody means. */
static int complain_pair(const struct outlook *outlook, const char *text, const struct found *found)
{
	const char *name = outlook->list.items[found->files[0]].name;

	return complain(EXIT_NOT_OK,
			"\"%s\" is a pair; masks are for files, with all that is in them. It is "
			"declared in %s: metactl cat %s",
			text, name, name);
}

static int choose_file(const struct outlook *outlook, const char *text, enum target_use use,
		       const struct found *found, struct target *target)
{
	const struct dropin_entry *entry;

	if (found->by_pair && use == TARGET_MASK)
		return complain_pair(outlook, text, found);
	if (found->n > 1)
		return complain_ambiguous(outlook, text, found);
	target->is_new = !found->n;
	if (target->is_new) {
		target->name = whole_name(text);
		target->draft.kind = is_settings(text) ? CONFIG_SETTINGS : CONFIG_PAIRS;
		return target->name ? 0 : EXIT_USAGE;
	}
	entry = &outlook->list.items[found->files[0]];
	target->draft.kind = entry->kind;
	target->name = strdup(entry->name);
	return target->name ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

static int choose_dropin(const struct cli *cli, enum target_use use, const struct found *found,
			 struct target *target)
{
	const char *name = cli_option(cli, "drop-in");

	if (name && cli->full)
		return complain(EXIT_USAGE, "either --drop-in or --full");
	if (!name && found->entry && found->entry->is_dropin && !cli->full)
		name = strrchr(found->entry->path, '/') + 1;
	if (!name && use == TARGET_EDIT && !cli->full && !target->is_new)
		name = USUAL_DROPIN;
	if (!name)
		return 0;
	target->dropin = whole_name(name);
	return target->dropin ? 0 : EXIT_USAGE;
}

static int choose_dir(const struct cli *cli, struct target *target)
{
	struct dropin_draft *draft = &target->draft;

	draft->rank = cli_is_given(cli, "runtime") ? 1 : 0;
	if (draft->rank >= cli->n_config_dirs)
		return complain(EXIT_USAGE, "--runtime means the second --config-dir, and there is "
					    "only one");
	draft->name = target->name;
	draft->dropin = target->dropin;
	target->path = dropin_path(cli->config_dirs[draft->rank], draft->kind, draft->name,
				   draft->dropin);
	return target->path ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

int target_make(const struct cli *cli, const struct outlook *outlook, const char *text,
		enum target_use use, struct target *ret)
{
	AUTO(target_done) struct target target = {};
	AUTO(found_done) struct found found = {};
	int r = target_find(outlook, text, &found);

	if (r == 0)
		r = choose_file(outlook, text, use, &found, &target);
	if (r == 0)
		r = choose_dropin(cli, use, &found, &target);
	if (r == 0)
		r = choose_dir(cli, &target);
	if (r == 0)
		*ret = STEAL(target);
	return r;
}

const struct dropin_entry *target_entry(const struct target *target, const struct outlook *outlook)
{
	for (size_t i = 0; i < outlook->list.n; i++)
		if (strcmp(outlook->list.items[i].path, target->path) == 0)
			return &outlook->list.items[i];
	return NULL;
}

const struct dropin_entry *target_counting(const struct target *target,
					   const struct outlook *outlook)
{
	for (size_t i = 0; i < outlook->list.n; i++) {
		const struct dropin_entry *entry = &outlook->list.items[i];

		if (!entry->hidden_by && entry->kind == target->draft.kind &&
		    entry->is_dropin == (target->dropin != NULL) &&
		    strcmp(entry->name, target->name) == 0 &&
		    (!target->dropin || strcmp(strrchr(entry->path, '/') + 1, target->dropin) == 0))
			return entry;
	}
	return NULL;
}
