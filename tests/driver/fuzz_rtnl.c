// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_rtnl [MESSAGES [SEED]]: requests of all sorts to kind "meta" by rtnetlink, most of them wrong in
 * some way: see garble.h. After each the kernel has to be as it was when it refused, and to have done
 * all of it when it did not; whether it does what it must not is for the kernel's own checkers to see.
 * netkit does not hold what is tested here. The same seed sends the same requests.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz_stage.h"
#include "tap.h"

enum { MAX_MADE = 12, MAX_ERRNO = 134, MAX_ATTRS = 64, STREAK = 10 };

static const char *const kind_names[] = { "create", "change", "delete", "dump" };

static unsigned int answers[N_REQUEST_KINDS][MAX_ERRNO];
/* Of each attribute, accepted requests that had it, and refused ones that had it wrong. */
static unsigned int n_right[N_REQUEST_KINDS][MAX_ATTRS], n_wrong[N_REQUEST_KINDS][MAX_ATTRS];

/* ---- judging an answer ---- */

static bool find_end(struct stage *stage, const char *name, struct link_state *ret)
{
	return name[0] &&
	       (!link_get(&stage->here, name, ret) || !link_get(&stage->there, name, ret));
}

static bool is_kin(const struct link_state *one, const struct link_state *other, int primary)
{
	return !strcmp(one->kind, test_kind()) && one->data_len[PAIR_PRIMARY] &&
	       one->data[PAIR_PRIMARY] == (uint32_t)primary && one->link == other->ifindex;
}

static void check_values(struct stage *stage, const struct msg *msg,
			 const struct forecast *forecast, const struct link_state *link)
{
	for (int i = 0; i < N_GARBLE_DATA; i++) {
		if (forecast->has[i] && (!link->data_len[i] || link->data[i] != forecast->value[i]))
			stage_fault(stage, FAULT_VALUE, msg,
				    "attribute %d is %u (%zu bytes), not %u", i, link->data[i],
				    link->data_len[i], forecast->value[i]);
	}
}

static void check_made(struct stage *stage, const struct msg *msg, const struct forecast *forecast,
		       int n)
{
	struct link_state own, peer;

	if (n != 2 && !(n == 1 && forecast->may_be_single)) {
		stage_fault(stage, FAULT_COUNT, msg, "%d devices were made", n);
		return;
	}
	if (!forecast->name[0])
		return;
	if (!find_end(stage, forecast->name, &own)) {
		stage_fault(stage, FAULT_PAIR, msg, "%s is not there", forecast->name);
		return;
	}
	check_values(stage, msg, forecast, &own);
	if (n == 1 || !forecast->peer_name[0])
		return;
	if (!find_end(stage, forecast->peer_name, &peer) || !is_kin(&own, &peer, 1) ||
	    !is_kin(&peer, &own, 0))
		stage_fault(stage, FAULT_PAIR, msg, "%s is not %s's peer", forecast->peer_name,
			    forecast->name);
}

/* Each end tells the policies of both. The request is the last of those that might have done it. */
static void check_unchanged(struct stage *stage, const struct msg *msg, const struct standing *s)
{
	struct link_state now;

	if (stage_look(stage, s->state.ifindex, &now))
		stage_fault(stage, FAULT_CHANGED, msg, "%s is gone", s->name);
	else if (memcmp(&now, &s->state, sizeof(now)))
		stage_fault(stage, FAULT_CHANGED, msg, "%s is another", s->name);
}

static void judge_answer(struct stage *stage, const struct msg *msg,
			 const struct forecast *forecast, int err)
{
	if (err == -ETIMEDOUT)
		stage_fault(stage, FAULT_SILENCE, msg, "after a minute");
	if (forecast->damaged)
		return;
	if (!err && forecast->must_fail)
		stage_fault(stage, FAULT_ACCEPTED, msg, "it was accepted");
	if (err && !forecast->must_fail && !forecast->may_fail)
		stage_fault(stage, FAULT_REFUSED, msg, "%s (%s)", tap_errno_name(err),
			    stage->here.extack);
	if (err && !forecast->may_be_mute && !stage->here.extack[0])
		stage_fault(stage, FAULT_MUTE, msg, "%s", tap_errno_name(err));
}

static void count_answer(enum request_kind kind, const struct forecast *forecast, int err)
{
	answers[kind][-err < MAX_ERRNO ? -err : MAX_ERRNO - 1]++;
	for (unsigned int i = 0; i < garble_n_attrs(); i++) {
		n_right[kind][i] += !err && forecast->right >> i & 1;
		n_wrong[kind][i] += err && forecast->wrong >> i & 1;
	}
}

