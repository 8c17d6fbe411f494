/* SPDX-License-Identifier: GPL-2.0-only */
/* The laws of plan.h as code, for the property test and the fuzz target. */
#include "unit/plan_properties.h"

#include "unit/test.h"

#include <inttypes.h>

#define FAIL(task, ...)                                                                            \
	do {                                                                                       \
		fprintf(stderr, "pair %s: ", (task)->name);                                        \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fprintf(stderr, "\n");                                                             \
		print_task(task);                                                                  \
		abort();                                                                           \
	} while (0)

static void print_task(const struct task *task)
{
	char text[STEP_TEXT_SIZE];

	fprintf(stderr, "verdict %s, %s\n", verdict_name(task->verdict),
		task->why.text ? task->why.text : "-");
	for (size_t i = 0; i < task->n_steps; i++)
		fprintf(stderr, "  %s: %s\n", side_name(task->steps[i].side),
			step_text(&task->steps[i], text));
}

static void check_same(const struct plan *a, const struct plan *b)
{
	char text[N_SIDES][STEP_TEXT_SIZE];

	CHECK(a->n_tasks == b->n_tasks);
	for (size_t i = 0; i < a->n_tasks; i++) {
		CHECK(a->tasks[i].n_steps == b->tasks[i].n_steps);
		CHECK(a->tasks[i].verdict == b->tasks[i].verdict);
		for (size_t j = 0; j < a->tasks[i].n_steps; j++)
			CHECK(strcmp(step_text(&a->tasks[i].steps[j], text[0]),
				     step_text(&b->tasks[i].steps[j], text[1])) == 0);
	}
}

static bool task_creates(const struct task *task)
{
	for (size_t i = 0; i < task->n_steps; i++)
		if (task->steps[i].kind == STEP_CREATE)
			return true;
	return false;
}

static size_t count_foreign(const struct sighted_end *end, uint64_t *ret_order)
{
	size_t n = 0;

	*ret_order = UTIL_HASH_START;
	for (size_t i = 0; i < end->n_chain; i++) {
		if (!end->chain[i].foreign)
			continue;
		*ret_order = util_hash(*ret_order, &end->chain[i].link_id, sizeof(uint32_t));
		n++;
	}
	return n;
}

static void check_hands_off(const struct task *task, const struct sighting *before,
			    const struct sighting *after)
{
	if (before->owner == OWNER_FOREIGN && after->owner != OWNER_FOREIGN)
		FAIL(task, "a foreign device was touched");
	if (task_creates(task) || after->owner != OWNER_METAD)
		return;
	for (enum side side = 0; side < N_SIDES; side++) {
		uint64_t order[2];

		if (count_foreign(&before->end[side], &order[0]) !=
			    count_foreign(&after->end[side], &order[1]) ||
		    order[0] != order[1])
			FAIL(task, "foreign programs lost their places");
		for (size_t i = 0, n = 0; i < before->end[side].n_addresses; i++) {
			n += before->end[side].addresses[i].foreign;
			for (size_t j = 0; j < after->end[side].n_addresses; j++)
				if (before->end[side].addresses[i].foreign &&
				    prefix_equal(&before->end[side].addresses[i].prefix,
						 &after->end[side].addresses[j].prefix))
					n--;
			if (n != 0)
				FAIL(task, "a foreign address was removed");
		}
	}
}

static bool is_wanted(const struct end *want, const char *program)
{
	for (size_t i = 0; i < want->n_uses; i++)
		if (strcmp(want->uses[i].program, program) == 0)
			return true;
	return false;
}

/* A program that was there and is wanted is there at every moment in between. */
static void check_no_gap(const struct task *task, const struct sighting *before,
			 const struct sighting *now)
{
	for (enum side side = 0; side < N_SIDES; side++) {
		for (size_t i = 0; i < before->end[side].n_chain; i++) {
			const struct slot *slot = &before->end[side].chain[i];
			bool there = false;

			if (slot->foreign || !is_wanted(&task->want->end[side], slot->program))
				continue;
			for (size_t j = 0; j < now->end[side].n_chain; j++)
				there |= !now->end[side].chain[j].foreign &&
					 strcmp(now->end[side].chain[j].program, slot->program) == 0;
			if (!there)
				FAIL(task, "%s was out of the chain for a moment", slot->program);
		}
	}
}

