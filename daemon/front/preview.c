/* SPDX-License-Identifier: GPL-2.0-only */
/* See preview.h. */
#include "front/preview.h"

#include "core/wire.h"
#include "front/front.h"
#include "interface_methods.h"

#include <errno.h>

struct preview {
	struct plan plan;
	size_t n_told; /* tasks that have been sent or passed over */
};

/* The next task that says anything. */
static const struct task *next_task(struct preview *preview)
{
	for (; preview->n_told < preview->plan.n_tasks; preview->n_told++) {
		const struct task *task = &preview->plan.tasks[preview->n_told];

		if (task->n_steps || task->verdict != VERDICT_READY)
			return task;
	}
	return NULL;
}

static int continue_preview(struct call *call, unsigned int why)
{
	struct preview *preview = call->data;
	const struct task *task = next_task(preview);
	json_t *parameters = task ? json_pack("{s:o}", "task", wire_task(task)) : json_object();

	preview->n_told++;
	return task && next_task(preview) ? call_reply_more(call, parameters)
					  : call_reply(call, parameters);
}

static void release_preview(struct call *call)
{
	struct preview *preview = call->data;

	plan_done(&preview->plan);
	free(preview);
}

int preview_begin(struct call *call)
{
	struct preview *preview = calloc(1, sizeof(*preview));
	int r;

	if (!preview)
		return -ENOMEM;
	call_wait(call, continue_preview, release_preview, preview);
	r = reconcile_preview(call->front->reconcile, &preview->plan);
	if (r == -EAGAIN)
		return call_error_text(call, ERROR_METAD_NOT_LOADED, NULL, NULL);
	return r == 0 ? continue_preview(call, CALL_ROOM) : r;
}
