/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections; see server.h. A client is owed at most one call at a time, so replies keep their
 * order; further messages wait in its buffer. What it is owed is produced only while little is
 * pending, so that a slow reader costs a bounded amount of memory and nobody any time.
 */
#include "server.h"

#include "base/log.h"
#include "methods.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 1024
#define CLIENTS_PER_UID_MAX 256 /* of one user who is not root */
#define INPUT_MAX (1u << 20) /* of one message: calls are small */
#define PENDING_LOW (64u << 10) /* replies are produced below this */
#define PORTION 32 /* replies a client gets in one round */
#define N_GONE 1024 /* pairs that are gone, for monitors that lag */

struct client {
	struct client *next;
	int fd;
	uid_t uid;
	struct frame_reader reader;
	char *out; /* owned */
	size_t out_len, out_room, out_sent;
	struct call call;
	uint64_t gone_seen; /* monitors: tombstones up to here have been sent */
	uint32_t interest; /* what epoll is asked for */
	bool dead;
};

struct tombstone {
	char name[IFNAMSIZ];
	uint64_t sequence;
};

struct server {
	struct methods methods;
	int epoll_fd, listen_fd;
	char *path; /* owned; NULL: not made by us */
	struct client *clients;
	size_t n_clients;
	struct tombstone gone[N_GONE]; /* a ring: number i is at i % N_GONE */
	uint64_t n_gone;
};

/* ---- listening ---- */

static int make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("%s: a socket's path has at most %zu bytes", path,
			  sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		log_error("%s: %s", path, strerror(errno));
		return -errno;
	}
	/* Reading is open to everybody; what writes asks who is calling. */
	if (chmod(path, 0666) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return STEAL_FD(fd);
}

static int watch_listener(struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN };

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0)
		return -errno;
	return 0;
}

int server_new(const struct server_options *options, struct reconcile *reconcile,
	       struct server **ret)
{
	struct server *server = calloc(1, sizeof(*server));
	int r = 0;

