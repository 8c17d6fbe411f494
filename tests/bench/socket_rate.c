/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many calls a second a varlink service answers, beside a bare echo server that sends the same bytes
 * for each message and looks at none: what the socket itself costs. In turns, several times, as the
 * machine may be busy with something else; the best of each counts.
 *
 *	socket_rate SOCKET MESSAGE CLIENTS MILLISECONDS
 */
#include "base/util.h"
#include "unit/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CLIENTS_MAX 256
#define REPLY_MAX (1u << 20)
#define ROUNDS 5

static char reply[REPLY_MAX];
static size_t reply_len;

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	return fd;
}

static void send_all(int fd, const char *bytes, size_t len)
{
	CHECK(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* ---- the echo server ---- */

static void echo(int fd)
{
	char bytes[16384];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0)
		close(fd);
	/* Who has closed meanwhile wants none. */
	for (ssize_t i = 0; i < n; i++)
		if (!bytes[i])
			(void)!send(fd, reply, reply_len, MSG_NOSIGNAL);
}

static void serve(int listener)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) == 0);
	for (;;) {
		struct epoll_event events[16];
		int n = epoll_wait(epoll_fd, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				echo(events[i].data.fd);
				continue;
			}
			event.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) == 0);
		}
	}
}

static struct sockaddr_un start_echo(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Without a file: an abstract name. */
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "socket_rate %d", getpid());
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(listener, CLIENTS_MAX) == 0);
	if (fork() == 0)
		serve(listener);
	close(listener);
	return address;
}

/* ---- the clients ---- */

static void learn_reply(const struct sockaddr_un *address, const char *message)
{
	int fd = connect_to(address);

	send_all(fd, message, strlen(message) + 1);
	do {
		ssize_t n = recv(fd, reply + reply_len, sizeof(reply) - reply_len, 0);

		CHECK(n > 0);
		reply_len += n;
	} while (reply[reply_len - 1]);
	CHECK(!strstr(reply, "\"error\":"));
	close(fd);
}

/* Whether a whole reply has come. */
static bool receive(int fd)
{
	static char bytes[REPLY_MAX];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	CHECK(n > 0 || (n < 0 && errno == EAGAIN));
	return n > 0 && !bytes[n - 1];
}

static double measure(const struct sockaddr_un *address, const char *message, int n_clients,
		      uint64_t ms)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fds[CLIENTS_MAX];
	uint64_t begin_ms, now_ms, n_calls = 0;

	for (int i = 0; i < n_clients; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		event.data.fd = fds[i] = connect_to(address);
		CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event) == 0);
		send_all(fds[i], message, strlen(message) + 1);
	}
	begin_ms = now_ms = util_now_ms();
	for (; now_ms < begin_ms + ms; now_ms = util_now_ms()) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll_fd, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < n; i++) {
			if (!receive(events[i].data.fd))
				continue;
			n_calls++;
			send_all(events[i].data.fd, message, strlen(message) + 1);
		}
	}
	for (int i = 0; i < n_clients; i++)
		close(fds[i]);
	close(epoll_fd);
	return n_calls * 1000.0 / (now_ms - begin_ms);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX }, bare;
	double best = 0, best_bare = 0;
	int n_clients;

	CHECK(argc == 5 && strlen(argv[1]) < sizeof(address.sun_path));
	strcpy(address.sun_path, argv[1]);
	n_clients = MIN(MAX(atoi(argv[3]), 1), CLIENTS_MAX);
	learn_reply(&address, argv[2]);
	bare = start_echo();
	for (int i = 0; i < ROUNDS; i++) {
		best = MAX(best, measure(&address, argv[2], n_clients, atoi(argv[4])));
		best_bare = MAX(best_bare, measure(&bare, argv[2], n_clients, atoi(argv[4])));
	}
	printf("%.0f calls/s, bare echo of the same %zu bytes %.0f/s, ratio %.2f\n", best, reply_len,
	       best_bare, best / best_bare);
	return 0;
}
