/* SPDX-License-Identifier: GPL-2.0-only */
/* See dispatch.h. */
#include "front/dispatch.h"

#include "front/front.h"
#include "front/interface_check.h"
#include "interface_methods.h"

#include <errno.h>
#include <stdio.h>

#define INTERACTIVE "allowInteractiveAuthentication"
/* What InvalidParameter names when there are descriptors that nothing asks for, or too many. */
#define DESCRIPTORS "fileDescriptors"

/* ---- messages ---- */

/* At most one of the three; unknown members are refused unless they carry a prefix. */
static bool is_well_formed(const json_t *message)
{
	static const char *const flags[] = { "oneway", "more", "upgrade" };
	int n_flags = 0;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)message, key, value) {
		bool known = strcmp(key, "method") == 0 || strcmp(key, "parameters") == 0;

		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			if (strcmp(key, flags[i]) != 0)
				continue;
			if (!json_is_boolean(value))
				return false;
			known = true;
			n_flags += json_is_true(value);
		}
		if (!known && !strchr(key, '.'))
			return false;
	}
	value = json_object_get(message, "parameters");
	return n_flags <= 1 && json_is_string(json_object_get(message, "method")) &&
	       (!value || json_is_object(value) || json_is_null(value));
}

/* parameters that are missing, null and {} are the same. */
static int take_message(struct call *call, json_t *message)
{
	json_t *parameters = json_object_get(message, "parameters");

	if (!is_well_formed(message))
		return -EBADMSG;
	if (!json_is_object(parameters)) {
		parameters = json_object();
		if (json_object_set_new(message, "parameters", parameters) < 0)
			return -ENOMEM;
	}
	call->state = CALL_BEGUN;
	call->message = json_incref(message);
	call->parameters = parameters;
	call->more = json_is_true(json_object_get(message, "more"));
	call->oneway = json_is_true(json_object_get(message, "oneway"));
	return 0;
}

/* ---- methods ---- */

static const struct interface *find_interface(const char *method)
{
	const char *dot = strrchr(method, '.');
	size_t len = dot ? (size_t)(dot - method) : 0;

	for (size_t i = 0; i < n_interfaces; i++)
		if (strlen(interfaces[i].name) == len &&
		    strncmp(interfaces[i].name, method, len) == 0)
			return &interfaces[i];
	return NULL;
}

static const struct interface_method *find_method(const struct interface *interface,
						  const char *name)
{
	for (size_t i = 0; i < interface->n_methods; i++)
		if (strcmp(interface->methods[i].name, name) == 0)
			return &interface->methods[i];
	return NULL;
}

static int refuse_interface(struct call *call, const char *method)
{
	const char *dot = strrchr(method, '.');

	return call_error(
		call, ERROR_VARLINK_INTERFACE_NOT_FOUND,
		json_pack("{s:s%}", "interface", method, dot ? (size_t)(dot - method) : (size_t)0));
}

/* ---- what a call ends with ---- */

/* A method that neither answers nor waits would leave its caller without an answer for good. */
static int end(struct call *call, int r)
{
	if (r == 0 && (call->state == CALL_BEGUN || (call->state == CALL_WAITING && !call->resume)))
		r = -EPROTO;
	if (r == 0 && call->oneway && call->state == CALL_WAITING)
		call->state = CALL_OVER;
	return r;
}

static int refuse_parameter(struct call *call, const char *place)
{
	return call_error_text(call, ERROR_VARLINK_INVALID_PARAMETER, "parameter", place);
}

static int run(struct call *call)
{
	AUTO_FREE char *place = NULL;
	bool too_many = call->fds.overflow || (call->fds.n && !call->method->takes_fds);
	int r = interface_check(call->method->input, call->parameters, &place);

	if (r < 0)
		return r;
	if (r == INTERFACE_E_INVALID || too_many)
		return refuse_parameter(call, r == INTERFACE_E_INVALID ? place : DESCRIPTORS);
	if (call->method->more == INTERFACE_MORE_REQUIRES && !call->more)
		return call_error_text(call, ERROR_VARLINK_EXPECTED_MORE, NULL, NULL);
	if (call->method->method->action && !call->caller->privileged) {
		call->state = CALL_ASKING;
		return 0;
	}
	return call->method->method->run(call);
}

int dispatch_begin(struct call *call, json_t *message, struct fds *fds)
{
	const char *name = json_string_value(json_object_get(message, "method"));
	int r = take_message(call, message);
	const struct interface *interface;

	call->fds = STEAL(*fds);
	if (r < 0)
		return r;
	interface = find_interface(name);
	if (!interface)
		return refuse_interface(call, name);
	call->method = find_method(interface, name);
	if (!call->method)
		return call_error_text(call, ERROR_VARLINK_METHOD_NOT_FOUND, "method", name);
	if (json_is_true(json_object_get(message, "upgrade")))
		return call_error_text(call, ERROR_VARLINK_METHOD_NOT_IMPLEMENTED, "method", name);
	return end(call, run(call));
}

/* ---- authority ---- */

const char *dispatch_verb(const struct call *call)
{
	return strrchr(call->method->name, '.') + 1;
}

const char *dispatch_pair(const struct call *call)
{
	const char *parameter = call->method->method->pair;

	return parameter ? call_text(call, parameter) : NULL;
}

/* A namespace is a text, or has one of several members that say which one it is. */
static void name_netns(const struct call *call, struct polkit_request *request)
{
	const char *parameter = call->method->method->netns, *key;
	json_t *value = parameter ? json_object_get(call->parameters, parameter) : NULL, *member;

	if (json_is_string(value))
		request->netns = json_string_value(value);
	json_object_foreach(value, key, member) {
		if (json_is_string(member))
			request->netns = json_string_value(member);
		else if (json_is_integer(member) &&
			 snprintf(request->netns_buffer, sizeof(request->netns_buffer),
				  "%s %" JSON_INTEGER_FORMAT, key, json_integer_value(member)) > 0)
			request->netns = request->netns_buffer;
	}
}

void dispatch_question(const struct call *call, struct polkit_request *ret)
{
	*ret = (struct polkit_request){
		.socket_fd = call->caller->socket_fd,
		.pid = call->caller->pid,
		.uid = call->caller->uid,
		.action = call->method->method->action,
		.verb = dispatch_verb(call),
		.pair = dispatch_pair(call),
		.interactive = call_flag(call, INTERACTIVE),
	};
	name_netns(call, ret);
}

int dispatch_refuse(struct call *call, const char *why)
{
	refusals_tell(&call->front->refusals, call, why, util_now_ms());
	return call_error_text(call, ERROR_VARLINK_PERMISSION_DENIED, NULL, NULL);
}

int dispatch_decided(struct call *call, enum polkit_answer answer)
{
	call->state = CALL_BEGUN;
	switch (answer) {
	case POLKIT_YES:
		return end(call, call->method->method->run(call));
	case POLKIT_NO:
		return dispatch_refuse(
			call, "neither root nor of the group, and polkit does not consent");
	case POLKIT_CHALLENGE:
		break;
	}
	refusals_tell(&call->front->refusals, call, "polkit wants a person to be asked first",
		      util_now_ms());
	return call_error_text(call, "io.systemd.InteractiveAuthenticationRequired", NULL, NULL);
}

int dispatch_resume(struct call *call, unsigned int why)
{
	return end(call, call->resume(call, why));
}
