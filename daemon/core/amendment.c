/* SPDX-License-Identifier: GPL-2.0-only */
/* See amendment.h. */
#include "core/amendment.h"

#include "core/config_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define PLACE "declaration" /* what faults name as the file */

void amendment_done(struct amendment *amendment)
{
	free(amendment->template);
	free(amendment->declaration);
	free(amendment->netns.text);
	util_close(&amendment->netns_fd);
	for (size_t i = 0; i < amendment->n_files; i++) {
		free(amendment->files[i].name);
		free(amendment->files[i].bytes);
	}
	free(amendment->files);
	diag_done(&amendment->why);
	diag_list_done(&amendment->diags);
	*amendment = AMENDMENT_NONE;
}

enum amendment_fault amendment_fail(struct amendment *amendment, enum amendment_fault fault, const char *why, ...)
{
	AUTO_FREE char *words = NULL;
	va_list args;

	if (amendment->fault != AMEND_OK)
		return amendment->fault;
	amendment->fault = fault;
	if (!why)
		return fault;
	va_start(args, why);
	if (vasprintf(&words, why, args) < 0)
		words = NULL;
	va_end(args);
	if (words)
		diag_set(&amendment->why, "%s", words);
	return fault;
}

char *amendment_file_name(const char *pair)
{
	char *name;

	return asprintf(&name, "runtime-%s.yaml", pair) < 0 ? NULL : name;
}

/* ---- building a tree ---- */

static int add_key(struct node *map, const char *key, struct node value)
{
	struct node name = { .kind = NODE_SCALAR, .file = PLACE, .text = strdup(key) };
	int r = name.text ? ARRAY_APPEND(map->children, map->n_children, name) : -ENOMEM;

	if (r < 0)
		free(name.text);
	if (r == 0)
		r = ARRAY_APPEND(map->children, map->n_children, value);
	if (r < 0)
		config_tree_done(&value);
	return r;
}

/* quoted: the words are words, whatever they look like. */
static int add_text(struct node *map, const char *key, const char *text, bool quoted)
{
	struct node value = {
		.kind = NODE_SCALAR, .file = PLACE, .quoted = quoted, .text = strdup(text)
	};

	return value.text ? add_key(map, key, value) : -ENOMEM;
}

static int netns_tree(const struct netns_ref *ref, struct node *ret)
{
	static const char *const keys[] = { [NETNS_BY_NAME] = "name",
					    [NETNS_BY_PATH] = "path",
					    [NETNS_BY_PID] = "pid" };
	AUTO(config_tree_done) struct node map = { .kind = NODE_MAP, .file = PLACE };
	char cookie[24];
	int r = add_text(&map, keys[ref->by], ref->text, ref->by != NETNS_BY_PID);

	snprintf(cookie, sizeof(cookie), "%" PRIu64, ref->cookie);
	if (r == 0 && ref->cookie)
		r = add_text(&map, "cookie", cookie, false);
	if (r == 0)
		*ret = STEAL(map);
	return r;
}

/* What the amendment says beside the declaration, as a pair's tree. */
static int own_tree(const struct amendment *amendment, struct node *ret)
{
	AUTO(config_tree_done) struct node pair = { .kind = NODE_MAP, .file = PLACE };
	struct node peer = { .kind = NODE_MAP, .file = PLACE };
	struct node netns;
	int r = 0;

	if (amendment->template)
		r = add_text(&pair, "template", amendment->template, true);
	if (r == 0 && amendment->netns.text) {
		r = netns_tree(&amendment->netns, &netns);
		if (r == 0)
			r = add_key(&peer, "netns", netns);
		if (r == 0)
			r = add_key(&pair, "peer", STEAL(peer));
	}
	config_tree_done(&peer);
	if (r == 0)
		*ret = STEAL(pair);
	return r;
}

static int refuse(struct amendment *amendment, const char *words)
{
	AUTO(diag_done) struct diag diag = { .file = strdup(PLACE), .text = strdup(words) };

	if (!diag.file || !diag.text || diag_list_add(&amendment->diags, &diag) < 0)
		return -ENOMEM;
	return AMEND_E_DECLARATION;
}

static int parse_declaration(struct amendment *amendment, struct node *ret)
{
	const char *text = amendment->declaration ? amendment->declaration : "";
	int r = config_tree_parse(PLACE, text, strlen(text), ret, &amendment->diags);

	if (r == 0 && ret->kind != NODE_MAP)
		r = refuse(amendment, "a pair is a map of keys and values");
	return r > 0 ? AMEND_E_DECLARATION : r;
}

static int file_tree(struct node *pair, const char *name, struct node *ret)
{
	AUTO(config_tree_done) struct node file = { .kind = NODE_MAP, .file = PLACE };
	struct node pairs = { .kind = NODE_MAP, .file = PLACE };
	int r = add_key(&pairs, name, STEAL(*pair));

	if (r == 0)
		r = add_key(&file, "pairs", STEAL(pairs));
	config_tree_done(&pairs);
	if (r == 0)
		*ret = STEAL(file);
	return r;
}

int amendment_text(struct amendment *amendment, char **ret, size_t *ret_len)
{
	AUTO(config_tree_done) struct node pair = {};
	AUTO(config_tree_done) struct node own = {};
	AUTO(config_tree_done) struct node file = {};
	int r = parse_declaration(amendment, &pair);

	if (r == 0)
		r = own_tree(amendment, &own);
	if (r == 0)
		r = config_tree_merge(&pair, &own);
	if (r == 0)
		r = file_tree(&pair, amendment->pair, &file);
	return r == 0 ? config_tree_write(&file, ret, ret_len) : r;
}
