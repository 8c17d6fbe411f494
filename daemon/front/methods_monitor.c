/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: Monitor. It is sent states, not events, so that whoever reads slowly costs nothing. */
#include "core/wire.h"
#include "front/call.h"
#include "front/front.h"
#include "front/positions.h"
#include "interface_methods.h"

#include <errno.h>

struct monitor {
	bool synced; /* every pair has been sent once */
	char last[IFNAMSIZ]; /* before that: the pair that was sent last */
	uint64_t n_told; /* how many changes, of all there ever were, it has been told */
};

static int tell_pair(struct call *call, const struct status *status)
{
	json_t *summary;

	if (answers_repeat(call, ANSWER_MONITOR, status->name))
		return 0;
	summary = wire_summary(status);
	return answers_reply(call, ANSWER_MONITOR, status->name,
			     json_pack("{s:{s:I, s:o}, s:b}", "parameters", "sequence",
				       (json_int_t)status->history->generation, "pair", summary,
				       "continues", 1));
}

static int tell_mark(struct call *call, const char *mark)
{
	json_int_t sequence = reconcile_generation(call->front->reconcile);

	return call_reply_more(call, json_pack("{s:I, s:b}", "sequence", sequence, mark, 1));
}

static int tell_gone(struct call *call, const struct change *change)
{
	return call_reply_more(call, json_pack("{s:I, s:s}", "sequence",
					       (json_int_t)change->sequence, "gone", change->name));
}

/* Every pair once; what changes meanwhile is told again after synced. */
static int continue_sync(struct call *call, struct monitor *monitor)
{
	struct reconcile *reconcile = call->front->reconcile;
	size_t i = positions_behind(reconcile, monitor->last);
	struct status status;

	if (i >= reconcile_n_pairs(reconcile)) {
		monitor->synced = true;
		return tell_mark(call, "synced");
	}
	reconcile_status_at(reconcile, i, util_now_ms(), &status);
	memcpy(monitor->last, status.name, IFNAMSIZ);
	return tell_pair(call, &status);
}

/* A change that a later one of the same pair has overtaken is passed over: only states matter. */
static bool is_overtaken(struct reconcile *reconcile, const struct change *change,
			 struct status *ret)
{
	if (change->gone)
		return false;
	return !reconcile_status(reconcile, change->name, util_now_ms(), ret) ||
	       ret->history->generation != change->sequence;
}

static int continue_monitor(struct call *call, unsigned int why)
{
	const struct changes *changes = &call->front->changes;
	struct monitor *monitor = call->data;

	if (!monitor->synced)
		return continue_sync(call, monitor);
	if (changes->n - monitor->n_told > CHANGES_MAX) {
		*monitor = (struct monitor){ .n_told = changes->n };
		return tell_mark(call, "resync");
	}
	while (monitor->n_told < changes->n) {
		const struct change *change = changes_at(changes, monitor->n_told++);
		struct status status;

		if (is_overtaken(call->front->reconcile, change, &status))
			continue;
		return change->gone ? tell_gone(call, change) : tell_pair(call, &status);
	}
	return 0;
}

static int monitor(struct call *call)
{
	struct monitor *data = calloc(1, sizeof(*data));

	if (!data)
		return -ENOMEM;
	data->n_told = call->front->changes.n;
	call_wait(call, continue_monitor, call_free_data, data);
	call->events = CALL_PAIR;
	return continue_monitor(call, CALL_ROOM);
}

METHOD(metad_monitor) = { .run = monitor };
