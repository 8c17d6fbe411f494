/* SPDX-License-Identifier: GPL-2.0-only */
/* See declaration.h. What the keys mean is metad's to say: here is only YAML. */
#include "client/declaration.h"

#include "client/fault.h"
#include "client/input.h"
#include "core/config_tree.h"

#include <errno.h>

static json_t *json_of(const struct node *node);

/* What is in quotes is words, and so is what JSON has no other name for. */
static json_t *json_of_scalar(const struct node *node)
{
	json_t *value;

	if (config_tree_is_null(node))
		return json_null();
	value = node->quoted ? NULL : json_loads(node->text, JSON_DECODE_ANY, NULL);
	if (json_is_number(value) || json_is_boolean(value))
		return value;
	json_decref(value);
	return json_string(node->text);
}

static json_t *json_of_map(const struct node *node)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < node->n_children; i += 2)
		if (json_object_set_new(object, node->children[i].text,
					json_of(&node->children[i + 1])) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *json_of_list(const struct node *node)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < node->n_children; i++)
		if (json_array_append_new(array, json_of(&node->children[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_of(const struct node *node)
{
	switch (node->kind) {
	case NODE_SCALAR:
		return json_of_scalar(node);
	case NODE_LIST:
		return json_of_list(node);
	case NODE_MAP:
		return json_of_map(node);
	}
	return NULL;
}

enum source { FROM_FILE, FROM_OPTION };

/* name: what faults name, of a file with the place in it. */
static int parse(enum source source, const char *name, const char *text, size_t len, json_t **ret)
{
	AUTO(config_tree_done) struct node root = {};
	AUTO(diag_list_done) struct diag_list diags = {};
	int r = config_tree_parse(name, text, len, &root, &diags);

	for (size_t i = 0; i < diags.n; i++) {
		AUTO_FREE char *words = diag_text(&diags.items[i]);

		if (source == FROM_OPTION)
			complain(0, "--set %s: %s", name, diags.items[i].text);
		else
			complain(0, "%s", words ? words : "out of memory");
	}
	if (r)
		return EXIT_NOT_OK;
	*ret = json_of(&root);
	return *ret ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

/* The object that a dotted path leads to but for its last part, which *key is afterwards. */
static json_t *descend(json_t *object, char *path, char **key)
{
	char *dot;

	while ((dot = strchr(path, '.'))) {
		json_t *child;

		*dot = '\0';
		child = json_object_get(object, path);
		if (!json_is_object(child)) {
			child = json_object();
			json_object_set_new(object, path, child);
		}
		object = child;
		path = dot + 1;
	}
	*key = path;
	return object;
}

/* "peer.addresses=[10.0.0.2/24]". A sysctl's name, which has dots, needs --file. */
static int set(json_t *object, const char *assignment)
{
	AUTO_FREE char *path = strdup(assignment);
	const char *equals = strchr(assignment, '=');
	json_t *value = NULL;
	char *key;
	int r;

	if (!equals || equals == assignment)
		return complain(EXIT_USAGE, "--set %s: it is KEY=VALUE, such as mtu=1400", assignment);
	if (!path)
		return complain(EXIT_NOT_OK, "out of memory");
	path[equals - assignment] = '\0';
	r = parse(FROM_OPTION, assignment, equals + 1, strlen(equals + 1), &value);
	if (r != 0)
		return r;
	object = descend(object, path, &key);
	json_object_set_new(object, key, value);
	return 0;
}

static int read_whole(const char *path, json_t **ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	int r = input_read(path, &text, &len);

	if (r == 0)
		r = parse(FROM_FILE, path, text, len, ret);
	if (r == 0 && !json_is_object(*ret))
		r = complain(EXIT_NOT_OK, "%s: a pair is a map of keys and values", path);
	return r;
}

int declaration_read(const struct cli *cli, json_t **ret)
{
	AUTO(frame_json_unref) json_t *object = NULL;
	const char *path = cli_option(cli, "file");
	int r = path ? read_whole(path, &object) : 0;

	for (size_t i = 0; i < cli->n_given && r == 0; i++) {
		if (strcmp(cli->given[i].name, "set") != 0)
			continue;
		if (!object)
			object = json_object();
		r = set(object, cli->given[i].value);
	}
	if (r == 0)
		*ret = STEAL(object);
	return r;
}
