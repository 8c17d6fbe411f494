/* SPDX-License-Identifier: GPL-2.0-only */
/* See client.h. */
#include "front/client.h"

#include "base/log.h"
#include "front/dispatch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define INPUT_VALUES_MAX 65536 /* in one message: calls are small */
#define PENDING_MAX (64u << 10) /* nothing more is produced for a client above this */
#define PORTION 8 /* calls and replies a client gets in one round */
#define PORTION_BYTES (64u << 10) /* and what it may have read: a large message is enough */
/* What all connections of a user may hold of what is on its way; little ones are not counted. */
#define USER_MAX (32u << 20)
#define LITTLE (128u << 10)

int client_new(struct client_home *home, int fd, const struct ucred *cred, struct client **ret)
{
	struct client *client = calloc(1, sizeof(*client));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	int r = client ? 0 : -ENOMEM;

	if (client && epoll_ctl(home->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		r = -errno;
	if (r < 0) {
		free(client);
		close(fd);
		return r;
	}
	client->home = home;
	client->fd = fd;
	client->caller = (struct caller){
		.socket_fd = fd, .pid = cred->pid, .uid = cred->uid, .gid = cred->gid
	};
	client->input.reader.max = FRONT_MESSAGE_MAX;
	client->input.reader.max_values = INPUT_VALUES_MAX;
	client->call = (struct call){ .front = &home->front,
				      .caller = &client->caller,
				      .deadline_ms = UINT64_MAX };
	client->interest = event.events;
	*ret = client;
	return 0;
}

void client_free(struct client *client)
{
	polkit_cancel(client->question);
	client->call.abandoned = true;
	call_done(&client->call);
	close(client->fd);
	input_done(&client->input);
	free(client->out);
	free(client);
}

/* ---- output ---- */

static size_t pending(const struct client *client)
{
	return client->out_len - client->out_sent;
}

static int make_room(struct client *client, size_t len)
{
	size_t room = MAX(client->out_room * 2, pending(client) + len);
	char *moved;

	if (client->out_len + len <= client->out_room)
		return 0;
	if (client->out_sent) {
		memmove(client->out, client->out + client->out_sent, pending(client));
		client->out_len = pending(client);
		client->out_sent = 0;
	}
	if (client->out_len + len <= client->out_room)
		return 0;
	moved = realloc(client->out, room);
	if (!moved)
		return -ENOMEM;
	client->out = moved;
	client->out_room = room;
	return 0;
}

static int send_text(struct client *client, const char *text, size_t len)
{
	if (make_room(client, len) < 0)
		return -ENOMEM;
	memcpy(client->out + client->out_len, text, len);
	client->out_len += len;
	return 0;
}

/* Takes text. Where nothing is pending and there is not enough room, it is what is pending. */
static int send_long_text(struct client *client, char *text, size_t len)
{
	int r;

	if (pending(client) || len <= client->out_room) {
		r = send_text(client, text, len);
		free(text);
		return r;
	}
	free(client->out);
	client->out = text;
	client->out_sent = 0;
	client->out_len = client->out_room = len;
	return 0;
}

static void flush(struct client *client)
{
	while (pending(client)) {
		ssize_t n = send(client->fd, client->out + client->out_sent, pending(client),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			client->dead |= errno != EAGAIN;
			return;
		}
		client->out_sent += n;
	}
	client->out_sent = client->out_len = 0;
	/* A large answer is no reason to hold on to its memory. */
	if (client->out_room > PENDING_MAX) {
		free(client->out);
		client->out = NULL;
		client->out_room = 0;
	}
}

/* Whoever sends more before taking answers waits in the socket, not in our memory. */
static void update_interest(struct client *client, bool more)
{
	struct epoll_event event = { .data.ptr = client };

	if (more || pending(client))
		event.events |= EPOLLOUT;
	else if (client->call.state == CALL_NONE)
		event.events |= EPOLLIN;
	if (event.events == client->interest)
		return;
	client->interest = event.events;
	epoll_ctl(client->home->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* ---- memory ---- */

static size_t held(const struct client *client)
{
	return client->input.reader.room + client->out_room;
}

/* One who begins many long messages, or does not read long answers, is let go of. */
static void check_memory(struct client *client)
{
	size_t sum = 0;

	if (client->caller.uid == 0 || held(client) <= LITTLE)
		return;
	for (const struct client *c = client->home->clients; c; c = c->next)
		if (c->caller.uid == client->caller.uid && held(c) > LITTLE)
			sum += held(c);
	if (sum <= USER_MAX)
		return;
	log_debug("user %u has too much on its way", client->caller.uid);
	client->dead = true;
}

/* ---- who it is ---- */

/* Groups as they were when the client connected, the primary one included: unix(7), socket(7). */
static bool is_in_group(const struct client *client, gid_t gid)
{
	gid_t few[64];
	AUTO_FREE gid_t *many = NULL;
	gid_t *groups = few;
	socklen_t len = sizeof(few);
	int r = getsockopt(client->fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);

	if (client->caller.gid == gid)
		return true;
	if (r < 0 && errno == ERANGE) {
		groups = many = malloc(len);
		r = many ? getsockopt(client->fd, SOL_SOCKET, SO_PEERGROUPS, many, &len) : -1;
	}
	for (size_t i = 0; r == 0 && i < len / sizeof(*groups); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Which group may change things is a setting. */
static bool is_privileged(const struct client *client)
{
	const struct desired *desired = reconcile_desired(client->home->front.reconcile);

	return client->caller.uid == 0 || client->caller.uid == geteuid() ||
	       (desired && desired->write_gid >= 0 && is_in_group(client, desired->write_gid));
}

/* ---- calls ---- */

/* After each step of a call: r is what it said. Whether there is a reply. */
static bool take_step(struct client *client, int r)
{
	const char *kept = NULL;
	char *text = NULL;
	size_t len = 0;
	bool replied;

	if (r >= 0)
		r = call_take_reply(&client->call, &text, &kept, &len);
	replied = text || kept;
	if (text)
		r = send_long_text(client, text, len);
	else if (kept)
		r = send_text(client, kept, len);
	if (r >= 0 && client->call.state == CALL_OVER)
		call_done(&client->call);
	/* What was to be resumed for is now behind it; after a reply there may be another. */
	client->woken = replied && client->call.state == CALL_WAITING ? CALL_ROOM : 0;
	client->dead |= r < 0;
	return replied;
}

static void on_decided(void *ctx, enum polkit_answer answer)
{
	struct client *client = ctx;

	client->question = NULL;
	take_step(client, dispatch_decided(&client->call, answer));
	update_interest(client, true);
}

/* Without anybody to ask it is no. */
static int ask(struct client *client)
{
	struct polkit_request request;
	int r;

	dispatch_question(&client->call, &request);
	r = polkit_ask(client->home->polkit, &request, on_decided, client, &client->question);
	if (r == 0)
		return 0;
	log_debug("user %u cannot be asked about: %s", client->caller.uid, strerror(-r));
	return dispatch_decided(&client->call, POLKIT_NO);
}

static int begin(struct client *client, json_t *message, struct fds *fds)
{
	int r;

	client->caller.privileged = is_privileged(client);
	r = dispatch_begin(&client->call, message, fds);
	return r == 0 && client->call.state == CALL_ASKING ? ask(client) : r;
}

/* Whether it is worth while to look again. */
static bool take_call(struct client *client)
{
	AUTO(frame_json_unref) json_t *message = NULL;
	struct fds fds = {};
	int r = 0;

	if (client->input.readable)
		r = input_read(&client->input, client->fd, client->caller.uid == 0);
	if (r == 0)
		r = input_next(&client->input, &message, &fds);
	if (r == FRAME_E_NONE)
		return client->input.readable;
	take_step(client, r == 0 ? begin(client, message, &fds) : r);
	return !client->dead;
}

/* Takes a call or continues one. Whether it is worth while to do so again. */
static bool advance(struct client *client)
{
	if (client->call.state == CALL_NONE)
		return take_call(client);
	if (client->call.state != CALL_WAITING || !client->woken)
		return false;
	return take_step(client, dispatch_resume(&client->call, client->woken)) && !client->dead;
}

/* Whether there is more to do as soon as there is room for it. */
static bool produce(struct client *client)
{
	size_t before = client->input.n_taken;

	for (int i = 0; i < PORTION; i++) {
		if (pending(client) > PENDING_MAX || client->input.n_taken - before > PORTION_BYTES)
			return true;
		if (!advance(client))
			return false;
	}
	return true;
}

void client_serve(struct client *client, uint32_t events)
{
	bool more;

	/* Who has hung up wants no replies, but what it sent before may need none. */
	if ((events & EPOLLHUP) && client->call.state != CALL_NONE)
		client->dead = true;
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client->input.readable = true;
	if (client->dead)
		return;
	more = produce(client);
	if (!client->dead)
		flush(client);
	if (client->input.ended && !more && client->call.state == CALL_NONE && !client->out_len)
		client->dead = true;
	check_memory(client);
	if (!client->dead)
		update_interest(client, more);
}

/* ---- events ---- */

static bool waits_for(const struct client *client, enum call_event event)
{
	return !client->dead && client->call.state == CALL_WAITING &&
	       (event == CALL_DEADLINE || (client->call.events & event));
}

void client_wake_soon(struct client *client, enum call_event event)
{
	if (!waits_for(client, event))
		return;
	client->woken |= event;
	update_interest(client, true);
}

void client_wake(struct client *client, enum call_event event)
{
	/* Who does not read what is there already is told what is new when it does. */
	if (pending(client) > PENDING_MAX) {
		client_wake_soon(client, event);
		return;
	}
	if (!waits_for(client, event))
		return;
	take_step(client, dispatch_resume(&client->call, client->woken | event));
	/* The server looks at it again when epoll has something to say of it: that it is over, then. */
	if (client->dead)
		shutdown(client->fd, SHUT_RDWR);
	update_interest(client, true);
}
