/* SPDX-License-Identifier: GPL-2.0-only */
/* See amend_world.h. Amendments are made as the kernel floor makes them (kernel/amend.c). */
#include "unit/amend_world.h"

#include "core/model_copy.h"

#define PATIENCE_MS 60000

/* ---- the world ---- */

struct sighting *world_device(const struct fake *fake, size_t i)
{
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "t%u", (unsigned int)(i % 10));
	return observed_find(&fake->world, name);
}

uint32_t world_mtu(const struct fake *fake)
{
	return world_device(fake, 0)->end[SIDE_PRIMARY].attrs.mtu;
}

bool world_has(const struct fake *fake, size_t i)
{
	return world_device(fake, i)->owner == OWNER_METAD;
}

static void add_pair(struct desired *desired, const struct pair *like, size_t i, uint32_t mtu)
{
	struct pair pair;

	CHECK(pair_copy(like, &pair) == 0);
	snprintf(pair.name, IFNAMSIZ, "t%u", (unsigned int)(i % 10));
	memcpy(pair.end[SIDE_PRIMARY].attrs.name, pair.name, IFNAMSIZ);
	for (enum side side = 0; side < N_SIDES; side++) {
		pair.end[side].n_uses = 0;
		pair.end[side].attrs.mtu = mtu;
	}
	CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
}

static struct desired *desired_of(const struct fake *fake, bool all)
{
	struct desired *desired = desired_new();

	CHECK(desired);
	desired->settings.audit_ms = 0;
	desired->incomplete = fake->incomplete;
	add_pair(desired, fake->like, 0, fake->trial ? fake->trial_mtu : fake->mtu);
	for (size_t i = 0; i < N_RUNTIME; i++)
		if (all || fake->declared[i])
			add_pair(desired, fake->like, i + 1, MTU);
	desired_sort(desired);
	return desired;
}

/* ---- jobs, as the kernel floor does them ---- */

static bool *file_of(struct fake *fake, const struct amendment *amendment)
{
	return &fake->declared[amendment->pair[1] - '1'];
}

static bool is_trial(const struct fake *fake, struct amendment *amendment)
{
	if (fake->trial && fake->trial == amendment->trial)
		return true;
	amendment_fail(amendment, AMEND_E_NO_TRIAL, NULL);
	return false;
}

static void make(struct fake *fake, struct amendment *amendment)
{
	switch (amendment->kind) {
	case AMEND_CREATE:
		if (*file_of(fake, amendment))
			amendment_fail(amendment, AMEND_E_EXISTS, "it is there");
		else if (fake->full)
			amendment_fail(amendment, AMEND_E_STORAGE, "it is full");
		else
			*file_of(fake, amendment) = true;
		break;
	case AMEND_DELETE:
		amendment->existed = *file_of(fake, amendment);
		*file_of(fake, amendment) = false;
		break;
	case AMEND_TRY:
		CHECK(!fake->trial && amendment->trial);
		fake->trial = amendment->trial;
		fake->trial_mtu = atoi(amendment->files[0].bytes);
		if (fake->trial_mtu)
			break;
		fake->trial = 0;
		amendment_fail(amendment, AMEND_E_DECLARATION, "it is broken");
		break;
	case AMEND_CONFIRM:
		if (is_trial(fake, amendment) && fake->full)
			amendment_fail(amendment, AMEND_E_STORAGE, "it is full");
		if (amendment->fault)
			break;
		fake->mtu = fake->trial_mtu;
		fake->trial = 0;
		break;
	case AMEND_REVERT:
		if (is_trial(fake, amendment))
			fake->trial = 0;
		break;
	}
	amendment->made = !amendment->fault;
}

static void load(struct fake *fake, struct job *job, enum failing failing)
{
	for (size_t i = 0; i < job->n_amendments && failing != FAIL_FIRST; i++)
		make(fake, job->amendments[i]);
	if (failing != FAIL_NOT) {
		job->error = -ENOMEM;
		return;
	}
	desired_unref(job->desired);
	job->desired = desired_of(fake, false);
	job->catalog.changed = true;
	job->catalog.only_pairs_changed = true;
}

