/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Amendments, with each job and each step failing once, and then with everything in any order. Who is
 * answered is told the truth, everybody is answered, and in the end devices, files and the trial are as
 * they were said to be.
 */
#include "base/log.h"
#include "unit/amend_world.h"

#include <errno.h>

static struct desired *some(void)
{
	struct dice dice = { .seed = 3 };
	struct desired *desired = model_random_desired(&dice);

	CHECK(desired->n_pairs);
	desired->pairs[0].kind = KIND_AUTO;
	free(desired->pairs[0].blocked);
	desired->pairs[0].blocked = NULL;
	return desired;
}

/* ---- one after the other, with each job and each step failing once ---- */

/* Whether who was refused finds it undone. */
static void check_undone(const struct fake *fake, size_t i, enum amendment_fault fault)
{
	CHECK(!fault == world_has(fake, i));
	CHECK(!fault == fake->declared[i - 1]);
}

static void live(struct fake *fake)
{
	enum amendment_fault fault = world_request(fake, AMEND_CREATE, 1, 0, 0);

	world_pump(fake, 10000);
	check_undone(fake, 1, fault);
	CHECK(fault || world_request(fake, AMEND_CREATE, 1, 0, 0));
	world_pump(fake, 10000);
	/* Who was there is not undone with who came too late. */
	check_undone(fake, 1, fault);
	fault = world_request(fake, AMEND_TRY, 0, 1400, 0);
	world_pump(fake, 10000);
	CHECK(world_mtu(fake) == (fault ? MTU : 1400) && !fake->trial);
	fault = world_request(fake, AMEND_TRY, 0, 1300, 60000);
	CHECK(fault || amendments_trial(fake->engine)->stage == TRIAL_ON);
	fault = world_request(fake, AMEND_CONFIRM, 0, 1300, 0);
	CHECK(fault || world_mtu(fake) == 1300);
	world_request(fake, AMEND_TRY, 0, 1200, 60000);
	world_request(fake, AMEND_REVERT, 0, 0, 0);
	world_pump(fake, 10000);
	CHECK(world_mtu(fake) == fake->mtu && fake->mtu != 1200);
	world_request(fake, AMEND_TRY, 0, 1100, 2000);
	world_pump(fake, 10000);
	CHECK(world_mtu(fake) == fake->mtu && fake->mtu != 1100);
	fault = world_request(fake, AMEND_DELETE, 1, 0, 0);
	world_pump(fake, 10000);
	CHECK(fault || !fake->declared[0]);
	CHECK(world_has(fake, 1) == fake->declared[0]);
}

static void check_every_failure(const struct desired *like)
{
	struct fake fake = {};
	size_t n_jobs, n_steps;

	world_begin(&fake, like);
	live(&fake);
	CHECK(fake.mtu == 1300);
	n_jobs = fake.n_jobs;
	n_steps = fake.n_steps;
	world_end(&fake);
	printf("%zu jobs and %zu steps\n", n_jobs, n_steps);
	CHECK(n_jobs > 20 && n_steps > 8);
	for (size_t n = 1; n <= n_jobs; n++)
		for (fake.failing = FAIL_FIRST; fake.failing <= FAIL_LAST; fake.failing++) {
			enum failing failing = fake.failing;

			world_begin(&fake, like);
			fake.fail_job = n;
			live(&fake);
			world_end(&fake);
			fake.failing = failing;
		}
	for (size_t n = 1; n <= n_steps; n++) {
		world_begin(&fake, like);
		fake.fail_step = n;
		live(&fake);
		world_end(&fake);
	}
}

/* ---- what cannot be had ---- */

static void check_refusals(const struct desired *like)
{
	struct fake fake = {};

	world_begin(&fake, like);
	CHECK(world_request(&fake, AMEND_CONFIRM, 0, 0, 0) == AMEND_E_NO_TRIAL);
	CHECK(world_request(&fake, AMEND_REVERT, 0, 0, 0) == AMEND_E_NO_TRIAL);
	CHECK(world_request(&fake, AMEND_TRY, 0, 0, 0) == AMEND_E_DECLARATION);
	CHECK(world_request(&fake, AMEND_DELETE, 1, 0, 0) == AMEND_OK && !fake.last.existed);
	fake.fail_pair = "t2";
	CHECK(world_request(&fake, AMEND_CREATE, 2, 0, 0) == AMEND_E_NOT_CONVERGED);
	CHECK(strcmp(fake.why, "failed: the test says no") == 0 && !fake.declared[1]);
	fake.full = true;
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_E_STORAGE && !fake.declared[0]);
	CHECK(world_request(&fake, AMEND_TRY, 0, 1400, 0) == AMEND_E_STORAGE && world_mtu(&fake) == MTU);
	CHECK(world_request(&fake, AMEND_TRY, 0, 1400, 3000) == AMEND_OK && world_mtu(&fake) == 1400);
	CHECK(world_request(&fake, AMEND_TRY, 0, 1300, 0) == AMEND_E_TRIAL);
	CHECK(world_request(&fake, AMEND_CONFIRM, 0, 1400, 0) == AMEND_E_STORAGE);
	CHECK(amendments_trial(fake.engine)->stage == TRIAL_ON && world_mtu(&fake) == 1400);
	world_pump(&fake, 3000);
	CHECK(amendments_trial(fake.engine)->stage == TRIAL_REVERTED && world_mtu(&fake) == MTU);
	world_end(&fake);
}

