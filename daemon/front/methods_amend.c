/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: pairs that are asked for while metad runs. See engine/amendments.h. */
#include "core/wire.h"
#include "front/amend.h"
#include "front/netns.h"
#include "interface_methods.h"

#include <errno.h>
#include <stdio.h>

#define TIMEOUT_MS 20000
#define TIMEOUT_MAX_MS 600000

/* ---- Create ---- */

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
	const char *pair = call_text(call, "pair");
	int r;

	amendment.kind = AMEND_CREATE;
	amendment.caller = call->caller->pid;
	if (pair && !device_name_is_valid(pair))
		return amend_refuse_parameter(call, "pair");
	snprintf(amendment.pair, IFNAMSIZ, "%s", pair ? pair : "");
	r = netns_read(call, &amendment.netns, &amendment.netns_fd);
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