static bool step_fails(struct fake *fake, const struct task *task, const struct step *step)
{
	if (fake->fail_pair && strcmp(task->name, fake->fail_pair) == 0 && step->kind == STEP_CREATE)
		return true;
	return ++fake->n_steps == fake->fail_step || (fake->dice && dice_roll(fake->dice, 60) == 0);
}

static void run(struct fake *fake, struct job *job)
{
	job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
	for (size_t i = 0; i < job->plan.n_tasks; i++) {
		const struct task *task = &job->plan.tasks[i];
		struct outcome *outcome = &job->outcomes[i];

		for (; outcome->n_done < task->n_steps; outcome->n_done++) {
			if (step_fails(fake, task, &task->steps[outcome->n_done])) {
				outcome->error = -EIO;
				diag_set(&outcome->why, "the test says no");
				break;
			}
			CHECK(!model_apply(&fake->world, task, &task->steps[outcome->n_done]));
		}
	}
}

static enum failing fate_of(struct fake *fake)
{
	if (++fake->n_jobs == fake->fail_job)
		return fake->failing;
	return fake->dice && dice_roll(fake->dice, 12) == 0 ? FAIL_FIRST + dice_roll(fake->dice, 2) : FAIL_NOT;
}

void world_answer(struct fake *fake)
{
	struct job *job = STEAL(fake->job);
	enum failing failing = fate_of(fake);

	switch (job->kind) {
	case JOB_LOAD:
		load(fake, job, failing);
		break;
	case JOB_LOOK:
		job->error = failing ? -ENOMEM : 0;
		if (!failing)
			model_look(&fake->world, job->all, job->names, job->n_names, &job->observed);
		break;
	case JOB_RUN:
		if (failing == FAIL_FIRST)
			job->outcomes = calloc(job->plan.n_tasks, sizeof(*job->outcomes));
		else
			run(fake, job);
		job->error = failing ? -ENOMEM : 0;
		break;
	case JOB_EXPAND:
	case JOB_MEASURE:
	case JOB_PING:
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		CHECK(!"nobody asked for that");
	}
	reconcile_complete(fake->engine, job, fake->now_ms);
}

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

void world_pump(struct fake *fake, uint64_t limit_ms)
{
	uint64_t end = fake->now_ms + limit_ms;

	for (int i = 0; i < 100000; i++) {
		uint64_t wake = reconcile_turn(fake->engine, fake->now_ms);

		if (fake->job) {
			world_answer(fake);
			continue;
		}
		if (wake == UINT64_MAX || fake->now_ms + wake > end)
			return;
		fake->now_ms += wake;
	}
	CHECK(!"the engine never rests");
}

/* ---- asking ---- */

/* Whether what is told is so, at the moment when it is told. */
static void judge(const struct fake *fake, const struct asker *asker, const struct amendment *amendment)
{
	size_t i = amendment->pair[0] ? amendment->pair[1] - '0' : 0;

	if (amendment->fault)
		return;
	switch (amendment->kind) {
	case AMEND_CREATE:
		CHECK(fake->declared[i - 1] && world_has(fake, i));
		return;
	case AMEND_DELETE:
		CHECK(!fake->declared[i - 1] && !world_has(fake, i));
		return;
	case AMEND_TRY:
		CHECK(world_mtu(fake) == asker->mtu);
		CHECK((amendment->confirm_ms ? fake->trial == amendment->trial : !fake->trial));
		return;
	case AMEND_CONFIRM:
		CHECK(fake->mtu == asker->mtu && !fake->trial);
		return;
	case AMEND_REVERT:
		CHECK(world_mtu(fake) == fake->mtu && !fake->trial);
		return;
	}
}

static void on_answer(void *ctx, const struct amendment *amendment)
{
	struct asker *asker = ctx;
	struct fake *fake = asker->fake;

	CHECK(!asker->answered);
	asker->answered = true;
	asker->fault = amendment->fault;
	fake->n_answered++;
	if (fake->judged)
		judge(fake, asker, amendment);
	fake->last = (struct amendment){ .kind = amendment->kind,
					 .fault = amendment->fault,
					 .trial = amendment->trial,
					 .existed = amendment->existed };
	memcpy(fake->last.pair, amendment->pair, IFNAMSIZ);
	snprintf(fake->why, sizeof(fake->why), "%s", amendment->why.text ? amendment->why.text : "");
}

