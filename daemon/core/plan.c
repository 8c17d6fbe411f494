/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The difference between wanted and seen, pair by pair. Chains are chain_plan.c's, and whether a
 * pair waits, conflicts or is made anew is plan_fate.c's.
 *
 * The order law, for one pair: what closes comes first (policy drop), then the chains, then the
 * peer's end from address to up, then the primary's with what opens (policy forward, up) last but
 * for routes, which the kernel takes only on a device that is up. A step that fails ends the task,
 * so a pair that cannot be finished stays closed. Between pairs: those that go away come first,
 * because their names may be wanted by others.
 */
#include "core/plan.h"

#include "core/chain_plan.h"
#include "core/plan_fate.h"

#include <errno.h>

static int add_step(struct task *task, struct step step)
{
	return ARRAY_APPEND(task->steps, task->n_steps, step);
}

static bool attr_differs(const struct attrs *want, const struct attrs *seen, enum attr attr)
{
	if (!(want->has & attr) || !(seen->has & attr))
		return false;
	switch (attr) {
	case ATTR_MTU:
		return want->mtu != seen->mtu;
	case ATTR_TXQUEUELEN:
		return want->txqueuelen != seen->txqueuelen;
	case ATTR_GSO_MAX_SIZE:
		return want->gso_max_size != seen->gso_max_size;
	case ATTR_GRO_MAX_SIZE:
		return want->gro_max_size != seen->gro_max_size;
	case ATTR_GSO_IPV4_MAX_SIZE:
		return want->gso_ipv4_max_size != seen->gso_ipv4_max_size;
	case ATTR_GRO_IPV4_MAX_SIZE:
		return want->gro_ipv4_max_size != seen->gro_ipv4_max_size;
	case ATTR_MAC:
		return memcmp(want->mac, seen->mac, MAC_LEN) != 0;
	case ATTR_LINKLOCAL:
		return want->linklocal != seen->linklocal;
	case ATTR_NAME:
		return strcmp(want->name, seen->name) != 0;
	case ATTR_UP:
		return want->up != seen->up;
	}
	return false;
}

/* ---- the steps ---- */

/*
 * Links go before the device, because deleting it with live links holds the RTNL for a grace period
 * each; and the primary is taken down before the links, so that nothing passes without them.
 */
static int plan_deletion(struct planner *p)
{
	int r = 0;

	if (p->seen->end[SIDE_PRIMARY].attrs.up)
		r = add_step(p->task, (struct step){ .kind = STEP_DOWN });
	if (r < 0)
		return r;
	for (enum side side = 0; side < N_SIDES; side++) {
		const struct sighted_end *end = &p->seen->end[side];

		for (size_t i = 0; i < end->n_chain; i++) {
			struct step step = { .kind = STEP_DETACH_FIRST, .side = side };

			if (end->chain[i].foreign)
				continue;
			memcpy(step.slot.program, end->chain[i].program, PROGRAM_NAME_SIZE);
			step.slot.link_id = end->chain[i].link_id;
			r = add_step(p->task, step);
			if (r < 0)
				return r;
		}
	}
	return add_step(p->task, (struct step){ .kind = STEP_DELETE });
}

/* What a pair is right after STEP_CREATE; owns nothing. */
static struct sighting sighting_of_fresh(const struct pair *want, enum kind kind)
{
	struct sighting fresh = { .owner = OWNER_METAD, .kind = kind, .mode = want->mode };

	for (enum side side = 0; side < N_SIDES; side++) {
		struct sighted_end *end = &fresh.end[side];

		end->policy = POLICY_DROP;
		end->attrs = want->end[side].attrs;
		end->attrs.up = false;
		end->attrs.linklocal = true;
	}
	return fresh;
}

static int plan_policy(struct planner *p, const enum policy from[static N_SIDES],
		       const enum policy to[static N_SIDES])
{
	struct step step = { .kind = STEP_POLICY, .policy = { to[0], to[1] } };

	if (!kind_has_policy(p->task->kind) || (from[0] == to[0] && from[1] == to[1]))
		return 0;
	return add_step(p->task, step);
}

