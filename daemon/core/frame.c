/* SPDX-License-Identifier: GPL-2.0-only */
/* Framing; see frame.h. A message is looked at only once it is whole, and only once. */
#include "core/frame.h"

#include <errno.h>

void frame_json_unref(json_t **json)
{
	json_decref(*json);
}

int frame_feed(struct frame_reader *reader, const char *bytes, size_t len)
{
	size_t max = reader->max ? reader->max : FRAME_SIZE_MAX;

	if (reader->len + len > max)
		return -EMSGSIZE;
	if (reader->len + len > reader->room) {
		size_t room = MAX(reader->room * 2, reader->len + len);
		char *moved = realloc(reader->bytes, room);

		if (!moved)
			return -ENOMEM;
		reader->bytes = moved;
		reader->room = room;
	}
	memcpy(reader->bytes + reader->len, bytes, len);
	reader->len += len;
	return 0;
}

/* jansson bounds nesting only at compile time; braces within strings do not count. */
static bool is_shallow(const char *text, size_t len)
{
	bool quoted = false;
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
		if (depth > FRAME_DEPTH_MAX)
			return false;
	}
	return true;
}

int frame_next(struct frame_reader *reader, json_t **ret)
{
	char *end = reader->len > reader->scanned
			    ? memchr(reader->bytes + reader->scanned, '\0',
				     reader->len - reader->scanned) : NULL;
	json_error_t error;
	json_t *message = NULL;
	size_t used;

	if (!end) {
		reader->scanned = reader->len;
		return FRAME_E_NONE;
	}
	used = end - reader->bytes;
	if (is_shallow(reader->bytes, used))
		message = json_loadb(reader->bytes, used, JSON_REJECT_DUPLICATES, &error);
	used++;
	memmove(reader->bytes, reader->bytes + used, reader->len - used);
	reader->len -= used;
	reader->scanned = 0;
	if (!json_is_object(message)) {
		json_decref(message);
		return -EBADMSG;
	}
	*ret = message;
	return 0;
}

void frame_done(struct frame_reader *reader)
{
	free(reader->bytes);
	*reader = (struct frame_reader){ .max = reader->max };
}

char *frame_encode(const json_t *message, size_t *ret_len)
{
	char *text = json_dumps(message, JSON_COMPACT);

	if (text)
		*ret_len = strlen(text) + 1;
	return text;
}
