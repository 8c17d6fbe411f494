/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine on a backend that is a model of the kernel and fails where it is told to: the n-th
 * step for every n, the n-th job, or always. Time is a number.
 */
#include "engine/reconcile.h"

#include "base/log.h"
#include "core/frame.h"
#include "core/model_copy.h"
#include "core/wire.h"
#include "unit/model_kernel.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

struct fake {
	struct backend backend;
	struct reconcile_observer observer;
	struct reconcile *engine;
	struct desired *desired;
	struct observed world;
	struct job *job; /* submitted, not yet answered */
	uint64_t now_ms;
	size_t n_steps, fail_step; /* fail_step: which one, counted from 1; 0: none */
	size_t n_jobs, fail_job;
	size_t n_expands, n_runs, n_looked_all, n_told;
	const char *fail_pair; /* whose every creation fails; NULL: nobody's */
	char failed[IFNAMSIZ]; /* pair whose step failed */
	size_t n_attempts; /* runs that had the failing pair in them */
	char *said; /* owned; what all statuses were at this revision */
	uint64_t said_revision;
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
	((struct fake *)ctx)->n_told++;
}

static void on_loaded(void *ctx)
{
}

static bool must_fail(struct fake *fake, const struct task *task, const struct step *step)
{
	if (fake->fail_pair && strcmp(task->name, fake->fail_pair) == 0 &&
	    step->kind == STEP_CREATE) {
		fake->n_attempts++;
		return true;
	}
	return ++fake->n_steps == fake->fail_step;
}

static void run_task(struct fake *fake, const struct task *task, struct outcome *outcome)
{
	for (size_t i = 0; i < task->n_steps; i++) {
		const struct sighting *seen = observed_find(&fake->world, task->name);

		if (must_fail(fake, task, &task->steps[i])) {
			memcpy(fake->failed, task->name, IFNAMSIZ);
			outcome->error = -EIO;
			outcome->n_done = i;
			diag_set(&outcome->why, "the test says no");
			/* What could not be finished is closed. */
			CHECK(!task->want || !model_leaks(task->want, seen) ||
			      seen->end[SIDE_PRIMARY].attrs.up);
			return;
		}
		CHECK(!model_apply(&fake->world, task, &task->steps[i]));
	}
	outcome->n_done = task->n_steps;
}

