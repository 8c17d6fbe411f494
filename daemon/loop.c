/* SPDX-License-Identifier: GPL-2.0-only */
/* libev behind loop.h. One timer serves the next turn; nothing else ever wakes an idle daemon. */
#include "loop.h"

#include "base/util.h"

#include <errno.h>
#include <ev.h>

struct watcher {
	struct watcher *next;
	struct ev_loop *ev;
	void (*fn)(void *ctx);
	void *ctx;
	bool is_signal;
	union {
		ev_io io;
		ev_signal signal;
	};
};

struct loop {
	struct ev_loop *ev;
	struct watcher *watchers; /* owned */
	ev_prepare prepare;
	ev_timer timer;
	uint64_t (*on_turn)(void *ctx);
	void *ctx;
};

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	/* The environment must not choose the backend: loop_watch_exception() relies on it. */
	loop->ev = ev_default_loop(EVFLAG_NOENV | EVBACKEND_EPOLL);
	if (!loop->ev) {
		free(loop);
		return -ENOMEM;
	}
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (struct watcher *w = loop->watchers, *next; w; w = next) {
		next = w->next;
		if (w->is_signal)
			ev_signal_stop(loop->ev, &w->signal);
		else
			ev_io_stop(loop->ev, &w->io);
		free(w);
	}
	ev_loop_destroy(loop->ev);
	free(loop);
}

static struct watcher *add(struct loop *loop, void (*fn)(void *ctx), void *ctx)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w) {
		w->ev = loop->ev;
		w->fn = fn;
		w->ctx = ctx;
		w->next = loop->watchers;
		loop->watchers = w;
	}
	return w;
}

static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
	struct watcher *w = io->data;

	w->fn(w->ctx);
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int revents)
{
	struct watcher *w = signal->data;

	w->fn(w->ctx);
}

static int watch_io(struct loop *loop, int fd, int events, void (*fn)(void *ctx), void *ctx)
{
	struct watcher *w = add(loop, fn, ctx);

	if (!w)
		return -ENOMEM;
	ev_io_init(&w->io, on_io, fd, events);
	w->io.data = w;
	ev_io_start(loop->ev, &w->io);
	return 0;
}

int loop_watch_fd(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx)
{
	return watch_io(loop, fd, EV_READ, fn, ctx);
}

/*
 * libev cannot be asked for exceptions, but it hands an error condition to whoever waits to write;
 * mountinfo raises one together with POLLPRI and is never writable.
 */
int loop_watch_exception(struct loop *loop, int fd, void (*fn)(void *ctx), void *ctx)
{
	return watch_io(loop, fd, EV_WRITE, fn, ctx);
}

int loop_watch_signal(struct loop *loop, int signum, void (*fn)(void *ctx), void *ctx)
{
	struct watcher *w = add(loop, fn, ctx);

	if (!w)
		return -ENOMEM;
	w->is_signal = true;
	ev_signal_init(&w->signal, on_signal, signum);
	w->signal.data = w;
	ev_signal_start(loop->ev, &w->signal);
	return 0;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int revents)
{
}

/* Runs right before the loop sleeps: all that happened in this round has been marked. */
static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int revents)
{
	struct loop *loop = prepare->data;
	uint64_t ms = loop->on_turn(loop->ctx);

	ev_timer_stop(ev, &loop->timer);
	if (ms == UINT64_MAX)
		return;
	ev_now_update(ev);
	ev_timer_set(&loop->timer, ms / 1000.0, 0);
	ev_timer_start(ev, &loop->timer);
}

void loop_run(struct loop *loop, uint64_t (*on_turn)(void *ctx), void *ctx)
{
	loop->on_turn = on_turn;
	loop->ctx = ctx;
	ev_prepare_init(&loop->prepare, on_prepare);
	loop->prepare.data = loop;
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_timer_init(&loop->timer, on_timer, 0, 0);
	ev_run(loop->ev, 0);
	ev_timer_stop(loop->ev, &loop->timer);
	ev_prepare_stop(loop->ev, &loop->prepare);
}

void loop_stop(struct loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}
