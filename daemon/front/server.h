/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The varlink socket: who is connected, and whose turn it is. Never blocks and never makes one
 * client wait for another: long answers are written in portions as the reader takes them. Main
 * thread.
 */

#include "front/call.h"
#include "engine/reconcile.h"

struct server;

struct server_options {
	const char *path; /* where to listen; made anew */
	int fd; /* a listening socket that somebody else opened (systemd); -1: none. Taken. */
};

/* reconcile is borrowed and outlives the server. 0 or -errno. */
int server_new(const struct server_options *options, struct reconcile *reconcile,
	       struct server **ret);
void server_free(struct server *server); /* takes NULL */
int server_fd(const struct server *server);
void server_drain(struct server *server);

/*
 * Calls whose time is over go on. Returns the milliseconds after which it wants another turn,
 * UINT64_MAX: only after something else has happened.
 */
uint64_t server_turn(struct server *server, uint64_t now_ms);

/* What the engine's observer hears. */
void server_on_pair(struct server *server, const char *name, bool gone);
void server_on_event(struct server *server, enum call_event event);