	if (!server)
		return -ENOMEM;
	server->methods.reconcile = reconcile;
	server->epoll_fd = -1;
	server->listen_fd = options->fd;
	if (options->fd < 0) {
		server->path = strdup(options->path);
		r = server->path ? make_socket(options->path) : -ENOMEM;
		server->listen_fd = r;
	}
	if (r >= 0)
		r = watch_listener(server);
	if (r < 0) {
		server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

static void client_free(struct client *client)
{
	close(client->fd);
	frame_done(&client->reader);
	free(client->out);
	free(client);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	for (struct client *c = server->clients, *next; c; c = next) {
		next = c->next;
		client_free(c);
	}
	if (server->path && server->listen_fd >= 0)
		unlink(server->path);
	free(server->path);
	util_close(&server->listen_fd);
	util_close(&server->epoll_fd);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll_fd;
}

/* ---- output ---- */

static void send_reply(struct client *client, json_t *reply)
{
	size_t len = 0;
	AUTO_FREE char *text = reply ? frame_encode(reply, &len) : NULL;

	json_decref(reply);
	if (!text) {
		client->dead = true;
		return;
	}
	if (client->out_len + len > client->out_room) {
		size_t room = MAX(client->out_room * 2, client->out_len + len);
		char *moved = realloc(client->out, room);

		if (!moved) {
			client->dead = true;
			return;
		}
		client->out = moved;
		client->out_room = room;
	}
	memcpy(client->out + client->out_len, text, len);
	client->out_len += len;
}

static void flush(struct client *client)
{
	while (client->out_sent < client->out_len) {
		ssize_t n = send(client->fd, client->out + client->out_sent,
				 client->out_len - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			client->dead |= errno != EAGAIN;
			return;
		}
		client->out_sent += n;
	}
	/* A large answer is no reason to hold on to its memory. */
	free(client->out);
	client->out = NULL;
	client->out_len = client->out_room = client->out_sent = 0;
}

static bool tell_gone(struct server *server, struct client *client)
{
	const struct tombstone *gone;

	if (server->n_gone - client->gone_seen > N_GONE) {
		client->gone_seen = server->n_gone;
		client->call.resync = true;
		return false;
	}
	if (!client->call.synced || client->gone_seen == server->n_gone)
		return false;
	gone = &server->gone[client->gone_seen++ % N_GONE];
	send_reply(client, methods_gone(gone->name, gone->sequence));
	return true;
}

/* Produces what is owed, while there is room for it. Whether there is more. */
static bool produce(struct server *server, struct client *client)
{
	for (int i = 0; i < PORTION && !client->dead; i++) {
		json_t *reply = NULL;

		if (client->out_len - client->out_sent > PENDING_LOW)
			return true;
		if (client->call.state == CALL_MONITOR && tell_gone(server, client))
			continue;
		if (methods_continue(&server->methods, &client->call, &reply) < 0) {
			client->dead = true;
			return false;
		}
		if (!reply)
			return false;
		send_reply(client, reply);
	}
	return client->call.state == CALL_LIST || client->call.state == CALL_MONITOR;
}

/* ---- input ---- */

static bool is_privileged(const struct client *client)
{
	return client->uid == 0 || client->uid == geteuid();
}

static void read_input(struct client *client)
{
	char buffer[16384];

	/* Whoever sends more before taking answers waits in the socket, not in our memory. */
	while (!client->dead && client->call.state == CALL_NONE) {
		ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || frame_feed(&client->reader, buffer, n) < 0)
			client->dead = true;
		if (n < (ssize_t)sizeof(buffer))
			return;
	}
}

static void answer(struct server *server, struct client *client)
{
	while (!client->dead && client->call.state == CALL_NONE &&
	       client->out_len - client->out_sent <= PENDING_LOW) {
		json_t *message = NULL, *reply = NULL;
		int r = frame_next(&client->reader, &message);

		if (r == FRAME_E_NONE)
			return;
		if (r == 0)
			r = methods_call(&server->methods, message, is_privileged(client),
					 &client->call, &reply);
		json_decref(message);
		if (client->call.state == CALL_MONITOR)
			client->gone_seen = server->n_gone;
		if (r < 0)
			client->dead = true;
		else if (reply)
			send_reply(client, reply);
	}
}

/* ---- clients ---- */

static void update_interest(struct server *server, struct client *client, bool more)
{
	uint32_t interest = EPOLLRDHUP;
	struct epoll_event event;

	if (client->call.state == CALL_NONE)
		interest |= EPOLLIN;
	if (more || client->out_sent < client->out_len)
		interest |= EPOLLOUT;
	if (interest == client->interest)
		return;
	client->interest = interest;
	event = (struct epoll_event){ .events = interest, .data.ptr = client };
	epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

static void serve(struct server *server, struct client *client, uint32_t events)
{
	bool more;

	if (events & (EPOLLERR | EPOLLHUP))
		client->dead = true;
	if (events & (EPOLLIN | EPOLLRDHUP))
		read_input(client);
	/* Who hangs up while owed something does not want it any more. */
	if ((events & EPOLLRDHUP) && client->call.state != CALL_NONE)
		client->dead = true;
	answer(server, client);
	more = produce(server, client);
	if (!client->dead)
		flush(client);
	if (client->call.state == CALL_NONE)
		answer(server, client);
	if (!client->dead)
		update_interest(server, client, more);
}

static void bury(struct server *server)
{
	for (struct client **p = &server->clients; *p;) {
		struct client *client = *p;

		if (!client->dead) {
			p = &client->next;
			continue;
		}
		*p = client->next;
		server->n_clients--;
		client_free(client);
	}
}

static bool is_crowded(const struct server *server, uid_t uid)
{
	size_t n = 0;

	for (const struct client *c = server->clients; c; c = c->next)
		n += c->uid == uid;
	return server->n_clients >= CLIENTS_MAX || (uid != 0 && n >= CLIENTS_PER_UID_MAX);
}

static void welcome(struct server *server, int fd)
{
	struct ucred cred = { .uid = -1 };
	socklen_t len = sizeof(cred);
	struct client *client = NULL;
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (!is_crowded(server, cred.uid))
		client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->uid = cred.uid;
	client->reader.max = INPUT_MAX;
	client->interest = event.events;
	client->next = server->clients;
	server->clients = client;
	server->n_clients++;
	event.data.ptr = client;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		client->dead = true;
}

static void accept_all(struct server *server)
{
	for (;;) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		welcome(server, fd);
	}
}

void server_drain(struct server *server)
{
	struct epoll_event events[64];
	int n = epoll_wait(server->epoll_fd, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			serve(server, events[i].data.ptr, events[i].events);
		else
			accept_all(server);
	}
	bury(server);
}

/* ---- what the engine says ---- */

void server_on_pair(struct server *server, const char *name, bool gone)
{
	if (gone) {
		struct tombstone *tombstone = &server->gone[server->n_gone++ % N_GONE];

		snprintf(tombstone->name, sizeof(tombstone->name), "%s", name);
		tombstone->sequence = reconcile_generation(server->methods.reconcile);
	}
	/* Told when the socket takes it; changes until then are joined. */
	for (struct client *c = server->clients; c; c = c->next)
		if (c->call.state == CALL_MONITOR)
			update_interest(server, c, true);
}

void server_on_loaded(struct server *server)
{
	for (struct client *c = server->clients; c; c = c->next) {
		if (c->call.state != CALL_RELOAD)
			continue;
		c->call = (struct call){};
		send_reply(c, methods_reloaded(&server->methods));
		update_interest(server, c, true);
	}
}
