/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files and what of each is in force; see catalog.h. Content moves from the old list to the new
 * one only when nothing can fail any more: lack of memory must not cost the last good content.
 */
#include "core/catalog.h"

#include <errno.h>

void catalog_file_done(struct catalog_file *file)
{
	free(file->name);
	for (size_t i = 0; i < file->n_paths; i++)
		free(file->paths[i]);
	free(file->paths);
	config_done(&file->config);
	diag_list_done(&file->diags);
	*file = (struct catalog_file){};
}

void catalog_done(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		catalog_file_done(&catalog->files[i]);
	free(catalog->files);
	diag_list_done(&catalog->troubles);
	*catalog = (struct catalog){};
}

void catalog_source_done(struct catalog_source *source)
{
	free(source->name);
	for (size_t i = 0; i < source->n_parts; i++) {
		free(source->parts[i].path);
		free(source->parts[i].bytes);
	}
	free(source->parts);
	*source = (struct catalog_source){};
}

void catalog_each_diag(const struct catalog *catalog, const struct desired *desired,
		       void (*fn)(void *ctx, const struct diag *diag), void *ctx)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		for (size_t j = 0; j < catalog->files[i].diags.n; j++)
			fn(ctx, &catalog->files[i].diags.items[j]);
	for (size_t i = 0; i < catalog->troubles.n; i++)
		fn(ctx, &catalog->troubles.items[i]);
	for (size_t i = 0; desired && i < desired->conflicts.n; i++)
		fn(ctx, &desired->conflicts.items[i]);
}

static int compare_files(const void *a, const void *b)
{
	const struct catalog_file *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (int)x->kind - (int)y->kind;
}

struct catalog_file *catalog_find(const struct catalog *catalog, enum config_kind kind,
				  const char *name)
{
	const struct catalog_file key = { .name = (char *)name, .kind = kind };

	if (!catalog->n_files)
		return NULL;
	return bsearch(&key, catalog->files, catalog->n_files, sizeof(key), compare_files);
}

static int note_unreadable(struct catalog_file *file, const struct config_part *part)
{
	AUTO(diag_done) struct diag diag = { .file = strdup(part->path) };

	diag_set(&diag, "cannot be read: %s", strerror(-part->error));
	return diag.file && diag.text ? diag_list_add(&file->diags, &diag) : -ENOMEM;
}

/* What pairs are laid over, and a number for it. */
struct defaults {
	const struct node *tree; /* borrowed; NULL: none */
	uint64_t digest;
};

static uint64_t digest_of(const struct catalog_source *source, const struct defaults *defaults)
{
	uint64_t digest = source->kind == CONFIG_PAIRS ? defaults->digest : UTIL_HASH_START;

	for (size_t i = 0; i < source->n_parts; i++) {
		const struct config_part *part = &source->parts[i];

		digest = util_hash(digest, part->path, strlen(part->path));
		digest = util_hash(digest, &part->len, sizeof(part->len));
		if (part->bytes)
			digest = util_hash(digest, part->bytes, part->len);
		else
			digest = util_hash(digest, &part->error, sizeof(part->error));
	}
	return digest;
}

/* A part that cannot be read is a fault of the whole: without it the rest says something else. */
static int parse_source(struct catalog_file *file, const struct catalog_source *source,
			const struct defaults *defaults)
{
	bool readable = true;
	int r = 0;

	for (size_t i = 0; i < source->n_parts && r == 0; i++) {
		if (source->parts[i].bytes)
			continue;
		readable = false;
		r = note_unreadable(file, &source->parts[i]);
	}
	if (r < 0 || !readable)
		return r;
	r = config_parse(source->kind, source->parts, source->n_parts, defaults->tree, &file->config,
			 &file->diags);
	file->in_force = r == 0;
	return r < 0 ? r : 0;
}

static int copy_paths(const struct catalog_source *source, struct catalog_file *file)
{
	for (size_t i = 0; i < source->n_parts; i++) {
		char *path = strdup(source->parts[i].path);
		int r = path ? ARRAY_APPEND(file->paths, file->n_paths, path) : -ENOMEM;

		if (r < 0) {
			free(path);
			return r;
		}
	}
	return 0;
}

/* A file as its newest bytes are; content that is known already is left out and comes later. */
static int read_source(const struct catalog *old, const struct catalog_source *source,
		       const struct defaults *defaults, struct catalog_file *ret)
{
	AUTO(catalog_file_done) struct catalog_file file = { .kind = source->kind };
	const struct catalog_file *known;
	int r = 0;

	file.name = strdup(source->name);
	if (!file.name || copy_paths(source, &file) < 0)
		return -ENOMEM;
	file.digest = digest_of(source, defaults);
	known = catalog_find(old, file.kind, file.name);
	if (!known || known->digest != file.digest)
		r = parse_source(&file, source, defaults);
	if (r < 0)
		return r;
	*ret = STEAL(file);
	return 0;
}

/* Takes over what the old file has and the new one lacks. Cannot fail. */
static void inherit(struct catalog_file *file, struct catalog_file *known)
{
	if (file->digest == known->digest)
		file->diags = STEAL(known->diags);
	else if (file->in_force)
		return;
	file->in_force = known->in_force;
	file->kept = known->kept;
	file->config = STEAL(known->config);
}

