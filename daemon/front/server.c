/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections; see server.h. A client is owed at most one call at a time, so replies keep their
 * order; further messages wait in its socket. What it is owed is produced a few replies at a time
 * and only while little is pending, so that a slow reader costs a bounded amount of memory and
 * nobody any time.
 */
#include "front/server.h"

#include "base/log.h"
#include "front/methods.h"
#include "front/polkit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define INPUT_MAX (1u << 20) /* of one message: calls are small */
#define PENDING_MAX (64u << 10) /* nothing more is produced for a client above this */
#define PORTION 8 /* calls and replies a client gets in one round */
#define ROUND 16 /* clients in one round */
#define DRAIN_MS 3 /* rounds are begun for this long; then the engine has its turn */

struct client {
	struct client *next;
	struct server *server; /* borrowed */
	int fd;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	struct frame_reader reader;
	char *out; /* owned */
	size_t out_sent, out_len, out_room; /* out[out_sent..out_len) is pending */
	struct call call;
	struct polkit_question *question; /* while call is ASK */
	uint32_t interest; /* what epoll is asked for */
	bool ended; /* it sends nothing more, but may still be reading */
	bool dead;
};

struct server {
	struct methods methods;
	struct polkit *polkit;
	int epoll_fd, listen_fd;
	int spare_fd; /* given up to refuse a client when there are no descriptors */
	char *path; /* owned; NULL: not made by us */
	struct client *clients;
	size_t n_clients;
};

/* ---- listening ---- */

/* A socket file may be left over from a crash; one that answers belongs to somebody. */
static bool is_served(const struct sockaddr_un *address)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EAGAIN);
}

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
	if (is_served(&address)) {
		log_error("%s: somebody is listening there already", path);
		return -EADDRINUSE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		log_error("%s: %s", path, strerror(error));
		return -error;
	}
	/* Reading is open to everybody; what writes asks who is calling. */
	if (chmod(path, 0666) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return STEAL_FD(fd);
}

/* A socket that systemd opened may block. */
static int watch_listener(struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct epoll_event answers = { .events = EPOLLIN, .data.ptr = server->polkit };
	int flags = fcntl(server->listen_fd, F_GETFL);

	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (flags < 0 || fcntl(server->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    server->epoll_fd < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, polkit_fd(server->polkit), &answers) < 0)
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
	server->epoll_fd = server->spare_fd = -1;
	server->listen_fd = options->fd;
	if (options->fd < 0) {
		r = make_socket(options->path);
		server->listen_fd = r;
		if (r >= 0)
			server->path = strdup(options->path);
		if (r >= 0 && !server->path)
			r = -ENOMEM;
	}
	if (r >= 0)
		r = polkit_new(&server->polkit);
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
	polkit_cancel(client->question);
	close(client->fd);
	frame_done(&client->reader);
	methods_call_done(&client->call);
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
	if (server->path)
		unlink(server->path);
	free(server->path);
	polkit_free(server->polkit);
	util_close(&server->listen_fd);
	util_close(&server->epoll_fd);
	util_close(&server->spare_fd);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll_fd;
}

/* ---- output ---- */

static int make_room(struct client *client, size_t len)
{
	size_t pending = client->out_len - client->out_sent;
	size_t room = MAX(client->out_room * 2, pending + len);
	char *moved;

	if (client->out_len + len <= client->out_room)
		return 0;
	if (client->out_sent) {
		memmove(client->out, client->out + client->out_sent, pending);
		client->out_sent = 0;
		client->out_len = pending;
	}
	if (pending + len <= client->out_room)
		return 0;
	moved = realloc(client->out, room);
	if (!moved)
		return -ENOMEM;
	client->out = moved;
	client->out_room = room;
	return 0;
}

