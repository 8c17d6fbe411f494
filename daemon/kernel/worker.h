/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The one thread that talks to the kernel: attaching and detaching sleep there for milliseconds,
 * and the main thread never may. Jobs and answers cross by ownership; nothing else is shared.
 */

#include "kernel/kernel.h"

struct worker;

/* kernel is borrowed until worker_free. 0 or -errno. */
int worker_new(struct kernel *kernel, struct worker **ret);
/* Lets the job under way finish, then joins the thread; answers not taken are freed. */
void worker_free(struct worker *worker);

/* The engine's view of it; valid as long as the worker. */
struct backend worker_backend(struct worker *worker);

int worker_fd(const struct worker *worker); /* readable when there are answers */
/* Takes one answer; NULL: none. The caller owns it. */
struct job *worker_take(struct worker *worker);
