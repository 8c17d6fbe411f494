/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What others ask the engine for: looks at everything and counters, on a backend that is a script.
 * Who asks all the time keeps nobody from work, and nobody from being answered.
 */
#include "engine/reconcile.h"

#include "base/log.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

#define MANY 768 /* pairs: three portions */

struct stub {
	struct backend backend;
	struct reconcile_observer observer;
	struct reconcile *engine;
	struct desired *desired;
	struct job *job; /* submitted, not yet answered */
	bool usable; /* pairs can be made, and yet never are there: there is always work */
	int look_error;
	uint64_t now_ms;
	size_t n_looks, n_runs, n_measures; /* answered; looks: at everything */
	size_t n_looked, n_measured; /* told */
	size_t n_runs_then; /* when a look was told last */
	bool asks_again;
};

static int submit(void *ctx, struct job *job)
{
	struct stub *stub = ctx;

	CHECK(!stub->job);
	stub->job = job;
	return 0;
}

static void refresh(void *ctx, struct slot *slots, size_t n)
{
}

static void on_pair(void *ctx, const char *name, bool gone)
{
}

static void on_loaded(void *ctx)
{
}

static void on_looked(void *ctx)
{
	struct stub *stub = ctx;

	stub->n_looked++;
	stub->n_runs_then = stub->n_runs;
	if (stub->asks_again)
		reconcile_ask_look(stub->engine);
}

static void on_measured(void *ctx)
{
	struct stub *stub = ctx;

	stub->n_measured++;
	stub->now_ms += 200;
	if (stub->asks_again)
		reconcile_ask_meters(stub->engine, NULL, stub->now_ms);
}

static void see(struct stub *stub, struct job *job, const char *name)
{
	struct sighting seen = { .nsid = 3, .wanted_netns = 7 };

	snprintf(seen.name, sizeof(seen.name), "%s", name);
	if (!stub->usable) {
		seen.end[SIDE_PRIMARY].ifindex = 1000 + atoi(name + 1);
		seen.end[SIDE_PEER].ifindex = 2000 + atoi(name + 1);
	}
	CHECK(ARRAY_APPEND(job->observed.sightings, job->observed.n_sightings, seen) == 0);
}

static void answer_look(struct stub *stub, struct job *job)
{
	stub->n_looks += job->all;
	if (stub->look_error) {
		job->error = stub->look_error;
		diag_set(&job->why, "the test is blind");
		return;
	}
	job->observed.kinds[KIND_VETH].usable = stub->usable;
	for (size_t i = 0; job->all && i < job->desired->n_pairs; i++)
		see(stub, job, job->desired->pairs[i].name);
	for (size_t i = 0; i < job->n_names; i++)
		see(stub, job, job->names[i]);
}

static void answer_measure(struct stub *stub, struct job *job)
{
	stub->n_measures++;
	job->taken_ms = stub->now_ms;
	for (size_t i = 0; i < job->n_meters; i++) {
		struct meter_end *end = &job->meters[i].end[SIDE_PRIMARY];

		end->known = true;
		end->received.packets = end->ifindex;
	}
}

static void answer(struct stub *stub)
{
	struct job *job = STEAL(stub->job);

	switch (job->kind) {
	case JOB_LOAD:
	case JOB_EXPAND:
		desired_unref(job->desired);
		job->desired = desired_ref(stub->desired);
		break;
	case JOB_LOOK:
		answer_look(stub, job);
		break;
	case JOB_RUN:
		stub->n_runs++;
		job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
		CHECK(job->outcomes);
		break;
	case JOB_MEASURE:
		answer_measure(stub, job);
		break;
	case JOB_PING:
		break;
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		CHECK(!"something changes hands");
		break;
	}
	reconcile_complete(stub->engine, job, stub->now_ms);
}

/* Whether there was a job. */
static bool step(struct stub *stub)
{
	reconcile_turn(stub->engine, stub->now_ms);
	if (!stub->job)
		return false;
	answer(stub);
	return true;
}

static struct desired *declare(size_t n)
{
	struct desired *desired = desired_new();

