/* SPDX-License-Identifier: GPL-2.0-only */
/* org.varlink.service: what this service is, and what it can be asked. */
#include "front/call.h"
#include "interface_methods.h"

static json_t *interface_names(void)
{
	json_t *names = json_array();

	for (size_t i = 0; i < n_interfaces; i++)
		json_array_append_new(names, json_string(interfaces[i].name));
	return names;
}

static int get_info(struct call *call)
{
	return call_reply(call, json_pack("{s:s, s:s, s:s, s:s, s:o}", "vendor", "metad", "product",
					  "metad", "version", METAD_VERSION, "url", "",
					  "interfaces", interface_names()));
}

METHOD(varlink_get_info) = { .run = get_info };

static int get_interface_description(struct call *call)
{
	const char *name = call_text(call, "interface");

	for (size_t i = 0; i < n_interfaces; i++)
		if (strcmp(interfaces[i].name, name) == 0)
			return call_reply(call,
					  json_pack("{s:s}", "description", interfaces[i].text));
	return call_error_text(call, ERROR_VARLINK_INTERFACE_NOT_FOUND, "interface", name);
}

METHOD(varlink_get_interface_description) = { .run = get_interface_description };