/* That a file is broken is no reason to keep what its own file no longer declares. */
static void check_beside_a_broken_file(const struct desired *like)
{
	struct fake fake = {};
	struct asker deletes = { &fake };

	world_begin(&fake, like);
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	fake.declared[2] = true;
	reconcile_mark_config(fake.engine);
	world_pump(&fake, 1000);
	fake.incomplete = true;
	reconcile_mark_config(fake.engine);
	world_pump(&fake, 1000);
	CHECK(world_request(&fake, AMEND_DELETE, 1, 0, 0) == AMEND_OK);
	fake.fail_pair = "t2";
	CHECK(world_request(&fake, AMEND_CREATE, 2, 0, 0) == AMEND_E_NOT_CONVERGED && !world_has(&fake, 2));
	/* Of what went in another way nobody knows whether it is meant to. */
	fake.declared[2] = false;
	reconcile_mark_config(fake.engine);
	world_pump(&fake, 1000);
	CHECK(world_has(&fake, 3));
	/* Nor of what was declared again since. */
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	fake.judged = false;
	world_ask(&deletes, AMEND_DELETE, 1, 0, 5000, 0);
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	fake.judged = true;
	fake.declared[0] = false;
	reconcile_mark_files(fake.engine);
	world_pump(&fake, 1000);
	CHECK(deletes.answered && world_has(&fake, 1));
	world_end(&fake);
}

/* ---- at the same moment ---- */

/* What a turn begins is under way. */
static void submit_next(struct fake *fake, enum job_kind kind)
{
	reconcile_turn(fake->engine, fake->now_ms);
	CHECK(fake->job && fake->job->kind == kind);
}

static void check_deleted_while_waited_for(const struct desired *like)
{
	struct fake fake = {};
	struct asker creates = { &fake }, deletes = { &fake }, again = { &fake };

	world_begin(&fake, like);
	world_ask(&creates, AMEND_CREATE, 1, 0, 3000, 0);
	submit_next(&fake, JOB_LOAD);
	world_answer(&fake);
	/* It is waited for; somebody deletes it, and a third one asks for it anew. */
	world_ask(&deletes, AMEND_DELETE, 1, 0, 3000, 0);
	world_ask(&again, AMEND_CREATE, 1, 0, 3000, 0);
	while (!creates.answered) {
		reconcile_turn(fake.engine, fake.now_ms);
		if (fake.job && !creates.answered)
			world_answer(&fake);
	}
	CHECK(fake.last.fault == AMEND_E_NOT_CONVERGED && strcmp(fake.why, "it was deleted meanwhile") == 0);
	fake.judged = false; /* that it is gone was true for a moment only */
	world_pump(&fake, 10000);
	CHECK(deletes.answered && again.answered && fake.declared[0] && world_has(&fake, 1));
	fake.judged = true;
	world_end(&fake);
}

/* Who ends a trial that has not begun; and the next one begins before the first has been told. */
static void check_trials_that_meet(const struct desired *like)
{
	struct fake fake = {};
	struct asker first = { &fake }, reverts = { &fake }, second = { &fake };

	world_begin(&fake, like);
	world_ask(&first, AMEND_TRY, 0, 1400, 3000, 60000);
	submit_next(&fake, JOB_LOAD);
	world_ask(&reverts, AMEND_REVERT, 0, 0, 3000, 0);
	world_answer(&fake);
	submit_next(&fake, JOB_LOAD);
	world_answer(&fake);
	world_ask(&second, AMEND_TRY, 0, 1300, 3000, 60000);
	fake.judged = false; /* that all was as before was true for a moment only */
	world_pump(&fake, 1000);
	fake.judged = true;
	CHECK(first.fault == AMEND_E_NOT_CONVERGED && reverts.answered && !reverts.fault);
	CHECK(second.answered && !second.fault);
	CHECK(amendments_trial(fake.engine)->number == 2 && amendments_trial(fake.engine)->stage == TRIAL_ON);
	CHECK(world_mtu(&fake) == 1300);
	CHECK(world_request(&fake, AMEND_CONFIRM, 0, 1300, 0) == AMEND_OK);
	CHECK(amendments_trial(fake.engine)->confirmed == 2);
	world_end(&fake);
}

