/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_RUN: carries out the tasks of a plan, in rounds over all of them so that requests of many
 * pairs share a send: what goes is taken down and deleted, creations, then each pair's programs
 * and its peer's end, then all primaries' ends, and last what opens them. A task whose step fails takes no part in later
 * rounds; since opening is the last round, what cannot be finished stays closed. Worker thread.
 */
#include "kernel/address.h"
#include "kernel/chain.h"
#include "kernel/context.h"
#include "kernel/expedite.h"
#include "kernel/link.h"
#include "kernel/sysctl.h"

#include <errno.h>

/* Attaching and detaching waits for a grace period each; fewer are not worth a global knob. */
#define EXPEDITE_FROM 4

/* One task on its way. */
struct walk {
	const struct task *task;
	struct outcome *outcome; /* borrowed from the job */
	size_t next; /* first step not yet done */
	int ifindex[N_SIDES];
	uint64_t revision[N_SIDES];
	struct netns netns;
	bool peer_ended; /* the peer's steps are through */
};

/* Requests on their way, and whose they are. */
struct send {
	struct netlink_batch batch;
	struct origin {
		struct walk *walk;
		size_t step;
	} *origins; /* owned */
	size_t n_origins;
};

struct apply {
	struct kernel *kernel;
	const struct desired *desired;
	struct walk *walks; /* owned */
	size_t n_walks;
	struct chain_pins pins; /* as listed when the first pair was reaped */
	bool has_pins;
};

static bool is_going(const struct walk *walk)
{
	return walk->outcome->error == 0 && walk->next < walk->task->n_steps;
}

static const struct step *current(const struct walk *walk)
{
	return &walk->task->steps[walk->next];
}

/* A device or chain that is not what the plan saw is no failure: the pair is looked at again. */
static bool is_stale(int error)
{
	return error == -ESTALE || error == -ENODEV;
}

/* Ends the walk at a step. Takes the words of why. The earliest failed step counts. */
static void fail(struct walk *walk, size_t step, int error, struct diag *why)
{
	const struct step *failed = &walk->task->steps[step];
	char text[STEP_TEXT_SIZE];

	if (walk->outcome->error) {
		diag_done(why);
		return;
	}
	walk->outcome->error = is_stale(error) ? -ESTALE : error;
	walk->outcome->n_done = step;
	walk->outcome->why = STEAL(*why);
	if (!walk->outcome->why.text)
		diag_set(&walk->outcome->why, "%s", strerror(-error));
	diag_prefix(&walk->outcome->why, "%s: %s", side_name(failed->side),
		    step_text(failed, text));
}

/* ---- sends ---- */

static void send_done(struct send *send)
{
	netlink_batch_done(&send->batch);
	free(send->origins);
	*send = (struct send){};
}

static void send_add(struct send *send, struct walk *walk, size_t step, struct nl_msg *message)
{
	struct origin origin = { walk, step };
	struct diag why = {};
	int r = netlink_batch_add(&send->batch, message);

	if (r == 0)
		r = ARRAY_APPEND(send->origins, send->n_origins, origin);
	if (r < 0)
		fail(walk, step, r, &why);
}

/* What is there already, or gone already, is as wanted. */
static bool is_satisfied(const struct step *step, int error)
{
	static const int satisfied[] = {
		[STEP_ADDRESS_ADD] = -EEXIST,
		[STEP_ADDRESS_DEL] = -EADDRNOTAVAIL,
		[STEP_ROUTE_DEL] = -ESRCH,
		[STEP_NEIGHBOUR_DEL] = -ENOENT,
	};

	/* Without IPv6 (disabled, or an MTU below 1280) there are no link-local addresses. */
	if (step->kind == STEP_SET && error == -EAFNOSUPPORT)
		return (step->attrs.has & ATTR_LINKLOCAL) && !step->attrs.linklocal;
	return (size_t)step->kind < ARRAY_SIZE(satisfied) && satisfied[step->kind] == error;
}

static void take_result(struct origin *origin, struct netlink_result *result)
{
	struct walk *walk = origin->walk;
	const struct step *step = &walk->task->steps[origin->step];

	if (result->error && !is_satisfied(step, result->error)) {
		fail(walk, origin->step, result->error, &result->why);
		return;
	}
	if (step->kind == STEP_CREATE) {
		walk->ifindex[SIDE_PRIMARY] = result->ifindex;
		walk->ifindex[SIDE_PEER] = result->peer_ifindex;
	}
}

