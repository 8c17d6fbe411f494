/* SPDX-License-Identifier: GPL-2.0-only */
/* See call.h. */
#include "front/call.h"

#include <errno.h>

const char *call_text(const struct call *call, const char *parameter)
{
	return json_string_value(json_object_get(call->parameters, parameter));
}

bool call_flag(const struct call *call, const char *parameter)
{
	return json_is_true(json_object_get(call->parameters, parameter));
}

int64_t call_number(const struct call *call, const char *parameter, int64_t otherwise)
{
	const json_t *value = json_object_get(call->parameters, parameter);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* Takes reply. */
static int set_reply(struct call *call, json_t *reply, enum call_state state)
{
	if (!reply)
		return -ENOMEM;
	json_decref(call->reply);
	call->reply = reply;
	call->state = state;
	return 0;
}

int call_reply(struct call *call, json_t *parameters)
{
	return set_reply(call, parameters ? json_pack("{s:o}", "parameters", parameters) : NULL,
			 CALL_OVER);
}

int call_reply_more(struct call *call, json_t *parameters)
{
	return set_reply(call,
			 parameters
				 ? json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1)
				 : NULL,
			 CALL_WAITING);
}

void call_reply_encoded(struct call *call, char *text, size_t len, enum call_state state)
{
	free(call->text);
	call->text = text;
	call->text_len = len;
	call->state = state;
}

void call_reply_kept(struct call *call, const char *text, size_t len, enum call_state state)
{
	call->kept = text;
	call->text_len = len;
	call->state = state;
}

int call_error(struct call *call, const char *name, json_t *parameters)
{
	return set_reply(call,
			 parameters
				 ? json_pack("{s:s, s:o}", "error", name, "parameters", parameters)
				 : NULL,
			 CALL_OVER);
}

int call_error_text(struct call *call, const char *name, const char *key, const char *value)
{
	return call_error(call, name, key ? json_pack("{s:s}", key, value) : json_object());
}

void call_wait(struct call *call, int (*resume)(struct call *call, unsigned int why),
	       void (*release)(struct call *call), void *data)
{
	call->state = CALL_WAITING;
	call->resume = resume;
	call->release = release;
	call->data = data;
	call->deadline_ms = UINT64_MAX;
}

void call_free_data(struct call *call)
{
	free(call->data);
}

int call_take_reply(struct call *call, char **ret_text, const char **ret_kept, size_t *ret_len)
{
	AUTO(frame_json_unref) json_t *reply = STEAL(call->reply);
	AUTO_FREE char *text = STEAL(call->text);
	const char *kept = STEAL(call->kept);

	if (call->oneway)
		return 0;
	*ret_len = call->text_len;
	if (reply) {
		text = frame_encode(reply, ret_len);
		if (!text)
			return -ENOMEM;
	}
	*ret_text = STEAL(text);
	*ret_kept = kept;
	return 0;
}

void call_done(struct call *call)
{
	if (call->release)
		call->release(call);
	json_decref(call->reply);
	free(call->text);
	json_decref(call->message);
	fds_done(&call->fds);
	*call = (struct call){ .front = call->front,
			       .caller = call->caller,
			       .deadline_ms = UINT64_MAX };
}
