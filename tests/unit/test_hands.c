/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices that change hands, on a backend that is a model of the kernel, in which each job fails
 * once. What must never be is a device of metad's that nobody declares: it would be deleted.
 */
#include "engine/reconcile.h"

#include "base/log.h"
#include "unit/model_kernel.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

#define PATIENCE_MS 5000

struct fake {
	struct backend backend;
	struct reconcile_observer observer;
	struct reconcile *engine;
	struct desired *with, *without; /* borrowed; what is declared, with the file and without it */
	struct desired *desired; /* borrowed; one of them */
	struct observed world;
	struct job *job; /* submitted, not yet answered */
	uint64_t now_ms;
	size_t n_jobs, fail_job; /* fail_job: which one, counted from 1; 0: none */
	size_t n_steps, n_told;
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

static void on_amended(void *ctx)
{
	((struct fake *)ctx)->n_told++;
}

static struct sighting *device(const struct fake *fake)
{
	return observed_find(&fake->world, fake->with->pairs[0].name);
}

/* What is metad's and not declared would be deleted. */
static void check_declared(const struct fake *fake, const struct desired *desired)
{
	CHECK(device(fake)->owner != OWNER_METAD || desired->n_pairs);
}

static void run(struct fake *fake, struct job *job)
{
	job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
	for (size_t i = 0; i < job->plan.n_tasks; i++) {
		struct task *task = &job->plan.tasks[i];

		for (size_t j = 0; j < task->n_steps; j++, fake->n_steps++)
			CHECK(!model_apply(&fake->world, task, &task->steps[j]));
		job->outcomes[i].n_done = task->n_steps;
	}
}

/* As the kernel floor does it: what was begun and fails is undone. */
static void hand_over(struct fake *fake, struct job *job, bool fail)
{
	struct hand *hand = job->hand;
	bool declared = job->desired->n_pairs;

	if (fail)
		job->error = -EIO;
	if (job->kind == JOB_ADOPT && (fail || !declared || hand->result != HAND_DONE)) {
		fake->desired = hand->wrote ? fake->without : fake->desired;
		hand->wrote = false;
	} else if (job->kind == JOB_ADOPT) {
		device(fake)->owner = OWNER_METAD;
	} else if (job->kind == JOB_DRAFT && !fail) {
		CHECK(!declared && device(fake)->owner == OWNER_FOREIGN);
		CHECK(util_text_copy(fake->with->pairs[0].at.file, &hand->file) == 0);
		hand->wrote = true;
		fake->desired = fake->with;
	} else if (job->kind == JOB_RELEASE && !fail) {
		if (device(fake)->owner != OWNER_METAD) {
			hand_refuse(hand, HAND_NOT_OURS, "it is not metad's");
			return;
		}
		device(fake)->owner = OWNER_FOREIGN;
		fake->desired = fake->without;
	}
}

static void answer(struct fake *fake)
{
	struct job *job = STEAL(fake->job);
	bool fail = ++fake->n_jobs == fake->fail_job;

	switch (job->kind) {
	case JOB_LOAD:
		desired_unref(job->desired);
		job->error = fail ? -EIO : 0;
		job->desired = fail ? NULL : desired_ref(fake->desired);
		break;
	case JOB_LOOK:
		check_declared(fake, job->desired);
		job->error = fail ? -EIO : 0;
		if (!fail)
			model_copy_observed(&fake->world, &job->observed);
		break;
	case JOB_RUN:
		run(fake, job);
		break;
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		hand_over(fake, job, fail);
		break;
	case JOB_EXPAND:
	case JOB_MEASURE:
	case JOB_PING:
		CHECK(!"a job that is asked for");
	}
	reconcile_complete(fake->engine, job, fake->now_ms);
}

/* Turns and answers until the engine wants nothing for a while. */
static void pump(struct fake *fake)
{
	uint64_t end = fake->now_ms + PATIENCE_MS;

	for (int i = 0; i < 100000; i++) {
		uint64_t wake = reconcile_turn(fake->engine, fake->now_ms);

		if (fake->job)
			answer(fake);
		else if (wake == UINT64_MAX || fake->now_ms + wake > end)
			return;
		else
			fake->now_ms += wake;
	}
	CHECK(!"the engine never rests");
}

static struct desired *declaration(bool declared)
{
	struct dice dice = { .seed = 1 };
	struct desired *desired = model_random_desired(&dice);
	struct pair *pair = &desired->pairs[0];

