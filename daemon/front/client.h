/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One connection: its bytes, and the call that it is owed. That is at most one at a time, so replies
 * keep their order; further messages wait in its socket. What it is owed is produced a few replies
 * at a time and only while little is pending, so that a slow reader costs a bounded amount of memory
 * and nobody any time.
 */

#include "front/call.h"
#include "front/front.h"
#include "front/input.h"
#include "front/polkit.h"

struct client;

/* What all clients share; borrowed. */
struct client_home {
	struct front front;
	struct polkit *polkit;
	int epoll_fd; /* knows each client by its address */
	struct client *clients; /* owned by the server */
	size_t n_clients;
};

struct client {
	struct client *next; /* of home->clients */
	struct client_home *home;
	int fd;
	struct caller caller;
	struct input input;
	char *out; /* owned */
	size_t out_sent, out_len, out_room; /* out[out_sent..out_len) is pending */
	struct call call;
	unsigned int woken; /* why the call is to be resumed, once there is room: call_event bits */
	struct polkit_question *question; /* while call is CALL_ASKING */
	uint32_t interest; /* what epoll is asked for */
	bool dead; /* to be freed */
};

/* Takes fd, also on failure. caller->privileged is looked up anew with each message. */
int client_new(struct client_home *home, int fd, const struct ucred *cred, struct client **ret);
void client_free(struct client *client);

/* Does what the socket allows: events as epoll says. */
void client_serve(struct client *client, uint32_t events);

/* Something happened that its call may wait for. Soon: when the socket is looked at next. */
void client_wake_soon(struct client *client, enum call_event event);
void client_wake(struct client *client, enum call_event event);
