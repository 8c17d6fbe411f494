/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See conn.h. Replies are read as they come. metad answers at once, Reload apart, which waits for
 * what is under way; a monitor may be quiet for ever.
 */
#include "client/conn.h"

#include "client/refusal.h"
#include "client/term.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 20) /* a verifier's log can be long */
#define CALL_MAX (1u << 20) /* metad closes the connection of who sends more */
#define PATIENCE_S 60
#define PATIENCE_OF_PEOPLE_S 200 /* somebody may have to type a password */

struct conn {
	int fd;
	bool is_text; /* replies are for people's eyes */
	struct frame_reader reader;
};

int conn_try(const struct cli *cli, struct conn **ret)
{
	AUTO(conn_close) struct conn *conn = calloc(1, sizeof(*conn));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!conn)
		return -ENOMEM;
	conn->fd = -1;
	if (strlen(cli->socket) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, cli->socket);
	conn->reader.max = ANSWER_MAX;
	conn->is_text = cli->json == JSON_OFF;
	conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret = STEAL(conn);
	return 0;
}

int conn_open(const struct cli *cli, struct conn **ret)
{
	int r = conn_try(cli, ret);

	if (r == -ENAMETOOLONG)
		return complain(EXIT_USAGE, "%s is too long for a socket's path", cli->socket);
	if (r < 0)
		return complain(EXIT_UNREACHABLE, "cannot reach metad at %s: %s%s", cli->socket,
				strerror(-r),
				r == -ENOENT || r == -ECONNREFUSED ? " (is metad running?)" : "");
	return 0;
}

void conn_close(struct conn **conn)
{
	if (!*conn)
		return;
	util_close(&(*conn)->fd);
	frame_done(&(*conn)->reader);
	free(*conn);
	*conn = NULL;
}

int conn_fd(const struct conn *conn)
{
	return conn->fd;
}

static int send_call(struct conn *conn, const char *method, json_t *parameters, bool more)
{
	AUTO(frame_json_unref)
	json_t *message = json_pack("{s:s+, s:o*, s:b}", "method", "io.metad.", method,
				    "parameters", parameters, "more", more);
	size_t len = 0, sent = 0;
	AUTO_FREE char *text = message ? frame_encode(message, &len) : NULL;

	if (!text)
		return complain(EXIT_NOT_OK, "out of memory");
	if (len > CALL_MAX)
		return complain(EXIT_NOT_OK, "this is too large to send: metad takes 1 MiB at a time");
	while (sent < len) {
		ssize_t n = send(conn->fd, text + sent, len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain(EXIT_UNREACHABLE, "metad hung up: %s", strerror(errno));
		sent += n;
	}
	return 0;
}

/* As long as the call may take, and some more; a person may be asked for a password before. */
static time_t patience_for(const json_t *parameters)
{
	time_t patience_s = json_is_true(json_object_get(parameters, "allowInteractiveAuthentication"))
				    ? PATIENCE_OF_PEOPLE_S
				    : PATIENCE_S;

	return patience_s + number_of(parameters, "timeoutMs") / 1000;
}

static int be_patient(struct conn *conn, time_t seconds)
{
	struct timeval limit = { .tv_sec = seconds };

	if (setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return complain(EXIT_NOT_OK, "%s", strerror(errno));
	return 0;
}

/* A verifier's log, or a file. */
static bool has_lines(const char *key)
{
	return strcmp(key, "errorDetail") == 0 || strcmp(key, "content") == 0;
}

static void clean(json_t *json, enum term_lines lines)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(json)) {
		AUTO_FREE char *text = strdup(json_string_value(json));

		if (text)
			term_clean(text, lines);
		json_string_set(json, text ? text : "");
	}
	json_array_foreach(json, i, value)
		clean(value, TERM_ONE_LINE);
	json_object_foreach(json, key, value)
		clean(value, has_lines(key) ? TERM_MANY_LINES : TERM_ONE_LINE);
}

static int complain_silence(ssize_t n)
{
	if (n < 0 && errno == EAGAIN)
		return complain(EXIT_UNREACHABLE, "metad does not answer");
	return complain(EXIT_UNREACHABLE, "metad hung up");
}

/* The next message, whole. */
static int receive(struct conn *conn, json_t **ret)
{
	char buffer[65536];

	for (;;) {
		int r = frame_next(&conn->reader, ret);
		ssize_t n;

		if (r == 0 && conn->is_text)
			clean(*ret, TERM_ONE_LINE);
		if (r == 0)
			return 0;
		if (r < 0)
			return complain(EXIT_NOT_OK, "metad sent what is not varlink");
		n = recv(conn->fd, buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return complain_silence(n);
		if (frame_feed(&conn->reader, buffer, n) < 0)
			return complain(EXIT_NOT_OK, "metad's answer is too large");
	}
}

static bool is_error(const json_t *message, const char *name)
{
	const char *error = text_of(message, "error");

	return name && strncmp(error, "io.metad.", 9) == 0 && strcmp(error + 9, name) == 0;
}

int conn_call_unless(struct conn *conn, const char *method, json_t *parameters, const char *error,
		     json_t **ret)
{
	AUTO(frame_json_unref) json_t *message = NULL;
	time_t patience_s = patience_for(parameters);
	json_t *answer;
	int r = send_call(conn, method, parameters, false);

	if (r == 0)
		r = be_patient(conn, patience_s);
	if (r == 0)
		r = receive(conn, &message);
	if (r != 0)
		return r;
	if (is_error(message, error)) {
		*ret = NULL;
		return 0;
	}
	if (has_text(message, "error"))
		return refusal_complain(method, message);
	answer = json_object_get(message, "parameters");
	*ret = answer ? json_incref(answer) : json_object();
	return 0;
}

int conn_call(struct conn *conn, const char *method, json_t *parameters, json_t **ret)
{
	return conn_call_unless(conn, method, parameters, NULL, ret);
}

json_t *conn_ask_people(json_t *parameters)
{
	if (isatty(STDIN_FILENO))
		json_object_set_new(parameters, "allowInteractiveAuthentication", json_true());
	return parameters;
}

int conn_change(const struct cli *cli, const char *method, json_t *parameters, json_t **ret)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		return conn_call(conn, method, conn_ask_people(parameters), ret);
	json_decref(parameters);
	return r;
}

int conn_reload(struct conn *conn, json_t **ret)
{
	return conn_call(conn, "Reload", conn_ask_people(json_object()), ret);
}

int conn_call_more(struct conn *conn, const char *method, json_t *parameters, enum conn_end end,
		   int (*fn)(void *ctx, const json_t *parameters), void *ctx)
{
	time_t patience_s = end == CONN_ENDLESS ? 0 : patience_for(parameters);
	int r = send_call(conn, method, parameters, true);

	if (r == 0)
		r = be_patient(conn, patience_s);

	while (r == 0) {
		AUTO(frame_json_unref) json_t *message = NULL;

		r = receive(conn, &message);
		if (r == 0 && has_text(message, "error"))
			return refusal_complain(method, message);
		if (r == 0)
			r = fn(ctx, json_object_get(message, "parameters"));
		if (r == 0 && !json_is_true(json_object_get(message, "continues")))
			return 0;
	}
	return r;
}