	CHECK(desired->n_pairs > 0);
	for (size_t i = declared; i < desired->n_pairs; i++)
		pair_done(&desired->pairs[i]);
	desired->n_pairs = declared;
	desired->incomplete = false;
	desired->settings.audit_ms = 0;
	if (!declared)
		return desired;
	pair->kind = KIND_AUTO;
	free(pair->blocked);
	pair->blocked = NULL;
	free(pair->at.file);
	pair->at.file = strdup("web0.yaml");
	return desired;
}

/* A pair as somebody else would have made it. */
static void begin(struct fake *fake)
{
	fake->backend = (struct backend){ fake, submit, refresh };
	fake->observer = (struct reconcile_observer){ fake, on_pair, on_loaded, NULL, on_amended };
	fake->now_ms = 1000;
	fake->desired = fake->with;
	model_empty_observed(fake->with, KIND_VETH, &fake->world);
	CHECK(reconcile_new(&fake->backend, &fake->observer, &fake->engine) == 0);
	reconcile_mark_config(fake->engine);
	pump(fake);
	CHECK(device(fake)->owner == OWNER_METAD);
	device(fake)->owner = OWNER_FOREIGN;
	fake->desired = fake->without;
	reconcile_mark_config(fake->engine);
	pump(fake);
	fake->n_steps = fake->n_jobs = 0;
}

static enum hand_result change_hands(struct fake *fake, enum hand_verb verb)
{
	struct hand *hand = hand_new(verb, fake->with->pairs[0].name);
	size_t n_told = fake->n_told;
	enum hand_result result;

	CHECK(hand && reconcile_hand(fake->engine, hand) == 0);
	CHECK(!reconcile_is_settled(fake->engine));
	pump(fake);
	CHECK(hand->over && fake->n_told == n_told + 1 && reconcile_is_settled(fake->engine));
	CHECK((hand->result == HAND_DONE) == !hand->why.text);
	/* No file declares what metad has not got. */
	CHECK(verb != HAND_ADOPT || hand->wrote == (device(fake)->owner == OWNER_METAD));
	result = hand->result;
	hand_unref(hand);
	return result;
}

/* Adopted and given back; the n-th job of that fails, 0: none. */
static size_t check_life(struct desired *with, struct desired *without, size_t n)
{
	struct fake fake = { .with = with, .without = without };
	enum hand_result result;
	size_t n_jobs;

	begin(&fake);
	fake.fail_job = n;
	result = change_hands(&fake, HAND_ADOPT);
	CHECK((result == HAND_DONE) == (device(&fake)->owner == OWNER_METAD));
	CHECK(n || result == HAND_DONE);
	result = change_hands(&fake, HAND_RELEASE);
	CHECK(n || result == HAND_DONE);
	CHECK(result != HAND_DONE || device(&fake)->owner == OWNER_FOREIGN);
	/* It is as it was made, whatever happened. */
	CHECK(fake.n_steps == 0);
	n_jobs = fake.n_jobs;
	reconcile_free(fake.engine);
	observed_done(&fake.world);
	return n_jobs;
}

int main(void)
{
	AUTO(desired_unrefp) struct desired *with = declaration(true);
	AUTO(desired_unrefp) struct desired *without = declaration(false);
	size_t n_jobs;

	log_set_level(LOG_EMERG);
	n_jobs = check_life(with, without, 0);
	CHECK(n_jobs >= 7);
	for (size_t n = 1; n <= n_jobs; n++)
		check_life(with, without, n);
	return 0;
}
