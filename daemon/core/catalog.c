/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files and what of them is in force; see catalog.h. A snapshot copies what it takes, so that a
 * file that turns bad later can still be in force with what it said before.
 */
#include "core/catalog.h"

#include "core/model_copy.h"

#include <errno.h>
#include <stdio.h>

static void file_done(struct catalog_file *file)
{
	free(file->name);
	free(file->path);
	config_done(&file->config);
	diag_list_done(&file->diags);
	*file = (struct catalog_file){};
}

void catalog_done(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		file_done(&catalog->files[i]);
	free(catalog->files);
	diag_list_done(&catalog->conflicts);
	*catalog = (struct catalog){};
}

void catalog_source_done(struct catalog_source *source)
{
	free(source->name);
	free(source->path);
	free(source->bytes);
	*source = (struct catalog_source){};
}

void catalog_each_diag(const struct catalog *catalog,
		       void (*fn)(void *ctx, const struct diag *diag), void *ctx)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		for (size_t j = 0; j < catalog->files[i].diags.n; j++)
			fn(ctx, &catalog->files[i].diags.items[j]);
	for (size_t i = 0; i < catalog->conflicts.n; i++)
		fn(ctx, &catalog->conflicts.items[i]);
}

/* ---- taking files ---- */

static struct catalog_file *find_file(struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].name && strcmp(catalog->files[i].name, name) == 0)
			return &catalog->files[i];
	return NULL;
}

static int note_unreadable(struct catalog_file *file, int error)
{
	struct diag diag = { .file = strdup(file->path) };

	diag_set(&diag, "cannot be read: %s", strerror(-error));
	return diag_list_add(&file->diags, &diag);
}

/* Parses new bytes; old good content stays in force when they are bad. */
static int take_bytes(struct catalog_file *file, const struct catalog_source *source)
{
	struct config config = {};
	int r;

	diag_list_done(&file->diags);
	if (!source->bytes)
		return note_unreadable(file, source->error);
	r = config_parse(source->kind, file->path, source->bytes, source->len, &config,
			 &file->diags);
	if (r != 0)
		return r < 0 ? r : 0;
	config_done(&file->config);
	file->config = config;
	file->in_force = true;
	return 0;
}

static uint64_t digest_of(const struct catalog_source *source)
{
	uint64_t digest = util_hash(UTIL_HASH_START, source->path, strlen(source->path));

	if (!source->bytes)
		return util_hash(digest, &source->error, sizeof(source->error)) | 1;
	return util_hash(digest, source->bytes, source->len);
}

static int take_source(struct catalog *old, const struct catalog_source *source,
		       struct catalog *into)
{
	struct catalog_file *known = find_file(old, source->name);
	struct catalog_file file = known ? STEAL(*known) : (struct catalog_file){};
	uint64_t digest = digest_of(source);
	int r = 0;

	if (!known || file.digest != digest) {
		free(file.name);
		free(file.path);
		file.name = strdup(source->name);
		file.path = strdup(source->path);
		file.kind = source->kind;
		file.digest = digest;
		r = file.name && file.path ? take_bytes(&file, source) : -ENOMEM;
	}
	if (r == 0)
		r = ARRAY_APPEND(into->files, into->n_files, file);
	if (r < 0)
		file_done(&file);
	return r;
}

int catalog_update(struct catalog *catalog, const struct catalog_source *sources, size_t n)
{
	AUTO(catalog_done) struct catalog fresh = {};
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = take_source(catalog, &sources[i], &fresh);
	if (r < 0)
		return r;
	catalog_done(catalog);
	*catalog = STEAL(fresh);
	return 0;
}

/* ---- joining ---- */

/* A declaration on its way into the snapshot; order is the file's place. */
struct claim {
	const char *name;
	size_t order;
	const struct pair *pair;
	const struct program *program;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int note_conflict(struct catalog *catalog, const struct diag *at, const struct diag *first,
			 const char *what, const char *name)
{
	struct diag diag = {};
	int r = diag_copy(at, &diag);

	if (r < 0)
		return r;
	diag_set(&diag, "%s \"%s\" is already declared in %s:%u:%u, which stays in force", what,
		 name, first->file, first->line, first->column);
	return diag_list_add(&catalog->conflicts, &diag);
}

static int collect(const struct catalog *catalog, bool programs, struct claim **ret, size_t *ret_n)
{
	AUTO_FREE struct claim *claims = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < catalog->n_files; i++) {
		const struct config *config = &catalog->files[i].config;
		size_t n_nouns = programs ? config->n_programs : config->n_pairs;

		for (size_t j = 0; j < n_nouns && r == 0; j++) {
			struct claim claim = { .order = i };

			if (programs)
				claim.program = &config->programs[j];
			else
				claim.pair = &config->pairs[j];
			claim.name = programs ? claim.program->name : claim.pair->name;
			r = ARRAY_APPEND(claims, n, claim);
		}
	}
	if (r < 0)
		return r;
	if (n)
		qsort(claims, n, sizeof(*claims), compare_claims);
	*ret = STEAL(claims);
	*ret_n = n;
	return 0;
}