/*
 * A veth in mode l3 has NOARP on both ends: they send to their own address and take only what is
 * for it, so the two addresses must be the same one. Which, does not matter.
 */
static bool must_follow_mac(const struct planner *p, enum side side, const struct sighting *seen)
{
	const struct attrs *primary = &seen->end[SIDE_PRIMARY].attrs;

	return side == SIDE_PEER && p->task->kind == KIND_VETH && p->want->mode == MODE_L3 &&
	       seen->end[SIDE_PEER].ifindex && (primary->has & ATTR_MAC) &&
	       attr_differs(primary, &seen->end[SIDE_PEER].attrs, ATTR_MAC);
}

static int plan_attrs(struct planner *p, enum side side, const struct sighting *pair)
{
	const struct sighted_end *seen = &pair->end[side];
	const struct attrs *want = &p->want->end[side].attrs;
	uint32_t masked = ATTR_UP;
	struct step step = { .kind = STEP_SET, .side = side, .attrs = *want };

	/* While the mode is not the wanted one, what belongs to the mode cannot be either. */
	if (p->task->verdict == VERDICT_BLOCKED)
		masked |= ATTR_MAC | ATTR_LINKLOCAL;
	step.attrs.has = 0;
	for (uint32_t attr = 1; attr <= ATTR_UP; attr <<= 1)
		if (!(attr & masked) && attr_differs(want, &seen->attrs, attr))
			step.attrs.has |= attr;
	if (must_follow_mac(p, side, pair)) {
		step.attrs.has |= ATTR_MAC;
		memcpy(step.attrs.mac, pair->end[SIDE_PRIMARY].attrs.mac, MAC_LEN);
	}
	return step.attrs.has ? add_step(p->task, step) : 0;
}

static int plan_up(struct planner *p, enum side side, const struct sighted_end *seen)
{
	struct step step = { .kind = STEP_UP, .side = side };

	if (!attr_differs(&p->want->end[side].attrs, &seen->attrs, ATTR_UP))
		return 0;
	step.attrs = (struct attrs){ .has = ATTR_UP, .up = true };
	return add_step(p->task, step);
}

static bool has_address(const struct address *addresses, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_equal(&addresses[i].prefix, &address->prefix))
			return true;
	return false;
}

static bool has_route(const struct route *routes, size_t n, const struct route *route)
{
	for (size_t i = 0; i < n; i++)
		if (route_equal(&routes[i], route))
			return true;
	return false;
}

static bool has_neighbour(const struct neighbour *neighbours, size_t n,
			  const struct neighbour *neighbour)
{
	for (size_t i = 0; i < n; i++)
		if (neighbour_equal(&neighbours[i], neighbour))
			return true;
	return false;
}

/* Only what is metad's goes: a container may have put addresses of its own on its end. */
static int plan_removals(struct planner *p, enum side side, const struct sighted_end *seen)
{
	const struct end *want = &p->want->end[side];
	struct step step = { .side = side };
	int r = 0;

	for (size_t i = 0; i < seen->n_routes && r == 0; i++) {
		step.kind = STEP_ROUTE_DEL;
		step.route = seen->routes[i];
		if (!has_route(want->routes, want->n_routes, &seen->routes[i]))
			r = add_step(p->task, step);
	}
	for (size_t i = 0; i < seen->n_neighbours && r == 0; i++) {
		step.kind = STEP_NEIGHBOUR_DEL;
		step.neighbour = seen->neighbours[i];
		if (!has_neighbour(want->neighbours, want->n_neighbours, &seen->neighbours[i]))
			r = add_step(p->task, step);
	}
	for (size_t i = 0; i < seen->n_addresses && r == 0; i++) {
		step.kind = STEP_ADDRESS_DEL;
		step.address = seen->addresses[i];
		if (!seen->addresses[i].foreign &&
		    !has_address(want->addresses, want->n_addresses, &seen->addresses[i]))
			r = add_step(p->task, step);
	}
	return r;
}