	CHECK(desired);
	desired->settings.audit_ms = 0;
	for (size_t i = 0; i < n; i++) {
		struct pair pair = { .netns.text = strdup("web") };

		CHECK(pair.netns.text);
		snprintf(pair.name, sizeof(pair.name), "p%04zu", i);
		pair.end[SIDE_PRIMARY].attrs.has = pair.end[SIDE_PEER].attrs.has = ATTR_NAME;
		CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
	}
	return desired;
}

static void begin(struct stub *stub, size_t n_pairs, bool usable)
{
	*stub = (struct stub){ .desired = declare(n_pairs), .usable = usable, .now_ms = 1000 };
	stub->backend = (struct backend){ stub, submit, refresh };
	stub->observer = (struct reconcile_observer){
		.ctx = stub,
		.on_pair = on_pair,
		.on_loaded = on_loaded,
		.on_looked = on_looked,
		.on_measured = on_measured,
	};
	CHECK(reconcile_new(&stub->backend, &stub->observer, &stub->engine) == 0);
	reconcile_mark_config(stub->engine);
	for (int i = 0; i < 3; i++)
		step(stub);
	CHECK(stub->n_looks == 1 && stub->n_looked == 1);
	CHECK(usable || reconcile_is_settled(stub->engine));
}

static void end(struct stub *stub)
{
	if (stub->job)
		answer(stub);
	reconcile_free(stub->engine);
	desired_unref(stub->desired);
}

static uint64_t counted(struct stub *stub, const char *name)
{
	struct status status;

	CHECK(reconcile_status(stub->engine, name, stub->now_ms, &status));
	if (!status.meter)
		return 0;
	CHECK(strcmp(status.meter->name, name) == 0 && status.measured_ms);
	return status.meter->end[SIDE_PRIMARY].received.packets;
}

static void test_meters(void)
{
	struct stub stub;

	begin(&stub, 3, false);
	CHECK(counted(&stub, "p0001") == 0 && !reconcile_is_measuring(stub.engine, "p0001"));
	reconcile_ask_meters(stub.engine, "p0001", stub.now_ms);
	reconcile_ask_meters(stub.engine, "nobody", stub.now_ms);
	CHECK(reconcile_is_measuring(stub.engine, "p0001"));
	CHECK(!reconcile_is_measuring(stub.engine, "p0002"));
	CHECK(reconcile_is_settled(stub.engine));
	reconcile_turn(stub.engine, stub.now_ms);
	CHECK(stub.job && stub.job->kind == JOB_MEASURE && stub.job->n_meters == 1);
	CHECK(stub.job->meters[0].nsid == 3);
	CHECK(stub.job->meters[0].end[SIDE_PEER].ifindex == 2001);
	/* It is no change of anything. */
	CHECK(reconcile_is_settled(stub.engine));
	answer(&stub);
	CHECK(stub.n_measured == 1 && !reconcile_is_measuring(stub.engine, "p0001"));
	CHECK(counted(&stub, "p0001") == 1001 && counted(&stub, "p0002") == 0);
	/* Who comes next shares what has just been read. */
	stub.now_ms -= 200;
	reconcile_ask_meters(stub.engine, "p0001", stub.now_ms + 100);
	CHECK(!reconcile_is_measuring(stub.engine, "p0001") && !step(&stub));
	reconcile_ask_meters(stub.engine, "p0001", stub.now_ms + 101);
	CHECK(reconcile_is_measuring(stub.engine, "p0001") && step(&stub));
	end(&stub);
}

/* In portions; and who asks for the first ones again and again does not keep the last ones waiting. */
static void test_portions(void)
{
	struct stub stub;

	begin(&stub, MANY, false);
	reconcile_ask_meters(stub.engine, NULL, stub.now_ms);
	CHECK(step(&stub) && stub.n_measured == 1);
	CHECK(counted(&stub, "p0000") == 1000 && counted(&stub, "p0767") == 0);
	reconcile_ask_meters(stub.engine, "p0000", stub.now_ms);
	CHECK(step(&stub));
	reconcile_ask_meters(stub.engine, "p0001", stub.now_ms);
	CHECK(step(&stub) && stub.n_measured == 3);
	CHECK(counted(&stub, "p0767") == 1767 && reconcile_is_measuring(stub.engine, "p0000"));
	CHECK(step(&stub) && !reconcile_is_measuring(stub.engine, "p0000") && !step(&stub));
	end(&stub);
}

