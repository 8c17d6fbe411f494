/* SPDX-License-Identifier: GPL-2.0-only */
/* See usage.h. What somebody else has attached is no use of a definition. */
#include "core/usage.h"

void usage_init(struct usage *usage, struct desired *desired)
{
	*usage = (struct usage){ .desired = desired_ref(desired) };
}

void usage_done(struct usage *usage)
{
	desired_unref(usage->desired);
	free(usage->places);
	free(usage->loaded);
	*usage = (struct usage){};
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
	return r == 0 && slot ? ARRAY_APPEND(usage->loaded, usage->n_loaded, *slot) : r;
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

static int compare_places(const void *a, const void *b)
{
	const struct usage_place *x = a, *y = b;
	int order;

	if (x->program != y->program)
		return x->program < y->program ? -1 : 1;
	order = strcmp(x->pair, y->pair);
	if (order == 0)
		order = (int)x->side - (int)y->side;
	return order ? order : (int)x->position - (int)y->position;
}

static int compare_ids(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return (x->prog_id > y->prog_id) - (x->prog_id < y->prog_id);
}

void usage_sort(struct usage *usage)
{
	size_t kept = 0;

	if (usage->n_places)
		qsort(usage->places, usage->n_places, sizeof(*usage->places), compare_places);
	if (usage->n_loaded)
		qsort(usage->loaded, usage->n_loaded, sizeof(*usage->loaded), compare_ids);
	for (size_t i = 0; i < usage->n_loaded; i++)
		if (!kept || usage->loaded[i].prog_id != usage->loaded[kept - 1].prog_id)
			usage->loaded[kept++] = usage->loaded[i];
	usage->n_loaded = kept;
}

const struct usage_place *usage_of(const struct usage *usage, size_t program, size_t *ret_n)
{
	size_t low = 0, n = usage->n_places, end;

	while (n) {
		size_t half = n / 2;

		if (usage->places[low + half].program < program) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	for (end = low; end < usage->n_places && usage->places[end].program == program; end++)
		;
	*ret_n = end - low;
	return usage->places + low;
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
