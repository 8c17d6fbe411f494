/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The event loop, and the only file that knows which library it is. Callbacks drain and mark; what
 * follows from the marks happens once per turn, in on_turn.
 */

#include <stdbool.h>
#include <stdint.h>

struct loop;

int loop_new(struct loop **ret);
void loop_free(struct loop *loop);

/* Calls fn whenever fd is readable. fd stays the caller's. 0 or -ENOMEM. */
int loop_watch_fd(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx);
/* Calls fn when fd has an exceptional condition, as /proc/self/mountinfo has (proc(5)). */
int loop_watch_exception(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx);
/* Calls fn when the signal arrives. 0 or -ENOMEM. */
int loop_watch_signal(struct loop *loop, int signum, void (*fn)(void *ctx), void *ctx);

/*
 * Runs until loop_stop. Before it sleeps it calls on_turn, which returns the milliseconds after
 * which it wants to be called again, UINT64_MAX: only after an event.
 */
void loop_run(struct loop *loop, uint64_t (*on_turn)(void *ctx), void *ctx);
void loop_stop(struct loop *loop);
