/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See plan_fate.h. What the kernel cannot change in place decides whether a pair is made anew; a
 * namespace, a name or a kind that is not to be had decides whether anything is done at all.
 */
#include "core/plan_fate.h"

static bool is_to_be_had(const struct planner *p, enum kind kind)
{
	return kind != KIND_AUTO && p->observed->kinds[kind].usable &&
	       settings_allow(&p->desired->settings, kind);
}

static enum kind preferred_kind(const struct planner *p)
{
	const struct settings *settings = &p->desired->settings;

	for (size_t i = 0; i < settings->n_kinds; i++)
		if (is_to_be_had(p, settings->kinds[i]))
			return settings->kinds[i];
	return KIND_AUTO;
}

/* auto keeps the kind a pair has: a better kernel is no reason for an outage. */
static enum kind resolve_kind(const struct planner *p)
{
	if (p->want->kind != KIND_AUTO)
		return p->want->kind;
	if (p->seen->owner == OWNER_METAD && p->seen->kind != KIND_AUTO)
		return p->seen->kind;
	return preferred_kind(p);
}

static const char *why_not(const struct planner *p, enum kind kind)
{
	const struct kind_state *state = &p->observed->kinds[kind];

	if (!settings_allow(&p->desired->settings, kind))
		return "the settings do not allow it (\"kinds:\")";
	return state->why ? state->why : "unknown reason";
}

static void say_unusable(const struct planner *p)
{
	enum kind kind = p->task->kind;

	if (kind != KIND_AUTO)
		diag_set(&p->task->why, "kind %s is not usable: %s", kind_name(kind),
			 why_not(p, kind));
	else
		diag_set(&p->task->why, "no kind is usable: meta: %s; netkit: %s; veth: %s",
			 why_not(p, KIND_META), why_not(p, KIND_NETKIT), why_not(p, KIND_VETH));
}

/* What cannot be changed in place and differs; false: nothing. */
static bool immutable_differs(const struct planner *p)
{
	const struct pair *want = p->want;
	const struct sighting *seen = p->seen;
	struct diag *why = &p->task->why;

	if (p->task->kind != seen->kind)
		diag_set(why, "kind %s becomes %s", kind_name(seen->kind),
			 kind_name(p->task->kind));
	else if (want->mode != seen->mode)
		diag_set(why, "mode %s becomes %s", mode_name(seen->mode), mode_name(want->mode));
	else if ((seen->reported & REPORTED_HEADROOM) && want->headroom > seen->headroom)
		diag_set(why, "headroom %u becomes %u", seen->headroom, want->headroom);
	else if ((seen->reported & REPORTED_TAILROOM) && want->tailroom > seen->tailroom)
		diag_set(why, "tailroom %u becomes %u", seen->tailroom, want->tailroom);
	else if (seen->reported & REPORTED_SCRUB)
		for (enum side side = 0; side < N_SIDES; side++)
			if (want->end[side].scrub != seen->end[side].scrub)
				diag_set(why, "%s scrub %s becomes %s", side_name(side),
					 scrub_name(seen->end[side].scrub),
					 scrub_name(want->end[side].scrub));
	return why->text != NULL;
}

static void decide_fate(struct planner *p)
{
	struct task *task = p->task;

	if (p->seen->owner == OWNER_NONE) {
		p->must_create = true;
		return;
	}
	if (p->seen->end[SIDE_PEER].ifindex == 0 || p->seen->netns != p->seen->wanted_netns) {
		diag_set(&task->why, "the peer is not in the wanted namespace");
		p->must_create = p->must_delete = true;
		return;
	}
	if (!immutable_differs(p))
		return;
	if (p->want->recreate == RECREATE_AUTO) {
		p->must_create = p->must_delete = true;
		return;
	}
	diag_prefix(&task->why, "needs to be made anew, and \"recreate: never\" is set");
	task->verdict = VERDICT_BLOCKED;
	task->kind = p->seen->kind;
}

bool plan_fate_decide(struct planner *p)
{
	struct task *task = p->task;
	const char *peer_name = p->want->end[SIDE_PEER].attrs.name;

	if (p->seen->owner == OWNER_FOREIGN) {
		task->verdict = VERDICT_CONFLICT;
		diag_set(&task->why, "device %s exists and was not made by metad", task->name);
		return false;
	}
	task->kind = resolve_kind(p);
	if (p->want->blocked) {
		task->verdict = VERDICT_BLOCKED;
		diag_set(&task->why, "%s", p->want->blocked);
		return false;
	}
	if (p->seen->wanted_netns == 0) {
		task->verdict = VERDICT_WAIT;
		diag_set(&task->why, "%s",
			 p->seen->netns_why.text ? p->seen->netns_why.text : "no namespace");
		return false;
	}
	decide_fate(p);
	/* One that is made anew need not stay of a kind that is no longer allowed. */
	if (p->must_create && p->want->kind == KIND_AUTO && !is_to_be_had(p, task->kind))
		task->kind = preferred_kind(p);
	if (p->must_create && !is_to_be_had(p, task->kind)) {
		task->verdict = VERDICT_BLOCKED;
		say_unusable(p);
		return false;
	}
	if (p->seen->peer_name_taken &&
	    (p->must_create || strcmp(p->seen->end[SIDE_PEER].attrs.name, peer_name) != 0)) {
		task->verdict = VERDICT_CONFLICT;
		diag_set(&task->why, "device %s exists in namespace %s and is not this pair's",
			 peer_name, p->want->netns.text);
		return false;
	}
	return true;
}

static void add_limit(struct diag *limits, const char *word)
{
	if (limits->text)
		diag_set(limits, "%s, %s", limits->text, word);
	else
		diag_set(limits, "%s", word);
}

void plan_fate_add_limit(const struct planner *p, const struct diag *limit)
{
	struct diag *limits = &p->task->limits;

	if (limit->text && limits->text)
		diag_set(limits, "%s; %s", limits->text, limit->text);
	else if (limit->text)
		diag_set(limits, "%s", limit->text);
}

void plan_fate_note_limits(const struct planner *p)
{
	const struct pair *want = p->want;
	bool fresh = p->must_create;
	unsigned int reported = p->seen->reported;
	struct diag words = {};

	if (p->task->kind == KIND_AUTO)
		return;
	if (!kind_has_policy(p->task->kind) || fresh)
		reported = kind_has_policy(p->task->kind) ? ~0u : 0;
	if ((want->end[SIDE_PRIMARY].scrub != SCRUB_DEFAULT ||
	     want->end[SIDE_PEER].scrub != SCRUB_DEFAULT) &&
	    !(reported & REPORTED_SCRUB))
		add_limit(&words, "scrub");
	if (want->headroom && !(reported & REPORTED_HEADROOM))
		add_limit(&words, "headroom");
	if (want->tailroom && !(reported & REPORTED_TAILROOM))
		add_limit(&words, "tailroom");
	if (words.text)
		diag_set(&p->task->limits, "kind %s does not do here: %s", kind_name(p->task->kind),
			 words.text);
	diag_done(&words);
}
