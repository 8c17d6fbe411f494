/* SPDX-License-Identifier: GPL-2.0-only */
/* See methods.h. The table at the end is the interface; the rest fills it. */
#include "front/methods.h"

#include "core/wire.h"
#include "front/interface.h"

#include <errno.h>
#include <stdio.h>

#define SERVICE "org.varlink.service"
#define INTERFACE "io.metad"
#define INTERACTIVE "allowInteractiveAuthentication"

/* One call, checked. */
struct request {
	const struct methods *methods;
	const json_t *parameters; /* borrowed; NULL: none */
	struct call *call;
};

/* ---- replies ---- */

static json_t *reply(json_t *parameters)
{
	return parameters ? json_pack("{s:o}", "parameters", parameters) : NULL;
}

static json_t *reply_more(json_t *parameters)
{
	return parameters ? json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1)
			  : NULL;
}

static json_t *error(const char *name, const char *parameter, const char *value)
{
	return json_pack("{s:s, s:{s:s*}}", "error", name, "parameters", parameter ? parameter : "",
			 parameter ? value : NULL);
}

/* ---- org.varlink.service ---- */

static json_t *get_info(struct request *request)
{
	return reply(json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "metad", "product",
			       "metad", "version", METAD_VERSION, "url", "", "interfaces", SERVICE,
			       INTERFACE));
}

static json_t *get_interface_description(struct request *request)
{
	const char *name = json_string_value(json_object_get(request->parameters, "interface"));

	if (strcmp(name, INTERFACE) == 0)
		return reply(json_pack("{s:s}", "description", interface_metad));
	if (strcmp(name, SERVICE) == 0)
		return reply(json_pack("{s:s}", "description", interface_service));
	return error(SERVICE ".InterfaceNotFound", "interface", name);
}

/* ---- io.metad ---- */

static json_t *list(struct request *request)
{
	request->call->state = CALL_LIST;
	return NULL;
}

static json_t *monitor(struct request *request)
{
	request->call->state = CALL_MONITOR;
	request->call->n_told = request->methods->n_changes;
	return NULL;
}

static json_t *describe(struct request *request)
{
	const char *name = json_string_value(json_object_get(request->parameters, "pair"));
	struct status status;

	reconcile_refresh(request->methods->reconcile, name);
	if (!reconcile_status(request->methods->reconcile, name, util_now_ms(), &status))
		return error(INTERFACE ".NoSuchPair", "pair", name);
	return reply(json_pack("{s:o, s:o}", "pair", wire_pair(&status), "kinds",
			       wire_kinds(reconcile_kinds(request->methods->reconcile))));
}

static json_t *plan(struct request *request)
{
	struct call *call = request->call;
	int r = reconcile_preview(request->methods->reconcile, &call->plan);

	if (r == -EAGAIN)
		return error(INTERFACE ".NotLoaded", NULL, NULL);
	if (r == 0)
		call->state = CALL_PLAN;
	return NULL;
}

static json_t *reload(struct request *request)
{
	request->call->state = CALL_RELOAD;
	reconcile_mark_config(request->methods->reconcile);
	return NULL;
}

static json_t *tell_status(const struct reconcile *r)
{
	const struct catalog *catalog = reconcile_catalog(r);

	return reply(json_pack("{s:s, s:b, s:b, s:o, s:o, s:o}", "version", METAD_VERSION, "settled",
			       reconcile_is_settled(r), "loaded", reconcile_desired(r) != NULL,
			       "kinds", wire_kinds(reconcile_kinds(r)), "diagnostics",
			       wire_diagnostics(catalog, reconcile_desired(r)), "files", wire_files(catalog)));
}

/* While files are read again nobody else can see what is known of them. */
static json_t *status(struct request *request)
{
	if (!reconcile_is_loading(request->methods->reconcile))
		return tell_status(request->methods->reconcile);
	request->call->state = CALL_STATUS;
	return NULL;
}

json_t *methods_loaded(const struct methods *methods, struct call *call)
{
	enum call_state state = call->state;

	if (state != CALL_RELOAD && state != CALL_STATUS)
		return NULL;
	methods_call_done(call);
	if (state == CALL_STATUS)
		return tell_status(methods->reconcile);
	return reply(json_pack("{s:o}", "diagnostics",
			       wire_diagnostics(reconcile_catalog(methods->reconcile),
						reconcile_desired(methods->reconcile))));
}

/* ---- replies that go on ---- */