/* A pair that goes takes with it that somebody asked for its counters. */
static void test_gone(void)
{
	struct desired *fewer = declare(1);
	struct stub stub;

	begin(&stub, 2, false);
	desired_unref(stub.desired);
	stub.desired = fewer;
	reconcile_mark_config(stub.engine);
	CHECK(!step(&stub));
	stub.now_ms += 1000;
	CHECK(step(&stub));
	/* After a look that somebody asked for, the engine's own work comes first: it forgets the pair. */
	reconcile_ask_look(stub.engine);
	reconcile_turn(stub.engine, stub.now_ms);
	CHECK(stub.job && stub.job->kind == JOB_LOOK);
	reconcile_ask_meters(stub.engine, "p0001", stub.now_ms);
	answer(&stub);
	while (step(&stub))
		;
	CHECK(reconcile_n_pairs(stub.engine) == 1);
	reconcile_ask_meters(stub.engine, "p0000", stub.now_ms + 1000);
	CHECK(step(&stub) && !step(&stub));
	end(&stub);
}

static void test_looks(void)
{
	const struct diag *why = NULL;
	uint64_t first, second;
	struct stub stub;

	begin(&stub, 2, false);
	first = reconcile_ask_look(stub.engine);
	CHECK(reconcile_ask_look(stub.engine) == first);
	CHECK(reconcile_look_result(stub.engine, first, &why) == -EAGAIN);
	reconcile_turn(stub.engine, stub.now_ms);
	CHECK(stub.job && stub.job->kind == JOB_LOOK && stub.job->all);
	/* What changed after this one began, it may have missed. */
	second = reconcile_ask_look(stub.engine);
	CHECK(second == first + 1);
	stub.look_error = -EIO;
	answer(&stub);
	CHECK(stub.n_looked == 2);
	CHECK(reconcile_look_result(stub.engine, first, &why) == -EIO);
	CHECK(strcmp(why->text, "the test is blind") == 0);
	CHECK(reconcile_look_result(stub.engine, second, &why) == -EAGAIN);
	stub.look_error = 0;
	while (step(&stub))
		;
	CHECK(reconcile_look_result(stub.engine, second, &why) == 0 && !why->text);
	CHECK(stub.n_looks == 3 && reconcile_is_settled(stub.engine));
	end(&stub);
}

/* Nothing of what is seen is acted on before whoever asked has been told. */
static void test_told_before_repair(void)
{
	struct stub stub;

	begin(&stub, 1, true);
	for (int i = 0; i < 100 && stub.n_looked < 2; i++) {
		reconcile_ask_look(stub.engine);
		step(&stub);
	}
	CHECK(stub.n_looked == 2 && stub.n_runs_then == stub.n_runs);
	end(&stub);
}

/* Whoever asks again with each answer gets every other job at most, and gets it. */
static void test_insistence(void)
{
	struct stub stub;

	begin(&stub, MANY, true);
	stub.asks_again = true;
	reconcile_ask_look(stub.engine);
	for (int i = 0; i < 40; i++)
		CHECK(step(&stub));
	CHECK(stub.n_looks >= 15 && stub.n_looks <= 22);
	CHECK(stub.n_runs >= 9);
	end(&stub);
	begin(&stub, MANY, true);
	stub.asks_again = true;
	reconcile_ask_meters(stub.engine, NULL, stub.now_ms);
	for (int i = 0; i < 40; i++)
		CHECK(step(&stub));
	CHECK(stub.n_measures >= 15 && stub.n_measures <= 22);
	CHECK(stub.n_runs >= 9);
	end(&stub);
}

int main(void)
{
	log_set_level(LOG_EMERG);
	test_meters();
	test_portions();
	test_gone();
	test_looks();
	test_told_before_repair();
	test_insistence();
	return 0;
}