static int join_pairs(struct catalog *catalog, struct desired *desired)
{
	AUTO_FREE struct claim *claims = NULL;
	size_t n;
	int r = collect(catalog, false, &claims, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct pair pair = {};

		if (i > 0 && strcmp(claims[i].name, claims[i - 1].name) == 0) {
			r = note_conflict(catalog, &claims[i].pair->at,
					  &desired->pairs[desired->n_pairs - 1].at, "pair",
					  claims[i].name);
			continue;
		}
		if (desired->n_pairs == PAIRS_MAX)
			return note_conflict(catalog, &claims[i].pair->at, &claims[0].pair->at,
					     "too many pairs; of the first", claims[0].name);
		r = pair_copy(claims[i].pair, &pair);
		if (r == 0)
			r = ARRAY_APPEND(desired->pairs, desired->n_pairs, pair);
		if (r < 0)
			pair_done(&pair);
	}
	return r;
}

static int join_programs(struct catalog *catalog, struct desired *desired)
{
	AUTO_FREE struct claim *claims = NULL;
	size_t n;
	int r = collect(catalog, true, &claims, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct program program = {};

		if (i > 0 && strcmp(claims[i].name, claims[i - 1].name) == 0) {
			r = note_conflict(catalog, &claims[i].program->at,
					  &desired->programs[desired->n_programs - 1].at, "program",
					  claims[i].name);
			continue;
		}
		r = program_copy(claims[i].program, &program);
		if (r == 0)
			r = ARRAY_APPEND(desired->programs, desired->n_programs, program);
		if (r < 0)
			program_done(&program);
	}
	return r;
}

/* A pair of another file that puts a peer of the same name into the same namespace. */
static int compare_peers(const void *a, const void *b)
{
	const struct pair *x = *(const struct pair *const *)a, *y = *(const struct pair *const *)b;
	int r = (int)x->netns.by - (int)y->netns.by;

	if (r == 0)
		r = strcmp(x->netns.text, y->netns.text);
	if (r == 0)
		r = strcmp(x->end[SIDE_PEER].attrs.name, y->end[SIDE_PEER].attrs.name);
	if (r == 0)
		r = strcmp(x->at.file, y->at.file);
	return r ? r : strcmp(x->name, y->name);
}

static bool same_peer(const struct pair *a, const struct pair *b)
{
	return a->netns.by == b->netns.by && strcmp(a->netns.text, b->netns.text) == 0 &&
	       strcmp(a->end[SIDE_PEER].attrs.name, b->end[SIDE_PEER].attrs.name) == 0;
}

static int drop_doubled_peers(struct catalog *catalog, struct desired *desired)
{
	AUTO_FREE struct pair **peers = calloc(desired->n_pairs + 1, sizeof(*peers));
	size_t first = 0, kept = 0;
	int r = 0;

	if (!peers)
		return -ENOMEM;
	for (size_t i = 0; i < desired->n_pairs; i++)
		peers[i] = &desired->pairs[i];
	qsort(peers, desired->n_pairs, sizeof(*peers), compare_peers);
	for (size_t i = 1; i < desired->n_pairs && r == 0; i++) {
		if (!same_peer(peers[first], peers[i])) {
			first = i;
			continue;
		}
		r = note_conflict(catalog, &peers[i]->at, &peers[first]->at,
				  "the same peer in the same namespace as of pair",
				  peers[first]->name);
		pair_done(peers[i]);
	}
	for (size_t i = 0; i < desired->n_pairs; i++)
		if (desired->pairs[i].name[0])
			desired->pairs[kept++] = desired->pairs[i];
	desired->n_pairs = kept;
	return r;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_implicit(struct desired *desired, const char *name, const char *object)
{
	struct program program = {};
	int r;

	snprintf(program.name, sizeof(program.name), "%s", name);
	program.object = strdup(object);
	r = program.object ? ARRAY_APPEND(desired->programs, desired->n_programs, program) : -ENOMEM;
	if (r < 0)
		program_done(&program);
	return r;
}

/* Names in chains that no file defines stand for the shipped object of that name. */
static int define_implicit(struct desired *desired)
{
	AUTO_FREE const char **names = NULL;
	size_t n = 0;
	int r = 0;

	desired_sort(desired);
	for (size_t i = 0; i < desired->n_pairs; i++)
		for (enum side side = 0; side < N_SIDES; side++) {
			const struct end *end = &desired->pairs[i].end[side];

			for (size_t j = 0; j < end->n_uses && r == 0; j++)
				if (!desired_find_program(desired, end->uses[j].program))
					r = ARRAY_APPEND(names, n,
							 (const char *)end->uses[j].program);
		}
	if (n)
		qsort(names, n, sizeof(*names), compare_texts);
	for (size_t i = 0; i < n && r == 0; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			r = add_implicit(desired, names[i], names[i]);
	if (r == 0)
		r = add_implicit(desired, PROGRAM_POLICY_DROP, "drop");
	desired_sort(desired);
	return r;
}

int catalog_join(struct catalog *catalog, struct desired **ret)
{
	AUTO(desired_unrefp) struct desired *desired = desired_new();
	int r;

	if (!desired)
		return -ENOMEM;
	diag_list_done(&catalog->conflicts);
	for (size_t i = 0; i < catalog->n_files; i++) {
		const struct catalog_file *file = &catalog->files[i];

		if (file->kind == CONFIG_SETTINGS && file->in_force)
			desired->settings = file->config.settings;
		if (file->kind == CONFIG_PAIRS && !file->in_force)
			desired->incomplete = true;
	}
	r = join_pairs(catalog, desired);
	if (r == 0)
		r = drop_doubled_peers(catalog, desired);
	if (r == 0)
		r = join_programs(catalog, desired);
	if (r == 0)
		r = define_implicit(desired);
	if (r < 0)
		return r;
	*ret = STEAL(desired);
	return 0;
}