/* The first pair behind a name. */
static size_t position_behind(const struct methods *methods, const char *last)
{
	size_t low = 0, n = reconcile_n_pairs(methods->reconcile);
	struct status status;

	while (n) {
		size_t half = n / 2;

		reconcile_status_at(methods->reconcile, low + half, 0, &status);
		if (strcmp(status.name, last) <= 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

static json_t *continue_list(const struct methods *methods, struct call *call)
{
	size_t i = position_behind(methods, call->last);
	size_t n = reconcile_n_pairs(methods->reconcile);
	struct status status;
	json_t *parameters;

	if (i >= n) {
		call->state = CALL_NONE;
		return reply(json_object());
	}
	reconcile_status_at(methods->reconcile, i, util_now_ms(), &status);
	memcpy(call->last, status.name, IFNAMSIZ);
	parameters = json_pack("{s:o}", "pair", wire_summary(&status));
	if (i + 1 < n)
		return reply_more(parameters);
	call->state = CALL_NONE;
	return reply(parameters);
}

/* The next task that says anything. */
static const struct task *next_task(struct call *call)
{
	for (; call->n_tasks < call->plan.n_tasks; call->n_tasks++) {
		const struct task *task = &call->plan.tasks[call->n_tasks];

		if (task->n_steps || task->verdict != VERDICT_READY)
			return task;
	}
	return NULL;
}

static json_t *continue_plan(struct call *call)
{
	const struct task *task = next_task(call);
	json_t *parameters = task ? json_pack("{s:o}", "task", wire_task(task)) : json_object();

	call->n_tasks++;
	if (task && next_task(call))
		return reply_more(parameters);
	methods_call_done(call);
	return reply(parameters);
}

/* ---- monitors ---- */

void methods_note_change(struct methods *methods, const char *name, bool gone)
{
	struct change *change = &methods->changes[methods->n_changes++ % CHANGES_MAX];

	snprintf(change->name, sizeof(change->name), "%s", name);
	change->sequence = reconcile_generation(methods->reconcile);
	change->gone = gone;
}

static json_t *tell_pair(const struct status *status)
{
	return reply_more(json_pack("{s:I, s:o}", "sequence",
				    (json_int_t)status->history->generation, "pair",
				    wire_summary(status)));
}

static json_t *tell_mark(const struct methods *methods, const char *mark)
{
	return reply_more(json_pack("{s:I, s:b}", "sequence",
				    (json_int_t)reconcile_generation(methods->reconcile), mark, 1));
}

static json_t *tell_gone(const struct change *change)
{
	return reply_more(json_pack("{s:I, s:s}", "sequence", (json_int_t)change->sequence, "gone",
				    change->name));
}

/* Every pair once; what changes meanwhile is told again after synced. */
static json_t *continue_sync(const struct methods *methods, struct call *call)
{
	size_t i = position_behind(methods, call->last);
	struct status status;

	if (i >= reconcile_n_pairs(methods->reconcile)) {
		call->synced = true;
		return tell_mark(methods, "synced");
	}
	reconcile_status_at(methods->reconcile, i, util_now_ms(), &status);
	memcpy(call->last, status.name, IFNAMSIZ);
	return tell_pair(&status);
}

/* A change that a later one of the same pair has overtaken is passed over: only states matter. */
static bool is_overtaken(const struct methods *methods, const struct change *change,
			 struct status *ret)
{
	if (change->gone)
		return false;
	return !reconcile_status(methods->reconcile, change->name, util_now_ms(), ret) ||
	       ret->history->generation != change->sequence;
}

/* NULL with 0: it knows everything. */
static int continue_monitor(const struct methods *methods, struct call *call, json_t **ret_reply)
{
	if (!call->synced) {
		*ret_reply = continue_sync(methods, call);
		return *ret_reply ? 0 : -ENOMEM;
	}
	if (methods->n_changes - call->n_told > CHANGES_MAX) {
		*call = (struct call){ .state = CALL_MONITOR, .n_told = methods->n_changes };
		*ret_reply = tell_mark(methods, "resync");
		return *ret_reply ? 0 : -ENOMEM;
	}
	while (call->n_told < methods->n_changes) {
		const struct change *change = &methods->changes[call->n_told++ % CHANGES_MAX];
		struct status status;

		if (is_overtaken(methods, change, &status))
			continue;
		*ret_reply = change->gone ? tell_gone(change) : tell_pair(&status);
		return *ret_reply ? 0 : -ENOMEM;
	}
	return 0;
}

int methods_continue(const struct methods *methods, struct call *call, json_t **ret_reply)
{
	*ret_reply = NULL;
	switch (call->state) {
	case CALL_NONE:
	case CALL_RELOAD:
	case CALL_STATUS:
	case CALL_ASK:
		return 0;
	case CALL_LIST:
		*ret_reply = continue_list(methods, call);
		break;
	case CALL_PLAN:
		*ret_reply = continue_plan(call);
		break;
	case CALL_MONITOR:
		return continue_monitor(methods, call, ret_reply);
	}
	return *ret_reply ? 0 : -ENOMEM;
}

void methods_call_done(struct call *call)
{
	plan_done(&call->plan);
	json_decref(call->message);
	*call = (struct call){};
}

/* ---- dispatch ---- */

static const struct method {
	const char *name;
	const char *parameter; /* the one it takes, a string and required; NULL: none */
	bool needs_more;
	const char *action; /* of systemd/io.metad.policy, for who is not privileged; NULL: open to all */
	json_t *(*run)(struct request *request); /* NULL with a call left in request: not yet */
} table[] = {
	{ SERVICE ".GetInfo", NULL, false, NULL, get_info },
	{ SERVICE ".GetInterfaceDescription", "interface", false, NULL,
	  get_interface_description },
	{ INTERFACE ".List", NULL, true, NULL, list },
	{ INTERFACE ".Describe", "pair", false, NULL, describe },
	{ INTERFACE ".Plan", NULL, true, NULL, plan },
	{ INTERFACE ".Reload", NULL, false, "io.metad.reload", reload },
	{ INTERFACE ".Monitor", NULL, true, NULL, monitor },
	{ INTERFACE ".Status", NULL, false, NULL, status },
};

static json_t *refuse_name(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : 0;
	static const char *const interfaces[] = { SERVICE, INTERFACE };

	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (len == strlen(interfaces[i]) && strncmp(name, interfaces[i], len) == 0)
			return error(SERVICE ".MethodNotFound", "method", name);
	return json_pack("{s:s, s:{s:s%}}", "error", SERVICE ".InterfaceNotFound", "parameters",
			 "interface", name, len);
}

/* NULL: the parameters are as the method wants them. */
static json_t *refuse_parameters(const struct method *method, const json_t *parameters)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)parameters, key, value) {
		bool known = method->parameter && strcmp(key, method->parameter) == 0;

		if (method->action && strcmp(key, INTERACTIVE) == 0)
			known = json_is_boolean(value);
		if (!json_is_null(value) && !known)
			return error(SERVICE ".InvalidParameter", "parameter", key);
	}
	if (method->parameter &&
	    !json_is_string(json_object_get(parameters, method->parameter)))
		return error(SERVICE ".InvalidParameter", "parameter", method->parameter);
	return NULL;
}

