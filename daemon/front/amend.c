/* SPDX-License-Identifier: GPL-2.0-only */
/* See amend.h. */
#include "front/amend.h"

#include "core/wire.h"
#include "engine/amendments.h"
#include "front/front.h"
#include "interface_methods.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Between a call and its amendment, either of which may end first. */
struct waiting {
	struct amending *amending; /* borrowed; NULL: it is done */
	enum amendment_kind kind;
	const char *error; /* NULL: all is well */
	json_t *parameters; /* owned; of the error, or of the reply as far as it is known */
	char pair[IFNAMSIZ];
	uint64_t trial;
	bool told; /* that the trial is on */
	bool revert_on_disconnect;
};

int amend_refuse_parameter(struct call *call, const char *parameter)
{
	return call_error_text(call, ERROR_VARLINK_INVALID_PARAMETER, "parameter", parameter);
}

/* ---- what came of it ---- */

static const char *words_of(const struct amendment *amendment)
{
	return amendment->why.text ? amendment->why.text : strerror(-amendment->error);
}

/* What was wrong with no file in particular is a diagnostic, too. */
static json_t *diagnostics_of(const struct amendment *amendment)
{
	json_t *array = wire_diag_list(&amendment->diags);

	if (array && amendment->why.text)
		json_array_append_new(array, json_pack("{s:o}", "text", wire_text(amendment->why.text)));
	return json_pack("{s:o}", "diagnostics", array);
}

static void take_fault(struct waiting *waiting, const struct amendment *amendment,
		       uint64_t trial)
{
	const char *why = words_of(amendment);

	switch (amendment->fault) {
	case AMEND_OK:
		return;
	case AMEND_E_EXISTS:
		waiting->error = ERROR_METAD_PAIR_EXISTS;
		waiting->parameters =
			json_pack("{s:s, s:o}", "pair", amendment->pair, "why", wire_text(why));
		return;
	case AMEND_E_DECLARATION:
		waiting->error = ERROR_METAD_INVALID_DECLARATION;
		waiting->parameters = diagnostics_of(amendment);
		return;
	case AMEND_E_TEMPLATE:
		waiting->error = ERROR_METAD_NO_SUCH_TEMPLATE;
		waiting->parameters = json_pack("{s:s}", "template", amendment->template);
		return;
	case AMEND_E_NETNS:
		waiting->error = ERROR_METAD_NO_SUCH_NAMESPACE;
		waiting->parameters = json_pack("{s:o}", "why", wire_text(why));
		return;
	case AMEND_E_NOT_RUNTIME:
		waiting->error = ERROR_METAD_NOT_RUNTIME;
		waiting->parameters = json_pack("{s:s, s:o}", "pair", amendment->pair,
						"declaredAt", wire_text(why));
		return;
	case AMEND_E_TRIAL:
		waiting->error = ERROR_METAD_TRIAL_UNDER_WAY;
		waiting->parameters = json_pack("{s:I}", "trial", (json_int_t)trial);
		return;
	case AMEND_E_NO_TRIAL:
		waiting->error = ERROR_METAD_NO_TRIAL;
		waiting->parameters = json_object();
		return;
	case AMEND_E_NOT_CONVERGED:
		waiting->error = ERROR_METAD_NOT_CONVERGED;
		waiting->parameters =
			json_pack("{s:s, s:o}", "pair", amendment->pair, "why", wire_text(why));
		return;
	case AMEND_E_STORAGE:
	case AMEND_E_INTERNAL:
		waiting->error = ERROR_METAD_STORAGE_FAILED;
		waiting->parameters = json_pack("{s:o}", "why", wire_text(why));
		return;
	}
}

static void on_amended(void *ctx, const struct amendment *amendment)
{
	struct call *call = ctx;
	struct waiting *waiting = call->data;

	waiting->amending = NULL;
	waiting->trial = amendment->trial;
	memcpy(waiting->pair, amendment->pair, IFNAMSIZ);
	take_fault(waiting, amendment, amendments_trial(call->front->reconcile)->number);
	if (amendment->kind == AMEND_DELETE && !amendment->fault)
		waiting->parameters = json_pack("{s:b}", "existed", amendment->existed);
}

/* ---- answers ---- */

static json_t *pack_stage(uint64_t number, const char *stage)
{
	return json_pack("{s:I, s:s}", "trial", (json_int_t)number, "stage", stage);
}

