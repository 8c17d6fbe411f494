/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file: its bytes through config_tree, its top-level keys here, its pairs in config_pair. What
 * must be unique within a file is checked here; between files it is catalog's.
 */
#include "core/config.h"

#include "core/config_defaults.h"
#include "core/config_derived.h"
#include "core/config_pair.h"
#include "core/config_pool.h"
#include "core/config_settings.h"
#include "core/config_template.h"

#include <errno.h>
#include <stdio.h>

/* ---- order ---- */

/* Every noun has its name as its first member. */
static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void sort_nouns(struct config *config)
{
	if (config->n_pairs)
		qsort(config->pairs, config->n_pairs, sizeof(*config->pairs), compare_names);
	if (config->n_programs)
		qsort(config->programs, config->n_programs, sizeof(*config->programs),
		      compare_names);
	if (config->n_pools)
		qsort(config->pools, config->n_pools, sizeof(*config->pools), compare_names);
	if (config->n_templates)
		qsort(config->templates, config->n_templates, sizeof(*config->templates),
		      compare_names);
}

static const struct pool *find_pool(const struct config *config, const char *name)
{
	if (!config->n_pools || !name[0])
		return NULL;
	return bsearch(name, config->pools, config->n_pools, sizeof(*config->pools), compare_names);
}

/* ---- programs ---- */

static void read_object(struct reader_file *file, const struct node *value, void *noun)
{
	struct program *program = noun;
	const char *text;

	if (!reader_text(file, value, "object", &text))
		return;
	if (text[0] != '/' && !config_program_name_is_valid(text)) {
		reader_fault(file, value,
			     "object: \"%s\" is neither the name of a shipped object nor "
			     "an absolute path",
			     text);
		return;
	}
	free(program->object);
	program->object = reader_copy(file, text);
}

static void read_function(struct reader_file *file, const struct node *value, void *noun)
{
	struct program *program = noun;
	const char *text;

	if (!reader_text(file, value, "program", &text))
		return;
	free(program->function);
	program->function = reader_copy(file, text);
}

static void read_program(struct reader_file *file, const struct node *key, struct config *config)
{
	static const struct reader_key keys[] = { { "object", read_object },
						  { "program", read_function },
						  {} };
	const struct node *value = key + 1;
	struct program program = { .at = reader_place(file, key) };

	config_name_read(file, key, "program", program.name);
	if (reader_map(file, value, "a program", keys, &program) && !reader_find(value, "object"))
		reader_fault(file, key, "program \"%s\" needs \"object:\"", key->text);
	if (ARRAY_APPEND(config->programs, config->n_programs, program) < 0) {
		file->out_of_memory = true;
		program_done(&program);
	}
}

static void read_programs(struct reader_file *file, const struct node *value, void *noun)
{
	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "programs must be a map of names and definitions");
		return;
	}
	for (size_t i = 0; i < value->n_children; i += 2)
		read_program(file, &value->children[i], noun);
}

/* ---- pools ---- */

static void read_pools(struct reader_file *file, const struct node *value, void *noun)
{
	struct config *config = noun;

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "pools must be a map of names and pools");
		return;
	}
	for (size_t i = 0; i < value->n_children; i += 2) {
		struct pool pool;

		config_pool_read(file, &value->children[i], &pool);
		if (ARRAY_APPEND(config->pools, config->n_pools, pool) < 0) {
			file->out_of_memory = true;
			pool_done(&pool);
			return;
		}
	}
}

/* ---- templates ---- */

static void read_templates(struct reader_file *file, const struct node *value, void *noun)
{
	struct config *config = noun;

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "templates must be a map of names and templates");
		return;
	}
	if (value->n_children / 2 > CONFIG_TEMPLATES_MAX) {
		reader_fault(file, value, "%zu templates are more than %d", value->n_children / 2,
			     CONFIG_TEMPLATES_MAX);
		return;
	}
	for (size_t i = 0; i < value->n_children; i += 2) {
		struct template template;

		config_template_read(file, &value->children[i], &template);
		if (ARRAY_APPEND(config->templates, config->n_templates, template) < 0) {
			file->out_of_memory = true;
			template_done(&template);
			return;
		}
	}
}