static json_t *dispatch(struct request *request, const char *name, bool more, bool privileged)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct method *method = &table[i];
		json_t *refusal;

		if (strcmp(method->name, name) != 0)
			continue;
		refusal = refuse_parameters(method, request->parameters);
		if (refusal)
			return refusal;
		if (method->needs_more && !more)
			return error(SERVICE ".ExpectedMore", NULL, NULL);
		if (!method->action || privileged)
			return method->run(request);
		request->call->state = CALL_ASK;
		request->call->action = method->action;
		request->call->verb = strrchr(method->name, '.') + 1;
		request->call->interactive =
			json_is_true(json_object_get(request->parameters, INTERACTIVE));
		return NULL;
	}
	return refuse_name(name);
}

/* UAPI.20: at most one of the three; unknown members are refused unless they carry a prefix. */
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

int methods_call(const struct methods *methods, const json_t *message, bool privileged,
		 struct call *call, json_t **ret_reply)
{
	const json_t *parameters = json_object_get(message, "parameters");
	struct request request = { methods, json_is_object(parameters) ? parameters : NULL, call };
	bool oneway = json_is_true(json_object_get(message, "oneway"));
	json_t *answer;

	if (!is_well_formed(message))
		return -EBADMSG;
	*call = (struct call){};
	if (json_is_true(json_object_get(message, "upgrade")))
		answer = error(SERVICE ".MethodNotImplemented", "method",
			       json_string_value(json_object_get(message, "method")));
	else
		answer = dispatch(&request, json_string_value(json_object_get(message, "method")),
				  json_is_true(json_object_get(message, "more")), privileged);
	if (!answer && call->state == CALL_NONE)
		return -ENOMEM;
	if (call->state == CALL_ASK)
		call->message = json_incref((json_t *)message);
	else if (oneway) {
		json_decref(answer);
		answer = NULL;
		methods_call_done(call);
	}
	*ret_reply = answer;
	return 0;
}

int methods_decided(const struct methods *methods, struct call *call, enum polkit_answer answer,
		    json_t **ret_reply)
{
	AUTO(frame_json_unref) json_t *message = STEAL(call->message);

	if (answer == POLKIT_YES)
		return methods_call(methods, message, true, call, ret_reply);
	methods_call_done(call);
	*ret_reply = NULL;
	if (json_is_true(json_object_get(message, "oneway")))
		return 0;
	*ret_reply = error(answer == POLKIT_CHALLENGE ? "io.systemd.InteractiveAuthenticationRequired"
						      : SERVICE ".PermissionDenied", NULL, NULL);
	return *ret_reply ? 0 : -ENOMEM;
}