/* What is undone and does not work out either is not what is told. */
static void check_first_reason(const struct desired *like)
{
	struct fake fake = {};
	struct asker tries = { &fake };

	world_begin(&fake, like);
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	world_ask(&tries, AMEND_TRY, 0, 1400, 5000, 0);
	fake.fail_step = fake.n_steps + 1;
	while (fake.n_steps < fake.fail_step) {
		reconcile_turn(fake.engine, fake.now_ms);
		CHECK(fake.job);
		world_answer(&fake);
	}
	/* Its end looks at everything, and finds that somebody has taken the other one away. */
	reconcile_mark_config(fake.engine);
	world_device(&fake, 1)->wanted_netns = 0;
	world_pump(&fake, 20000);
	CHECK(tries.answered && fake.last.fault == AMEND_E_NOT_CONVERGED);
	CHECK(strcmp(fake.last.pair, "t0") == 0 && strcmp(fake.why, "failed: the test says no") == 0);
	world_device(&fake, 1)->wanted_netns = world_device(&fake, 0)->wanted_netns;
	world_end(&fake);
}

/* ---- anything, in any order ---- */

static void ask_anything(struct fake *fake, struct dice *dice, struct asker *asker)
{
	size_t i = 1 + dice_roll(dice, N_RUNTIME);
	uint64_t timeout_ms = dice_roll(dice, 4) ? 5000 : dice_roll(dice, 300);
	struct amending *amending;

	*asker = (struct asker){ fake };
	switch (dice_roll(dice, 8)) {
	case 0:
	case 1:
		amending = world_ask(asker, AMEND_CREATE, i, 0, timeout_ms, 0);
		break;
	case 2:
		amending = world_ask(asker, AMEND_DELETE, i, 0, timeout_ms, 0);
		break;
	case 3:
		amending = world_ask(asker, AMEND_TRY, 0, dice_roll(dice, 9) ? 1400 + dice_roll(dice, 9) : 0,
			       timeout_ms, dice_roll(dice, 2) * 2000);
		break;
	case 4:
		amending = world_ask(asker, AMEND_CONFIRM, 0, 0, timeout_ms, 0);
		break;
	case 5:
		amending = world_ask(asker, AMEND_REVERT, 0, 0, timeout_ms, 0);
		break;
	case 6:
		reconcile_mark_files(fake->engine);
		return;
	default:
		fake->full = dice_roll(dice, 6) == 0;
		fake->fail_pair = dice_roll(dice, 4) ? NULL : "t3";
		return;
	}
	if (dice_roll(dice, 5) == 0) {
		amendments_forget(amending);
		fake->n_asked--;
	}
}

static void check_anything(const struct desired *like, uint64_t seed)
{
	struct dice dice = { .seed = seed };
	struct asker askers[40];
	struct fake fake = {};

	world_begin(&fake, like);
	/* Others may have changed it again. */
	fake.judged = false;
	fake.dice = seed % 2 ? &dice : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		ask_anything(&fake, &dice, &askers[i]);
		for (unsigned int n = dice_roll(&dice, 6); n > 0; n--) {
			uint64_t wake = reconcile_turn(fake.engine, fake.now_ms);

			if (fake.job && dice_roll(&dice, 3))
				world_answer(&fake);
			else
				fake.now_ms += MIN(wake, dice_roll(&dice, 200));
		}
	}
	if (fake.job)
		world_answer(&fake);
	fake.dice = NULL;
	world_pump(&fake, 60000);
	fake.judged = true;
	world_end(&fake);
}

/* metad is stopped in the middle. */
/* Nobody waits for any of them, so nobody is kept from asking for more. */
static void check_too_many(const struct desired *like)
{
	struct fake fake = {};
	size_t n = 0;
	int r = 0;

	world_begin(&fake, like);
	while (r == 0 && n <= AMENDMENTS_MAX) {
		struct amendment amendment = AMENDMENT_NONE;

		amendment.kind = AMEND_DELETE;
		memcpy(amendment.pair, "t1", sizeof("t1"));
		r = amendments_add(fake.engine, &amendment, fake.now_ms + 1000, NULL, NULL, NULL);
		n += r == 0;
	}
	CHECK(r == -ENOBUFS && n == AMENDMENTS_MAX);
	world_pump(&fake, 1000);
	CHECK(world_request(&fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	world_end(&fake);
}

static void check_stopping(const struct desired *like)
{
	for (size_t n = 0; n < 12; n++) {
		struct fake fake = {};
		struct asker askers[2] = { { &fake }, { &fake } };

		world_begin(&fake, like);
		world_ask(&askers[0], AMEND_CREATE, 1, 0, 3000, 0);
		world_ask(&askers[1], AMEND_TRY, 0, 1400, 3000, 0);
		for (size_t i = 0; i < n; i++) {
			reconcile_turn(fake.engine, fake.now_ms);
			if (fake.job)
				world_answer(&fake);
		}
		reconcile_turn(fake.engine, fake.now_ms);
		job_free(STEAL(fake.job));
		reconcile_free(fake.engine);
		observed_done(&fake.world);
	}
}

int main(void)
{
	AUTO(desired_unrefp) struct desired *like = some();

	log_set_level(LOG_EMERG);
	check_every_failure(like);
	check_refusals(like);
	check_beside_a_broken_file(like);
	check_deleted_while_waited_for(like);
	check_trials_that_meet(like);
	check_first_reason(like);
	check_too_many(like);
	check_stopping(like);
	for (uint64_t seed = 1; seed <= 1000; seed++)
		check_anything(like, seed);
	return 0;
}