/* Takes reply; NULL: there was no memory for it. */
static void send_reply(struct client *client, json_t *reply)
{
	size_t len = 0;
	AUTO_FREE char *text = reply ? frame_encode(reply, &len) : NULL;

	json_decref(reply);
	if (!text || make_room(client, len) < 0) {
		client->dead = true;
		return;
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
	client->out_sent = client->out_len = 0;
	/* A large answer is no reason to hold on to its memory. */
	if (client->out_room > PENDING_MAX) {
		free(client->out);
		client->out = NULL;
		client->out_room = 0;
	}
}

/* Whoever sends more before taking answers waits in the socket, not in our memory. */
static void update_interest(struct server *server, struct client *client, bool more)
{
	struct epoll_event event = { .data.ptr = client };

	if (more || client->out_sent < client->out_len)
		event.events |= EPOLLOUT;
	else if (client->call.state == CALL_NONE)
		event.events |= EPOLLIN;
	if (event.events == client->interest)
		return;
	client->interest = event.events;
	epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* ---- calls ---- */

/* Groups as they were when the client connected, the primary one included: unix(7), socket(7). */
static bool is_in_group(const struct client *client, gid_t gid)
{
	gid_t few[64];
	AUTO_FREE gid_t *many = NULL;
	gid_t *groups = few;
	socklen_t len = sizeof(few);
	int r = getsockopt(client->fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);

	if (client->gid == gid)
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

static bool is_privileged(const struct server *server, const struct client *client)
{
	const struct desired *desired = reconcile_desired(server->methods.reconcile);

	return client->uid == 0 || client->uid == geteuid() ||
	       (desired && desired->write_gid >= 0 && is_in_group(client, desired->write_gid));
}

static void on_decided(void *ctx, enum polkit_answer answer)
{
	struct client *client = ctx;
	json_t *reply = NULL;

	client->question = NULL;
	client->dead |= methods_decided(&client->server->methods, &client->call, answer, &reply) < 0;
	if (reply)
		send_reply(client, reply);
	update_interest(client->server, client, true);
}

/* Has the call wait for an answer; without anybody to ask it is no. */
static void ask(struct server *server, struct client *client, json_t **ret_reply)
{
	const struct polkit_request request = { .socket_fd = client->fd,
						.pid = client->pid,
						.uid = client->uid,
						.action = client->call.action,
						.verb = client->call.verb,
						.interactive = client->call.interactive };
	int r = polkit_ask(server->polkit, &request, on_decided, client, &client->question);

	if (r == 0)
		return;
	log_debug("user %u cannot be asked about: %s", client->uid, strerror(-r));
	client->dead |= methods_decided(&server->methods, &client->call, POLKIT_NO, ret_reply) < 0;
}

static void read_input(struct client *client)
{
	char buffer[16384];
	ssize_t n = recv(client->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	client->ended |= n == 0;
	if (n < 0 || (n > 0 && frame_feed(&client->reader, buffer, n) < 0))
		client->dead = true;
}

/* Takes a call or continues one. Whether it is worth while to do so again. */
static bool advance(struct server *server, struct client *client)
{
	AUTO(frame_json_unref) json_t *message = NULL;
	json_t *reply = NULL;
	bool fresh = client->call.state == CALL_NONE;
	int r = fresh ? frame_next(&client->reader, &message)
		      : methods_continue(&server->methods, &client->call, &reply);

	if (r == FRAME_E_NONE)
		return false;
	if (r == 0 && fresh)
		r = methods_call(&server->methods, message, is_privileged(server, client), &client->call,
				 &reply);
	if (r == 0 && fresh && client->call.state == CALL_ASK)
		ask(server, client, &reply);
	client->dead |= r < 0;
	if (reply)
		send_reply(client, reply);
	return !client->dead && (fresh || reply);
}

/* Whether there is more to do as soon as there is room for it. */
static bool produce(struct server *server, struct client *client)
{
	for (int i = 0; i < PORTION; i++) {
		if (client->out_len - client->out_sent > PENDING_MAX)
			return true;
		if (!advance(server, client))
			return false;
	}
	return true;
}

/* ---- clients ---- */

static void serve(struct server *server, struct client *client, uint32_t events)
{
	bool more;

	/* Who has hung up wants no replies, but what it sent before may need none. */
	if ((events & EPOLLHUP) && client->call.state != CALL_NONE)
		client->dead = true;
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_input(client);
	if (client->dead)
		return;
	more = produce(server, client);
	if (!client->dead)
		flush(client);
	if (client->ended && !more && client->call.state == CALL_NONE && !client->out_len)
		client->dead = true;
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
	const struct desired *desired = reconcile_desired(server->methods.reconcile);
	const struct settings settings = desired ? desired->settings : SETTINGS_DEFAULT;
	size_t n = 0;

	for (const struct client *c = server->clients; c; c = c->next)
		n += c->uid == uid;
	return server->n_clients >= settings.max_connections ||
	       (uid != 0 && n >= settings.max_connections_per_user);
}

static void welcome(struct server *server, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct ucred cred = { .uid = -1, .gid = -1 };
	socklen_t len = sizeof(cred);
	struct client *client = NULL;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (is_crowded(server, cred.uid))
		log_debug("user %u has too many connections", cred.uid);
	else
		client = calloc(1, sizeof(*client));
	event.data.ptr = client;
	if (!client || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(client);
		close(fd);
		return;
	}
	client->server = server;
	client->fd = fd;
	client->pid = cred.pid;
	client->uid = cred.uid;
	client->gid = cred.gid;
	client->reader.max = INPUT_MAX;
	client->interest = event.events;
	client->next = server->clients;
	server->clients = client;
	server->n_clients++;
}

/* Without a free descriptor a client stays in the queue, and the loop would run hot. */
static void refuse_one(struct server *server)
{
	util_close(&server->spare_fd);
	server->spare_fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	util_close(&server->spare_fd);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct server *server)
{
	for (int i = 0; i < ROUND; i++) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			refuse_one(server);
		if (fd < 0)
			return;
		welcome(server, fd);
	}
}

/* epoll reports ready clients in turn, so none is served twice before the others. */
void server_drain(struct server *server)
{
	uint64_t end_ms = util_now_ms() + DRAIN_MS;
	int n;

	do {
		struct epoll_event events[ROUND];

		n = epoll_wait(server->epoll_fd, events, ROUND, 0);
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				accept_some(server);
			else if (events[i].data.ptr == server->polkit)
				polkit_drain(server->polkit);
			else
				serve(server, events[i].data.ptr, events[i].events);
		}
		bury(server);
	} while (n > 0 && util_now_ms() < end_ms);
}

/* ---- what the engine says ---- */

void server_on_pair(struct server *server, const char *name, bool gone)
{
	methods_note_change(&server->methods, name, gone);
	/* Told when the socket takes it; changes until then are joined. */
	for (struct client *c = server->clients; c; c = c->next)
		if (c->call.state == CALL_MONITOR)
			update_interest(server, c, true);
}

void server_on_loaded(struct server *server)
{
	/* A Reload that came after reading had begun waits for the next one. */
	bool again = reconcile_is_load_due(server->methods.reconcile);

	for (struct client *c = server->clients; c; c = c->next) {
		json_t *answer = NULL;

		if (c->call.state != CALL_RELOAD || !again)
			answer = methods_loaded(&server->methods, &c->call);
		if (!answer)
			continue;
		send_reply(c, answer);
		update_interest(server, c, true);
	}
}
