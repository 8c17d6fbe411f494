/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One chain's steps; see chain_plan.h. The programs that keep their place are a longest run of the
 * seen chain that is already in wanted order, so that a reorder touches as few links as possible.
 * Chains hold at most 63 programs: quadratic work is nothing here.
 */
#include "core/chain_plan.h"

#include <stdio.h>

#define NOT_WANTED SIZE_MAX

/* The wanted chain as names; for a kind without policy an empty one under drop gets +drop. */
struct wanted {
	const char *names[CHAIN_MAX];
	size_t n;
};

static void list_wanted(const struct end *want, enum kind kind, struct wanted *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < want->n_uses && i < CHAIN_MAX; i++)
		ret->names[ret->n++] = want->uses[i].program;
	if (ret->n == 0 && want->policy == POLICY_DROP && !kind_has_policy(kind))
		ret->names[ret->n++] = PROGRAM_POLICY_DROP;
}

static size_t wanted_position(const struct wanted *wanted, const struct slot *slot)
{
	for (size_t i = 0; i < wanted->n && !slot->foreign; i++)
		if (strcmp(wanted->names[i], slot->program) == 0)
			return i;
	return NOT_WANTED;
}

/*
 * Marks in kept[] (by wanted position: index into the seen chain, or NOT_WANTED) a longest
 * increasing run. Strictly increasing, so of a program that is attached twice one copy stays.
 */
static void choose_kept(const struct wanted *wanted, const struct sighted_end *seen,
			size_t kept[static CHAIN_MAX])
{
	size_t n = MIN(seen->n_chain, CHAIN_MAX + 1);
	size_t position[CHAIN_MAX + 1], length[CHAIN_MAX + 1], before[CHAIN_MAX + 1];
	size_t last = NOT_WANTED;

	for (size_t i = 0; i < CHAIN_MAX; i++)
		kept[i] = NOT_WANTED;
	for (size_t i = 0; i < n; i++) {
		position[i] = wanted_position(wanted, &seen->chain[i]);
		length[i] = position[i] == NOT_WANTED ? 0 : 1;
		before[i] = NOT_WANTED;
		for (size_t j = 0; j < i && length[i]; j++) {
			if (length[j] && position[j] < position[i] && length[j] + 1 > length[i]) {
				length[i] = length[j] + 1;
				before[i] = j;
			}
		}
		if (length[i] && (last == NOT_WANTED || length[i] > length[last]))
			last = i;
	}
	for (; last != NOT_WANTED; last = before[last])
		kept[position[last]] = last;
}

static int add(struct chain_plan *plan, enum step_kind kind, enum side side, const char *program,
	       uint64_t digest, uint32_t link_id)
{
	struct step step = { .kind = kind, .side = side };

	snprintf(step.slot.program, PROGRAM_NAME_SIZE, "%s", program);
	step.slot.digest = digest;
	step.slot.link_id = link_id;
	return ARRAY_APPEND(plan->steps, plan->n_steps, step);
}

/* Behind the wanted predecessor, which is in place by then; the first before the first kept. */
static void place(struct step *step, const struct wanted *wanted, size_t i,
		  const struct sighted_end *seen, const size_t kept[static CHAIN_MAX])
{
	size_t anchor = i - 1;

	if (i == 0)
		for (anchor = 0; anchor < wanted->n && kept[anchor] == NOT_WANTED; anchor++)
			;
	if (anchor == wanted->n)
		return;
	step->slot.place = i == 0 ? PLACE_BEFORE : PLACE_AFTER;
	snprintf(step->slot.anchor, PROGRAM_NAME_SIZE, "%s", wanted->names[anchor]);
	if (kept[anchor] != NOT_WANTED)
		step->slot.anchor_link_id = seen->chain[kept[anchor]].link_id;
}

static int plan_wanted_one(struct chain_plan *plan, const struct observed *observed,
			   const struct wanted *wanted, size_t i, enum side side,
			   const struct sighted_end *seen, const size_t kept[static CHAIN_MAX])
{
	const char *name = wanted->names[i];
	const struct object *object = observed_find_object(observed, name);
	uint64_t digest = object ? object->digest : 0;
	const struct slot *slot = kept[i] == NOT_WANTED ? NULL : &seen->chain[kept[i]];
	int r;

	if (slot && digest == 0)
		diag_set(&plan->stale, "program %s as it is declared (%s): the one that is attached stays",
			 name, object && object->why.text ? object->why.text : "no object");
	if (slot && (digest == 0 || digest == slot->digest))
		return 0;
	if (slot)
		return add(plan, STEP_UPDATE, side, name, digest, slot->link_id);
	if (digest == 0) {
		diag_set(&plan->missing, "program %s: %s", name,
			 object && object->why.text ? object->why.text : "no object");
		return 0;
	}
	r = add(plan, STEP_ATTACH, side, name, digest, 0);
	if (r == 0)
		place(&plan->steps[plan->n_steps - 1], wanted, i, seen, kept);
	return r;
}

int chain_plan_make(const struct observed *observed, const struct end *want, enum side side,
		    enum kind kind, const struct sighted_end *seen, struct chain_plan *ret)
{
	AUTO(chain_plan_done) struct chain_plan plan = {};
	size_t kept[CHAIN_MAX];
	struct wanted wanted;
	int r = 0;

	list_wanted(want, kind, &wanted);
	choose_kept(&wanted, seen, kept);
	for (size_t i = 0; i < wanted.n && r == 0; i++)
		r = plan_wanted_one(&plan, observed, &wanted, i, side, seen, kept);
	for (size_t i = 0; i < seen->n_chain && r == 0; i++) {
		const struct slot *slot = &seen->chain[i];
		size_t position = wanted_position(&wanted, slot);

		if (!slot->foreign && (position == NOT_WANTED || kept[position] != i))
			r = add(&plan, STEP_DETACH, side, slot->program, 0, slot->link_id);
	}
	if (r < 0)
		return r;
	if (plan.missing.text) {
		free(plan.steps);
		plan.steps = NULL;
		plan.n_steps = 0;
	}
	*ret = STEAL(plan);
	return 0;
}

void chain_plan_done(struct chain_plan *plan)
{
	free(plan->steps);
	diag_done(&plan->missing);
	diag_done(&plan->stale);
	*plan = (struct chain_plan){};
}

void chain_plan_done_both(struct chain_plan (*plans)[N_SIDES])
{
	for (enum side side = 0; side < N_SIDES; side++)
		chain_plan_done(&(*plans)[side]);
}
