/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The laws of plan.h on random pairs of states (100,000, or as many as the first argument says),
 * and a few plans whose very words matter.
 */
#include "unit/plan_properties.h"

#include "unit/test.h"

#include <inttypes.h>

static void check_random(uint64_t n)
{
	size_t n_steps = 0;

	for (uint64_t seed = 1; seed <= n; seed++) {
		struct dice dice = { .seed = seed * 0x9e3779b97f4a7c15ULL };
		AUTO(desired_unrefp) struct desired *desired = model_random_desired(&dice);
		AUTO(observed_done) struct observed observed = {};

		model_random_observed(&dice, desired, &observed);
		n_steps += plan_properties_check(desired, &observed);
	}
	printf("%" PRIu64 " pairs of states, %zu steps\n", n, n_steps);
	CHECK(n_steps > n);
}

/* Two programs change places: the moved one is attached anew before its old link goes. */
static void check_reorder(void)
{
	AUTO(desired_unrefp) struct desired *desired = desired_new();
	AUTO(observed_done) struct observed observed = {};
	AUTO(plan_done) struct plan first = {}, second = {};
	struct pair pair = { .name = "web0", .kind = KIND_VETH };
	char text[STEP_TEXT_SIZE];

	pair.netns.text = strdup("web");
	for (enum side side = 0; side < N_SIDES; side++) {
		pair.end[side].attrs.has = ATTR_UP | ATTR_NAME;
		pair.end[side].attrs.up = true;
	}
	for (const char *const *name = (const char *const[]){ "acl", "count", NULL }; *name; name++) {
		struct use use = {};

		snprintf(use.program, sizeof(use.program), "%s", *name);
		CHECK(ARRAY_APPEND(pair.end[0].uses, pair.end[0].n_uses, use) == 0);
	}
	CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
	model_empty_observed(desired, KIND_VETH, &observed);
	CHECK(plan_make(desired, &observed, &first) == 0);
	for (size_t i = 0; i < first.tasks[0].n_steps; i++)
		CHECK(!model_apply(&observed, &first.tasks[0], &first.tasks[0].steps[i]));
	strcpy(desired->pairs[0].end[0].uses[0].program, "count");
	strcpy(desired->pairs[0].end[0].uses[1].program, "acl");
	CHECK(plan_make(desired, &observed, &second) == 0);
	CHECK(second.n_tasks == 1 && second.tasks[0].n_steps == 2);
	CHECK(strcmp(step_text(&second.tasks[0].steps[0], text), "attach count before acl") == 0 ||
	      strcmp(text, "attach acl after count") == 0);
	CHECK(second.tasks[0].steps[1].kind == STEP_DETACH);
}

/* "kinds:" of the settings says which comes first, and which are left out. */
static void check_preferred_kind(void)
{
	static const struct {
		enum kind kinds[2], wanted;
		size_t n_kinds;
		bool veth_works;
	} rows[] = {
		{ { KIND_NETKIT, KIND_VETH }, KIND_NETKIT, 2, true },
		{ { KIND_VETH, KIND_NETKIT }, KIND_VETH, 2, true },
		{ { KIND_VETH, KIND_NETKIT }, KIND_NETKIT, 2, false },
		{ { KIND_VETH }, KIND_AUTO, 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(desired_unrefp) struct desired *desired = desired_new();
		AUTO(observed_done) struct observed observed = {};
		AUTO(plan_done) struct plan plan = {};
		struct pair pair = { .name = "web0", .kind = KIND_AUTO };

		pair.netns.text = strdup("web");
		CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
		desired->settings.n_kinds = rows[i].n_kinds;
		memcpy(desired->settings.kinds, rows[i].kinds, sizeof(rows[i].kinds));
		model_empty_observed(desired, KIND_NETKIT, &observed);
		observed.kinds[KIND_META].usable = true;
		observed.kinds[KIND_VETH].usable = rows[i].veth_works;
		CHECK(plan_make(desired, &observed, &plan) == 0);
		CHECK(plan.tasks[0].kind == rows[i].wanted);
		CHECK((plan.tasks[0].verdict == VERDICT_BLOCKED) == (rows[i].wanted == KIND_AUTO));
	}
}

int main(int argc, char **argv)
{
	uint64_t n = 100000;

	if (argc > 1)
		CHECK(util_parse_u64(argv[1], 1, 1000000000, &n) == 0);
	check_reorder();
	check_preferred_kind();
	check_random(n);
	return 0;
}
