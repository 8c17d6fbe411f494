/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: pairs that are asked for while metad runs. See engine/amendments.h. */
#include "core/wire.h"
#include "front/amend.h"
#include "interface_methods.h"

#include <errno.h>
#include <stdio.h>

#define TIMEOUT_MS 20000
#define TIMEOUT_MAX_MS 600000

/* ---- Create ---- */

/* What it is of is for the worker to find out: that may take as long as the file's owner likes. */
static int take_fd(struct call *call, const json_t *index, int *ret)
{
	*ret = fds_take(&call->fds, json_integer_value(index));
	return *ret < 0 ? -EINVAL : 0;
}

static bool is_name(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int read_netns(struct call *call, const json_t *netns, struct amendment *amendment)
{
	const char *name = json_string_value(json_object_get(netns, "name"));
	const char *path = json_string_value(json_object_get(netns, "path"));
	const json_t *number = json_object_get(netns, "pid");
	const json_t *index = json_object_get(netns, "fileDescriptor");
	json_int_t pid = json_integer_value(number);
	struct netns_ref *ret = &amendment->netns;
	bool is_pid = json_is_integer(number), is_fd = json_is_integer(index);

	if (!!name + !!path + is_pid + is_fd != 1 || (is_pid && pid <= 0) ||
	    (path && path[0] != '/') || (name && !is_name(name)))
		return -EINVAL;
	if (is_fd)
		return take_fd(call, index, &amendment->netns_fd);
	if (pid && asprintf(&ret->text, "%lld", (long long)pid) < 0)
		ret->text = NULL;
	if (!pid)
		ret->text = strdup(name ? name : path);
	ret->by = pid ? NETNS_BY_PID : path ? NETNS_BY_PATH : NETNS_BY_NAME;
	return ret->text ? 0 : -ENOMEM;
}

static int read_texts(const struct call *call, struct amendment *amendment)
{
	const json_t *declaration = json_object_get(call->parameters, "declaration");
	const char *template = call_text(call, "template");

	if (declaration) {
		amendment->declaration = json_dumps(declaration, JSON_INDENT(2));
		if (!amendment->declaration)
			return -ENOMEM;
	}
	return util_text_copy(template, &amendment->template);
}

static int create(struct call *call)
{
	AUTO(amendment_done) struct amendment amendment = AMENDMENT_NONE;
	const json_t *netns = json_object_get(call->parameters, "netns");
	const char *pair = call_text(call, "pair");
	int r = 0;

	amendment.kind = AMEND_CREATE;
	amendment.caller = call->caller->pid;
	if (pair && !device_name_is_valid(pair))
		return amend_refuse_parameter(call, "pair");
	snprintf(amendment.pair, IFNAMSIZ, "%s", pair ? pair : "");
	if (netns)
		r = read_netns(call, netns, &amendment);
	if (r == -EINVAL)
		return amend_refuse_parameter(call, "netns");
	if (r == 0)
		r = read_texts(call, &amendment);
	return r < 0 ? r : amend_begin(call, &amendment, TIMEOUT_MS, TIMEOUT_MAX_MS);
}

METHOD(metad_create) = {
	.run = create, .action = "io.metad.manage-pairs", .pair = "pair", .netns = "netns"
};

/* ---- Delete ---- */

static int delete(struct call *call)
{
	AUTO(amendment_done) struct amendment amendment = AMENDMENT_NONE;

	amendment.kind = AMEND_DELETE;
	if (!device_name_is_valid(call_text(call, "pair")))
		return amend_refuse_parameter(call, "pair");
	snprintf(amendment.pair, IFNAMSIZ, "%s", call_text(call, "pair"));
	return amend_begin(call, &amendment, TIMEOUT_MS, TIMEOUT_MAX_MS);
}

METHOD(metad_delete) = { .run = delete, .action = "io.metad.manage-pairs", .pair = "pair" };