/* ---- one request ---- */

static int answer(struct stage *stage, enum request_kind kind, const struct msg *msg,
		  const struct forecast *forecast)
{
	int err = rtnl_send(&stage->here, msg);

	judge_answer(stage, msg, forecast, err);
	count_answer(kind, forecast, err);
	return err;
}

static void create(struct stage *stage, const struct msg *msg, const struct forecast *forecast)
{
	int before = stage->n_now, err = answer(stage, REQUEST_CREATE, msg, forecast);

	stage->n_now = stage_count(stage);
	if (err && stage->n_now != before)
		stage_fault(stage, FAULT_COUNT, msg, "%s, and %d devices", tap_errno_name(err),
			    stage->n_now - before);
	/* With an index, flipped, it is a change. */
	if (!err && forecast->damaged)
		stage_expect_anything(stage);
	else if (!err)
		check_made(stage, msg, forecast, stage->n_now - before);
	if (stage->n_now - stage->n_base >= MAX_MADE)
		stage_clear(stage);
}

static void change(struct stage *stage, struct standing *s, const struct msg *msg,
		   const struct forecast *forecast)
{
	int err = answer(stage, REQUEST_CHANGE, msg, forecast);

	/* The other end with it; or, by a request that was damaged, any. */
	stage_expect_anything(stage);
	if (!err && !forecast->damaged) {
		stage_refresh(stage, s);
		check_values(stage, msg, forecast, &s->state);
	}
}

static void run_create(struct stage *stage)
{
	struct forecast forecast;
	struct msg msg;

	garble_create(&stage->garble, &msg, &forecast);
	create(stage, &msg, &forecast);
}

static void garble_change_like(struct stage *stage, const struct standing *s, bool nothing,
			       struct msg *msg, struct forecast *forecast)
{
	do {
		garble_change(&stage->garble, s->state.ifindex, s->target, msg, forecast);
	} while (forecast_changes_nothing(forecast) != nothing);
}

/* Looked at before and after, and not between: to look takes longer than to be refused. */
static unsigned int run_refused_changes(struct stage *stage)
{
	struct standing *s = stage_any(stage);
	struct forecast forecast;
	struct msg msg;

	for (int i = 0; i < STREAK; i++) {
		garble_change_like(stage, s, true, &msg, &forecast);
		answer(stage, REQUEST_CHANGE, &msg, &forecast);
	}
	check_unchanged(stage, &msg, s);
	return STREAK;
}

static void run_change(struct stage *stage)
{
	struct standing *s = stage_any(stage);
	struct forecast forecast;
	struct msg msg;

	garble_change_like(stage, s, false, &msg, &forecast);
	change(stage, s, &msg, &forecast);
}

/* Of what stands too, which is then made again. */
static void run_delete(struct stage *stage)
{
	struct standing *s = stage_any(stage);
	struct forecast forecast;
	struct msg msg;

	garble_delete(&stage->garble, s->state.ifindex, &msg, &forecast);
	if (answer(stage, REQUEST_DELETE, &msg, &forecast)) {
		check_unchanged(stage, &msg, s);
		return;
	}
	stage_remake(stage);
	if (stage->n_now != stage->n_base)
		stage_fault(stage, FAULT_LEFT, &msg, "%d devices, not %d", stage->n_now,
			    stage->n_base);
}

static void run_dump(struct stage *stage)
{
	struct standing *s = stage_any(stage);
	struct forecast forecast;
	struct msg msg;

	garble_dump(&stage->garble, s->state.ifindex, &msg, &forecast);
	answer(stage, REQUEST_DUMP, &msg, &forecast);
}

/* ---- each attribute ---- */

enum { MAX_TRIES = 20 };

static bool has_attr(const struct forecast *forecast, unsigned int attr, bool wrong)
{
	if (wrong)
		return forecast->wrong >> attr & 1;
	return forecast->right >> attr & 1 && !forecast->must_fail;
}

/* The primary of a pair in mode L2, which has all that can be changed. */
static void try_attr(struct stage *stage, enum request_kind kind, unsigned int attr, bool wrong)
{
	struct standing *s = &stage->standing[2];
	struct forecast forecast;
	struct msg msg;

	stage_refresh(stage, s);
	do {
		if (kind == REQUEST_CREATE)
			garble_create(&stage->garble, &msg, &forecast);
		else
			garble_change(&stage->garble, s->state.ifindex, s->target, &msg, &forecast);
	} while (!has_attr(&forecast, attr, wrong));
	if (kind == REQUEST_CREATE)
		create(stage, &msg, &forecast);
	else
		change(stage, s, &msg, &forecast);
}