/* What is on its way out lets nothing pass any more once a program of its chains is gone. */
static void check_closes(const struct task *task, const struct sighting *before,
			 const struct sighting *now)
{
	bool open = now->owner == OWNER_METAD && now->end[SIDE_PRIMARY].attrs.up &&
		    now->end[SIDE_PEER].attrs.up;

	for (enum side side = 0; side < N_SIDES; side++)
		if (open && now->end[side].n_chain < before->end[side].n_chain)
			FAIL(task, "open without its programs, before it goes");
}

static void apply_task(struct observed *model, const struct task *task,
		       const struct observed *before)
{
	const struct sighting *was = observed_find(before, task->name);
	bool creates = task_creates(task), created = false;

	for (size_t i = 0; i < task->n_steps; i++) {
		const char *refused = model_apply(model, task, &task->steps[i]);
		const struct sighting *now = observed_find(model, task->name);

		if (refused)
			FAIL(task, "step %zu would be refused: %s", i, refused);
		created |= task->steps[i].kind == STEP_CREATE;
		if (!created && (creates || !task->want))
			check_closes(task, was, now);
		if (created && model_leaks(task->want, now))
			FAIL(task, "open before it is complete, after step %zu", i);
		if (task->want && !creates)
			check_no_gap(task, was, now);
	}
	check_hands_off(task, was, observed_find(model, task->name));
}

static void check_reached(const struct desired *desired, const struct observed *model,
			  const struct task *task)
{
	const struct sighting *now = observed_find(model, task->name);
	const char *difference;

	if (!task->want) {
		if (now->owner == OWNER_METAD && !desired->incomplete)
			FAIL(task, "still there");
		return;
	}
	if (task->verdict != VERDICT_READY && task->verdict != VERDICT_CHANGE)
		return;
	difference = model_difference(model, task->want, now);
	if (difference)
		FAIL(task, "not as wanted: %s", difference);
}

/* What is blocked is left as it is, and says why, unless somebody else has its name. */
static void check_blocked(const struct task *task, const struct observed *observed)
{
	if (!task->want || !task->want->blocked)
		return;
	for (size_t i = 0; i < task->n_steps; i++)
		if (task->steps[i].kind != STEP_REAP)
			FAIL(task, "it is blocked, and has steps");
	if (observed_find(observed, task->name)->owner == OWNER_FOREIGN)
		CHECK(task->verdict == VERDICT_CONFLICT);
	else if (task->verdict != VERDICT_BLOCKED ||
		 strcmp(task->why.text, task->want->blocked) != 0)
		FAIL(task, "it is blocked, and does not say so");
}

size_t plan_properties_check(struct desired *desired, const struct observed *observed)
{
	AUTO(plan_done) struct plan plan = {}, again = {}, second = {};
	AUTO(observed_done) struct observed model = {};
	size_t n_steps;

	CHECK(plan_make(desired, observed, &plan) == 0);
	CHECK(plan_make(desired, observed, &again) == 0);
	check_same(&plan, &again);
	model_copy_observed(observed, &model);
	for (size_t i = 0; i < plan.n_tasks; i++)
		apply_task(&model, &plan.tasks[i], observed);
	for (size_t i = 0; i < plan.n_tasks; i++)
		check_blocked(&plan.tasks[i], observed);
	for (size_t i = 0; i < plan.n_tasks; i++)
		check_reached(desired, &model, &plan.tasks[i]);
	CHECK(plan_make(desired, &model, &second) == 0);
	n_steps = plan_n_steps(&plan);
	for (size_t i = 0; i < second.n_tasks; i++)
		if (second.tasks[i].n_steps)
			FAIL(&second.tasks[i], "a second plan is not empty");
	return n_steps;
}
