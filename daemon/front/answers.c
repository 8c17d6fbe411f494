/* SPDX-License-Identifier: GPL-2.0-only */
/* See answers.h. */
#include "front/answers.h"

#include "front/call.h"
#include "front/front.h"

#include <errno.h>
#include <stdio.h>

#define KEPT_MS 10
#define KEPT_SIZE (16u << 10) /* what is longer has a log in it */

static enum call_state state_after(enum answer_kind kind)
{
	return kind == ANSWER_MONITOR ? CALL_WAITING : CALL_OVER;
}

bool answers_repeat(struct call *call, enum answer_kind kind, const char *pair)
{
	const struct answers *answers = &call->front->answers;
	uint64_t revision = reconcile_revision(call->front->reconcile);
	uint64_t now_ms = util_now_ms();

	for (size_t i = 0; i < ANSWERS_MAX; i++) {
		const struct answer *answer = &answers->items[i];

		if (answer->kind != kind || answer->revision != revision ||
		    now_ms - answer->made_ms > KEPT_MS || strcmp(answer->pair, pair) != 0)
			continue;
		call_reply_kept(call, answer->text, answer->len, state_after(kind));
		return true;
	}
	return false;
}

int answers_reply(struct call *call, enum answer_kind kind, const char *pair, json_t *message)
{
	struct answers *answers = &call->front->answers;
	struct answer *answer = &answers->items[answers->next];
	size_t len = 0;
	char *text = message ? frame_encode(message, &len) : NULL;

	json_decref(message);
	if (!text)
		return -ENOMEM;
	if (len > KEPT_SIZE) {
		call_reply_encoded(call, text, len, state_after(kind));
		return 0;
	}
	free(answer->text);
	*answer = (struct answer){ .kind = kind,
				   .revision = reconcile_revision(call->front->reconcile),
				   .made_ms = util_now_ms(),
				   .text = text,
				   .len = len };
	snprintf(answer->pair, sizeof(answer->pair), "%s", pair);
	answers->next = (answers->next + 1) % ANSWERS_MAX;
	call_reply_kept(call, text, len, state_after(kind));
	return 0;
}

void answers_done(struct answers *answers)
{
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		free(answers->items[i].text);
	*answers = (struct answers){};
}
