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

struct fake {
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
	struct fake *fake = ctx;

	CHECK(!fake->job);
	fake->job = job;
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
	struct fake *fake = ctx;

	fake->n_looked++;
	fake->n_runs_then = fake->n_runs;
	if (fake->asks_again)
		reconcile_ask_look(fake->engine);
}

static void on_measured(void *ctx)
{
	struct fake *fake = ctx;

	fake->n_measured++;
	fake->now_ms += 200;
	if (fake->asks_again)
		reconcile_ask_meters(fake->engine, NULL, fake->now_ms);
}

static void see(struct fake *fake, struct job *job, const char *name)
{
	struct sighting seen = { .nsid = 3, .wanted_netns = 7 };

	snprintf(seen.name, sizeof(seen.name), "%s", name);
	if (!fake->usable) {
		seen.end[SIDE_PRIMARY].ifindex = 1000 + atoi(name + 1);
		seen.end[SIDE_PEER].ifindex = 2000 + atoi(name + 1);
	}
	CHECK(ARRAY_APPEND(job->observed.sightings, job->observed.n_sightings, seen) == 0);
}

static void answer_look(struct fake *fake, struct job *job)
{
	fake->n_looks += job->all;
	if (fake->look_error) {
		job->error = fake->look_error;
		diag_set(&job->why, "the test is blind");
		return;
	}
	job->observed.kinds[KIND_VETH].usable = fake->usable;
	for (size_t i = 0; job->all && i < job->desired->n_pairs; i++)
		see(fake, job, job->desired->pairs[i].name);
	for (size_t i = 0; i < job->n_names; i++)
		see(fake, job, job->names[i]);
}

static void answer_measure(struct fake *fake, struct job *job)
{
	fake->n_measures++;
	job->taken_ms = fake->now_ms;
	for (size_t i = 0; i < job->n_meters; i++) {
		struct meter_end *end = &job->meters[i].end[SIDE_PRIMARY];

		end->known = true;
		end->received.packets = end->ifindex;
	}
}

static void answer(struct fake *fake)
{
	struct job *job = STEAL(fake->job);

	switch (job->kind) {
	case JOB_LOAD:
	case JOB_EXPAND:
		desired_unref(job->desired);
		job->desired = desired_ref(fake->desired);
		break;
	case JOB_LOOK:
		answer_look(fake, job);
		break;
	case JOB_RUN:
		fake->n_runs++;
		job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
		CHECK(job->outcomes);
		break;
	case JOB_MEASURE:
		answer_measure(fake, job);
		break;
	case JOB_PING:
		break;
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		CHECK(!"something changes hands");
		break;
	}
	reconcile_complete(fake->engine, job, fake->now_ms);
}

/* Whether there was a job. */
static bool step(struct fake *fake)
{
	reconcile_turn(fake->engine, fake->now_ms);
	if (!fake->job)
		return false;
	answer(fake);
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

static void begin(struct fake *fake, size_t n_pairs, bool usable)
{
	*fake = (struct fake){ .desired = declare(n_pairs), .usable = usable, .now_ms = 1000 };
	fake->backend = (struct backend){ fake, submit, refresh };
	fake->observer = (struct reconcile_observer){
		.ctx = fake,
		.on_pair = on_pair,
		.on_loaded = on_loaded,
		.on_looked = on_looked,
		.on_measured = on_measured,
	};
	CHECK(reconcile_new(&fake->backend, &fake->observer, &fake->engine) == 0);
	reconcile_mark_config(fake->engine);
	for (int i = 0; i < 3; i++)
		step(fake);
	CHECK(fake->n_looks == 1 && fake->n_looked == 1);
	CHECK(usable || reconcile_is_settled(fake->engine));
}

static void end(struct fake *fake)
{
	if (fake->job)
		answer(fake);
	reconcile_free(fake->engine);
	desired_unref(fake->desired);
}

static uint64_t counted(struct fake *fake, const char *name)
{
	struct status status;

	CHECK(reconcile_status(fake->engine, name, fake->now_ms, &status));
	if (!status.meter)
		return 0;
	CHECK(strcmp(status.meter->name, name) == 0 && status.measured_ms);
	return status.meter->end[SIDE_PRIMARY].received.packets;
}

static void test_meters(void)
{
	struct fake fake;

	begin(&fake, 3, false);
	CHECK(counted(&fake, "p0001") == 0 && !reconcile_is_measuring(fake.engine, "p0001"));
	reconcile_ask_meters(fake.engine, "p0001", fake.now_ms);
	reconcile_ask_meters(fake.engine, "nobody", fake.now_ms);
	CHECK(reconcile_is_measuring(fake.engine, "p0001"));
	CHECK(!reconcile_is_measuring(fake.engine, "p0002"));
	CHECK(reconcile_is_settled(fake.engine));
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_MEASURE && fake.job->n_meters == 1);
	CHECK(fake.job->meters[0].nsid == 3);
	CHECK(fake.job->meters[0].end[SIDE_PEER].ifindex == 2001);
	/* It is no change of anything. */
	CHECK(reconcile_is_settled(fake.engine));
	answer(&fake);
	CHECK(fake.n_measured == 1 && !reconcile_is_measuring(fake.engine, "p0001"));
	CHECK(counted(&fake, "p0001") == 1001 && counted(&fake, "p0002") == 0);
	/* Who comes next shares what has just been read. */
	fake.now_ms -= 200;
	reconcile_ask_meters(fake.engine, "p0001", fake.now_ms + 100);
	CHECK(!reconcile_is_measuring(fake.engine, "p0001") && !step(&fake));
	reconcile_ask_meters(fake.engine, "p0001", fake.now_ms + 101);
	CHECK(reconcile_is_measuring(fake.engine, "p0001") && step(&fake));
	end(&fake);
}

