/* SPDX-License-Identifier: GPL-2.0-only */
/* Who listens, who is let in, and whose turn it is; see server.h. */
#include "front/server.h"

#include "base/log.h"
#include "front/client.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ROUND 16 /* clients in one round */
#define DRAIN_MS 3 /* rounds are begun for this long; then the engine has its turn */

struct server {
	struct client_home home;
	int listen_fd;
	int spare_fd; /* given up to refuse a client when there are no descriptors */
	char *path; /* owned; NULL: not made by us */
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
	struct epoll_event answers = { .events = EPOLLIN, .data.ptr = server->home.polkit };
	int flags = fcntl(server->listen_fd, F_GETFL);

	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->home.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (flags < 0 || fcntl(server->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    server->home.epoll_fd < 0 ||
	    epoll_ctl(server->home.epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0 ||
	    epoll_ctl(server->home.epoll_fd, EPOLL_CTL_ADD, polkit_fd(server->home.polkit), &answers) < 0)
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
	server->home.front.reconcile = reconcile;
	server->home.epoll_fd = server->spare_fd = -1;
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
		r = polkit_new(&server->home.polkit);
	if (r >= 0)
		r = watch_listener(server);
	if (r < 0) {
		server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	for (struct client *c = server->home.clients, *next; c; c = next) {
		next = c->next;
		client_free(c);
	}
	if (server->path)
		unlink(server->path);
	free(server->path);
	answers_done(&server->home.front.answers);
	polkit_free(server->home.polkit);
	util_close(&server->listen_fd);
	util_close(&server->home.epoll_fd);
	util_close(&server->spare_fd);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->home.epoll_fd;
}

/* ---- clients ---- */

static void bury(struct server *server)
{
	for (struct client **p = &server->home.clients; *p;) {
		struct client *client = *p;

		if (!client->dead) {
			p = &client->next;
			continue;
		}
		*p = client->next;
		server->home.n_clients--;
		client_free(client);
	}
}

static bool is_crowded(const struct server *server, uid_t uid)
{
	const struct desired *desired = reconcile_desired(server->home.front.reconcile);
	const struct settings settings = desired ? desired->settings : SETTINGS_DEFAULT;
	size_t n = 0;

	for (const struct client *c = server->home.clients; c; c = c->next)
		n += c->caller.uid == uid;
	return server->home.n_clients >= settings.max_connections ||
	       (uid != 0 && n >= settings.max_connections_per_user);
}

static void welcome(struct server *server, int fd)
{
	struct ucred cred = { .uid = -1, .gid = -1 };
	socklen_t len = sizeof(cred);
	struct client *client = NULL;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (is_crowded(server, cred.uid)) {
		log_debug("user %u has too many connections", cred.uid);
		close(fd);
		return;
	}
	if (client_new(&server->home, fd, &cred, &client) < 0)
		return;
	client->next = server->home.clients;
	server->home.clients = client;
	server->home.n_clients++;
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

		n = epoll_wait(server->home.epoll_fd, events, ROUND, 0);
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				accept_some(server);
			else if (events[i].data.ptr == server->home.polkit)
				polkit_drain(server->home.polkit);
			else
				client_serve(events[i].data.ptr, events[i].events);
		}
		bury(server);
	} while (n > 0 && util_now_ms() < end_ms);
}

/* ---- what the engine says ---- */

void server_on_pair(struct server *server, const char *name, bool gone)
{
	struct front *front = &server->home.front;

	changes_add(&front->changes, name, reconcile_generation(front->reconcile), gone);
	for (struct client *c = server->home.clients; c; c = c->next)
		if (!c->call.pair[0] || strcmp(c->call.pair, name) == 0)
			client_wake_soon(c, CALL_PAIR);
}

void server_on_event(struct server *server, enum call_event event)
{
	for (struct client *c = server->home.clients; c; c = c->next)
		client_wake(c, event);
}

uint64_t server_turn(struct server *server, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (struct client *c = server->home.clients; c; c = c->next) {
		if (c->call.deadline_ms <= now_ms) {
			c->call.deadline_ms = UINT64_MAX;
			client_wake(c, CALL_DEADLINE);
		}
		next_ms = MIN(next_ms, c->call.deadline_ms);
	}
	return next_ms == UINT64_MAX ? next_ms : next_ms - MIN(next_ms, now_ms);
}
