/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages in pieces of every size, and bytes that are no messages. */
#include "core/frame.h"

#include "unit/test.h"

#include <errno.h>

static int feed_text(struct frame_reader *reader, const char *text)
{
	return frame_feed(reader, text, strlen(text) + 1);
}

/* What becomes of one message: 0 or frame_next's error. */
static int read_text(const char *text)
{
	AUTO(frame_done) struct frame_reader reader = {};
	AUTO(frame_json_unref) json_t *message = NULL;

	CHECK(feed_text(&reader, text) == 0);
	return frame_next(&reader, &message);
}

static void check_pieces(const char *stream, size_t len, size_t piece)
{
	AUTO(frame_done) struct frame_reader reader = {};
	int n = 0;

	for (size_t i = 0; i < len; i += piece) {
		json_t *message = NULL;

		CHECK(frame_feed(&reader, stream + i, MIN(piece, len - i)) == 0);
		while (frame_next(&reader, &message) == 0) {
			CHECK(json_integer_value(json_object_get(message, "n")) == n++);
			json_decref(message);
		}
		CHECK(!message || n);
	}
	CHECK(n == 50);
	CHECK(reader.len == 0);
}

static void check_stream(void)
{
	char stream[4096];
	size_t len = 0;

	for (int n = 0; n < 50; n++) {
		AUTO(frame_json_unref) json_t *message =
			json_pack("{s:i, s:s+}", "n", n, "text", "}{", n % 2 ? "\"\\" : "");
		size_t size = 0;
		AUTO_FREE char *text = frame_encode(message, &size);

		CHECK(text && len + size <= sizeof(stream));
		memcpy(stream + len, text, size);
		len += size;
	}
	for (size_t piece = 1; piece <= len; piece++)
		check_pieces(stream, len, piece);
}

static void check_refusals(void)
{
	static const char *const bad[] = { "", "{", "[]", "1", "null", "{}x", "{\"a\":1,\"a\":2}",
					   "{\"a\":\"\xff\"}", "{\"a\":\"\\u0000\"}", "{'a':1}" };

	CHECK(read_text("{}") == 0);
	CHECK(read_text(" { \"a\" : [ ] } ") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(read_text(bad[i]) == -EBADMSG);
}

/* Brackets count, but for those in strings. */
static void check_depth(void)
{
	char text[256] = "{\"a\":";
	size_t start = strlen(text);

	for (int depth = 1; depth <= FRAME_DEPTH_MAX; depth++) {
		memset(text + start, '[', depth);
		memset(text + start + depth, ']', depth);
		strcpy(text + start + 2 * depth, "}");
		CHECK(read_text(text) == (depth < FRAME_DEPTH_MAX ? 0 : -EBADMSG));
	}
	strcpy(text + start, "\"\\\"");
	memset(text + start + 3, '[', 100);
	strcpy(text + start + 103, "\"}");
	CHECK(read_text(text) == 0);
}

/* The largest message passes however it comes; one byte more does not. */
static void check_size(void)
{
	AUTO(frame_done) struct frame_reader reader = { .max = 64 };
	char text[65];

	for (int i = 0; i < 100; i++) {
		AUTO(frame_json_unref) json_t *message = NULL;

		memset(text, ' ', sizeof(text));
		memcpy(text, "{}", 2);
		text[63] = '\0';
		CHECK(frame_feed(&reader, text, 10) == 0);
		CHECK(frame_next(&reader, &message) == FRAME_E_NONE);
		CHECK(frame_feed(&reader, text + 10, 54) == 0);
		CHECK(frame_feed(&reader, text, 1) == -EMSGSIZE);
		CHECK(frame_next(&reader, &message) == 0);
	}
}

/* "[1,1,1]", with n values in it. */
static int read_values(size_t n, size_t max)
{
	AUTO(frame_done) struct frame_reader reader = { .max_values = max };
	AUTO(frame_json_unref) json_t *message = NULL;
	AUTO_FREE char *text = calloc(1, 2 * n + 64);
	size_t len = sprintf(text, "{\"text\": \",,,,[[[{{{\", \"n\": [1");

	for (size_t i = 1; i < n; i++)
		len += sprintf(text + len, ",1");
	sprintf(text + len, "]}");
	CHECK(feed_text(&reader, text) == 0);
	return frame_next(&reader, &message);
}

static void check_bounds(void)
{
	AUTO(frame_done) struct frame_reader reader = { .max_values = 7 };
	AUTO(frame_json_unref) json_t *message = NULL;
	AUTO_FREE char *text = calloc(1, 1 << 20);

	CHECK(read_values(1000, 0) == 0);
	CHECK(read_values(1000, 1002) == 0);
	CHECK(read_values(1000, 1001) == -EBADMSG);
	/* A large message leaves nothing behind but what is meant for the next. */
	memset(text, ' ', (1 << 20) - 1);
	memcpy(text, "{}", 2);
	CHECK(feed_text(&reader, text) == 0 && reader.room >= 1 << 20);
	CHECK(frame_next(&reader, &message) == 0);
	CHECK(!reader.room && !reader.bytes && reader.max_values == 7);
}

/* ---- what is sent ---- */

static uint32_t dice(uint32_t n)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static json_t *random_string(void)
{
	static const char *const pieces[] = { "", "a", "\"", "\\", "\n", "\b\f\r\t", "\x01", "\x1f", "\x7f",
					      "/", "\xc3\xa9", "\xf0\x9f\x98\x80", "web0", "</script>" };
	char text[256] = "";

	for (int i = dice(6); i > 0; i--)
		strcat(text, pieces[dice(ARRAY_SIZE(pieces))]);
	return json_string(text);
}

static json_t *random_value(int depth)
{
	static const json_int_t numbers[] = { 0, 1, -1, 9, 10, -10, 4294967296, INT64_MAX, INT64_MIN };
	static const double reals[] = { 0.0, -0.5, 1e300, 1.0, 0.1 };
	json_t *value;

	switch (dice(depth ? 9 : 7)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(dice(2));
	case 2:
		return json_integer(numbers[dice(ARRAY_SIZE(numbers))]);
	case 3:
		return json_real(reals[dice(ARRAY_SIZE(reals))]);
	case 4:
	case 5:
	case 6:
		return random_string();
	case 7:
		value = json_array();
		for (int i = dice(5); i > 0; i--)
			json_array_append_new(value, random_value(depth - 1));
		return value;
	default:
		value = json_object();
		for (int i = dice(5); i > 0; i--) {
			AUTO(frame_json_unref) json_t *key = random_string();

			json_object_set_new(value, json_string_value(key), random_value(depth - 1));
		}
		return value;
	}
}

/* The same bytes as the library makes. */
static void check_encoding(void)
{
	for (int i = 0; i < 20000; i++) {
		AUTO(frame_json_unref) json_t *value = random_value(5);
		AUTO_FREE char *wanted = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		size_t len = 0;
		AUTO_FREE char *text = frame_encode(value, &len);

		if (strcmp(text, wanted) != 0 || len != strlen(wanted) + 1) {
			fprintf(stderr, "%s\nis not\n%s\n", text, wanted);
			abort();
		}
	}
}

int main(void)
{
	check_encoding();
	check_bounds();
	check_stream();
	check_refusals();
	check_depth();
	check_size();
	return 0;
}
