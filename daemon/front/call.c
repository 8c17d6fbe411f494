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

json_t *call_take_reply(struct call *call)
{
	json_t *reply = STEAL(call->reply);

	if (reply && call->oneway) {
		json_decref(reply);
		return NULL;
	}
	return reply;
}

void call_done(struct call *call)
{
	if (call->release)
		call->release(call);
	json_decref(call->reply);
	json_decref(call->message);
	fds_done(&call->fds);
	*call = (struct call){ .front = call->front,
			       .caller = call->caller,
			       .deadline_ms = UINT64_MAX };
}
