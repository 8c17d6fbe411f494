/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes from a client, in pieces, to a connection as the server has it: framing, descriptors,
 * dispatch, methods and replies, over an engine to which things happen meanwhile. What is sent back is
 * varlink whatever came, no error continues, no call gets a second last reply, and a connection that
 * is closed leaves nothing behind.
 *
 * The first byte says who it is and how long pieces are. A byte 0xff, which no message may have, and
 * the next one are no bytes of the client's but something that happens.
 */
#include "base/log.h"
#include "front/client.h"
#include "fuzz/fuzz.h"
#include "unit/fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct run {
	struct client_home home;
	struct client *client; /* NULL: gone */
	int fd; /* the client's own end; -1: closed */
	struct frame_reader replies;
	size_t n_sent; /* NUL bytes */
	size_t n_last; /* replies after which none follows */
};

/* ---- the client's side ---- */

static void check_reply(struct run *run, const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	const json_t *continues = json_object_get(reply, "continues");
	size_t known = !!error + !!continues + !!json_object_get(reply, "parameters");

	HOLDS(json_object_size(reply) == known);
	HOLDS(json_is_object(json_object_get(reply, "parameters")));
	HOLDS(!error || (json_is_string(error) && strchr(json_string_value(error), '.')));
	HOLDS(!continues || (json_is_true(continues) && !error));
	run->n_last += !continues;
	HOLDS(run->n_last <= run->n_sent);
}

static void read_replies(struct run *run)
{
	static char bytes[65536];
	ssize_t n;

	while (run->fd >= 0 && (n = recv(run->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		json_t *reply = NULL;
		int r;

		HOLDS(frame_feed(&run->replies, bytes, n) == 0);
		while ((r = frame_next(&run->replies, &reply)) == 0) {
			check_reply(run, reply);
			json_decref(reply);
		}
		HOLDS(r == FRAME_E_NONE);
	}
}

static void send_fd(struct run *run)
{
	static int fd = -1;
	char control[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec vector = { (char *)" ", 1 };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	if (fd < 0)
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	HOLDS(fd >= 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (run->fd >= 0)
		(void)!sendmsg(run->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- the server's side ---- */

static void bury(struct run *run)
{
	if (!run->client || !run->client->dead)
		return;
	run->home.clients = NULL;
	client_free(STEAL(run->client));
}

/* What epoll says it may do, until it says nothing more. */
static void serve(struct run *run)
{
	for (int i = 0; i < 1000 && run->client; i++) {
		struct epoll_event event;

		if (epoll_wait(run->home.epoll_fd, &event, 1, 0) < 1)
			return;
		HOLDS(event.data.ptr == run->client);
		client_serve(run->client, event.events);
		bury(run);
		read_replies(run);
	}
	HOLDS(!run->client);
}

static void on_pair(struct run *run, const char *name, bool gone)
{
	struct front *front = &run->home.front;

	changes_add(&front->changes, name, reconcile_generation(front->reconcile), gone);
	if (run->client)
		client_wake_soon(run->client, CALL_PAIR);
}

static void on_event(struct run *run, enum call_event event)
{
	if (run->client)
		client_wake(run->client, event);
	bury(run);
}

static void change_pair(struct run *run, uint8_t what)
{
	static const char *const names[] = { "full", "late", "ok", "a" };
	struct reconcile *reconcile = run->home.front.reconcile;
	const char *name = names[what / 64];
	struct fake *fake = fake_find(reconcile, name);

	if (!fake)
		fake_add(reconcile, name, what & 32 ? VERDICT_WAIT : VERDICT_READY);
	else if (what & 32)
		fake_forget(reconcile, fake);
	else
		fake_change(reconcile, fake);
	on_pair(run, name, fake && (what & 32));
}

static void happen(struct run *run, uint8_t what)
{
	struct reconcile *reconcile = run->home.front.reconcile;

	reconcile->revision++;
	switch (what % 16) {
	case 0:
		change_pair(run, what);
		break;
	case 1:
		reconcile->load_due = false;
		reconcile->loading = true;
		break;
	case 2:
		reconcile->loading = false;
		on_event(run, CALL_LOADED);
		break;
	case 3:
		on_event(run, CALL_CONFLICTS);
		break;
	case 4:
		on_event(run, CALL_DEADLINE);
		break;
	case 5:
		send_fd(run);
		break;
	case 6:
		if (run->fd >= 0)
			shutdown(run->fd, what & 16 ? SHUT_WR : SHUT_RDWR);
		break;
	case 7:
		for (int i = 0; i < 5000; i++)
			on_pair(run, "ok", false);
		break;
	case 8:
		fake_look(reconcile, what & 16 ? "the test is blind" : NULL);
		on_event(run, CALL_LOOKED);
		break;
	case 9:
		for (size_t i = 0; i < reconcile->n; i++)
			fake_measure(&reconcile->pairs[i]);
		on_event(run, CALL_MEASURED);
		break;
	}
}

/* ---- a run ---- */

static void begin(struct run *run, bool privileged)
{
	/* Polkit is nobody: there is no such bus. */
	static struct polkit *polkit;
	const struct ucred cred = { .pid = 1, .uid = privileged ? 0 : 65534, .gid = 65534 };
	int both[2];

	if (!polkit) {
		log_set_level(LOG_ERR);
		setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
		HOLDS(polkit_new(&polkit) == 0);
	}
	run->home.front.reconcile = fake_new();
	run->home.polkit = polkit;
	run->home.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
	run->fd = both[0];
	HOLDS(client_new(&run->home, both[1], &cred, &run->client) == 0);
	run->home.clients = run->client;
}

static void end(struct run *run)
{
	serve(run);
	util_close(&run->fd);
	run->fd = -1;
	serve(run);
	if (run->client)
		client_free(run->client);
	answers_done(&run->home.front.answers);
	close(run->home.epoll_fd);
	frame_done(&run->replies);
	fake_free(run->home.front.reconcile);
}

static void send_piece(struct run *run, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		run->n_sent += bytes[i] == 0;
	if (run->fd >= 0)
		(void)!send(run->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	serve(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct run run;
	static const size_t sizes[] = { 1, 7, 100, 100000 };
	size_t size = len ? sizes[data[0] >> 6] : 1;

	if (len < 2)
		return 0;
	run = (struct run){};
	begin(&run, data[0] & 1);
	for (size_t i = 1; i < len;) {
		const uint8_t *special = memchr(data + i, 0xff, len - i);
		size_t n = special ? (size_t)(special - data) - i : len - i;

		if (n) {
			send_piece(&run, data + i, MIN(n, size));
			i += MIN(n, size);
		} else {
			happen(&run, i + 1 < len ? data[i + 1] : 0);
			serve(&run);
			i += 2;
		}
	}
	end(&run);
	return 0;
}