/* In portions; and who asks for the first ones again and again does not keep the last ones waiting. */
static void test_portions(void)
{
	struct fake fake;

	begin(&fake, MANY, false);
	reconcile_ask_meters(fake.engine, NULL, fake.now_ms);
	CHECK(step(&fake) && fake.n_measured == 1);
	CHECK(counted(&fake, "p0000") == 1000 && counted(&fake, "p0767") == 0);
	reconcile_ask_meters(fake.engine, "p0000", fake.now_ms);
	CHECK(step(&fake));
	reconcile_ask_meters(fake.engine, "p0001", fake.now_ms);
	CHECK(step(&fake) && fake.n_measured == 3);
	CHECK(counted(&fake, "p0767") == 1767 && reconcile_is_measuring(fake.engine, "p0000"));
	CHECK(step(&fake) && !reconcile_is_measuring(fake.engine, "p0000") && !step(&fake));
	end(&fake);
}

/* A pair that goes takes with it that somebody asked for its counters. */
static void test_gone(void)
{
	struct desired *fewer = declare(1);
	struct fake fake;

	begin(&fake, 2, false);
	desired_unref(fake.desired);
	fake.desired = fewer;
	reconcile_mark_config(fake.engine);
	CHECK(!step(&fake));
	fake.now_ms += 1000;
	CHECK(step(&fake));
	/* After a look that somebody asked for, the engine's own work comes first: it forgets the pair. */
	reconcile_ask_look(fake.engine);
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_LOOK);
	reconcile_ask_meters(fake.engine, "p0001", fake.now_ms);
	answer(&fake);
	while (step(&fake))
		;
	CHECK(reconcile_n_pairs(fake.engine) == 1);
	reconcile_ask_meters(fake.engine, "p0000", fake.now_ms + 1000);
	CHECK(step(&fake) && !step(&fake));
	end(&fake);
}

static void test_looks(void)
{
	const struct diag *why = NULL;
	uint64_t first, second;
	struct fake fake;

	begin(&fake, 2, false);
	first = reconcile_ask_look(fake.engine);
	CHECK(reconcile_ask_look(fake.engine) == first);
	CHECK(reconcile_look_result(fake.engine, first, &why) == -EAGAIN);
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_LOOK && fake.job->all);
	/* What changed after this one began, it may have missed. */
	second = reconcile_ask_look(fake.engine);
	CHECK(second == first + 1);
	fake.look_error = -EIO;
	answer(&fake);
	CHECK(fake.n_looked == 2);
	CHECK(reconcile_look_result(fake.engine, first, &why) == -EIO);
	CHECK(strcmp(why->text, "the test is blind") == 0);
	CHECK(reconcile_look_result(fake.engine, second, &why) == -EAGAIN);
	fake.look_error = 0;
	while (step(&fake))
		;
	CHECK(reconcile_look_result(fake.engine, second, &why) == 0 && !why->text);
	CHECK(fake.n_looks == 3 && reconcile_is_settled(fake.engine));
	end(&fake);
}

/* Nothing of what is seen is acted on before whoever asked has been told. */
static void test_told_before_repair(void)
{
	struct fake fake;

	begin(&fake, 1, true);
	for (int i = 0; i < 100 && fake.n_looked < 2; i++) {
		reconcile_ask_look(fake.engine);
		step(&fake);
	}
	CHECK(fake.n_looked == 2 && fake.n_runs_then == fake.n_runs);
	end(&fake);
}

/* Whoever asks again with each answer gets every other job at most, and gets it. */
static void test_insistence(void)
{
	struct fake fake;

	begin(&fake, MANY, true);
	fake.asks_again = true;
	reconcile_ask_look(fake.engine);
	for (int i = 0; i < 40; i++)
		CHECK(step(&fake));
	CHECK(fake.n_looks >= 15 && fake.n_looks <= 22);
	CHECK(fake.n_runs >= 9);
	end(&fake);
	begin(&fake, MANY, true);
	fake.asks_again = true;
	reconcile_ask_meters(fake.engine, NULL, fake.now_ms);
	for (int i = 0; i < 40; i++)
		CHECK(step(&fake));
	CHECK(fake.n_measures >= 15 && fake.n_measures <= 22);
	CHECK(fake.n_runs >= 9);
	end(&fake);
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