/* A template may stand before its pool, or in another file than it. */
static void check_templates(struct reader_file *file, const struct config *config)
{
	for (size_t i = 0; i < config->n_templates && !file->out_of_memory; i++) {
		struct template *template = &config->templates[i];

		config_template_check(file, template, find_pool(config, template->pool));
	}
}

/* ---- pairs ---- */

/* The config's own copy of a tree. */
static const struct node *own_overrides(struct reader_file *file, const struct node *value,
					struct config *config)
{
	struct node *copy = calloc(1, sizeof(*copy));

	if (copy && config_tree_copy(value, copy) == 0 &&
	    ARRAY_APPEND(config->overrides, config->n_overrides, copy) == 0)
		return copy;
	if (copy)
		config_tree_done(copy);
	free(copy);
	file->out_of_memory = true;
	return NULL;
}

static void read_pair(struct reader_file *file, const struct node *key, struct config *config,
		      struct pair *ret)
{
	const struct node *value = key + 1;

	if (!reader_find(value, "template")) {
		config_pair_read(file, key, value, NULL, ret);
		return;
	}
	*ret = (struct pair){};
	value = own_overrides(file, value, config);
	if (value)
		config_derived_read(file, key, value, ret);
}

static void read_pairs(struct reader_file *file, const struct node *value, void *noun)
{
	struct config *config = noun;

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "pairs must be a map of names and pairs");
		return;
	}
	if (value->n_children / 2 > PAIRS_MAX) {
		reader_fault(file, value, "%zu pairs are more than %d", value->n_children / 2,
			     PAIRS_MAX);
		return;
	}
	for (size_t i = 0; i < value->n_children; i += 2) {
		struct pair pair;

		read_pair(file, &value->children[i], config, &pair);
		if (ARRAY_APPEND(config->pairs, config->n_pairs, pair) < 0) {
			file->out_of_memory = true;
			pair_done(&pair);
			return;
		}
	}
}

static int compare_peers(const void *a, const void *b)
{
	const struct pair *x = *(const struct pair *const *)a, *y = *(const struct pair *const *)b;
	int r = pair_compare_peer(x, y);

	return r ? r : diag_compare_place(&x->at, &y->at);
}

/* Two peers of one name cannot live in one namespace. A pair that stands twice is one fault. */
static void check_peers(struct reader_file *file, const struct config *config)
{
	AUTO_FREE const struct pair **peers = calloc(config->n_pairs + 1, sizeof(*peers));
	const struct pair *first;
	char where[READER_WHERE_SIZE];
	size_t n = 0;

	if (!peers) {
		file->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < config->n_pairs; i++)
		if (config->pairs[i].netns.text && config->pairs[i].end[SIDE_PEER].attrs.name[0])
			peers[n++] = &config->pairs[i];
	qsort(peers, n, sizeof(*peers), compare_peers);
	first = peers[0];
	for (size_t i = 1; i < n; i++) {
		const struct pair *pair = peers[i];
		struct node at = { .file = pair->at.file,
				   .line = pair->at.line,
				   .column = pair->at.column };

		if (pair_compare_peer(first, pair) != 0)
			first = pair;
		else if (strcmp(first->name, pair->name) != 0)
			reader_fault(file, &at,
				     "pair \"%s\": namespace %s already has a peer called "
				     "%s, of pair \"%s\" %s",
				     pair->name, pair->netns.text, pair->end[SIDE_PEER].attrs.name,
				     first->name, reader_where(&first->at, &pair->at, where));
	}
}

/* ---- the file ---- */

static void read_root(struct reader_file *file, enum config_kind kind, const struct node *root,
		      struct config *config)
{
	static const struct reader_key pairs_keys[] = {
		{ "programs", read_programs },
		{ "pools", read_pools },
		{ "templates", read_templates },
		{ "pairs", read_pairs },
		{},
	};

	config->settings = SETTINGS_DEFAULT;
	if (kind == CONFIG_SETTINGS) {
		config_settings_read(file, root, config);
		return;
	}
	reader_map(file, root, "a file of pairs", pairs_keys, config);
	sort_nouns(config);
	check_templates(file, config);
	/* Short of memory, places lack their files. */
	if (config->n_pairs && !file->out_of_memory)
		check_peers(file, config);
}

