/* SPDX-License-Identifier: GPL-2.0-only */
/* Framing; see frame.h. A message is looked at only once it is whole, and only once. */
#include "core/frame.h"

#include <errno.h>

#define ROOM_KEPT (64u << 10)

void frame_json_unref(json_t **json)
{
	json_decref(*json);
}

static int make_room(struct frame_reader *reader, size_t len)
{
	size_t room = MAX(reader->room * 2, reader->len + len);
	char *moved;

	if (reader->start) {
		memmove(reader->bytes, reader->bytes + reader->start, reader->len);
		reader->start = 0;
	}
	if (reader->len + len <= reader->room)
		return 0;
	moved = realloc(reader->bytes, room);
	if (!moved)
		return -ENOMEM;
	reader->bytes = moved;
	reader->room = room;
	return 0;
}

int frame_feed(struct frame_reader *reader, const char *bytes, size_t len)
{
	int r;

	if (reader->len + len > (reader->max ? reader->max : FRAME_SIZE_MAX))
		return -EMSGSIZE;
	r = make_room(reader, len);
	if (r < 0)
		return r;
	memcpy(reader->bytes + reader->start + reader->len, bytes, len);
	reader->len += len;
	return 0;
}

/*
 * jansson bounds nesting only at compile time, and the number of values not at all, of which the
 * smallest takes fifty times its text in memory. What is within strings does not count.
 */
static bool is_bounded(const char *text, size_t len, size_t max_values)
{
	bool quoted = false;
	size_t n_values = 0;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!quoted && (text[i] == '}' || text[i] == ']'))
			depth--;
		n_values += !quoted && (text[i] == ',' || text[i] == '{' || text[i] == '[');
		if (depth > FRAME_DEPTH_MAX || (max_values && n_values > max_values))
			return false;
	}
	return true;
}

/* The length of the message at the start with its NUL byte, 0: it is not whole. */
static size_t whole(struct frame_reader *reader)
{
	const char *first = reader->bytes + reader->start;
	const char *end = reader->len > reader->scanned
				  ? memchr(first + reader->scanned, '\0',
					   reader->len - reader->scanned)
				  : NULL;

	if (!end)
		reader->scanned = reader->len;
	return end ? end - first + 1 : 0;
}

int frame_next(struct frame_reader *reader, json_t **ret)
{
	size_t used = reader->len ? whole(reader) : 0;
	const char *text = used ? reader->bytes + reader->start : NULL;
	json_error_t error = {};
	json_t *message = NULL;

	if (!used)
		return FRAME_E_NONE;
	if (is_bounded(text, used - 1, reader->max_values))
		message = json_loadb(text, used - 1, JSON_REJECT_DUPLICATES, &error);
	reader->start += used;
	reader->len -= used;
	reader->scanned = 0;
	/* A large message is no reason to hold on to its memory. */
	if (!reader->len && reader->room > ROOM_KEPT)
		frame_done(reader);
	if (!json_is_object(message)) {
		json_decref(message);
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	}
	*ret = message;
	return 0;
}

void frame_done(struct frame_reader *reader)
{
	free(reader->bytes);
	*reader = (struct frame_reader){ .max = reader->max, .max_values = reader->max_values };
}
