/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See cleanup.h. Not by the engine: that could not work where the BPF file system, the driver or
 * memory is lacking, and what is to go is known by its marks alone.
 */
#include "cleanup.h"

#include "base/log.h"
#include "kernel/sweep.h"

#include <errno.h>
#include <stdio.h>

#define NOTHING "nothing of metad's is here"

static void say_notes(const struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->notes.n; i++)
		log_warning("%s", sweep->notes.items[i].text);
}

static void say_items(const struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->n; i++)
		printf("%-8s %s\n", sweep_kind_name(sweep->items[i].kind), sweep->items[i].name);
	if (!sweep->n)
		puts(NOTHING);
	fflush(stdout);
}

static size_t count_gone(const struct sweep *sweep, enum sweep_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < sweep->n; i++)
		n += sweep->items[i].kind == kind && !sweep->items[i].error;
	return n;
}

/* One line for each that is left, and one for all that went. */
static int tell(const struct sweep *sweep)
{
	int r = sweep->error;

	for (size_t i = 0; i < sweep->n; i++) {
		const struct sweep_item *item = &sweep->items[i];

		if (!item->error)
			continue;
		log_error("%s %s is left: %s", sweep_kind_name(item->kind), item->name,
			  strerror(-item->error));
		r = r ? r : item->error;
	}
	if (sweep->n)
		log_info("gone: devices: %zu, links: %zu, programs: %zu, files: %zu",
			 count_gone(sweep, SWEEP_DEVICE), count_gone(sweep, SWEEP_LINK),
			 count_gone(sweep, SWEEP_PROGRAM), count_gone(sweep, SWEEP_FILE));
	else
		log_info(NOTHING);
	return r;
}

int cleanup_run(const struct kernel_options *options, enum cleanup_mode mode)
{
	AUTO(sweep_done) struct sweep sweep = {};
	int r = sweep_find(options, &sweep);

	if (r < 0) {
		log_error("%s", strerror(-r));
		return r;
	}
	say_notes(&sweep);
	if (mode == CLEANUP_SAY) {
		say_items(&sweep);
		return sweep.error;
	}
	sweep_run(options, &sweep);
	return tell(&sweep);
}