/* Chance would need many messages to bring all. What depends on others may need some tries. */
static void run_each_attr(struct stage *stage, enum request_kind kind)
{
	for (unsigned int i = 0; i < garble_n_attrs(); i++) {
		for (int n = 0; n < MAX_TRIES && !n_right[kind][i] &&
				garble_can_be_right(&stage->garble, kind, i);
		     n++)
			try_attr(stage, kind, i, false);
		for (int n = 0; n < MAX_TRIES && !n_wrong[kind][i] &&
				garble_can_be_wrong(&stage->garble, kind, i);
		     n++)
			try_attr(stage, kind, i, true);
	}
}

/* ---- */

/* Returns how many messages it was. What is accepted takes longest, and is a tenth. */
static unsigned int run_some(struct stage *stage)
{
	unsigned int turn = chance_below(&stage->garble.chance, 1000);

	if (turn < 130)
		return run_refused_changes(stage);
	if (turn < 780)
		run_create(stage);
	else if (turn < 950)
		run_change(stage);
	else if (turn < 960)
		run_delete(stage);
	else
		run_dump(stage);
	return 1;
}

/* ---- what came of it ---- */

static void tell_answers(void)
{
	for (int kind = 0; kind < N_REQUEST_KINDS; kind++) {
		printf("# %s:", kind_names[kind]);
		for (int err = 0; err < MAX_ERRNO; err++) {
			if (answers[kind][err])
				printf(" %s %u", err ? tap_errno_name(err) + 1 : "accepted",
				       answers[kind][err]);
		}
		printf("\n");
	}
}

static void check_coverage(const struct stage *stage, enum request_kind kind)
{
	printf("# %s, attributes in accepted / wrong in refused requests:", kind_names[kind]);
	for (unsigned int i = 0; i < garble_n_attrs(); i++) {
		if (garble_can_be_right(&stage->garble, kind, i) ||
		    garble_can_be_wrong(&stage->garble, kind, i))
			printf(" %s %u/%u%s", garble_attr_name(i), n_right[kind][i],
			       n_wrong[kind][i], i + 1 < garble_n_attrs() ? "," : "");
	}
	printf("\n");
	for (unsigned int i = 0; i < garble_n_attrs(); i++) {
		if (garble_can_be_right(&stage->garble, kind, i))
			ok(n_right[kind][i], "%s with %s was accepted", kind_names[kind],
			   garble_attr_name(i));
		if (garble_can_be_wrong(&stage->garble, kind, i))
			ok(n_wrong[kind][i], "%s with a wrong %s was refused", kind_names[kind],
			   garble_attr_name(i));
	}
}

static void run_all(struct stage *stage, unsigned long messages)
{
	struct timespec began, ended;

	clock_gettime(CLOCK_MONOTONIC, &began);
	run_each_attr(stage, REQUEST_CREATE);
	run_each_attr(stage, REQUEST_CHANGE);
	for (unsigned long n = 0; n < messages;)
		n += run_some(stage);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	stage_close(stage);
	tell_answers();
	check_coverage(stage, REQUEST_CREATE);
	check_coverage(stage, REQUEST_CHANGE);
	for (int i = 0; i < N_FAULTS; i++)
		ok_eq(stage->faults[i], 0, "%s, exceptions", fault_name(i));
	ok_eq(link_count(&stage->here), 1, "devices here at the end");
	ok_eq(link_count(&stage->there), 1, "devices there at the end");
	printf("# %lu messages in %ld s\n", messages, (long)(ended.tv_sec - began.tv_sec));
}

/* With process IDs of its own, so that no number means a process that is somebody else's. */
static int run_isolated(void (*run)(unsigned long messages, uint64_t seed), unsigned long messages,
			uint64_t seed)
{
	int status;
	pid_t child;

	if (unshare(CLONE_NEWPID) || (child = fork()) < 0)
		bail_out("no process ID namespace: %m");
	if (!child) {
		run(messages, seed);
		exit(tap_done());
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void run(unsigned long messages, uint64_t seed)
{
	struct stage stage;

	printf("# seed %llu\n", (unsigned long long)seed);
	stage_open(&stage, seed);
	run_all(&stage, messages);
}

int main(int argc, char **argv)
{
	unsigned long messages = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000;

	return run_isolated(run, messages, argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
}
