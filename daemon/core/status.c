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

/* Its end counts: two texts in a row are not one. */
static uint64_t add_text(uint64_t digest, const char *text)
{
	return util_hash(digest, text ? text : "", text ? strlen(text) + 1 : 1);
}

static uint64_t add_wanted(uint64_t digest, const struct pair *want)
{
	digest = add_text(add_text(digest, want->netns.text), want->end[SIDE_PEER].attrs.name);
	for (enum side side = 0; side < N_SIDES; side++) {
		const struct end *end = &want->end[side];

		digest = util_hash(digest, &end->n_uses, sizeof(end->n_uses));
		for (size_t i = 0; i < end->n_uses; i++)
			digest = add_text(digest, end->uses[i].program);
		for (size_t i = 0; i < end->n_addresses; i++) {
			const struct prefix *prefix = &end->addresses[i].prefix;

			digest = util_hash(digest, &prefix->ip, sizeof(prefix->ip));
			digest = util_hash(digest, &prefix->len, sizeof(prefix->len));
		}
	}
	return digest;
}

uint64_t status_digest(const struct status *status)
{
	const struct history *history = status->history;
	const uint64_t numbers[] = { status->state, status->kind, status->closed, status->want != NULL,
				     history->n_repairs, history->n_failures };
	uint64_t digest = util_hash(UTIL_HASH_START, numbers, sizeof(numbers));

	digest = add_text(add_text(digest, status->why->text), status->limits->text);
	digest = add_text(digest, history->error.text);
	if (status->want)
		digest = add_wanted(digest, status->want);
	return digest ? digest : 1;
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
