/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See cleanup.h. To want nothing is a configuration like another: the engine finds what is metad's,
 * and plans and carries out what takes it away, as ever; here without waiting for each other.
 */
#include "cleanup.h"

#include "base/log.h"
#include "engine/reconcile.h"
#include "kernel/pin.h"

#include <errno.h>

#define ERRORS_MAX 10
#define PAUSE_MS 100

struct cleanup {
	struct kernel *kernel;
	struct job *job; /* submitted, not yet done */
	unsigned int n_errors; /* of jobs as a whole: the kernel would not be looked at */
};

static int submit(void *ctx, struct job *job)
{
	((struct cleanup *)ctx)->job = job;
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

/* A pair that failed would be tried again later: here it is told, and that is all. */
static void work(struct cleanup *cleanup, struct reconcile *reconcile)
{
	reconcile_mark_config(reconcile);
	do {
		uint64_t wake_ms = reconcile_turn(reconcile, util_now_ms());

		if (!cleanup->job) {
			usleep(MIN(wake_ms, PAUSE_MS) * 1000);
			continue;
		}
		kernel_do(cleanup->kernel, cleanup->job);
		cleanup->n_errors += cleanup->job->error != 0;
		reconcile_complete(reconcile, STEAL(cleanup->job), util_now_ms());
	} while (!reconcile_is_settled(reconcile) && cleanup->n_errors < ERRORS_MAX);
}

int cleanup_run(struct kernel *kernel, const char *bpffs)
{
	struct cleanup cleanup = { .kernel = kernel };
	const struct backend backend = { .ctx = &cleanup, .submit = submit, .refresh = refresh };
	const struct reconcile_observer observer = { &cleanup, on_pair, on_loaded };
	AUTO_FREE char *dir = util_join(bpffs, "metad");
	struct reconcile *reconcile;
	size_t n_left;
	int r = dir ? reconcile_new(&backend, &observer, &reconcile) : -ENOMEM;

	if (r < 0)
		return r;
	work(&cleanup, reconcile);
	n_left = reconcile_n_pairs(reconcile);
	reconcile_free(reconcile);
	if (n_left || cleanup.n_errors == ERRORS_MAX) {
		log_error("%zu pairs are left", n_left);
		return -EBUSY;
	}
	r = pin_remove_all(dir);
	if (r < 0)
		log_error("%s: %s", dir, strerror(-r));
	return r;
}