static void answer(struct fake *fake)
{
	struct job *job = STEAL(fake->job);

	if (++fake->n_jobs == fake->fail_job) {
		job->error = -EIO;
		diag_set(&job->why, "the test says no");
		if (job->kind == JOB_RUN)
			job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
		reconcile_complete(fake->engine, job, fake->now_ms);
		return;
	}
	switch (job->kind) {
	case JOB_LOAD:
		desired_unref(job->desired);
		job->desired = desired_ref(fake->desired);
		break;
	case JOB_EXPAND:
		CHECK(job->in_force && !job->desired);
		fake->n_expands++;
		job->desired = desired_ref(fake->desired);
		break;
	case JOB_LOOK:
		fake->n_looked_all += job->all;
		model_look(&fake->world, job->all, job->names, job->n_names, &job->observed);
		break;
	case JOB_RUN:
		fake->n_runs++;
		job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
		for (size_t i = 0; i < job->plan.n_tasks; i++)
			run_task(fake, &job->plan.tasks[i], &job->outcomes[i]);
		break;
	case JOB_MEASURE:
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

/* What can be asked about all pairs, but for the time until the next attempt. */
static char *say_everything(struct fake *fake)
{
	AUTO(frame_json_unref) json_t *pairs = json_array();
	size_t len;

	for (size_t i = 0; i < reconcile_n_pairs(fake->engine); i++) {
		struct status status;
		json_t *pair;

		reconcile_status_at(fake->engine, i, fake->now_ms, &status);
		pair = wire_pair(&status);
		json_object_del(pair, "retryMs");
		json_object_del(json_object_get(pair, "summary"), "stateMs");
		json_array_append_new(pairs, pair);
	}
	return frame_encode(pairs, &len);
}

/* An answer that is kept by its revision is as good as a new one. */
static void check_revision(struct fake *fake)
{
	char *said = say_everything(fake);

	if (fake->said && fake->said_revision == reconcile_revision(fake->engine) &&
	    strcmp(fake->said, said) != 0) {
		fprintf(stderr, "%s\nbecame\n%s\n", fake->said, said);
		abort();
	}
	free(fake->said);
	fake->said = said;
	fake->said_revision = reconcile_revision(fake->engine);
}

/* Turns and answers until the engine wants nothing for the next limit_ms. */
static void pump(struct fake *fake, uint64_t limit_ms)
{
	uint64_t end = fake->now_ms + limit_ms;

	for (int i = 0; i < 100000; i++) {
		uint64_t wake = reconcile_turn(fake->engine, fake->now_ms);

		check_revision(fake);
		if (fake->job) {
			answer(fake);
			check_revision(fake);
			continue;
		}
		if (wake == UINT64_MAX || fake->now_ms + wake > end)
			return;
		fake->now_ms += wake;
	}
	CHECK(!"the engine never rests");
}

static void begin(struct fake *fake, struct desired *desired, enum kind usable)
{
	fake->desired = desired_ref(desired);
	fake->backend = (struct backend){ fake, submit, refresh };
	fake->observer = (struct reconcile_observer){ fake, on_pair, on_loaded };
	fake->now_ms = 1000;
	model_empty_observed(desired, usable, &fake->world);
	CHECK(reconcile_new(&fake->backend, &fake->observer, &fake->engine) == 0);
	reconcile_mark_config(fake->engine);
}

static void end(struct fake *fake)
{
	reconcile_free(fake->engine);
	desired_unref(fake->desired);
	observed_done(&fake->world);
	free(fake->said);
	*fake = (struct fake){};
}

static void check_converged(struct fake *fake)
{
	AUTO(plan_done) struct plan plan = {};

	for (size_t i = 0; i < fake->desired->n_pairs; i++) {
		const struct pair *want = &fake->desired->pairs[i];
		struct status status;

		CHECK(!model_difference(&fake->world, want,
					observed_find(&fake->world, want->name)));
		CHECK(reconcile_status(fake->engine, want->name, fake->now_ms, &status));
		CHECK(status.state == STATE_READY);
		CHECK(!status.history->error.text);
	}
	CHECK(reconcile_preview(fake->engine, &plan) == 0);
	CHECK(plan_n_steps(&plan) == 0);
}

/* A configuration whose every pair can be made with one kind. */
static struct desired *makeable(uint64_t seed)
{
	struct dice dice = { .seed = seed };
	struct desired *desired = model_random_desired(&dice);

	desired->incomplete = false;
	desired->settings.audit_ms = 0;
	for (size_t i = 0; i < desired->n_pairs; i++) {
		desired->pairs[i].kind = KIND_AUTO;
		free(desired->pairs[i].blocked);
		desired->pairs[i].blocked = NULL;
	}
	return desired;
}

static void check_every_step(struct desired *desired, enum kind kind)
{
	struct fake fake = {};
	size_t n_steps, n_jobs;

	begin(&fake, desired, kind);
	pump(&fake, 1000);
	check_converged(&fake);
	n_steps = fake.n_steps;
	n_jobs = fake.n_jobs;
	end(&fake);
	for (size_t n = 1; n <= n_steps; n++) {
		fake.fail_step = n;
		begin(&fake, desired, kind);
		pump(&fake, 10);
		/* Waiting for a later try is no reason to keep anybody waiting. */
		CHECK(reconcile_is_settled(fake.engine));
		for (size_t i = 0; i < desired->n_pairs; i++) {
			const char *name = desired->pairs[i].name;
			bool victim = strcmp(name, fake.failed) == 0;
			struct status status;

			CHECK(reconcile_status(fake.engine, name, fake.now_ms, &status));
			CHECK(status.state == (victim ? STATE_FAILED : STATE_READY));
			CHECK(!victim || strcmp(status.history->error.text,
						"the test says no") == 0);
		}
		pump(&fake, 5000);
		check_converged(&fake);
		end(&fake);
	}
	for (size_t n = 1; n <= n_jobs; n++) {
		fake.fail_job = n;
		begin(&fake, desired, kind);
		pump(&fake, 5000);
		if (n == 1) {
			/* A configuration that cannot be read is read when it is asked for again. */
			reconcile_mark_config(fake.engine);
			pump(&fake, 5000);
		}
		check_converged(&fake);
		end(&fake);
	}
}

static void check_backoff(void)
{
	AUTO(desired_unrefp) struct desired *desired = makeable(3);
	struct fake fake = { .fail_pair = desired->pairs[0].name };
	struct status status;

	begin(&fake, desired, KIND_VETH);
	pump(&fake, 600 * 1000);
	printf("%zu attempts in ten minutes\n", fake.n_attempts);
	CHECK(fake.n_attempts > 10 && fake.n_attempts < 30);
	CHECK(reconcile_status(fake.engine, desired->pairs[0].name, fake.now_ms, &status));
	CHECK(status.state == STATE_FAILED && status.closed);
	CHECK(status.history->n_failures == fake.n_attempts && status.history->retry_ms > 0);
	for (size_t i = 1; i < desired->n_pairs; i++) {
		CHECK(reconcile_status(fake.engine, desired->pairs[i].name, fake.now_ms, &status));
		CHECK(status.state == STATE_READY);
	}
	end(&fake);
}

/* Somebody undoes what metad did, again and again: repaired, but not in a hot loop. */
static void check_quarrel(void)
{
	AUTO(desired_unrefp) struct desired *desired = makeable(5);
	const char *name = desired->pairs[0].name;
	struct fake fake = {};
	struct status status;

	begin(&fake, desired, KIND_VETH);
	pump(&fake, 1000);
	for (int i = 0; i < 200; i++) {
		observed_find(&fake.world, name)->end[SIDE_PRIMARY].attrs.mtu = 9999;
		reconcile_mark_pair(fake.engine, name);
		pump(&fake, 5);
		fake.now_ms += 10;
	}
	pump(&fake, 5000);
	check_converged(&fake);
	CHECK(reconcile_status(fake.engine, name, fake.now_ms, &status));
	printf("%u repairs in a quarrel of two seconds\n", (unsigned int)status.history->n_repairs);
	CHECK(status.history->n_repairs >= 5 && status.history->n_repairs < 20);
	end(&fake);
}

/* A marked pair is looked at alone, and what nobody declares any more goes. */
static void check_forgetting(void)
{
	AUTO(desired_unrefp) struct desired *desired = makeable(9), *empty = desired_new();
	struct fake fake = {};
	size_t n_pairs = desired->n_pairs;

	begin(&fake, desired, KIND_NETKIT);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == n_pairs);
	desired_unref(fake.desired);
	fake.desired = desired_ref(empty);
	reconcile_mark_config(fake.engine);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == 0);
	for (size_t i = 0; i < fake.world.n_sightings; i++)
		CHECK(fake.world.sightings[i].owner == OWNER_NONE);
	CHECK(reconcile_is_settled(fake.engine));
	end(&fake);
}