/* Sends what has been added and hands each result to its step. */
static void send_flush(struct send *send, struct netlink *netlink)
{
	size_t n = send->n_origins;
	AUTO_FREE struct netlink_result *results = calloc(n + 1, sizeof(*results));
	int r;

	if (!n)
		return;
	r = results ? netlink_batch_run(netlink, &send->batch, results) : -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct diag why = {};

		if (r < 0)
			fail(send->origins[i].walk, send->origins[i].step, r, &why);
		else
			take_result(&send->origins[i], &results[i]);
		if (results)
			netlink_result_done(&results[i]);
	}
	send_done(send);
}

/* ---- messages ---- */

static void add_attrs(struct send *send, struct walk *walk, size_t i)
{
	const struct step *step = &walk->task->steps[i];
	int ifindex = walk->ifindex[step->side];

	if (step->attrs.has & ATTR_LINKLOCAL)
		send_add(send, walk, i, link_set_linklocal(ifindex, step->attrs.linklocal));
	if (step->attrs.has & ~(uint32_t)ATTR_LINKLOCAL)
		send_add(send, walk, i, link_set(ifindex, &step->attrs));
}

/* Adds the requests of a step that travels by rtnetlink; false: it does not. */
static bool add_step(struct send *send, struct walk *walk, size_t i)
{
	const struct step *step = &walk->task->steps[i];
	int ifindex = walk->ifindex[step->side];

	switch (step->kind) {
	case STEP_SET:
	case STEP_UP:
		add_attrs(send, walk, i);
		return true;
	case STEP_POLICY:
		send_add(send, walk, i,
			 link_set_policy(walk->ifindex[SIDE_PRIMARY], walk->task->kind,
					 step->policy));
		return true;
	case STEP_ADDRESS_ADD:
		send_add(send, walk, i, address_add(ifindex, &step->address));
		return true;
	case STEP_ADDRESS_DEL:
		if (step->address.prefix.ip.family == AF_INET)
			send_add(send, walk, i, link_set_promotion(ifindex));
		send_add(send, walk, i, address_del(ifindex, &step->address));
		return true;
	case STEP_ROUTE_ADD:
		send_add(send, walk, i, route_add(ifindex, &step->route));
		return true;
	case STEP_ROUTE_DEL:
		send_add(send, walk, i, route_del(ifindex, &step->route));
		return true;
	case STEP_NEIGHBOUR_ADD:
		send_add(send, walk, i, neighbour_add(ifindex, &step->neighbour));
		return true;
	case STEP_NEIGHBOUR_DEL:
		send_add(send, walk, i, neighbour_del(ifindex, &step->neighbour));
		return true;
	case STEP_DOWN:
	case STEP_DETACH_FIRST:
	case STEP_DELETE:
	case STEP_REAP:
	case STEP_CREATE:
	case STEP_ATTACH:
	case STEP_UPDATE:
	case STEP_DETACH:
	case STEP_SYSCTL:
		break;
	}
	return false;
}

/* ---- programs ---- */

static int run_program_step(struct apply *apply, struct walk *walk, const struct step *step,
			    struct diag *why)
{
	struct objects *objects = apply->kernel->objects;
	const struct program *program = desired_find_program(apply->desired, step->slot.program);
	struct chain_hook hook = { walk->task->kind, step->side, walk->ifindex[SIDE_PRIMARY] };
	const char *pair = walk->task->name;
	uint64_t *revision = &walk->revision[step->side];

	if (step->kind == STEP_DETACH || step->kind == STEP_DETACH_FIRST)
		return chain_detach(objects, pair, &hook, step, revision, why);
	if (!program)
		return -ESTALE;
	if (step->kind == STEP_UPDATE)
		return chain_update(objects, pair, &hook, step, program, revision, why);
	return chain_attach(objects, pair, &hook, step, program, revision, why);
}

/* The directory is listed once for all pairs: thousands may have lost their namespaces together. */
static int reap(struct apply *apply, const char *pair, struct diag *why)
{
	struct objects *objects = apply->kernel->objects;
	int r = 0;

	if (!apply->has_pins)
		r = chain_pins_read(objects, &apply->pins);
	apply->has_pins = r == 0;
	return r == 0 ? chain_reap(objects, &apply->pins, pair, why) : r;
}

