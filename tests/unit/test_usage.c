/* SPDX-License-Identifier: GPL-2.0-only */
/* Who uses which definition: what is attached, what is only declared, and what is neither. */
#include "core/usage.h"

#include "unit/test.h"

static void define(struct desired *desired, const char *name)
{
	struct program program = { .object = strdup("x") };

	CHECK(program.object);
	snprintf(program.name, sizeof(program.name), "%s", name);
	CHECK(ARRAY_APPEND(desired->programs, desired->n_programs, program) == 0);
}

static struct slot slot(const char *program, uint32_t prog_id, uint32_t link_id, uint64_t runs)
{
	struct slot slot = { .prog_id = prog_id, .link_id = link_id, .run_count = runs,
			     .run_time_ns = runs * 10 };

	slot.foreign = !program[0];
	snprintf(slot.program, sizeof(slot.program), "%s", program);
	return slot;
}

static void check_place(const struct usage_place *place, const char *pair, enum side side,
			unsigned int position, uint32_t link_id)
{
	CHECK(strcmp(place->pair, pair) == 0 && place->side == side);
	CHECK(place->position == position && place->link_id == link_id);
	CHECK((place->link_id == 0) == (place->prog_id == 0));
}

int main(void)
{
	AUTO(usage_done) struct usage usage = {};
	AUTO(desired_unrefp) struct desired *desired = desired_new();
	/* Of a0: a stranger, then b of which there are two instances, and one that nobody declares. */
	struct slot primary[] = { slot("", 1, 0, 9), slot("b", 2, 20, 5), slot("gone", 3, 30, 9) };
	struct slot peer[] = { slot("b", 4, 40, 7) };
	struct slot other[] = { slot("b", 2, 50, 5), slot("d", 5, 60, 1) };
	struct use uses[] = { { .program = "b" }, { .program = "a" } };
	struct sighting a0 = { .end = { { .chain = primary, .n_chain = 3 }, { .chain = peer, .n_chain = 1 } } };
	struct sighting b0 = { .end = { {}, { .chain = other, .n_chain = 2 } } };
	struct pair want = { .end = { { .uses = uses, .n_uses = 2 } } };
	const struct usage_place *places;
	uint64_t runs, time_ns;
	size_t n;

	CHECK(desired);
	define(desired, "a");
	define(desired, "b");
	define(desired, "c");
	define(desired, "d");
	usage_init(&usage, desired);
	CHECK(usage_add(&usage, "a0", &want, &a0) == 0);
	CHECK(usage_add(&usage, "b0", NULL, &b0) == 0);
	CHECK(usage_add(&usage, "c0", &want, NULL) == 0);
	CHECK(usage_sort(&usage) == 0);
	places = usage_of(&usage, 0, &n);
	CHECK(n == 2);
	check_place(&places[0], "a0", SIDE_PRIMARY, 2, 0);
	check_place(&places[1], "c0", SIDE_PRIMARY, 2, 0);
	places = usage_of(&usage, 1, &n);
	CHECK(n == 4);
	check_place(&places[0], "a0", SIDE_PRIMARY, 2, 20);
	check_place(&places[1], "a0", SIDE_PEER, 1, 40);
	check_place(&places[2], "b0", SIDE_PEER, 1, 50);
	check_place(&places[3], "c0", SIDE_PRIMARY, 1, 0);
	usage_of(&usage, 2, &n);
	CHECK(n == 0);
	places = usage_of(&usage, 3, &n);
	CHECK(n == 1);
	check_place(&places[0], "b0", SIDE_PEER, 2, 60);
	/* An instance that two chains run has run as often as it has. */
	usage_count(&usage, 1, &runs, &time_ns);
	CHECK(usage.n_loaded == 3 && runs == 12 && time_ns == 120);
	usage_count(&usage, 0, &runs, &time_ns);
	CHECK(runs == 0 && time_ns == 0);
	return 0;
}