/* n pairs like one, of which namespaces decide. */
static struct desired *part_of(const struct pair *like, size_t n)
{
	struct desired *part = desired_new();

	CHECK(part);
	part->settings.audit_ms = 0;
	part->has_templates = true;
	for (size_t i = 0; i < n; i++) {
		struct pair pair;

		CHECK(pair_copy(like, &pair) == 0);
		snprintf(pair.name, IFNAMSIZ, "t%u", (unsigned int)i % 1000);
		memcpy(pair.end[SIDE_PRIMARY].attrs.name, pair.name, IFNAMSIZ);
		for (enum side side = 0; side < N_SIDES; side++)
			pair.end[side].n_uses = 0;
		CHECK(ARRAY_APPEND(part->pairs, part->n_pairs, pair) == 0);
	}
	desired_sort(part);
	return part;
}

/* A few pairs are declared and made, in a world that has namespaces for all. */
static void begin_few(struct fake *fake, struct desired *few, const struct desired *all)
{
	begin(fake, few, KIND_NETKIT);
	observed_done(&fake->world);
	model_empty_observed(all, KIND_NETKIT, &fake->world);
	pump(fake, 1000);
}

static void replace_desired(struct fake *fake, struct desired *desired)
{
	desired_unref(fake->desired);
	fake->desired = desired;
}

/* Namespaces come and go: only the pairs that they make or unmake are looked at. */
static void check_templates(void)
{
	AUTO(desired_unrefp) struct desired *some = makeable(3), *all = part_of(some->pairs, 9),
					    *few = part_of(some->pairs, 1);
	struct fake fake = {};

	begin_few(&fake, few, all);
	check_converged(&fake);
	CHECK(fake.n_expands == 0);
	fake.n_looked_all = 0;
	for (size_t n = 2; n <= all->n_pairs; n++) {
		replace_desired(&fake, part_of(some->pairs, n));
		reconcile_mark_netns(fake.engine, "whatever");
		CHECK(!reconcile_is_settled(fake.engine));
		pump(&fake, 1000);
		CHECK(reconcile_is_settled(fake.engine));
		check_converged(&fake);
		CHECK(reconcile_n_pairs(fake.engine) == n);
	}
	/* Nothing is lost when it fails; what comes later is seen all the same. */
	replace_desired(&fake, part_of(some->pairs, 1));
	fake.fail_job = fake.n_jobs + 1;
	reconcile_mark_netns(fake.engine, NULL);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == all->n_pairs);
	reconcile_mark_netns(fake.engine, NULL);
	pump(&fake, 1000);
	check_converged(&fake);
	CHECK(reconcile_n_pairs(fake.engine) == 1);
	CHECK(fake.n_looked_all == 0);
	end(&fake);
}