/* Runs the step at the front of the walk if it is about links and pins; false: it is not. */
static bool run_chain_step(struct apply *apply, struct walk *walk)
{
	const struct step *step = current(walk);
	struct diag why = {};
	int r;

	if (step->kind == STEP_REAP)
		r = reap(apply, walk->task->name, &why);
	else if (step->kind == STEP_ATTACH || step->kind == STEP_UPDATE ||
		 step->kind == STEP_DETACH || step->kind == STEP_DETACH_FIRST)
		r = run_program_step(apply, walk, step, &why);
	else
		return false;
	if (r < 0)
		fail(walk, walk->next, r, &why);
	else
		diag_done(&why);
	walk->next++;
	return true;
}

static void run_chain_steps(struct apply *apply, struct walk *walk)
{
	while (is_going(walk) && run_chain_step(apply, walk))
		;
}

/* ---- rounds ---- */

/* What is about to lose its programs is closed before it does. */
static void round_down(struct apply *apply)
{
	static const struct attrs down = { .has = ATTR_UP, .up = false };
	AUTO(send_done) struct send send = {};

	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];

		while (is_going(walk) && current(walk)->kind == STEP_REAP)
			run_chain_step(apply, walk);
		if (!is_going(walk) || current(walk)->kind != STEP_DOWN)
			continue;
		send_add(&send, walk, walk->next, link_set(walk->ifindex[SIDE_PRIMARY], &down));
		walk->next++;
	}
	send_flush(&send, apply->kernel->host);
}

/* Deleting by group costs one grace period for all; one by one, each its own. */
static void round_delete(struct apply *apply)
{
	AUTO(send_done) struct send send = {};
	struct diag why = {};
	bool any = false;
	int r;

	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];

		run_chain_steps(apply, walk);
		if (!is_going(walk) || current(walk)->kind != STEP_DELETE)
			continue;
		send_add(&send, walk, walk->next,
			 link_set_group(walk->ifindex[SIDE_PRIMARY], LINK_GROUP_DOOMED));
		any = true;
	}
	if (!any)
		return;
	send_flush(&send, apply->kernel->host);
	r = netlink_call(apply->kernel->host, link_delete_group(LINK_GROUP_DOOMED), &why);
	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];
		struct diag copy = {};

		if (!is_going(walk) || current(walk)->kind != STEP_DELETE)
			continue;
		diag_copy(&why, &copy);
		if (r < 0 && r != -ENODEV)
			fail(walk, walk->next, r, &copy);
		diag_done(&copy);
		walk->next++;
		memset(walk->ifindex, 0, sizeof(walk->ifindex));
		memset(walk->revision, 0, sizeof(walk->revision));
	}
	diag_done(&why);
}

/* The namespace must still be the one that the plan saw. */
static void open_netns(struct apply *apply, struct walk *walk)
{
	struct diag why = {};
	int r;

	if (!is_going(walk) || !walk->task->want || walk->netns.fd >= 0)
		return;
	r = netns_open(&walk->task->want->netns, context_netns_dirs(apply->desired), &walk->netns,
		       &why);
	if (r == 0 && walk->netns.cookie != walk->task->expect.netns)
		r = -ESTALE;
	if (r > 0)
		r = -ESTALE;
	if (r < 0)
		fail(walk, walk->next, r, &why);
	diag_done(&why);
}

static void round_create(struct apply *apply)
{
	AUTO(send_done) struct send send = {};

	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];

		if (!is_going(walk) || current(walk)->kind != STEP_CREATE)
			continue;
		open_netns(apply, walk);
		if (!is_going(walk))
			continue;
		send_add(&send, walk, walk->next,
			 link_create(walk->task->want, current(walk)->create_kind,
				     walk->netns.fd));
		walk->next++;
	}
	send_flush(&send, apply->kernel->host);
}

static void run_sysctl(struct walk *walk)
{
	const struct sysctl *sysctl = current(walk)->sysctl;
	struct diag why = {};
	int r = netns_enter(&walk->netns);

	if (r == 0) {
		r = sysctl_write(sysctl->key, sysctl->value, &why);
		netns_leave();
	}
	if (r < 0)
		fail(walk, walk->next, r, &why);
	diag_done(&why);
}

