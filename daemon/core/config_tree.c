/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From libyaml's events to nodes, and back; see config_tree.h. Memory is linear in the bytes because there
 * are no aliases, and bounded by NODES_MAX; the stack is bounded by DEPTH_MAX.
 */
#include "core/config_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define DEPTH_MAX 16 /* the schema needs 7 */
#define NODES_MAX (4u << 20) /* a node costs about 70 bytes, and "a," is two of a file's */
#define BOM "\xef\xbb\xbf"

struct reader {
	yaml_parser_t parser;
	const char *file;
	const char *bytes;
	size_t len;
	struct diag_list *diags;
	unsigned int depth, n_nodes;
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
	if (!diag.file || !diag.text) {
		diag_done(&diag);
		return -ENOMEM;
	}
	return diag_list_add(reader->diags, &diag) < 0 ? -ENOMEM : CONFIG_TREE_E_INVALID;
}

/*
 * The place of a byte. libyaml decodes ahead of what it scans, so that its own mark says nothing
 * of a byte that cannot be decoded.
 */
static yaml_mark_t mark_of(const struct reader *reader, size_t offset)
{
	yaml_mark_t mark = {};

	for (size_t i = 0; i < offset && i < reader->len; i++) {
		char c = reader->bytes[i], after = i + 1 < reader->len ? reader->bytes[i + 1] : 0;

		if (c == '\n' || (c == '\r' && after != '\n')) {
			mark.line++;
			mark.column = 0;
		} else if ((c & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

/* The first byte of a character, 0 behind the last. */
static char char_at(const struct reader *reader, size_t index)
{
	for (size_t i = 0; i < reader->len; i++)
		if ((reader->bytes[i] & 0xc0) != 0x80 && index-- == 0)
			return reader->bytes[i];
	return 0;
}

/* A byte that is not text. */
static int refuse_byte(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = mark_of(reader, parser->problem_offset);

	if (parser->problem_value < 0)
		return refuse(reader, mark, "%s", parser->problem);
	return refuse(reader, mark, "%s (0x%02x)", parser->problem,
		      (unsigned int)parser->problem_value);
}

static int refuse_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark, context = parser->context_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return refuse_byte(reader);
	if (!parser->context)
		return refuse(reader, mark, "%s", parser->problem);
	/* Where libyaml is not like YAML 1.2, and where people write "::/0". */
	if (strcmp(parser->context, "while parsing a flow node") == 0 &&
	    char_at(reader, mark.index) == ':')
		return refuse(reader, mark, "a value that begins with ':' needs quotes here");
	if (context.line != mark.line)
		return refuse(reader, mark, "%s, %s that begins in line %zu", parser->problem,
			      parser->context, context.line + 1);
	return refuse(reader, mark, "%s, %s", parser->problem, parser->context);
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
	ret->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (strlen(text) != event->data.scalar.length)
		return refuse(reader, event->start_mark, "a value contains a NUL character");
	ret->text = strdup(text);
	return ret->text ? 0 : -ENOMEM;
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
	return r;
}

/* What YAML can say of any node and a configuration has no use for. */
static int refuse_properties(struct reader *reader, const yaml_event_t *event,
			     const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse(reader, event->start_mark, "anchors are not supported");
	if (tag)
		return refuse(reader, event->start_mark, "tags are not supported");
	if (++reader->n_nodes > NODES_MAX)
		return refuse(reader, event->start_mark, "more than %u keys and values", NODES_MAX);
	return 0;
}

static int parse_node(struct reader *reader, const yaml_event_t *event, struct node *ret)
{
	int r;

	ret->file = reader->file;
	ret->line = event->start_mark.line + 1;
	ret->column = event->start_mark.column + 1;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		r = refuse_properties(reader, event, event->data.scalar.anchor,
				      event->data.scalar.tag);
		return r ? r : parse_scalar(reader, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		r = refuse_properties(reader, event, event->data.sequence_start.anchor,
				      event->data.sequence_start.tag);
		return r ? r : parse_collection(reader, event, ret);
	case YAML_MAPPING_START_EVENT:
		r = refuse_properties(reader, event, event->data.mapping_start.anchor,
				      event->data.mapping_start.tag);
		return r ? r : parse_collection(reader, event, ret);
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
	return refuse(reader, event->start_mark, "a key or a value was expected here");
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
	return root->kind == NODE_SCALAR && !root->quoted && !root->text[0];
}

/*
 * Tags are refused, so nothing is lost with their directives; libyaml compares each with all
 * before it, and a file of nothing else would take minutes. Line breaks are those of YAML 1.1.
 */
static int refuse_directives(struct reader *reader)
{
	static const char directive[] = "%TAG", breaks[] = "\n\r\x85\xa8\xa9";
	const char *at = reader->bytes, *end = reader->bytes + reader->len;

	while ((at = memmem(at, end - at, directive, strlen(directive)))) {
		if (at == reader->bytes || memchr(breaks, at[-1], strlen(breaks)))
			return refuse(reader, mark_of(reader, at - reader->bytes),
				      "directives are not supported");
		at++;
	}
	return 0;
}

static int parse_bytes(struct reader *reader, struct node *ret)
{
	int r = refuse_directives(reader);

	if (r)
		return r;
	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->bytes,
				     reader->len);
	r = parse_stream(reader, ret);
	yaml_parser_delete(&reader->parser);
	return r;
}

int config_tree_parse(const char *file, const char *bytes, size_t len, struct node *ret,
		      struct diag_list *diags)
{
	AUTO(config_tree_done) struct node root = { .kind = NODE_MAP, .file = file };
	size_t skip = len >= strlen(BOM) && memcmp(bytes, BOM, strlen(BOM)) == 0 ? strlen(BOM) : 0;
	struct reader reader = {
		.file = file, .bytes = bytes + skip, .len = len - skip, .diags = diags
	};
	int r = parse_bytes(&reader, &root);

	if (r)
		return r;
	if (is_empty(&root)) {
		config_tree_done(&root);
		root = (struct node){ .kind = NODE_MAP, .file = file };
	}
	*ret = STEAL(root);
	return 0;
}

/* ---- writing ---- */

#define LINE_MAX_WIDTH 100

struct writer {
	yaml_emitter_t emitter;
	char *text; /* owned */
	size_t len;
};

static int on_written(void *ctx, unsigned char *bytes, size_t n)
{
	struct writer *writer = ctx;
	char *text = realloc(writer->text, writer->len + n + 1);

	if (!text)
		return 0;
	memcpy(text + writer->len, bytes, n);
	writer->len += n;
	text[writer->len] = '\0';
	writer->text = text;
	return 1;
}

/* Takes the event; made: whether there was memory for it. */
static bool put(struct writer *writer, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(&writer->emitter, event);
}

static bool put_scalar(struct writer *writer, const struct node *node)
{
	yaml_scalar_style_t style =
		node->quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t event;

	return put(writer, &event,
		   yaml_scalar_event_initialize(&event, NULL, NULL, (yaml_char_t *)node->text,
						strlen(node->text), 1, 1, style));
}

static bool put_node(struct writer *writer, const struct node *node)
{
	bool map = node->kind == NODE_MAP, done;
	yaml_event_t event;
	int made;

	if (node->kind == NODE_SCALAR)
		return put_scalar(writer, node);
	made = map ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							 YAML_BLOCK_MAPPING_STYLE)
		   : yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							  YAML_BLOCK_SEQUENCE_STYLE);
	done = put(writer, &event, made);
	for (size_t i = 0; i < node->n_children && done; i++)
		done = put_node(writer, &node->children[i]);
	if (!done)
		return false;
	made = map ? yaml_mapping_end_event_initialize(&event)
		   : yaml_sequence_end_event_initialize(&event);
	return put(writer, &event, made);
}

static bool put_document(struct writer *writer, const struct node *node)
{
	yaml_event_t event;

	if (!put(writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) ||
	    !put(writer, &event,
		 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) ||
	    !put_node(writer, node) ||
	    !put(writer, &event, yaml_document_end_event_initialize(&event, 1)))
		return false;
	return put(writer, &event, yaml_stream_end_event_initialize(&event));
}

int config_tree_write(const struct node *node, char **ret, size_t *ret_len)
{
	struct writer writer = {};
	bool done;

	if (!yaml_emitter_initialize(&writer.emitter))
		return -ENOMEM;
	yaml_emitter_set_output(&writer.emitter, on_written, &writer);
	yaml_emitter_set_unicode(&writer.emitter, 1);
	yaml_emitter_set_width(&writer.emitter, LINE_MAX_WIDTH);
	done = put_document(&writer, node);
	yaml_emitter_delete(&writer.emitter);
	if (!done || !writer.text) {
		free(writer.text);
		return -ENOMEM;
	}
	*ret = writer.text;
	*ret_len = writer.len;
	return 0;
}
