/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: how pairs are, and what would be done about them. */
#include "core/wire.h"
#include "front/call.h"
#include "front/front.h"
#include "front/positions.h"
#include "front/preview.h"
#include "interface_methods.h"

#include <errno.h>

/* ---- List ---- */

struct list {
	char last[IFNAMSIZ]; /* the pair that was sent last */
};

static int continue_list(struct call *call, unsigned int why)
{
	struct reconcile *reconcile = call->front->reconcile;
	struct list *list = call->data;
	size_t i = positions_behind(reconcile, list->last);
	size_t n = reconcile_n_pairs(reconcile);
	struct status status;
	json_t *parameters;

	if (i >= n)
		return call_reply(call, json_object());
	reconcile_status_at(reconcile, i, util_now_ms(), &status);
	memcpy(list->last, status.name, IFNAMSIZ);
	parameters = json_pack("{s:o}", "pair", wire_summary(&status));
	return i + 1 < n ? call_reply_more(call, parameters) : call_reply(call, parameters);
}

static int list(struct call *call)
{
	struct list *data = calloc(1, sizeof(*data));

	if (!data)
		return -ENOMEM;
	call_wait(call, continue_list, call_free_data, data);
	return continue_list(call, CALL_ROOM);
}

METHOD(metad_list) = { .run = list };

/* ---- Describe ---- */

static int describe(struct call *call)
{
	struct reconcile *reconcile = call->front->reconcile;
	const char *name = call_text(call, "pair");
	struct status status;

	if (answers_repeat(call, ANSWER_DESCRIBE, name))
		return 0;
	reconcile_refresh(reconcile, name);
	if (!reconcile_status(reconcile, name, util_now_ms(), &status))
		return call_error_text(call, ERROR_METAD_NO_SUCH_PAIR, "pair", name);
	return answers_reply(call, ANSWER_DESCRIBE, name,
			     json_pack("{s:{s:o, s:o}}", "parameters", "pair", wire_pair(&status),
				       "kinds", wire_kinds(reconcile_kinds(reconcile))));
}

METHOD(metad_describe) = { .run = describe, .pair = "pair" };

/* ---- Plan ---- */

METHOD(metad_plan) = { .run = preview_begin };