/* By file, then in the order in which people read it. */
static int compare_diags(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int r = x->file && y->file ? strcmp(x->file, y->file) : 0;

	if (r == 0)
		r = diag_compare_place(x, y);
	return r || !x->text || !y->text ? r : strcmp(x->text, y->text);
}

/* Sorts what was found, in whatever order, and says how much more there was. */
static int finish_faults(const struct reader_file *file, const char *name, size_t n_before)
{
	struct diag_list *diags = file->diags;
	AUTO(diag_done) struct diag more = {};

	if (diags->n > n_before)
		qsort(diags->items + n_before, diags->n - n_before, sizeof(*diags->items),
		      compare_diags);
	if (file->n_faults <= READER_FAULTS_MAX)
		return 0;
	more.file = strdup(name);
	diag_set(&more, "%zu more faults, not shown", file->n_faults - READER_FAULTS_MAX);
	return more.file && more.text ? diag_list_add(diags, &more) : -ENOMEM;
}

static int refuse_whole(struct diag_list *diags, const char *file, const char *text)
{
	AUTO(diag_done) struct diag diag = { .file = strdup(file), .text = strdup(text) };

	if (!diag.file || !diag.text || diag_list_add(diags, &diag) < 0)
		return -ENOMEM;
	return CONFIG_E_INVALID;
}

/* One part's tree, whose places refer to the config's own copy of the path. */
static int parse_part(const struct config_part *part, struct config *config, struct node *ret,
		      struct diag_list *diags)
{
	char *path = strdup(part->path);
	int r = path ? ARRAY_APPEND(config->files, config->n_files, path) : -ENOMEM;

	if (r < 0) {
		free(path);
		return r;
	}
	if (part->len > CONFIG_BYTES_MAX)
		return refuse_whole(diags, path, "the file is larger than 16 MiB");
	r = config_tree_parse(path, part->bytes, part->len, ret, diags);
	return r > 0 ? CONFIG_E_INVALID : r;
}

/* All parts as one tree. Faults of keys are found part by part: laid over each other they vanish. */
static int parse_tree(struct reader_file *reader, const struct config_part *parts, size_t n_parts,
		      struct config *config, struct node *ret)
{
	for (size_t i = 0; i < n_parts; i++) {
		AUTO(config_tree_done) struct node part = {};
		int r = parse_part(&parts[i], config, &part, reader->diags);

		if (r)
			return r;
		reader_check_keys(reader, &part);
		if (i == 0)
			*ret = STEAL(part);
		else if (reader->n_faults == 0)
			r = config_tree_merge(ret, &part);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_parse(enum config_kind kind, const struct config_part *parts, size_t n_parts,
		 const struct node *defaults, struct config *ret, struct diag_list *diags)
{
	AUTO(config_tree_done) struct node root = { .kind = NODE_MAP };
	AUTO(config_done) struct config config = {};
	struct reader_file reader = { .diags = diags };
	size_t n_before = diags->n;
	int r = parse_tree(&reader, parts, n_parts, &config, &root);

	if (r == 0 && defaults && kind == CONFIG_PAIRS)
		r = config_defaults_apply(defaults, &config, &root);
	if (r)
		return r;
	read_root(&reader, kind, &root, &config);
	if (finish_faults(&reader, parts[0].path, n_before) < 0 || reader.out_of_memory)
		return -ENOMEM;
	if (reader.n_faults)
		return CONFIG_E_INVALID;
	*ret = STEAL(config);
	return 0;
}

void config_done(struct config *config)
{
	for (size_t i = 0; i < config->n_pairs; i++)
		pair_done(&config->pairs[i]);
	free(config->pairs);
	for (size_t i = 0; i < config->n_overrides; i++) {
		config_tree_done(config->overrides[i]);
		free(config->overrides[i]);
	}
	free(config->overrides);
	for (size_t i = 0; i < config->n_programs; i++)
		program_done(&config->programs[i]);
	free(config->programs);
	for (size_t i = 0; i < config->n_pools; i++)
		pool_done(&config->pools[i]);
	free(config->pools);
	for (size_t i = 0; i < config->n_templates; i++)
		template_done(&config->templates[i]);
	free(config->templates);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->files);
	settings_done(&config->settings);
	config_tree_done(&config->defaults);
	*config = (struct config){};
}
