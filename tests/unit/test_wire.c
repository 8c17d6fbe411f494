/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What wire.h says of pairs that are not as they should be; test_server.py holds what it says of
 * others against the interface. All of it also with the n-th allocation failing, for every n.
 */
#include "core/wire.h"

#include "core/frame.h"
#include "unit/test.h"

static size_t n_until_failure = SIZE_MAX;

static void *failing_malloc(size_t size)
{
	return n_until_failure-- == 0 ? NULL : malloc(size);
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *end_of(const json_t *pair, enum side side)
{
	return json_array_get(json_object_get(pair, "ends"), side);
}

/* Nobody has looked at it and nobody declares it. */
static void check_unknown(void)
{
	struct history history = {};
	struct status status;
	AUTO(frame_json_unref) json_t *pair = NULL;
	const json_t *summary;

	status_make("web0", NULL, NULL, NULL, &history, &status);
	pair = wire_pair(&status);
	summary = json_object_get(pair, "summary");
	CHECK(strcmp(text_at(summary, "state"), "new") == 0);
	CHECK(strcmp(text_at(summary, "kind"), "auto") == 0);
	CHECK(json_is_false(json_object_get(summary, "declared")));
	CHECK(json_is_true(json_object_get(summary, "closed")));
	CHECK(!json_object_get(summary, "netns") && !json_object_get(summary, "why"));
	CHECK(!json_object_get(pair, "mode") && !json_object_get(pair, "line"));
	CHECK(!json_object_get(pair, "nsid") && !json_object_get(pair, "retryMs"));
	CHECK(!json_object_get(end_of(pair, SIDE_PEER), "ifindex"));
	CHECK(json_array_size(json_object_get(end_of(pair, SIDE_PEER), "chain")) == 0);
}

/* The driver's policy and scrub are shown where the kind has them, and only for a device. */
static void check_driver(void)
{
	struct sighting seen = { .owner = OWNER_METAD, .nsid = -1 };
	struct pair want = { .netns.text = (char *)"web" };
	struct task task = { .kind = KIND_NETKIT, .verdict = VERDICT_READY };
	struct history history = { .n_failures = 1 };
	struct status status;
	AUTO(frame_json_unref) json_t *pair = NULL;

	seen.end[0].ifindex = 4;
	seen.end[0].policy = POLICY_DROP;
	seen.end[0].scrub = SCRUB_NONE;
	seen.end[0].attrs = (struct attrs){ .has = ATTR_MTU | ATTR_GSO_MAX_SIZE, .mtu = 1400,
					    .gso_max_size = 1 << 18, .txqueuelen = 5 };
	status_make("web0", &want, &seen, &task, &history, &status);
	pair = wire_pair(&status);
	CHECK(strcmp(text_at(end_of(pair, 0), "policy"), "drop") == 0);
	CHECK(strcmp(text_at(end_of(pair, 0), "wantedPolicy"), "forward") == 0);
	CHECK(strcmp(text_at(end_of(pair, 0), "scrub"), "none") == 0);
	CHECK(json_integer_value(json_object_get(end_of(pair, 0), "mtu")) == 1400);
	CHECK(json_integer_value(json_object_get(end_of(pair, 0), "gsoMaxSize")) == 1 << 18);
	CHECK(!json_object_get(end_of(pair, 0), "txqueuelen"));
	CHECK(!text_at(end_of(pair, 1), "policy") && text_at(end_of(pair, 1), "wantedPolicy"));
	CHECK(strcmp(text_at(pair, "wantedKind"), "auto") == 0);
	CHECK(json_is_integer(json_object_get(pair, "retryMs")) && !json_object_get(pair, "nsid"));
}

static void check_task(void)
{
	struct step steps[2] = { { .kind = STEP_DELETE }, { .kind = STEP_UP, .side = SIDE_PEER } };
	struct task task = { .name = "web0", .verdict = VERDICT_CHANGE, .steps = steps, .n_steps = 2 };
	AUTO(frame_json_unref) json_t *object = NULL, *step;

	task.why.text = (char *)"mode \xe9";
	object = wire_task(&task);
	CHECK(strcmp(text_at(object, "verdict"), "change") == 0);
	CHECK(strcmp(text_at(object, "why"), "mode ?") == 0);
	step = json_incref(json_array_get(json_object_get(object, "steps"), 1));
	CHECK(strcmp(text_at(step, "action"), "up") == 0);
	CHECK(strcmp(text_at(step, "side"), "peer") == 0);
	CHECK(strlen(text_at(step, "text")) > 0);
}

/* Counters are told of the device that the pair has now, and where they are known. */
static void check_statistics(void)
{
	struct sighting seen = { .end = { { .ifindex = 4 }, { .ifindex = 5 } } };
	struct meter meter = { .end = { { .ifindex = 4, .known = true, .received = { .bytes = 7 } },
					{ .ifindex = 6, .known = true } } };
	struct history history = { .n_repairs = 2, .n_failures = 3 };
	AUTO(frame_json_unref) json_t *object = NULL;
	struct status status;
	const json_t *received;

	status_make("web0", NULL, &seen, NULL, &history, &status);
	status.meter = &meter;
	status.measured_ms = 99;
	object = wire_statistics(&status);
	received = json_object_get(end_of(object, SIDE_PRIMARY), "received");
	CHECK(json_integer_value(json_object_get(received, "bytes")) == 7);
	CHECK(!json_object_get(end_of(object, SIDE_PEER), "received"));
	CHECK(json_integer_value(json_object_get(object, "repairs")) == 2);
	CHECK(json_integer_value(json_object_get(object, "failures")) == 3);
	CHECK(json_integer_value(json_object_get(object, "takenMs")) == 99);
	meter.end[SIDE_PRIMARY].known = false;
	json_decref(object);
	object = wire_statistics(&status);
	CHECK(!json_object_get(end_of(object, SIDE_PRIMARY), "received"));
}

/* Something, all of it or nothing; the sanitizer hears of leaks. Whether all was allocated. */
static bool make_all(void)
{
	struct address address = { .prefix.ip.family = AF_INET };
	struct slot slot = { .program = "acl", .link_id = 3 };
	struct use use = { .program = "acl" };
	struct sighting seen = { .owner = OWNER_METAD };
	struct pair want = { .netns.text = (char *)"\xff" };
	struct step step = { .kind = STEP_DELETE };
	struct task task = { .verdict = VERDICT_WAIT, .steps = &step, .n_steps = 1 };
	struct history history = { .n_failures = 1, .error.text = (char *)"no" };
	struct kind_state kinds[N_KINDS] = { [KIND_META].why = (char *)"none" };
	struct diag diag = { .file = (char *)"a", .line = 1, .text = (char *)"b" };
	struct catalog catalog = {};
	struct desired desired = { .conflicts = { &diag, 1 } };
	struct status status;
	struct program program = { .name = "acl", .object = (char *)"acl", .at = { .line = 1 } };
	struct usage_place place = { .side = SIDE_PEER, .link_id = 3, .prog_id = 4 };
	size_t first[] = { 0, 1 };
	struct usage usage = { .desired = &desired, .places = &place, .n_places = 1, .first = first };
	struct feature_state features[N_FEATURES] = { [FEATURE_BTF].why = (char *)"none" };
	struct meter meter = {};
	json_t *made[7];
	bool all = true;

	for (enum side side = 0; side < N_SIDES; side++) {
		seen.end[side] = (struct sighted_end){ .ifindex = 1, .addresses = &address,
						       .n_addresses = 1, .chain = &slot,
						       .n_chain = 1 };
		want.end[side].uses = &use;
		want.end[side].n_uses = 1;
	}
	status_make("web0", &want, &seen, &task, &history, &status);
	made[0] = wire_pair(&status);
	made[1] = wire_task(&task);
	made[2] = wire_kinds(kinds);
	made[3] = wire_diagnostics(&catalog, &desired);
	desired.programs = &program;
	desired.n_programs = 1;
	for (enum side side = 0; side < N_SIDES; side++)
		meter.end[side] = (struct meter_end){ .ifindex = 1, .known = true };
	status.meter = &meter;
	made[4] = wire_statistics(&status);
	made[5] = wire_program(&usage, 0, &place, 1, &diag);
	made[6] = wire_features(features);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		all &= made[i] != NULL;
		json_decref(made[i]);
	}
	return all;
}

static void check_memory(void)
{
	size_t n = 0, n_failures = 0;

	json_set_alloc_funcs(failing_malloc, free);
	do {
		n_until_failure = n++;
		n_failures += !make_all();
	} while (n_until_failure > SIZE_MAX / 2);
	json_set_alloc_funcs(malloc, free);
	printf("%zu allocations, %zu of them needed\n", n - 1, n_failures);
	CHECK(n > 50 && n_failures > 20);
}

int main(void)
{
	check_unknown();
	check_driver();
	check_task();
	check_statistics();
	check_memory();
	return 0;
}
