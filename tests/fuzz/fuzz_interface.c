/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any value against the types of an interface that has every sort of them. What is said to be of a type
 * is held against it a second time, by looking as methods look at their parameters; what is said not to
 * be names a place.
 *
 * The first byte is the method. The rest is a text that is parsed, or where that begins with a NUL
 * byte a value byte by byte, so that more of what is tried has a chance of being right.
 */
#include "example_methods.h"
#include "front/interface_check.h"
#include "fuzz/fuzz.h"

#include <stdio.h>

#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

METHOD(example_one_everything) = {};
METHOD(example_one_needs) = {};
METHOD(example_one_nothing_at_all) = {};

/* ---- values ---- */

struct bytes {
	const uint8_t *data;
	size_t len;
};

static uint8_t take(struct bytes *bytes)
{
	if (!bytes->len)
		return 0;
	bytes->len--;
	return *bytes->data++;
}

static const char *word(uint8_t number)
{
	static const char *const words[] = {
		"yes", "number", "part", "text", "any", "object", "word", "netns", "files", "perhaps",
		"map", "deep", "inner", "outer", "last", "name", "sort", "list", "children", "content",
		"fileDescriptor", "path", "pid", "small", "large", "first", "second", "", "\xc3\xa9", "x",
	};

	return words[number % ARRAY_SIZE(words)];
}

static json_t *make(struct bytes *bytes, int depth)
{
	uint8_t byte = take(bytes);
	json_t *value;

	switch (byte % 8) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(byte & 8);
	case 2:
		return json_integer((int8_t)take(bytes));
	case 3:
		return json_real(take(bytes) / 4.0);
	case 4:
		return json_string(word(take(bytes)));
	case 5:
		value = json_array();
		for (int n = byte / 8; n > 0 && bytes->len && depth; n--)
			json_array_append_new(value, make(bytes, depth - 1));
		return value;
	default:
		value = json_object();
		for (int n = byte / 8; n > 0 && bytes->len && depth; n--) {
			const char *key = word(take(bytes));

			json_object_set_new(value, key, make(bytes, depth - 1));
		}
		return value;
	}
}

/* ---- what is right ---- */

static void hold(const struct interface_type *type, const json_t *value);

static void hold_struct(const struct interface_type *type, const json_t *value)
{
	size_t n_known = 0, n_null = 0;
	const char *key;
	json_t *member;

	for (size_t i = 0; i < type->n; i++) {
		n_known += json_object_get(value, type->fields[i].name) != NULL;
		hold(type->fields[i].type, json_object_get(value, type->fields[i].name));
	}
	json_object_foreach((json_t *)value, key, member) {
		bool known = false;

		for (size_t i = 0; i < type->n; i++)
			known |= strcmp(type->fields[i].name, key) == 0;
		n_null += !known && json_is_null(member);
	}
	HOLDS(json_object_size(value) == n_known + n_null);
}

static void hold(const struct interface_type *type, const json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (!value || json_is_null(value)) {
		HOLDS(type->nullable);
		return;
	}
	switch (type->sort) {
	case INTERFACE_BOOL:
		HOLDS(json_is_true(value) || json_is_false(value));
		break;
	case INTERFACE_INT:
		HOLDS(json_typeof(value) == JSON_INTEGER);
		break;
	case INTERFACE_FLOAT:
		HOLDS(json_typeof(value) == JSON_INTEGER || json_typeof(value) == JSON_REAL);
		break;
	case INTERFACE_STRING:
		HOLDS(json_string_value(value));
		break;
	case INTERFACE_OBJECT:
		HOLDS(json_typeof(value) == JSON_OBJECT);
		break;
	case INTERFACE_ANY:
		break;
	case INTERFACE_ENUM:
		for (i = 0; i < type->n && strcmp(type->words[i], json_string_value(value)) != 0; i++)
			;
		HOLDS(i < type->n);
		break;
	case INTERFACE_ARRAY:
		HOLDS(json_typeof(value) == JSON_ARRAY);
		json_array_foreach((json_t *)value, i, member)
			hold(type->of, member);
		break;
	case INTERFACE_MAP:
		HOLDS(json_typeof(value) == JSON_OBJECT);
		json_object_foreach((json_t *)value, key, member)
			hold(type->of, member);
		break;
	case INTERFACE_STRUCT:
		HOLDS(json_typeof(value) == JSON_OBJECT);
		hold_struct(type, value);
		break;
	}
}

/* A place begins with a member that is there, or with a field that is not. */
static void hold_place(const struct interface_type *type, const json_t *value, const char *place)
{
	bool begins = false;
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)value, key, member) {
		size_t n = strlen(key);

		begins |= strncmp(place, key, n) == 0 && (!place[n] || place[n] == '.' || place[n] == '[');
	}
	for (size_t i = 0; i < type->n; i++)
		begins |= strcmp(place, type->fields[i].name) == 0;
	HOLDS(begins);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct interface_type *type;
	AUTO(frame_json_unref) json_t *value = NULL;
	AUTO_FREE char *place = NULL;
	int r;

	if (len < 3)
		return 0;
	type = interfaces[0].methods[data[0] % interfaces[0].n_methods].input;
	if (data[1]) {
		value = json_loadb((const char *)data + 1, len - 1, JSON_REJECT_DUPLICATES, NULL);
	} else {
		struct bytes bytes = { data + 2, len - 2 };

		value = make(&bytes, FRAME_DEPTH_MAX);
	}
	if (!json_is_object(value))
		return 0;
	r = interface_check(type, value, &place);
	HOLDS((r == INTERFACE_E_INVALID) == (place != NULL) && r >= 0);
	if (r == 0)
		hold(type, value);
	else
		hold_place(type, value, place);
	return 0;
}
