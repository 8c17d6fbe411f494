/* SPDX-License-Identifier: GPL-2.0-only */
/* See usage.h. What somebody else has attached is no use of a definition. */
#include "core/usage.h"

#include <errno.h>

void usage_init(struct usage *usage, struct desired *desired)
{
	*usage = (struct usage){ .desired = desired_ref(desired) };
}

void usage_done(struct usage *usage)
{
	desired_unref(usage->desired);
	free(usage->places);
	free(usage->first);
	free(usage->loaded);
	*usage = (struct usage){};
}

/* The youngest are asked about most often. */
static int note_loaded(struct usage *usage, const struct slot *slot)
{
	for (size_t i = usage->n_loaded; i-- > 0;)
		if (usage->loaded[i].prog_id == slot->prog_id)
			return 0;
	return ARRAY_APPEND(usage->loaded, usage->n_loaded, *slot);
}

static int add_place(struct usage *usage, const char *pair, enum side side, const char *program,
		     size_t position, const struct slot *slot)
{
	const struct program *definition = desired_find_program(usage->desired, program);
	struct usage_place place = { .side = side, .position = position };
	int r;

	/* Attached, but not declared any more: it is about to go. */
	if (!definition)
		return 0;
	place.program = definition - usage->desired->programs;
	memcpy(place.pair, pair, strnlen(pair, IFNAMSIZ - 1));
	if (slot) {
		place.link_id = slot->link_id;
		place.prog_id = slot->prog_id;
	}
	r = ARRAY_APPEND(usage->places, usage->n_places, place);
	return r == 0 && slot ? note_loaded(usage, slot) : r;
}

static bool is_attached(const struct sighted_end *end, const char *program)
{
	for (size_t i = 0; end && i < end->n_chain; i++)
		if (!end->chain[i].foreign && strcmp(end->chain[i].program, program) == 0)
			return true;
	return false;
}

int usage_add(struct usage *usage, const char *pair, const struct pair *want,
	      const struct sighting *seen)
{
	int r = 0;

	for (enum side side = 0; side < N_SIDES; side++) {
		const struct sighted_end *end = seen ? &seen->end[side] : NULL;

		for (size_t i = 0; end && i < end->n_chain && r == 0; i++)
			if (!end->chain[i].foreign)
				r = add_place(usage, pair, side, end->chain[i].program, i + 1,
					      &end->chain[i]);
		for (size_t i = 0; want && i < want->end[side].n_uses && r == 0; i++)
			if (!is_attached(end, want->end[side].uses[i].program))
				r = add_place(usage, pair, side, want->end[side].uses[i].program,
					      i + 1, NULL);
	}
	return r;
}

/* By counting: there are many places, and definitions are numbered. */
int usage_sort(struct usage *usage)
{
	size_t n = usage->desired->n_programs;
	AUTO_FREE size_t *first = calloc(n + 2, sizeof(*first));
	struct usage_place *sorted = calloc(usage->n_places + 1, sizeof(*sorted));

	if (!first || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	/* first[i + 1] is where the next place of i goes, until all have gone there. */
	for (size_t i = 0; i < usage->n_places; i++)
		first[usage->places[i].program + 2]++;
	for (size_t i = 2; i < n + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < usage->n_places; i++)
		sorted[first[usage->places[i].program + 1]++] = usage->places[i];
	free(usage->places);
	free(usage->first);
	usage->places = sorted;
	usage->first = STEAL(first);
	return 0;
}

const struct usage_place *usage_of(const struct usage *usage, size_t program, size_t *ret_n)
{
	*ret_n = usage->first[program + 1] - usage->first[program];
	return usage->places + usage->first[program];
}

void usage_count(const struct usage *usage, size_t program, uint64_t *ret_runs,
		 uint64_t *ret_time_ns)
{
	const char *name = usage->desired->programs[program].name;

	*ret_runs = *ret_time_ns = 0;
	for (size_t i = 0; i < usage->n_loaded; i++) {
		if (strcmp(usage->loaded[i].program, name) != 0)
			continue;
		*ret_runs += usage->loaded[i].run_count;
		*ret_time_ns += usage->loaded[i].run_time_ns;
	}
}
