/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's front: the real server and methods over an engine that does only what standard
 * input says, a command a line, each answered by "ok". Pairs that show everything a status can say
 * are there from the beginning. test_server.py drives it.
 *
 *	add NAME, gone NAME, change NAME	what the engine tells its observer
 *	wait NAME				add, and it waits for something
 *	log N					the last error of "full" has a log of N bytes
 *	churn N					N changes, of one pair after the other
 *	begin, loaded				reading of the configuration begins, ends
 *	conflicts				declarations are in conflict otherwise
 *	use NAME				add, and it is to have a program
 *	looked, blind				a look at everything is over, or has failed
 *	measured NAME				its counters have been read, if somebody asked for them
 */
#include "front/server.h"
#include "unit/fake_engine.h"
#include "unit/test.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>

/* ---- commands ---- */

static void change(struct reconcile *r, struct server *server, struct fake *fake)
{
	fake_change(r, fake);
	server_on_pair(server, fake->name, false);
}

static void obey(struct reconcile *r, struct server *server, const char *verb, const char *name)
{
	struct fake *fake = fake_find(r, name);

	r->revision++;
	if (strcmp(verb, "add") == 0) {
		change(r, server, fake_add(r, name, VERDICT_READY));
	} else if (strcmp(verb, "wait") == 0) {
		change(r, server, fake_add(r, name, VERDICT_WAIT));
	} else if (strcmp(verb, "use") == 0) {
		fake_use(fake_add(r, name, VERDICT_READY));
	} else if (strcmp(verb, "log") == 0) {
		fake_set_log(fake_find(r, "full"), strtoul(name, NULL, 10));
	} else if (strcmp(verb, "gone") == 0 && fake) {
		fake_forget(r, fake);
		server_on_pair(server, name, true);
	} else if (strcmp(verb, "change") == 0 && fake) {
		change(r, server, fake);
	} else if (strcmp(verb, "churn") == 0) {
		for (size_t i = 0; i < strtoul(name, NULL, 10); i++)
			change(r, server, &r->pairs[i % r->n]);
	} else if (strcmp(verb, "conflicts") == 0) {
		server_on_event(server, CALL_CONFLICTS);
	} else if (strcmp(verb, "begin") == 0) {
		r->load_due = false;
		r->loading = true;
	} else if (strcmp(verb, "looked") == 0 || strcmp(verb, "blind") == 0) {
		fake_look(r, verb[0] == 'b' ? "the test is blind" : NULL);
		server_on_event(server, CALL_LOOKED);
	} else if (strcmp(verb, "measured") == 0 && fake) {
		fake_measure(fake);
		server_on_event(server, CALL_MEASURED);
	} else if (strcmp(verb, "loaded") == 0) {
		r->loading = false;
		server_on_event(server, CALL_LOADED);
	} else {
		CHECK(!"a known command");
	}
	puts("ok");
	fflush(stdout);
}

/* False: standard input has ended. */
static bool read_command(struct reconcile *r, struct server *server)
{
	char line[64] = "", verb[16] = "", name[IFNAMSIZ] = "";

	for (size_t i = 0; i + 1 < sizeof(line); i++) {
		if (read(STDIN_FILENO, &line[i], 1) != 1)
			return false;
		if (line[i] == '\n')
			break;
	}
	CHECK(sscanf(line, "%15s %15s", verb, name) >= 1);
	obey(r, server, verb, name);
	return true;
}

static void serve(struct reconcile *r, struct server *server)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
					{ .fd = server_fd(server), .events = POLLIN } };
		uint64_t wake_ms = server_turn(server, util_now_ms());

		CHECK(poll(fds, ARRAY_SIZE(fds), wake_ms < INT_MAX ? (int)wake_ms : -1) >= 0 ||
		      errno == EINTR);
		if (fds[1].revents)
			server_drain(server);
		if (fds[0].revents && !read_command(r, server))
			return;
	}
}

int main(int argc, char **argv)
{
	struct reconcile *r = fake_new();
	struct server_options options = { .fd = -1 };
	struct server *server = NULL;
	int error;

	signal(SIGPIPE, SIG_IGN);
	CHECK(argc == 2);
	options.path = argv[1];
	error = server_new(&options, r, &server);
	if (!error) {
		puts("ok");
		fflush(stdout);
		serve(r, server);
	}
	server_free(server);
	fake_free(r);
	return error ? 1 : 0;
}
