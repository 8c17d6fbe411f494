/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See interface_check.h. Values are as deep as frame.h lets them be, so recursion has an end. The
 * way to a fault is put into words only where there is one.
 */
#include "front/interface_check.h"

#include <errno.h>
#include <stdio.h>

struct place {
	const struct place *up; /* NULL: the whole */
	const char *name; /* of a member; NULL: of an array, at index */
	size_t index;
	bool is_key; /* of a map: any text */
};

static void print_place(FILE *file, const struct place *place)
{
	if (!place->up)
		return;
	print_place(file, place->up);
	if (!place->name)
		fprintf(file, "[%zu]", place->index);
	else if (place->is_key)
		fprintf(file, "[%s]", place->name);
	else
		fprintf(file, "%s%s", place->up->up ? "." : "", place->name);
}

/* INTERFACE_E_INVALID, or -ENOMEM. */
static int fail(const struct place *place, char **ret_place)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return -ENOMEM;
	print_place(file, place);
	if (fclose(file) != 0)
		return -ENOMEM;
	*ret_place = STEAL(text);
	return INTERFACE_E_INVALID;
}

static int check(const struct interface_type *type, const json_t *value, const struct place *place,
		 char **ret_place);

static const struct interface_field *find_field(const struct interface_type *type, const char *name)
{
	for (size_t i = 0; i < type->n; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

/* What is there comes first: a misspelt name says more than one that is missing. */
static int check_struct(const struct interface_type *type, const json_t *value,
			const struct place *place, char **ret_place)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)value, key, member) {
		const struct place at = { .up = place, .name = key };
		const struct interface_field *field = find_field(type, key);
		int r = 0;

		if (field)
			r = check(field->type, member, &at, ret_place);
		else if (!json_is_null(member))
			r = fail(&at, ret_place);
		if (r)
			return r;
	}
	for (size_t i = 0; i < type->n; i++) {
		const struct interface_field *field = &type->fields[i];
		const struct place at = { .up = place, .name = field->name };

		if (!field->type->nullable && !json_object_get(value, field->name))
			return fail(&at, ret_place);
	}
	return 0;
}

static int check_array(const struct interface_type *type, const json_t *value,
		       const struct place *place, char **ret_place)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		const struct place at = { .up = place, .index = i };
		int r = check(type->of, json_array_get(value, i), &at, ret_place);

		if (r)
			return r;
	}
	return 0;
}

static int check_map(const struct interface_type *type, const json_t *value,
		     const struct place *place, char **ret_place)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)value, key, member) {
		const struct place at = { .up = place, .name = key, .is_key = true };
		int r = check(type->of, member, &at, ret_place);

		if (r)
			return r;
	}
	return 0;
}

static bool is_word(const struct interface_type *type, const json_t *value)
{
	for (size_t i = 0; json_is_string(value) && i < type->n; i++)
		if (strcmp(type->words[i], json_string_value(value)) == 0)
			return true;
	return false;
}

/* As far as it can be said without looking at its members. */
static bool is_of_sort(const struct interface_type *type, const json_t *value)
{
	switch (type->sort) {
	case INTERFACE_BOOL:
		return json_is_boolean(value);
	case INTERFACE_INT:
		return json_is_integer(value);
	case INTERFACE_FLOAT:
		return json_is_number(value);
	case INTERFACE_STRING:
		return json_is_string(value);
	case INTERFACE_ENUM:
		return is_word(type, value);
	case INTERFACE_ARRAY:
		return json_is_array(value);
	case INTERFACE_OBJECT:
	case INTERFACE_MAP:
	case INTERFACE_STRUCT:
		return json_is_object(value);
	case INTERFACE_ANY:
		return true;
	}
	return false;
}

static int check(const struct interface_type *type, const json_t *value, const struct place *place,
		 char **ret_place)
{
	if (json_is_null(value))
		return type->nullable ? 0 : fail(place, ret_place);
	if (!is_of_sort(type, value))
		return fail(place, ret_place);
	if (type->sort == INTERFACE_STRUCT)
		return check_struct(type, value, place, ret_place);
	if (type->sort == INTERFACE_ARRAY)
		return check_array(type, value, place, ret_place);
	if (type->sort == INTERFACE_MAP)
		return check_map(type, value, place, ret_place);
	return 0;
}

int interface_check(const struct interface_type *type, const json_t *value, char **ret_place)
{
	const struct place whole = {};

	return check(type, value, &whole, ret_place);
}
