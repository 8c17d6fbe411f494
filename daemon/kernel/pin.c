/* SPDX-License-Identifier: GPL-2.0-only */
/* Pins' names, written and read; see pin.h. Knows names only, never what is pinned. */
#include "kernel/pin.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ESCAPED_SIZE (3 * IFNAMSIZ)

static void escape(const char *name, char buf[static ESCAPED_SIZE])
{
	for (; *name; name++) {
		if (*name == '.')
			buf = stpcpy(buf, "%2e");
		else
			*buf++ = *name;
	}
	*buf = '\0';
}

static bool unescape(const char *text, size_t len, char ret[static IFNAMSIZ])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool dot = len - i >= 3 && memcmp(text + i, "%2e", 3) == 0;

		if (n + 1 >= IFNAMSIZ)
			return false;
		ret[n++] = dot ? '.' : text[i];
		i += dot ? 2 : 0;
	}
	ret[n] = '\0';
	return n > 0;
}

char *pin_link_path(const char *dir, const struct pin *pin)
{
	char pair[ESCAPED_SIZE], *path;

	escape(pin->pair, pair);
	if (asprintf(&path, "%s/" PIN_LINKS "/%s:%s:%s:%u", dir, pair, side_name(pin->side),
		     pin->program, pin->link_id) < 0)
		return NULL;
	return path;
}

char *pin_released_dir(const char *released, const char *pair)
{
	char escaped[ESCAPED_SIZE];

	escape(pair, escaped);
	return util_join(released, escaped);
}

char *pin_released_path(const char *pair_dir, const struct pin *pin)
{
	char *path;

	if (asprintf(&path, "%s/%s:%s:%u", pair_dir, side_name(pin->side), pin->program,
		     pin->link_id) < 0)
		return NULL;
	return path;
}

char *pin_program_path(const char *dir, const char *program, uint64_t digest, uint32_t id)
{
	char *path;

	if (asprintf(&path, "%s/" PIN_PROGRAMS "/%s:%016" PRIx64 ":%u", dir, program, digest, id) <
	    0)
		return NULL;
	return path;
}

/* The next field of name, ended by ':' or by the end; NULL: there is none. */
static const char *next_field(const char **name, size_t *ret_len)
{
	const char *field = *name;

	if (!field)
		return NULL;
	*ret_len = strcspn(field, ":");
	*name = field[*ret_len] ? field + *ret_len + 1 : NULL;
	return field;
}

static bool read_name(const char **name, char ret[static PROGRAM_NAME_SIZE])
{
	size_t len;
	const char *field = next_field(name, &len);

	if (!field || !len || len >= PROGRAM_NAME_SIZE)
		return false;
	memcpy(ret, field, len);
	memset(ret + len, 0, PROGRAM_NAME_SIZE - len);
	return true;
}

static bool read_id(const char **name, uint32_t *ret)
{
	size_t len;
	const char *field = next_field(name, &len);
	uint64_t id;

	if (!field || *name || util_parse_u64(field, 1, UINT32_MAX, &id) < 0)
		return false;
	*ret = id;
	return true;
}

bool pin_parse_link(const char *name, struct pin *ret)
{
	struct pin pin = {};
	const char *field;
	size_t len;

	field = next_field(&name, &len);
	if (!field || !unescape(field, len, pin.pair))
		return false;
	field = next_field(&name, &len);
	if (field && len == 7 && memcmp(field, "primary", len) == 0)
		pin.side = SIDE_PRIMARY;
	else if (field && len == 4 && memcmp(field, "peer", len) == 0)
		pin.side = SIDE_PEER;
	else
		return false;
	if (!read_name(&name, pin.program) || !read_id(&name, &pin.link_id))
		return false;
	*ret = pin;
	return true;
}

bool pin_parse_program(const char *name, char ret_program[static PROGRAM_NAME_SIZE],
		       uint64_t *ret_digest, uint32_t *ret_id)
{
	char program[PROGRAM_NAME_SIZE];
	const char *field;
	uint64_t digest;
	uint32_t id;
	size_t len;

	if (!read_name(&name, program))
		return false;
	field = next_field(&name, &len);
	if (!field || len != 16 || sscanf(field, "%16" SCNx64, &digest) != 1)
		return false;
	if (!read_id(&name, &id))
		return false;
	memcpy(ret_program, program, PROGRAM_NAME_SIZE);
	*ret_digest = digest;
	*ret_id = id;
	return true;
}

int pin_each(const char *dir, const char *sub, int (*fn)(void *ctx, const char *name), void *ctx)
{
	AUTO_FREE char *path = util_join(dir, sub);
	AUTO_CLOSE_DIR DIR *stream = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!stream)
		return path ? -errno : -ENOMEM;
	while (r == 0 && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			r = fn(ctx, entry->d_name);
	return r;
}
