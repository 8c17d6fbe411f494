/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Varlink's framing (UAPI.20): JSON objects, each ended by a NUL byte. Bytes in, objects out, and
 * back; sockets are the caller's. The one door to the codec, for both ends of the connection.
 */

#include "base/util.h"

#include <jansson.h>

#define FRAME_SIZE_MAX (4u << 20) /* of one message that is received */
#define FRAME_DEPTH_MAX 32 /* nesting of one message that is received */

struct frame_reader {
	char *bytes; /* owned */
	size_t start, len, room; /* bytes[start..start + len) have arrived and not been taken */
	size_t scanned; /* of those, how many hold no NUL */
	size_t max; /* 0: FRAME_SIZE_MAX */
	size_t max_values; /* in one message, about; 0: any number */
};

enum { FRAME_E_NONE = 1 /* no whole message has arrived yet */ };

/* Takes a copy of what has arrived. 0, -ENOMEM, or -EMSGSIZE: more than max has not been taken. */
int frame_feed(struct frame_reader *reader, const char *bytes, size_t len);
/* The next message, which is an object; the caller owns it. 0, FRAME_E_NONE, -EBADMSG or -ENOMEM. */
int frame_next(struct frame_reader *reader, json_t **ret);
void frame_done(struct frame_reader *reader);

/* The message with its NUL byte, which len counts; owned by the caller, NULL: out of memory. */
char *frame_encode(const json_t *message, size_t *ret_len);

void frame_json_unref(json_t **json); /* for AUTO() */
