/* SPDX-License-Identifier: GPL-2.0-only */
/* From facts to the one word and the one sentence that people read; see status.h. */
#include "core/status.h"

static const struct diag nothing;

static enum state state_of(const struct pair *want, const struct sighting *seen,
			   const struct task *task, const struct history *history)
{
	if (history->n_failures)
		return STATE_FAILED;
	if (!seen || !task)
		return STATE_NEW;
	switch (task->verdict) {
	case VERDICT_WAIT:
		return STATE_WAITING;
	case VERDICT_CONFLICT:
		return STATE_CONFLICT;
	case VERDICT_BLOCKED:
		return STATE_BLOCKED;
	case VERDICT_HELD:
		return STATE_HELD;
	case VERDICT_CHANGE:
		return STATE_CHANGING;
	case VERDICT_READY:
		break;
	}
	return want ? STATE_READY : STATE_CHANGING;
}

static bool is_closed(const struct sighting *seen)
{
	if (!seen || seen->owner != OWNER_METAD)
		return true;
	for (enum side side = 0; side < N_SIDES; side++)
		if (!seen->end[side].ifindex || !seen->end[side].attrs.up)
			return true;
	return false;
}

void status_make(const char *name, const struct pair *want, const struct sighting *seen,
		 const struct task *task, const struct history *history, struct status *ret)
{
	*ret = (struct status){
		.name = name,
		.state = state_of(want, seen, task, history),
		.kind = task ? task->kind : KIND_AUTO,
		.closed = is_closed(seen),
		.want = want,
		.seen = seen,
		.why = task ? &task->why : &nothing,
		.limits = task ? &task->limits : &nothing,
		.history = history,
	};
}

const char *state_name(enum state state)
{
	switch (state) {
	case STATE_NEW:
		return "new";
	case STATE_CHANGING:
		return "changing";
	case STATE_READY:
		return "ready";
	case STATE_WAITING:
		return "waiting";
	case STATE_CONFLICT:
		return "conflict";
	case STATE_BLOCKED:
		return "blocked";
	case STATE_HELD:
		return "held";
	case STATE_FAILED:
		return "failed";
	}
	return "?";
}
