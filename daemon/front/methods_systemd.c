/* SPDX-License-Identifier: GPL-2.0-only */
/* io.systemd.service: what is asked of any service of systemd's kind. */
#include "base/log.h"
#include "front/call.h"
#include "front/dispatch.h"
#include "interface_methods.h"

static int ping(struct call *call)
{
	return call_reply(call, json_object());
}

METHOD(systemd_ping) = { .run = ping };

static int set_log_level(struct call *call)
{
	int64_t level = call_number(call, "level", -1);

	if (level < LOG_EMERG || level > LOG_DEBUG)
		return call_error_text(call, ERROR_VARLINK_INVALID_PARAMETER, "parameter", "level");
	log_set_level(level);
	return call_reply(call, json_object());
}

METHOD(systemd_set_log_level) = { .run = set_log_level, .action = "io.metad.set-log-level" };

static int get_log_level(struct call *call)
{
	return call_reply(call, json_pack("{s:i}", "level", log_level()));
}

METHOD(systemd_get_log_level) = { .run = get_log_level };

/* What is no UTF-8 cannot be told. */
static int get_environment(struct call *call)
{
	json_t *names = NULL;

	if (!call->caller->privileged)
		return dispatch_refuse(call, "neither root nor of the group");
	names = json_array();
	for (char **variable = environ; *variable; variable++) {
		json_t *text = json_string(*variable);

		if (!text) {
			json_decref(names);
			return call_error_text(call, ERROR_SYSTEMD_INCONSISTENT_ENVIRONMENT, NULL,
					       NULL);
		}
		json_array_append_new(names, text);
	}
	return call_reply(call, json_pack("{s:o}", "environment", names));
}

METHOD(systemd_get_environment) = { .run = get_environment };
