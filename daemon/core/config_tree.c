/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From libyaml's events to nodes; see config_tree.h. Memory is linear in the bytes because there
 * are no aliases; the stack is bounded by DEPTH_MAX.
 */
#include "core/config_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define DEPTH_MAX 16 /* the schema needs 7 */

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct diag_list *diags;
	unsigned int depth;
};

static void node_done(struct node *node)
{
	free(node->text);
	for (size_t i = 0; i < node->n_children; i++)
		node_done(&node->children[i]);
	free(node->children);
}

void config_tree_done(struct node *node)
{
	node_done(node);
	*node = (struct node){};
}

__attribute__((format(printf, 3, 4))) static int refuse(struct reader *reader, yaml_mark_t mark,
							 const char *format, ...)
{
	struct diag diag = { .line = mark.line + 1, .column = mark.column + 1 };
	va_list args;

	va_start(args, format);
	if (vasprintf(&diag.text, format, args) < 0)
		diag.text = NULL;
	va_end(args);
	diag.file = strdup(reader->file);
	return diag_list_add(reader->diags, &diag) < 0 ? -ENOMEM : CONFIG_TREE_E_INVALID;
}

/* libyaml tells where in one of three ways, by the kind of error. */
static int refuse_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	const char *problem = parser->problem ? parser->problem : "syntax error";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return refuse(reader, parser->mark, "not UTF-8 text: %s (at byte %zu)", problem,
			      parser->problem_offset);
	if (parser->context)
		return refuse(reader, mark, "%s, %s", problem, parser->context);
	return refuse(reader, mark, "%s", problem);
}

static int next(struct reader *reader, yaml_event_t *ret)
{
	return yaml_parser_parse(&reader->parser, ret) ? 0 : refuse_syntax(reader);
}

static int parse_node(struct reader *reader, const yaml_event_t *event, struct node *ret);

static int parse_scalar(struct reader *reader, const yaml_event_t *event, struct node *ret)
{
	const char *text = (const char *)event->data.scalar.value;

	ret->kind = NODE_SCALAR;
	ret->len = event->data.scalar.length;
	ret->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (strlen(text) != ret->len)
		return refuse(reader, event->start_mark, "a value contains a NUL character");
	ret->text = strdup(text);
	return ret->text ? 0 : -ENOMEM;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int r = strcmp((*x)->text, (*y)->text);

	return r ? r : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* A key that stands twice is reported but does not end the reading: there may be more. */
static int check_keys(struct reader *reader, const struct node *map)
{
	size_t n = map->n_children / 2;
	AUTO_FREE const struct node **keys = calloc(n + 1, sizeof(*keys));
	int r = 0;

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = &map->children[2 * i];
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n && r >= 0; i++) {
		yaml_mark_t mark = { .line = keys[i]->line - 1, .column = keys[i]->column - 1 };

		if (strcmp(keys[i]->text, keys[i - 1]->text) == 0)
			r = refuse(reader, mark, "key \"%s\" is already in line %u", keys[i]->text,
				   keys[i - 1]->line);
	}
	return r < 0 ? r : 0;
}

static int parse_children(struct reader *reader, yaml_event_type_t end, struct node *ret)
{
	for (;;) {
		struct node child = {};
		yaml_event_t event;
		int r = next(reader, &event);

		if (r)
			return r;
		if (event.type == end) {
			yaml_event_delete(&event);
			return 0;
		}
		r = parse_node(reader, &event, &child);
		if (r == 0 && ret->kind == NODE_MAP && ret->n_children % 2 == 0 &&
		    child.kind != NODE_SCALAR)
			r = refuse(reader, event.start_mark, "a key must be a plain word");
		yaml_event_delete(&event);
		if (r == 0)
			r = ARRAY_APPEND(ret->children, ret->n_children, child);
		if (r) {
			node_done(&child);
			return r;
		}
	}
}

static int parse_collection(struct reader *reader, const yaml_event_t *event, struct node *ret)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	int r;

	ret->kind = map ? NODE_MAP : NODE_LIST;
	if (++reader->depth > DEPTH_MAX)
		return refuse(reader, event->start_mark, "nested deeper than %d levels", DEPTH_MAX);
	r = parse_children(reader, map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, ret);
	reader->depth--;
	return r == 0 && map ? check_keys(reader, ret) : r;
}

static int parse_node(struct reader *reader, const yaml_event_t *event, struct node *ret)
{
	ret->line = event->start_mark.line + 1;
	ret->column = event->start_mark.column + 1;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.anchor)
			return refuse(reader, event->start_mark, "anchors are not supported");
		return parse_scalar(reader, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.anchor)
			return refuse(reader, event->start_mark, "anchors are not supported");
		return parse_collection(reader, event, ret);
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.anchor)
			return refuse(reader, event->start_mark, "anchors are not supported");
		return parse_collection(reader, event, ret);
	case YAML_ALIAS_EVENT:
		return refuse(reader, event->start_mark, "aliases are not supported");
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		break;
	}
	return refuse(reader, event->start_mark, "unexpected end of a list or map");
}

/* Stream start, at most one document, stream end. */
static int parse_stream(struct reader *reader, struct node *ret)
{
	bool seen = false;

	for (;;) {
		yaml_event_t event;
		int r = next(reader, &event);
		yaml_event_type_t type = event.type;

		if (r)
			return r;
		if (type == YAML_DOCUMENT_START_EVENT && seen)
			r = refuse(reader, event.start_mark, "a second document in one file");
		else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			 type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT)
			r = parse_node(reader, &event, ret);
		seen |= type == YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&event);
		if (r || type == YAML_STREAM_END_EVENT)
			return r;
	}
}

static bool is_empty(const struct node *root)
{
	return root->kind == NODE_SCALAR && !root->quoted && root->text && !root->text[0];
}

int config_tree_parse(const char *file, const char *bytes, size_t len, struct node *ret,
		      struct diag_list *diags)
{
	struct reader reader = { .file = file, .diags = diags };
	AUTO(config_tree_done) struct node root = { .kind = NODE_MAP };
	size_t n_before = diags->n;
	int r;

	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, len);
	r = parse_stream(&reader, &root);
	yaml_parser_delete(&reader.parser);
	if (r)
		return r;
	if (diags->n > n_before)
		return CONFIG_TREE_E_INVALID;
	if (is_empty(&root)) {
		config_tree_done(&root);
		root.kind = NODE_MAP;
	}
	*ret = STEAL(root);
	return 0;
}
