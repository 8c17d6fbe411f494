/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What passes between metad and the service manager (sd_notify(3), sd_listen_fds(3)): that metad is
 * ready, how pairs are, that it lives, and the socket that it is given. Without a service manager
 * all of this does nothing, and nothing is woken for it. Main thread.
 */

#include "engine/reconcile.h"

struct notify {
	bool ready; /* has been told */
	bool stale; /* something may have changed since status was made */
	char *status; /* owned; what was told last */
	uint64_t period_ms; /* of feeding the watchdog; 0: nobody watches */
	uint64_t feed_ms; /* when it is to be fed next */
	uint64_t ask_ms; /* when the kernel is to be asked, if it has not been heard of by then */
	bool heard; /* the kernel has answered since the last feeding */
};

void notify_init(struct notify *notify, uint64_t now_ms);
void notify_done(struct notify *notify);

/* The listening socket named "varlink", -1: none. The caller owns it; others are closed. */
int notify_take_socket(void);

/* Pairs or files may have changed. */
void notify_note(struct notify *notify);
/* After the engine's turn: ready once it is settled, and a line on how pairs are when it changes. */
void notify_tell(struct notify *notify, struct reconcile *reconcile);
void notify_reloading(struct notify *notify);
void notify_stopping(void);
/* metad cannot start. error: an errno, positive. */
void notify_failed(int error, const char *why);

/* An answer of the worker: it counts when the kernel had a part in it. */
void notify_heard(struct notify *notify, const struct job *job);
/*
 * Before the engine's turn: feeds the watchdog when it is time and the kernel has been heard, or has
 * the engine ask it. Milliseconds until the next call is due, UINT64_MAX: only after an event.
 */
uint64_t notify_watchdog(struct notify *notify, struct reconcile *reconcile, uint64_t now_ms);
