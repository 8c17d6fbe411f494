/* SPDX-License-Identifier: GPL-2.0-only */
/* See config_defaults.h. Works on trees, so that every key a pair can have can have a default. */
#include "core/config_defaults.h"

#include "core/config_pair.h"

#include <errno.h>

/* ---- reading ---- */

static int add_text(struct node *map, const char *text, const struct node *at)
{
	struct node node = { .kind = NODE_SCALAR,
			     .file = at->file,
			     .line = at->line,
			     .column = at->column,
			     .text = strdup(text) };
	int r = node.text ? ARRAY_APPEND(map->children, map->n_children, node) : -ENOMEM;

	if (r < 0)
		free(node.text);
	return r;
}

static struct node *find(struct node *map, const char *key)
{
	return (struct node *)reader_find(map, key);
}

/* Adds what every pair must have and no default can be: the peer, and its namespace. */
static int complete(struct node *pair)
{
	struct node *peer = find(pair, "peer");
	int r = 0;

	if (!peer) {
		struct node map = { .kind = NODE_MAP, .file = pair->file };

		r = add_text(pair, "peer", pair);
		if (r == 0)
			r = ARRAY_APPEND(pair->children, pair->n_children, map);
		peer = r == 0 ? &pair->children[pair->n_children - 1] : NULL;
	}
	if (!peer || peer->kind != NODE_MAP)
		return r;
	r = add_text(peer, "netns", peer);
	return r == 0 ? add_text(peer, "any", peer) : r;
}

static void check(struct reader_file *file, const struct node *value)
{
	AUTO(config_tree_done) struct node copy = {};
	struct node key = { .file = value->file,
			    .line = value->line,
			    .column = value->column,
			    .text = (char *)"defaults" };
	struct pair pair = {};

	if (config_tree_copy(value, &copy) < 0 || complete(&copy) < 0) {
		file->out_of_memory = true;
		return;
	}
	config_pair_read(file, &key, &copy, NULL, &pair);
	pair_done(&pair);
}

void config_defaults_read(struct reader_file *file, const struct node *value,
			  struct config *config)
{
	const struct node *peer = reader_find(value, "peer");
	const struct node *netns = peer ? reader_find(peer, "netns") : NULL;
	const struct node *template = reader_find(value, "template");

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "defaults must be a map of a pair's keys and values");
		return;
	}
	if (netns) {
		reader_fault(file, netns, "netns: not all pairs can have the same namespace");
		return;
	}
	if (template) {
		reader_fault(file, template, "template: not all pairs can be of the same template");
		return;
	}
	check(file, value);
	config_tree_done(&config->defaults);
	if (config_tree_copy(value, &config->defaults) < 0)
		file->out_of_memory = true;
}

/* ---- applying ---- */

/* The config's own copy of a path. */
static const char *own_path(struct config *config, const char *path)
{
	char *copy;

	for (size_t i = 0; i < config->n_files; i++)
		if (strcmp(config->files[i], path) == 0)
			return config->files[i];
	copy = strdup(path);
	if (copy && ARRAY_APPEND(config->files, config->n_files, copy) < 0) {
		free(copy);
		copy = NULL;
	}
	return copy;
}

static int own_places(struct config *config, struct node *node)
{
	int r = 0;

	node->file = own_path(config, node->file);
	if (!node->file)
		return -ENOMEM;
	for (size_t i = 0; i < node->n_children && r == 0; i++)
		r = own_places(config, &node->children[i]);
	return r;
}

static int apply_to(const struct node *defaults, struct node *pair)
{
	struct node copy;
	int r;

	/* What is laid over a template is laid over its defaults. */
	if (pair->kind != NODE_MAP || reader_find(pair, "template"))
		return 0;
	r = config_tree_copy(defaults, &copy);
	if (r < 0)
		return r;
	copy.file = pair->file;
	copy.line = pair->line;
	copy.column = pair->column;
	r = config_tree_merge(&copy, pair);
	config_tree_done(pair);
	*pair = copy;
	return r;
}

/* below: the key of the pair in each value of the map; NULL: the value is the pair. */
static int apply_to_all(const struct node *defaults, struct node *map, const char *below)
{
	int r = 0;

	if (!map || map->kind != NODE_MAP)
		return 0;
	for (size_t i = 1; i < map->n_children && r == 0; i += 2) {
		struct node *pair = &map->children[i];

		if (below)
			pair = find(pair, below);
		r = pair ? apply_to(defaults, pair) : 0;
	}
	return r;
}

int config_defaults_apply(const struct node *defaults, struct config *config, struct node *root)
{
	AUTO(config_tree_done) struct node own = {};
	int r;

	if (!defaults->n_children)
		return 0;
	r = config_tree_copy(defaults, &own);
	if (r == 0)
		r = own_places(config, &own);
	if (r == 0)
		r = apply_to_all(&own, find(root, "pairs"), NULL);
	return r == 0 ? apply_to_all(&own, find(root, "templates"), "pair") : r;
}
