/* SPDX-License-Identifier: GPL-2.0-only */
/* Trees of several files as one; see config_tree.h. Time is that of sorting the keys of both. */
#include "core/config_tree.h"

#include <errno.h>

static int copy_children(const struct node *node, struct node *ret)
{
	for (size_t i = 0; i < node->n_children; i++) {
		struct node child;
		int r = config_tree_copy(&node->children[i], &child);

		if (r == 0)
			r = ARRAY_APPEND(ret->children, ret->n_children, child);
		else
			return r;
		if (r < 0) {
			config_tree_done(&child);
			return r;
		}
	}
	return 0;
}

int config_tree_copy(const struct node *node, struct node *ret)
{
	AUTO(config_tree_done) struct node copy = *node;
	int r;

	copy.children = NULL;
	copy.n_children = 0;
	copy.text = node->text ? strdup(node->text) : NULL;
	if (node->text && !copy.text)
		return -ENOMEM;
	r = copy_children(node, &copy);
	if (r < 0)
		return r;
	*ret = STEAL(copy);
	return 0;
}

static uint64_t add_digest(uint64_t digest, const struct node *node)
{
	const unsigned int numbers[] = { node->kind, node->line, node->column, node->quoted,
					 node->n_children };

	digest = util_hash(digest, numbers, sizeof(numbers));
	digest = util_hash(digest, node->file, strlen(node->file));
	if (node->text)
		digest = util_hash(digest, node->text, strlen(node->text));
	for (size_t i = 0; i < node->n_children; i++)
		digest = add_digest(digest, &node->children[i]);
	return digest;
}

uint64_t config_tree_digest(const struct node *node)
{
	return add_digest(UTIL_HASH_START, node);
}

bool config_tree_is_null(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->quoted &&
	       (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/*
 * Where in a map each key is, by its words: they stay in place when the list of children moves, and
 * as long as any key may still be looked for.
 */
struct spot {
	const char *key;
	size_t i;
	bool is_removed; /* when all is done */
};

static int compare_spots(const void *a, const void *b)
{
	return strcmp(((const struct spot *)a)->key, ((const struct spot *)b)->key);
}

static struct spot *sort_keys(const struct node *map)
{
	size_t n = map->n_children / 2;
	struct spot *spots = calloc(n + 1, sizeof(*spots));

	for (size_t i = 0; spots && i < n; i++)
		spots[i] = (struct spot){ .key = map->children[2 * i].text, .i = 2 * i };
	if (spots)
		qsort(spots, n, sizeof(*spots), compare_spots);
	return spots;
}

void config_tree_drop_nulls(struct node *node)
{
	size_t kept = 0;

	if (node->kind != NODE_MAP)
		return;
	for (size_t i = 0; i < node->n_children; i += 2) {
		struct node *key = &node->children[i];

		if (config_tree_is_null(&key[1])) {
			config_tree_done(&key[0]);
			config_tree_done(&key[1]);
			continue;
		}
		config_tree_drop_nulls(&key[1]);
		memmove(&node->children[kept], key, 2 * sizeof(*key));
		kept += 2;
	}
	node->n_children = kept;
}

/* A removed key has no words, and is swept out. */
static void remove_keys(struct node *map, const struct spot *spots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!spots[i].is_removed)
			continue;
		config_tree_done(&map->children[spots[i].i]);
		config_tree_done(&map->children[spots[i].i + 1]);
	}
}

static void sweep(struct node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->n_children; i += 2) {
		if (!map->children[i].text)
			continue;
		memmove(&map->children[kept], &map->children[i], 2 * sizeof(*map->children));
		kept += 2;
	}
	map->n_children = kept;
}

static int append_key(struct node *map, struct node *key)
{
	int r = ARRAY_APPEND(map->children, map->n_children, key[0]);

	if (r < 0)
		return r;
	key[0] = (struct node){};
	r = ARRAY_APPEND(map->children, map->n_children, key[1]);
	if (r == 0)
		key[1] = (struct node){};
	return r;
}

static int merge_value(struct node *base, struct node *over)
{
	if (base->kind == NODE_MAP && over->kind == NODE_MAP)
		return config_tree_merge(base, over);
	config_tree_done(base);
	*base = STEAL(*over);
	return 0;
}

/* spots are those of the keys that base had at first: what is appended was not among them. */
static int merge_key(struct node *base, struct spot *spots, size_t n_spots, struct node *key)
{
	const struct spot want = { .key = key->text };
	struct spot *spot = bsearch(&want, spots, n_spots, sizeof(*spots), compare_spots);

	if (!spot)
		return config_tree_is_null(&key[1]) ? 0 : append_key(base, key);
	if (!config_tree_is_null(&key[1]))
		return merge_value(&base->children[spot->i + 1], &key[1]);
	spot->is_removed = true;
	return 0;
}

int config_tree_merge(struct node *base, struct node *over)
{
	AUTO_FREE struct spot *spots = NULL;
	size_t n = base->n_children / 2;
	int r = 0;

	if (base->kind != NODE_MAP || over->kind != NODE_MAP) {
		config_tree_done(base);
		*base = STEAL(*over);
		return 0;
	}
	spots = sort_keys(base);
	if (!spots)
		return -ENOMEM;
	for (size_t i = 0; i < over->n_children && r == 0; i += 2)
		r = merge_key(base, spots, n, &over->children[i]);
	if (r < 0)
		return r;
	remove_keys(base, spots, n);
	sweep(base);
	return 0;
}
