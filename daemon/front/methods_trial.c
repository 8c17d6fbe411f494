/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: files on trial. See engine/amendments.h. */
#include "core/wire.h"
#include "front/amend.h"
#include "interface_methods.h"

#include <errno.h>

#define TIMEOUT_MS 60000
#define TIMEOUT_MAX_MS 3600000

/* ---- Apply ---- */

static int add_file(const json_t *file, struct amendment *amendment)
{
	const json_t *content = json_object_get(file, "content");
	struct amendment_file copy = {};
	int r = util_text_copy(json_string_value(json_object_get(file, "name")), &copy.name);

	if (r == 0)
		r = util_text_copy(json_string_value(content), &copy.bytes);
	copy.len = json_string_length(content);
	if (r == 0)
		r = ARRAY_APPEND(amendment->files, amendment->n_files, copy);
	if (r < 0) {
		free(copy.name);
		free(copy.bytes);
	}
	return r;
}

static int apply(struct call *call)
{
	AUTO(amendment_done) struct amendment amendment = AMENDMENT_NONE;
	const json_t *files = json_object_get(call->parameters, "files");
	int64_t confirm_ms = call_number(call, "confirmTimeoutMs", 0);
	const json_t *file;
	size_t i;
	int r = 0;

	amendment.kind = AMEND_TRY;
	if (!json_array_size(files))
		return amend_refuse_parameter(call, "files");
	if (confirm_ms < 0 || confirm_ms > TIMEOUT_MAX_MS)
		return amend_refuse_parameter(call, "confirmTimeoutMs");
	if (call_flag(call, "revertOnDisconnect") && !call->more)
		return call_error_text(call, ERROR_VARLINK_EXPECTED_MORE, NULL, NULL);
	amendment.confirm_ms = confirm_ms;
	amendment.runtime = call_flag(call, "runtime");
	json_array_foreach(files, i, file)
		r = r < 0 ? r : add_file(file, &amendment);
	return r < 0 ? r : amend_begin(call, &amendment, TIMEOUT_MS, TIMEOUT_MAX_MS);
}

METHOD(metad_apply) = { .run = apply, .action = "io.metad.apply" };

/* ---- Confirm, Revert ---- */

static int end_trial(struct call *call, enum amendment_kind kind)
{
	AUTO(amendment_done) struct amendment amendment = AMENDMENT_NONE;
	int64_t trial = call_number(call, "trial", 0);

	if (trial < 0)
		return amend_refuse_parameter(call, "trial");
	amendment.kind = kind;
	amendment.trial = trial;
	return amend_begin(call, &amendment, TIMEOUT_MS, TIMEOUT_MAX_MS);
}

static int confirm(struct call *call)
{
	return end_trial(call, AMEND_CONFIRM);
}

static int revert(struct call *call)
{
	return end_trial(call, AMEND_REVERT);
}

METHOD(metad_confirm) = { .run = confirm, .action = "io.metad.apply" };
METHOD(metad_revert) = { .run = revert, .action = "io.metad.apply" };
