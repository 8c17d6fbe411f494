/* SPDX-License-Identifier: GPL-2.0-only */
/* From names to files; see target.h. */
#include "client/target.h"

#define SUFFIX ".yaml"

void found_done(struct found *found)
{
	free(found->files);
	*found = (struct found){};
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
