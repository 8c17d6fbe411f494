/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The interfaces that are served, as tables that interface.py makes of the .varlink files: nothing
 * about a method is said twice. The texts are the files' own, to the byte.
 */

#include <stdbool.h>
#include <stddef.h>

struct method; /* method.h: what carries it out */

enum interface_sort {
	INTERFACE_BOOL,
	INTERFACE_INT,
	INTERFACE_FLOAT,
	INTERFACE_STRING,
	INTERFACE_OBJECT, /* any members */
	INTERFACE_ANY, /* any value */
	INTERFACE_ENUM,
	INTERFACE_ARRAY,
	INTERFACE_MAP,
	INTERFACE_STRUCT,
};

struct interface_type {
	enum interface_sort sort;
	bool nullable; /* it may be missing, or null, which is the same */
	const struct interface_type *of; /* ARRAY, MAP: of each element */
	const struct interface_field *fields; /* STRUCT */
	const char *const *words; /* ENUM */
	size_t n; /* of fields or words */
};

struct interface_field {
	const char *name;
	const struct interface_type *type;
};

enum interface_more {
	INTERFACE_MORE_NONE,
	INTERFACE_MORE_SUPPORTS,
	INTERFACE_MORE_REQUIRES,
};

struct interface_method {
	const char *name; /* in full */
	const struct interface_type *input; /* a STRUCT */
	enum interface_more more;
	bool takes_fds;
	const struct method *method;
};

struct interface {
	const char *name;
	const char *text;
	const struct interface_method *methods;
	size_t n_methods;
};

extern const struct interface interfaces[];
extern const size_t n_interfaces;