/* A pair that fails for ever is no reason to remember those that are long gone. */
static void check_forgetting_beside_failure(void)
{
	AUTO(desired_unrefp) struct desired *some = makeable(3), *all = part_of(some->pairs, 9),
					    *few = part_of(some->pairs, 1);
	struct fake fake = { .fail_pair = "t0" };

	begin(&fake, all, KIND_NETKIT);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == 9);
	replace_desired(&fake, desired_ref(few));
	reconcile_mark_netns(fake.engine, NULL);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == 1);
	end(&fake);
}

/* What was held while not all was known goes as soon as all is, without waiting for an audit. */
static void check_held(void)
{
	AUTO(desired_unrefp) struct desired *some = makeable(3), *all = part_of(some->pairs, 9),
					    *few = part_of(some->pairs, 1);
	struct desired *unsure = part_of(some->pairs, 1);
	struct fake fake = {};

	unsure->incomplete = true;
	begin(&fake, all, KIND_NETKIT);
	pump(&fake, 1000);
	replace_desired(&fake, unsure);
	reconcile_mark_netns(fake.engine, NULL);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == 9);
	replace_desired(&fake, desired_ref(few));
	reconcile_mark_netns(fake.engine, NULL);
	pump(&fake, 1000);
	CHECK(reconcile_n_pairs(fake.engine) == 1);
	check_converged(&fake);
	end(&fake);
}

/* While ever more namespaces appear, those that have are worked for. */
static void check_burst(void)
{
	AUTO(desired_unrefp) struct desired *some = makeable(3), *all = part_of(some->pairs, 9),
					    *few = part_of(some->pairs, 1);
	struct fake fake = {};

	begin_few(&fake, few, all);
	replace_desired(&fake, part_of(some->pairs, 9));
	fake.n_runs = 0;
	for (int i = 0; i < 12; i++) {
		reconcile_mark_netns(fake.engine, "another");
		reconcile_turn(fake.engine, fake.now_ms);
		CHECK(fake.job);
		answer(&fake);
	}
	CHECK(fake.n_runs >= 1 && fake.n_expands >= 2);
	end(&fake);
}

/* A ping goes before all else, one at a time, and is nothing that anybody waits for. */
static void check_ping(void)
{
	AUTO(desired_unrefp) struct desired *some = makeable(4), *few = part_of(some->pairs, 1);
	struct fake fake = {};

	begin(&fake, few, KIND_NETKIT);
	reconcile_mark_ping(fake.engine);
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_PING);
	reconcile_mark_ping(fake.engine);
	CHECK(reconcile_turn(fake.engine, fake.now_ms) == UINT64_MAX);
	CHECK(!reconcile_is_settled(fake.engine));
	fake.fail_job = fake.n_jobs + 1;
	answer(&fake);
	pump(&fake, 1000);
	CHECK(reconcile_is_settled(fake.engine));
	check_converged(&fake);

	reconcile_mark_ping(fake.engine);
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_PING && reconcile_is_busy(fake.engine));
	CHECK(reconcile_is_settled(fake.engine));
	/* What comes meanwhile is work, and is done next. */
	reconcile_mark_all(fake.engine);
	CHECK(!reconcile_is_settled(fake.engine));
	answer(&fake);
	reconcile_turn(fake.engine, fake.now_ms);
	CHECK(fake.job && fake.job->kind == JOB_EXPAND);
	answer(&fake);
	pump(&fake, 1000);
	CHECK(reconcile_is_settled(fake.engine));
	end(&fake);
}

/* Looking is no news; what it finds may be. */
static void check_told(void)
{
	AUTO(desired_unrefp) struct desired *desired = makeable(3);
	struct fake fake = {};
	struct status status;
	size_t n_told;

	begin(&fake, desired, KIND_VETH);
	pump(&fake, 1000);
	n_told = fake.n_told;
	CHECK(n_told && desired->n_pairs);
	fake.now_ms += 5000;
	reconcile_status_at(fake.engine, 0, fake.now_ms, &status);
	CHECK(status.state == STATE_READY && status.state_ms >= 5000);
	reconcile_mark_all(fake.engine);
	pump(&fake, 1000);
	CHECK(fake.n_told == n_told);
	fake.world.sightings[0].end[SIDE_PEER].attrs.up = false;
	reconcile_mark_all(fake.engine);
	pump(&fake, 1000);
	CHECK(fake.n_told > n_told);
	end(&fake);
}

int main(void)
{
	log_set_level(LOG_EMERG);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		AUTO(desired_unrefp) struct desired *desired = makeable(seed);

		check_every_step(desired, KIND_VETH);
		check_every_step(desired, KIND_NETKIT);
	}
	check_backoff();
	check_quarrel();
	check_forgetting();
	check_templates();
	check_forgetting_beside_failure();
	check_held();
	check_burst();
	check_ping();
	check_told();
	return 0;
}