static int plan_addresses(struct planner *p, enum side side, const struct sighted_end *seen)
{
	const struct end *want = &p->want->end[side];
	struct step step = { .kind = STEP_ADDRESS_ADD, .side = side };
	int r = 0;

	for (size_t i = 0; i < want->n_addresses && r == 0; i++) {
		step.address = want->addresses[i];
		if (!has_address(seen->addresses, seen->n_addresses, &want->addresses[i]))
			r = add_step(p->task, step);
	}
	return r;
}

static int plan_routes(struct planner *p, enum side side, const struct sighted_end *seen)
{
	const struct end *want = &p->want->end[side];
	struct step step = { .side = side };
	int r = 0;

	for (size_t i = 0; i < want->n_neighbours && r == 0; i++) {
		step.kind = STEP_NEIGHBOUR_ADD;
		step.neighbour = want->neighbours[i];
		if (!has_neighbour(seen->neighbours, seen->n_neighbours, &want->neighbours[i]))
			r = add_step(p->task, step);
	}
	for (size_t i = 0; i < want->n_routes && r == 0; i++) {
		step.kind = STEP_ROUTE_ADD;
		step.route = want->routes[i];
		if (!has_route(seen->routes, seen->n_routes, &want->routes[i]))
			r = add_step(p->task, step);
	}
	return r;
}

static int plan_sysctls(struct planner *p, enum side side, const struct sighted_end *seen)
{
	const struct end *want = &p->want->end[side];
	int r = 0;

	for (size_t i = 0; i < want->n_sysctls && r == 0; i++) {
		struct step step = { .kind = STEP_SYSCTL, .side = side };
		const char *value = NULL;

		for (size_t j = 0; j < seen->n_sysctls; j++)
			if (strcmp(seen->sysctls[j].key, want->sysctls[i].key) == 0)
				value = seen->sysctls[j].value;
		step.sysctl = &want->sysctls[i];
		if (!value || strcmp(value, want->sysctls[i].value) != 0)
			r = add_step(p->task, step);
	}
	return r;
}

/* The end from removals to up; opening is what comes right before up at the primary. */
static int plan_end(struct planner *p, enum side side, const struct sighting *pair,
		    const enum policy from[static N_SIDES])
{
	const struct sighted_end *seen = &pair->end[side];
	const struct end *want = p->want->end;
	const enum policy to[N_SIDES] = { want[SIDE_PRIMARY].policy, want[SIDE_PEER].policy };
	int r = plan_removals(p, side, seen);

	if (r == 0)
		r = plan_attrs(p, side, pair);
	if (r == 0)
		r = plan_sysctls(p, side, seen);
	if (r == 0)
		r = plan_addresses(p, side, seen);
	if (r == 0 && side == SIDE_PRIMARY)
		r = plan_policy(p, from, to);
	if (r == 0)
		r = plan_up(p, side, seen);
	if (r == 0)
		r = plan_routes(p, side, seen);
	return r;
}

static int plan_changes(struct planner *p, const struct sighting *seen,
			const struct chain_plan chains[static N_SIDES])
{
	enum policy now[N_SIDES], closed[N_SIDES];
	int r;

	for (enum side side = 0; side < N_SIDES; side++) {
		now[side] = seen->end[side].policy;
		closed[side] = p->want->end[side].policy == POLICY_DROP ? POLICY_DROP : now[side];
	}
	r = plan_policy(p, now, closed);
	for (enum side side = 0; side < N_SIDES && r == 0; side++)
		for (size_t i = 0; i < chains[side].n_steps && r == 0; i++)
			r = add_step(p->task, chains[side].steps[i]);
	if (r == 0)
		r = plan_end(p, SIDE_PEER, seen, closed);
	if (r == 0)
		r = plan_end(p, SIDE_PRIMARY, seen, closed);
	return r;
}

/* Without its programs a pair is not begun, not replaced and not opened. */
static bool is_open(const struct planner *p)
{
	return !p->must_create && p->seen->end[SIDE_PRIMARY].attrs.up &&
	       p->seen->end[SIDE_PEER].attrs.up;
}