struct amending *world_ask(struct asker *asker, enum amendment_kind kind, size_t i, uint32_t mtu,
			   uint64_t timeout_ms, uint64_t confirm_ms)
{
	struct fake *fake = asker->fake;
	struct amendment amendment = AMENDMENT_NONE;
	struct amending *amending;

	amendment.kind = kind;
	amendment.confirm_ms = confirm_ms;
	if (i)
		snprintf(amendment.pair, IFNAMSIZ, "t%u", (unsigned int)(i % 10));
	if (kind == AMEND_TRY) {
		struct amendment_file file = { .name = strdup("a.yaml") };

		CHECK(asprintf(&file.bytes, "%u", mtu) > 0);
		CHECK(ARRAY_APPEND(amendment.files, amendment.n_files, file) == 0);
	}
	*asker = (struct asker){ fake, mtu };
	fake->n_asked++;
	CHECK(amendments_add(fake->engine, &amendment, fake->now_ms + timeout_ms, on_answer, asker,
			     &amending) == 0);
	return amending;
}

enum amendment_fault world_request(struct fake *fake, enum amendment_kind kind, size_t i, uint32_t mtu,
				    uint64_t confirm_ms)
{
	struct asker asker = { fake };

	world_ask(&asker, kind, i, mtu, 5000, confirm_ms);
	for (int n = 0; n < 2000 && !asker.answered; n++) {
		uint64_t wake = reconcile_turn(fake->engine, fake->now_ms);

		if (fake->job)
			world_answer(fake);
		else if (!asker.answered)
			fake->now_ms += wake == UINT64_MAX ? 1000 : wake;
	}
	CHECK(asker.answered);
	return fake->last.fault;
}

/* ---- life ---- */

void world_begin(struct fake *fake, const struct desired *like)
{
	AUTO(desired_unrefp) struct desired *all = NULL;

	fake->like = &like->pairs[0];
	fake->backend = (struct backend){ fake, submit, refresh };
	fake->observer = (struct reconcile_observer){ fake, on_pair, on_loaded };
	fake->now_ms = 1000;
	fake->mtu = MTU;
	fake->judged = true;
	all = desired_of(fake, true);
	model_empty_observed(all, KIND_NETKIT, &fake->world);
	CHECK(reconcile_new(&fake->backend, &fake->observer, &fake->engine) == 0);
	reconcile_mark_config(fake->engine);
	world_pump(fake, 1000);
	CHECK(world_has(fake, 0));
	fake->n_jobs = fake->n_steps = 0;
}

void world_end(struct fake *fake)
{
	fake->fail_job = fake->fail_step = 0;
	fake->dice = NULL;
	fake->fail_pair = NULL;
	fake->full = fake->incomplete = false;
	reconcile_mark_config(fake->engine);
	world_pump(fake, PATIENCE_MS);
	CHECK(fake->n_answered == fake->n_asked);
	CHECK(reconcile_is_settled(fake->engine));
	CHECK(!fake->trial && world_mtu(fake) == fake->mtu);
	for (size_t i = 1; i <= N_RUNTIME; i++)
		CHECK(world_has(fake, i) == fake->declared[i - 1]);
	CHECK(world_request(fake, AMEND_TRY, 0, MTU + 7, 0) == AMEND_OK);
	CHECK(fake->mtu == MTU + 7 && world_mtu(fake) == MTU + 7);
	CHECK(world_request(fake, AMEND_TRY, 0, MTU + 8, 60000) == AMEND_OK);
	CHECK(amendments_trial(fake->engine)->stage == TRIAL_ON);
	CHECK(world_request(fake, AMEND_REVERT, 0, 0, 0) == AMEND_OK);
	CHECK(world_request(fake, AMEND_DELETE, 1, 0, 0) == AMEND_OK);
	CHECK(world_request(fake, AMEND_CREATE, 1, 0, 0) == AMEND_OK);
	reconcile_free(fake->engine);
	observed_done(&fake->world);
	*fake = (struct fake){};
}
