/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_ADOPT: a pair that somebody has made, and that is declared just as it is, becomes metad's; see
 * context.h. The mark of ownership comes last: whatever ends this before leaves a pair that is
 * somebody's and works, and that is declared, which metad then tells as a conflict.
 */
#include "core/plan.h"
#include "kernel/handover.h"

#include <errno.h>

/* Whether a declaration wants it there. */
static bool is_wanted(const struct end *want, const struct belonging *item)
{
	switch (item->kind) {
	case BELONGING_ADDRESS:
		for (size_t i = 0; i < want->n_addresses; i++)
			if (prefix_equal(&want->addresses[i].prefix, &item->address.prefix))
				return true;
		return false;
	case BELONGING_ROUTE:
		for (size_t i = 0; i < want->n_routes; i++)
			if (route_equal(&want->routes[i], &item->route))
				return true;
		return false;
	case BELONGING_NEIGHBOUR:
		for (size_t i = 0; i < want->n_neighbours; i++)
			if (neighbour_equal(&want->neighbours[i], &item->neighbour))
				return true;
		return false;
	}
	return false;
}

static void keep_wanted(const struct end *want, struct belongings *belongings)
{
	size_t kept = 0;

	for (size_t i = 0; i < belongings->n; i++)
		if (is_wanted(want, &belongings->items[i]))
			belongings->items[kept++] = belongings->items[i];
	belongings->n = kept;
}

/* An end as it will be when what belongs to it is metad's. */
static int add_belongings(const struct belongings *belongings, struct sighted_end *end)
{
	int r = 0;

	for (size_t i = 0; i < belongings->n && r == 0; i++) {
		const struct belonging *item = &belongings->items[i];

		if (item->from.protocol == PROTOCOL_METAD)
			continue;
		if (item->kind == BELONGING_ROUTE)
			r = ARRAY_APPEND(end->routes, end->n_routes, item->route);
		else if (item->kind == BELONGING_NEIGHBOUR)
			r = ARRAY_APPEND(end->neighbours, end->n_neighbours, item->neighbour);
	}
	return r;
}

int adopt_observe(struct kernel *kernel, const struct desired *desired,
		  const struct handover *handover, struct observed *ret)
{
	AUTO(observed_done) struct observed observed = {};
	int r = observe_claimed(kernel, desired, handover->hand->name, &observed);

	for (enum side side = 0; side < N_SIDES && r == 0; side++)
		r = add_belongings(&handover->belongings[side], &observed.sightings[0].end[side]);
	if (r == 0)
		*ret = STEAL(observed);
	return r;
}

/* What it is made anew for is not worth losing what is there. */
static int check_plan(struct kernel *kernel, struct job *job, const struct handover *handover)
{
	AUTO(observed_done) struct observed observed = {};
	AUTO(plan_done) struct plan plan = {};
	const struct task *task;
	int r = adopt_observe(kernel, job->desired, handover, &observed);

	if (r == 0)
		r = plan_make(job->desired, &observed, &plan);
	if (r < 0)
		return r;
	task = &plan.tasks[0];
	if (task->verdict != VERDICT_READY && task->verdict != VERDICT_CHANGE)
		return hand_refuse(job->hand, HAND_UNFIT, "%s", task->why.text ? task->why.text : "?");
	for (size_t i = 0; i < task->n_steps; i++)
		if (task->steps[i].kind == STEP_DELETE || task->steps[i].kind == STEP_CREATE)
			return hand_refuse(job->hand, HAND_UNFIT,
					   "as it is declared, it would be made anew: %s",
					   task->why.text ? task->why.text : "?");
	return 0;
}

static int take_over(struct kernel *kernel, struct job *job, const struct pair *want)
{
	AUTO(handover_done) struct handover handover = HANDOVER(kernel, job);
	AUTO(diag_list_done) struct diag_list notes = {};
	int r = handover_find(&handover);

	if (r == 0)
		r = handover_check(&handover);
	if (r == 0)
		r = handover_open_peer(&handover, &want->netns);
	for (enum side side = 0; side < N_SIDES && r == 0; side++) {
		r = belongings_read_by_hand(handover_netlink(&handover, side),
					    handover.link[side].ifindex,
					    &handover.belongings[side], &notes);
		keep_wanted(&want->end[side], &handover.belongings[side]);
	}
	if (r == 0)
		r = check_plan(kernel, job, &handover);
	if (r == 0)
		r = handover_mark(&handover, BELONGINGS_METADS);
	return r == 0 ? handover_set_group(&handover, LINK_GROUP_METAD) : r;
}

int adopt_take(struct kernel *kernel, struct job *job)
{
	struct hand *hand = job->hand;
	const struct pair *want = desired_find_pair(job->desired, hand->name);
	int r = 0;

	if (hand->result == HAND_DONE && want)
		r = take_over(kernel, job, want);
	/* A file that declares what is not ours would be a conflict for ever. */
	if ((r || hand->result != HAND_DONE || !want) && hand->wrote) {
		hand->wrote = false;
		unlink(hand->file);
	}
	util_close(&hand->netns_fd);
	hand->netns_fd = -1;
	return r < 0 ? r : 0;
}