static int plan_wanted(struct planner *p)
{
	AUTO(chain_plan_done_both) struct chain_plan chains[N_SIDES] = {};
	struct sighting fresh = sighting_of_fresh(p->want, p->task->kind);
	const struct sighting *seen = p->must_create ? &fresh : p->seen;
	struct diag *missing = NULL;
	int r;

	for (enum side side = 0; side < N_SIDES; side++) {
		r = chain_plan_make(p->observed, &p->want->end[side], side, p->task->kind,
				    &seen->end[side], &chains[side]);
		if (r < 0)
			return r;
		if (chains[side].missing.text)
			missing = &chains[side].missing;
	}
	plan_fate_note_limits(p);
	for (enum side side = 0; side < N_SIDES; side++)
		plan_fate_add_limit(p, &chains[side].stale);
	if (missing) {
		p->task->verdict = VERDICT_WAIT;
		diag_done(&p->task->why);
		p->task->why = STEAL(*missing);
		if (!is_open(p))
			return 0;
	}
	if (p->must_delete) {
		r = plan_deletion(p);
		if (r < 0)
			return r;
	}
	if (p->must_create) {
		r = add_step(p->task, (struct step){ .kind = STEP_CREATE,
						     .create_kind = p->task->kind });
		if (r < 0)
			return r;
	}
	return plan_changes(p, seen, chains);
}

static int plan_unwanted(struct planner *p)
{
	if (p->seen->owner != OWNER_METAD)
		return 0;
	if (p->desired->incomplete && !p->seen->let_go) {
		p->task->verdict = VERDICT_HELD;
		diag_set(&p->task->why, "no file declares it, but a broken file might: not deleted");
		return 0;
	}
	return plan_deletion(p);
}

static int plan_pair(struct planner *p)
{
	struct task *task = p->task;
	const struct sighting *seen = p->seen;
	int r = 0;

	memcpy(task->name, seen->name, IFNAMSIZ);
	task->want = p->want;
	task->kind = seen->kind;
	task->verdict = VERDICT_READY;
	task->expect = (struct expect){
		.ifindex = seen->end[SIDE_PRIMARY].ifindex,
		.peer_ifindex = seen->end[SIDE_PEER].ifindex,
		.netns = seen->wanted_netns,
		.revision = { seen->end[SIDE_PRIMARY].revision, seen->end[SIDE_PEER].revision },
	};
	if (seen->n_defunct)
		r = add_step(task, (struct step){ .kind = STEP_REAP });
	if (r == 0 && !p->want)
		r = plan_unwanted(p);
	else if (r == 0 && plan_fate_decide(p))
		r = plan_wanted(p);
	if (r == 0 && task->verdict == VERDICT_READY && task->n_steps)
		task->verdict = VERDICT_CHANGE;
	return r;
}

static void task_done(struct task *task)
{
	diag_done(&task->why);
	diag_done(&task->limits);
	free(task->steps);
	*task = (struct task){};
}

int plan_make(struct desired *desired, const struct observed *observed, struct plan *ret)
{
	AUTO(plan_done) struct plan plan = { .desired = desired_ref(desired) };

	plan.tasks = calloc(observed->n_sightings + 1, sizeof(*plan.tasks));
	if (!plan.tasks)
		return -ENOMEM;
	for (int going = 1; going >= 0; going--) {
		for (size_t i = 0; i < observed->n_sightings; i++) {
			struct planner p = { .desired = desired, .observed = observed };
			int r;

			p.seen = &observed->sightings[i];
			p.want = desired_find_pair(desired, p.seen->name);
			if ((p.want == NULL) != going)
				continue;
			p.task = &plan.tasks[plan.n_tasks++];
			r = plan_pair(&p);
			if (r < 0)
				return r;
		}
	}
	*ret = STEAL(plan);
	return 0;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_tasks; i++)
		task_done(&plan->tasks[i]);
	free(plan->tasks);
	desired_unref(plan->desired);
	*plan = (struct plan){};
}

size_t plan_n_steps(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_tasks; i++)
		n += plan->tasks[i].n_steps;
	return n;
}

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_READY:
		return "ready";
	case VERDICT_CHANGE:
		return "change";
	case VERDICT_WAIT:
		return "wait";
	case VERDICT_CONFLICT:
		return "conflict";
	case VERDICT_BLOCKED:
		return "blocked";
	case VERDICT_HELD:
		return "held";
	}
	return "?";
}