static json_t *pack_trial(const struct trial_state *trial, const char *stage)
{
	uint64_t now_ms = util_now_ms();
	json_t *object = pack_stage(trial->number, stage);

	if (object && trial->stage == TRIAL_ON && trial->until_ms != UINT64_MAX)
		json_object_set_new(object, "confirmMs",
				    json_integer(trial->until_ms - MIN(now_ms, trial->until_ms)));
	return object;
}

static int reply_created(struct call *call, const struct waiting *waiting)
{
	struct status status;

	if (!reconcile_status(call->front->reconcile, waiting->pair, util_now_ms(), &status))
		return call_error_text(call, ERROR_METAD_NO_SUCH_PAIR, "pair", waiting->pair);
	return call_reply(call, json_pack("{s:o}", "pair", wire_pair(&status)));
}

/* Once when it is on; and, where more is wanted, when it is over. */
static int reply_tried(struct call *call, struct waiting *waiting)
{
	const struct trial_state *trial = amendments_trial(call->front->reconcile);
	bool mine = trial->number == waiting->trial;

	if (mine && trial->stage == TRIAL_ON && !waiting->told) {
		waiting->told = true;
		return call->more ? call_reply_more(call, pack_trial(trial, "trial"))
				  : call_reply(call, pack_trial(trial, "trial"));
	}
	if (mine && trial->stage <= TRIAL_ENDS)
		return 0;
	/* Another one may have begun since. */
	if (trial->confirmed == waiting->trial)
		return call_reply(call, pack_stage(waiting->trial, "confirmed"));
	return call_error(call, ERROR_METAD_REVERTED,
			  json_pack("{s:I}", "trial", (json_int_t)waiting->trial));
}

static int resume(struct call *call, unsigned int why)
{
	struct waiting *waiting = call->data;

	if (waiting->amending)
		return 0;
	if (waiting->error)
		return call_error(call, waiting->error, STEAL(waiting->parameters));
	switch (waiting->kind) {
	case AMEND_CREATE:
		return reply_created(call, waiting);
	case AMEND_DELETE:
		return call_reply(call, STEAL(waiting->parameters));
	case AMEND_TRY:
		return reply_tried(call, waiting);
	case AMEND_CONFIRM:
	case AMEND_REVERT:
		return call_reply(call, json_pack("{s:I}", "trial", (json_int_t)waiting->trial));
	}
	return 0;
}

static void revert(struct call *call, uint64_t number)
{
	const struct trial_state *trial = amendments_trial(call->front->reconcile);
	struct amendment amendment = AMENDMENT_NONE;

	if (trial->number != number || trial->stage > TRIAL_ON)
		return;
	amendment.kind = AMEND_REVERT;
	amendment.trial = number;
	amendments_add(call->front->reconcile, &amendment, UINT64_MAX, NULL, NULL, NULL);
}

static void release(struct call *call)
{
	struct waiting *waiting = call->data;

	if (waiting->amending)
		amendments_forget(waiting->amending);
	if (call->abandoned && waiting->revert_on_disconnect && waiting->trial)
		revert(call, waiting->trial);
	json_decref(waiting->parameters);
	free(waiting);
}

/* ---- beginning ---- */

int amend_begin(struct call *call, struct amendment *amendment, int64_t otherwise_ms,
		int64_t max_ms)
{
	int64_t timeout_ms = call_number(call, "timeoutMs", otherwise_ms);
	struct waiting *waiting;
	int r;

	if (timeout_ms <= 0 || timeout_ms > max_ms)
		return amend_refuse_parameter(call, "timeoutMs");
	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;
	waiting->kind = amendment->kind;
	waiting->revert_on_disconnect = call_flag(call, "revertOnDisconnect");
	call_wait(call, resume, release, waiting);
	call->events = CALL_AMENDED;
	r = amendments_add(call->front->reconcile, amendment, util_now_ms() + timeout_ms, on_amended,
			   call, &waiting->amending);
	if (r == 0)
		waiting->trial = amendments_number(waiting->amending);
	return r;
}

json_t *amend_trial(const struct front *front)
{
	static const char *const stages[] = { [TRIAL_BEGINS] = "begins",
					      [TRIAL_ON] = "trial",
					      [TRIAL_ENDS] = "ends" };
	const struct trial_state *trial = amendments_trial(front->reconcile);
	json_t *object, *files;

	if (!trial->number || trial->stage > TRIAL_ENDS)
		return NULL;
	object = pack_trial(trial, stages[trial->stage]);
	files = json_array();
	for (size_t i = 0; files && i < trial->n_files; i++)
		json_array_append_new(files, json_string(trial->files[i]));
	json_object_set_new(object, "files", files);
	return object;
}