/* The peer's end, through a socket of the moment: sockets are not kept per namespace. */
static void run_peer_steps(struct apply *apply, struct walk *walk)
{
	AUTO(netlink_freep) struct netlink *inside = NULL;
	AUTO(send_done) struct send send = {};
	struct diag why = {};
	int r;

	if (!is_going(walk) || current(walk)->side != SIDE_PEER)
		return;
	open_netns(apply, walk);
	if (!is_going(walk))
		return;
	r = netlink_open(&walk->netns, &inside);
	if (r < 0) {
		fail(walk, walk->next, r, &why);
		return;
	}
	for (; is_going(walk) && current(walk)->side == SIDE_PEER; walk->next++) {
		if (add_step(&send, walk, walk->next))
			continue;
		/* A sysctl of the device may need what was asked for before it. */
		send_flush(&send, inside);
		if (is_going(walk))
			run_sysctl(walk);
	}
	send_flush(&send, inside);
}

/* Closing a policy comes before the chains and is sent at once. */
static void round_programs_and_peers(struct apply *apply)
{
	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];
		AUTO(send_done) struct send closing = {};

		if (is_going(walk) && current(walk)->kind == STEP_POLICY && walk->next == 0) {
			add_step(&closing, walk, walk->next++);
			send_flush(&closing, apply->kernel->host);
		}
		run_chain_steps(apply, walk);
		run_peer_steps(apply, walk);
	}
}

/* Whether a step lets packets flow, or can only follow one that does. */
static bool opens(const struct step *step)
{
	return step->kind == STEP_POLICY || step->kind == STEP_UP || step->kind == STEP_ROUTE_ADD ||
	       step->kind == STEP_NEIGHBOUR_ADD;
}

static void round_primaries(struct apply *apply, bool opening)
{
	AUTO(send_done) struct send send = {};

	for (size_t i = 0; i < apply->n_walks; i++) {
		struct walk *walk = &apply->walks[i];

		for (; is_going(walk) && (opening || !opens(current(walk))); walk->next++)
			add_step(&send, walk, walk->next);
	}
	send_flush(&send, apply->kernel->host);
}

static bool waits_for_grace(const struct step *step)
{
	return step->kind == STEP_ATTACH || step->kind == STEP_DETACH ||
	       step->kind == STEP_DETACH_FIRST;
}

static bool is_worth_expediting(const struct apply *apply)
{
	size_t n = 0;

	for (size_t i = 0; i < apply->n_walks; i++)
		for (size_t j = 0; j < apply->walks[i].task->n_steps; j++)
			n += waits_for_grace(&apply->walks[i].task->steps[j]);
	return apply->desired->settings.expedite && n >= EXPEDITE_FROM;
}

static int apply_begin(struct apply *apply, struct job *job)
{
	size_t n = job->plan.n_tasks;

	job->outcomes = calloc(n + 1, sizeof(*job->outcomes));
	apply->walks = calloc(n + 1, sizeof(*apply->walks));
	if (!job->outcomes || !apply->walks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct task *task = &job->plan.tasks[i];
		struct walk *walk = &apply->walks[apply->n_walks++];

		*walk = (struct walk){ .task = task, .outcome = &job->outcomes[i],
				       .netns = NETNS_NONE };
		walk->ifindex[SIDE_PRIMARY] = task->expect.ifindex;
		walk->ifindex[SIDE_PEER] = task->expect.peer_ifindex;
		memcpy(walk->revision, task->expect.revision, sizeof(walk->revision));
	}
	return 0;
}

int apply_run(struct kernel *kernel, struct job *job)
{
	struct apply apply = { .kernel = kernel, .desired = job->plan.desired };
	int r = apply_begin(&apply, job);
	bool expedited;

	if (r < 0) {
		free(apply.walks);
		return r;
	}
	expedited = is_worth_expediting(&apply) && expedite_begin(kernel->options->runtime_dir);
	round_down(&apply);
	round_delete(&apply);
	round_create(&apply);
	round_programs_and_peers(&apply);
	if (expedited)
		expedite_end(kernel->options->runtime_dir);
	round_primaries(&apply, false);
	round_primaries(&apply, true);
	for (size_t i = 0; i < apply.n_walks; i++) {
		struct walk *walk = &apply.walks[i];

		if (!walk->outcome->error)
			walk->outcome->n_done = walk->task->n_steps;
		netns_done(&walk->netns);
	}
	free(apply.walks);
	chain_pins_done(&apply.pins);
	return 0;
}
