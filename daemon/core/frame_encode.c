/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values to text; see frame.h. The same bytes as json_dumps(3) makes, which looks for circles with two
 * conversions and a hash table for each object and array: most of what an answer would cost. Values
 * that are sent are made here and have none.
 */
#include "core/frame.h"

#include <errno.h>
#include <stdio.h>

struct text {
	char *bytes; /* owned */
	size_t len, room;
	bool failed; /* no memory */
};

static char *make_room(struct text *text, size_t len)
{
	size_t room = MAX(text->room * 2, text->len + len);
	char *moved;

	if (text->len + len <= text->room)
		return text->bytes + text->len;
	moved = realloc(text->bytes, MAX(room, 512));
	if (!moved) {
		text->failed = true;
		return NULL;
	}
	text->bytes = moved;
	text->room = MAX(room, 512);
	return text->bytes + text->len;
}

static void add(struct text *text, const char *bytes, size_t len)
{
	char *to = make_room(text, len);

	if (to)
		memcpy(to, bytes, len);
	text->len += to ? len : 0;
}

static size_t count_plain(const char *string, size_t len)
{
	size_t n = 0;

	while (n < len && (unsigned char)string[n] >= 0x20 && string[n] != '"' && string[n] != '\\')
		n++;
	return n;
}

static void add_escaped(struct text *text, char c)
{
	static const char short_ones[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	char escape[8];

	for (const char *s = short_ones; *s; s += 2) {
		if (*s != c)
			continue;
		add(text, (char[]){ '\\', s[1] }, 2);
		return;
	}
	snprintf(escape, sizeof(escape), "\\u%04X", (unsigned char)c);
	add(text, escape, 6);
}

/* before: a byte that comes before it, NUL: none. */
static void add_string(struct text *text, char before, const char *string, size_t len)
{
	size_t n = count_plain(string, len);
	char *to = make_room(text, n + 2);

	if (!to)
		return;
	if (before)
		*to++ = before;
	*to++ = '"';
	memcpy(to, string, n);
	text->len += n + 1 + (before != 0);
	while (n < len) {
		size_t more;

		add_escaped(text, string[n++]);
		more = count_plain(string + n, len - n);
		add(text, string + n, more);
		n += more;
	}
	add(text, "\"", 1);
}

static void add_integer(struct text *text, json_int_t number)
{
	unsigned long long rest = number < 0 ? -(unsigned long long)number : (unsigned long long)number;
	char digits[24], *at = digits + sizeof(digits);

	do {
		*--at = '0' + rest % 10;
		rest /= 10;
	} while (rest);
	if (number < 0)
		*--at = '-';
	add(text, at, digits + sizeof(digits) - at);
}

/* Nothing that metad sends has one. */
static void add_real(struct text *text, const json_t *value)
{
	AUTO_FREE char *real = json_dumps(value, JSON_ENCODE_ANY);

	if (real)
		add(text, real, strlen(real));
	text->failed |= !real;
}

static void add_value(struct text *text, const json_t *value);

/* jansson's own loop looks each key up again. */
static void add_object(struct text *text, json_t *value)
{
	char before = '{';

	for (void *i = json_object_iter(value); i; i = json_object_iter_next(value, i)) {
		const char *key = json_object_iter_key(i);

		add_string(text, before, key, strlen(key));
		add(text, ":", 1);
		add_value(text, json_object_iter_value(i));
		before = ',';
	}
	add(text, before == '{' ? "{}" : "}", before == '{' ? 2 : 1);
}

static void add_array(struct text *text, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		add(text, i ? "," : "[", 1);
		add_value(text, json_array_get(value, i));
	}
	add(text, json_array_size(value) ? "]" : "[]", json_array_size(value) ? 1 : 2);
}

static void add_value(struct text *text, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(text, (json_t *)value);
		break;
	case JSON_ARRAY:
		add_array(text, value);
		break;
	case JSON_STRING:
		add_string(text, '\0', json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		add_integer(text, json_integer_value(value));
		break;
	case JSON_REAL:
		add_real(text, value);
		break;
	case JSON_TRUE:
		add(text, "true", 4);
		break;
	case JSON_FALSE:
		add(text, "false", 5);
		break;
	case JSON_NULL:
		add(text, "null", 4);
		break;
	}
}

char *frame_encode(const json_t *message, size_t *ret_len)
{
	struct text text = {};

	add_value(&text, message);
	add(&text, "", 1);
	if (text.failed) {
		free(text.bytes);
		return NULL;
	}
	*ret_len = text.len;
	return text.bytes;
}
