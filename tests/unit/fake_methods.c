/* SPDX-License-Identifier: GPL-2.0-only */
/* The methods of org.example.fake. */
#include "front/call.h"
#include "interface_methods.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

static int n_released, n_abandoned;

static const struct {
	const char *name;
	enum call_event event;
} events[] = {
	{ "room", CALL_ROOM },	   { "deadline", CALL_DEADLINE },   { "pair", CALL_PAIR },
	{ "loaded", CALL_LOADED }, { "conflicts", CALL_CONFLICTS },
};

/* ---- Wait ---- */

static void release(struct call *call)
{
	n_released++;
	n_abandoned += call->abandoned;
	free(call->data);
}

static int continue_wait(struct call *call, unsigned int why)
{
	json_t *words = json_array();

	/* There is room for another, but nothing to say. */
	if (why == CALL_ROOM) {
		json_decref(words);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (why & events[i].event)
			json_array_append_new(words, json_string(events[i].name));
	words = json_pack("{s:o}", "why", words);
	return call->more ? call_reply_more(call, words) : call_reply(call, words);
}

static int wait_(struct call *call)
{
	const json_t *wanted = json_object_get(call->parameters, "events");
	int64_t deadline_ms = call_number(call, "deadlineMs", -1);
	const char *pair = call_text(call, "pair");

	call_wait(call, continue_wait, release, malloc(1));
	for (size_t i = 0; i < json_array_size(wanted); i++)
		for (size_t j = 0; j < ARRAY_SIZE(events); j++)
			if (strcmp(json_string_value(json_array_get(wanted, i)), events[j].name) ==
			    0)
				call->events |= events[j].event;
	if (pair)
		snprintf(call->pair, sizeof(call->pair), "%s", pair);
	if (deadline_ms >= 0)
		call->deadline_ms = util_now_ms() + deadline_ms;
	return 0;
}

METHOD(example_wait) = { .run = wait_ };

/* ---- Count ---- */

static int continue_count(struct call *call, unsigned int why)
{
	int64_t *i = call->data;
	json_t *parameters = json_pack("{s:I}", "i", (json_int_t)++ * i);

	CHECK(why == CALL_ROOM);
	return *i < call_number(call, "n", 0) ? call_reply_more(call, parameters)
					      : call_reply(call, parameters);
}

static int count(struct call *call)
{
	call_wait(call, continue_count, release, calloc(1, sizeof(int64_t)));
	return continue_count(call, CALL_ROOM);
}

METHOD(example_count) = { .run = count };

/* ---- Take ---- */

static int take(struct call *call)
{
	const json_t *indexes = json_object_get(call->parameters, "indexes");
	json_t *paths = json_array();

	for (size_t i = 0; i < json_array_size(indexes); i++) {
		int fd = fds_take(&call->fds, json_integer_value(json_array_get(indexes, i)));
		char link[64], path[256] = "none";
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = fd < 0 ? 4 : readlink(link, path, sizeof(path) - 1);
		json_array_append_new(paths, json_stringn(path, len));
		util_close(&fd);
	}
	return call_reply(call,
			  json_pack("{s:o, s:I}", "paths", paths, "n", (json_int_t)call->fds.n));
}

METHOD(example_take) = { .run = take };

/* ---- the rest ---- */

static int change(struct call *call)
{
	return call_reply(call, json_object());
}

METHOD(example_change) = {
	.run = change, .action = "io.metad.reload", .pair = "pair", .netns = "netns"
};

static int released(struct call *call)
{
	return call_reply(call, json_pack("{s:i, s:i}", "n", n_released, "abandoned", n_abandoned));
}

METHOD(example_released) = { .run = released };

static int forget_again(struct call *call, unsigned int why)
{
	return -ENOMEM;
}

static int forget(struct call *call)
{
	if (call_flag(call, "loaded")) {
		call_wait(call, forget_again, NULL, NULL);
		call->events = CALL_LOADED;
	}
	return 0;
}

METHOD(example_forget) = { .run = forget };