static int read_sources(const struct catalog *old, const struct catalog_source *sources, size_t n,
			enum config_kind kind, const struct defaults *defaults,
			struct catalog *fresh)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct catalog_file file;

		if (sources[i].kind != kind)
			continue;
		r = read_source(old, &sources[i], defaults, &file);
		if (r < 0)
			return r;
		r = ARRAY_APPEND(fresh->files, fresh->n_files, file);
		if (r < 0)
			catalog_file_done(&file);
	}
	return r;
}

/* The settings that will be in force: those just read, or those of before that they keep. */
static struct defaults defaults_of(const struct catalog *old, const struct catalog *fresh)
{
	struct defaults defaults = { .digest = UTIL_HASH_START };

	for (size_t i = 0; i < fresh->n_files; i++) {
		const struct catalog_file *file = &fresh->files[i];

		if (!file->in_force)
			file = catalog_find(old, file->kind, file->name);
		if (!file || !file->in_force || !file->config.defaults.n_children)
			continue;
		defaults.tree = &file->config.defaults;
		defaults.digest = config_tree_digest(defaults.tree);
	}
	return defaults;
}

/* Nothing that anything but its own pairs depends on. */
static bool declares_only_pairs(const struct catalog_file *file)
{
	return file->kind == CONFIG_PAIRS && file->in_force && !file->config.n_programs &&
	       !file->config.n_templates && !file->config.n_pools;
}

static bool is_in_both(const struct catalog *other, const struct catalog_file *file,
		       const struct catalog_file **ret)
{
	*ret = catalog_find(other, file->kind, file->name);
	return *ret && (*ret)->digest == file->digest;
}

static void note_changed(struct catalog *fresh, const struct catalog_file *file)
{
	fresh->changed = true;
	fresh->only_pairs_changed &= declares_only_pairs(file);
}

/* Before the new ones have taken over what has not changed. Both are sorted. */
static void note_changes(const struct catalog *old, struct catalog *fresh)
{
	const struct catalog_file *other;

	fresh->changed = old->changed;
	fresh->only_pairs_changed = old->only_pairs_changed;
	for (size_t i = 0; i < fresh->n_files; i++)
		if (!is_in_both(old, &fresh->files[i], &other))
			note_changed(fresh, &fresh->files[i]);
	for (size_t i = 0; i < old->n_files; i++)
		if (!is_in_both(fresh, &old->files[i], &other))
			note_changed(fresh, &old->files[i]);
}

static void remove_file(struct catalog *catalog, struct catalog_file *file)
{
	size_t behind = &catalog->files[catalog->n_files] - (file + 1);

	note_changed(catalog, file);
	memmove(file, file + 1, behind * sizeof(*file));
	catalog->n_files--;
}

int catalog_take(struct catalog *catalog, enum config_kind kind, const char *name,
		 struct catalog_file *ret)
{
	struct catalog_file *file = catalog_find(catalog, kind, name);

	*ret = (struct catalog_file){ .kind = kind };
	if (!file) {
		ret->name = strdup(name);
		return ret->name ? 0 : -ENOMEM;
	}
	*ret = *file;
	remove_file(catalog, file);
	return 0;
}

int catalog_put_back(struct catalog *catalog, struct catalog_file *file)
{
	bool was_there = file->n_paths > 0;
	struct catalog_file *other;

	/* Room for it first, at the end, so that nothing can fail afterwards. */
	if (was_there && ARRAY_APPEND(catalog->files, catalog->n_files, *file) < 0)
		return -ENOMEM;
	catalog->n_files -= was_there;
	other = catalog_find(catalog, file->kind, file->name);
	if (other) {
		AUTO(catalog_file_done) struct catalog_file old = *other;

		remove_file(catalog, other);
	}
	if (!was_there) {
		catalog_file_done(file);
		return 0;
	}
	note_changed(catalog, file);
	catalog->files[catalog->n_files++] = STEAL(*file);
	qsort(catalog->files, catalog->n_files, sizeof(*file), compare_files);
	return 0;
}

int catalog_update(struct catalog *catalog, const struct catalog_source *sources, size_t n)
{
	AUTO(catalog_done) struct catalog fresh = {};
	struct defaults defaults = { .digest = UTIL_HASH_START };
	int r = read_sources(catalog, sources, n, CONFIG_SETTINGS, &defaults, &fresh);

	if (r == 0) {
		defaults = defaults_of(catalog, &fresh);
		r = read_sources(catalog, sources, n, CONFIG_PAIRS, &defaults, &fresh);
	}
	if (r < 0)
		return r;
	if (n)
		qsort(fresh.files, n, sizeof(*fresh.files), compare_files);
	note_changes(catalog, &fresh);
	for (size_t i = 0; i < n; i++) {
		struct catalog_file *known =
			catalog_find(catalog, fresh.files[i].kind, fresh.files[i].name);

		if (known)
			inherit(&fresh.files[i], known);
	}
	fresh.troubles = STEAL(catalog->troubles);
	catalog_done(catalog);
	*catalog = STEAL(fresh);
	return 0;
}
