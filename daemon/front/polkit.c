/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See polkit.h. Each question has a connection to the bus of its own: the authority drops what was
 * asked by a connection that closes, so cancelling is closing, no state outlives a question, and an
 * idle metad is no client of the bus. sd-bus runs on an sd-event that lives inside the caller's loop
 * by its file descriptor (sd_event_get_fd(3)).
 */
#include "front/polkit.h"

#include "base/log.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#define DESTINATION "org.freedesktop.PolicyKit1"
#define FLAG_INTERACTIVE 1
#define QUESTIONS_MAX 64 /* the bus has limits, and who asks may never be answered */
#define QUESTIONS_PER_USER 8
#define PATIENCE_US (10 * 1000000ULL)
#define PATIENCE_OF_PEOPLE_US (180 * 1000000ULL)

struct polkit_question {
	struct polkit *polkit; /* borrowed */
	struct polkit_question *next;
	sd_bus *bus; /* owned */
	uid_t uid;
	bool answered;
	enum polkit_answer answer;
	void (*fn)(void *ctx, enum polkit_answer answer);
	void *ctx;
};

struct polkit {
	sd_event *event; /* owned */
	struct polkit_question *questions;
};

int polkit_new(struct polkit **ret)
{
	struct polkit *polkit = calloc(1, sizeof(*polkit));
	int r = polkit ? sd_event_new(&polkit->event) : -ENOMEM;

	if (r < 0) {
		free(polkit);
		return r;
	}
	*ret = polkit;
	return 0;
}

void polkit_free(struct polkit *polkit)
{
	if (!polkit)
		return;
	sd_event_unref(polkit->event);
	free(polkit);
}

int polkit_fd(const struct polkit *polkit)
{
	return sd_event_get_fd(polkit->event);
}

/* ---- events ---- */

/* Does what can be done now; the descriptor becomes readable for the rest when its time comes. */
static void pump(struct polkit *polkit)
{
	for (;;) {
		bool armed = sd_event_get_state(polkit->event) == SD_EVENT_ARMED;
		int r = armed ? 0 : sd_event_prepare(polkit->event);

		if (r == 0)
			r = sd_event_wait(polkit->event, 0);
		if (r > 0)
			r = sd_event_dispatch(polkit->event);
		if (r <= 0)
			return;
	}
}

static void forget(struct polkit_question *question)
{
	struct polkit_question **p = &question->polkit->questions;

	while (*p != question)
		p = &(*p)->next;
	*p = question->next;
	sd_bus_close_unref(question->bus);
	free(question);
}

static struct polkit_question *find_answered(const struct polkit *polkit)
{
	struct polkit_question *question = polkit->questions;

	while (question && !question->answered)
		question = question->next;
	return question;
}

void polkit_drain(struct polkit *polkit)
{
	struct polkit_question *question;

	pump(polkit);
	while ((question = find_answered(polkit))) {
		void (*fn)(void *ctx, enum polkit_answer answer) = question->fn;
		enum polkit_answer answer = question->answer;
		void *ctx = question->ctx;

		forget(question);
		fn(ctx, answer);
	}
	pump(polkit);
}

static int on_wake(sd_event_source *source, uint64_t moment_us, void *ctx)
{
	return 0;
}

/* Answers that were taken in outside of polkit_drain wait for it, so the descriptor must say so. */
static void pump_for_later(struct polkit *polkit)
{
	pump(polkit);
	if (!find_answered(polkit))
		return;
	/* An accuracy of 0 would stand for a quarter of a second. */
	sd_event_add_time_relative(polkit->event, NULL, CLOCK_MONOTONIC, 1, 1, on_wake, NULL);
	sd_event_prepare(polkit->event);
}

/* ---- questions ---- */

/* Behind the two stand details, which are for whoever asks a person. */
static int read_reply(sd_bus_message *reply, int *ret_authorized, int *ret_challenge)
{
	int r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");

	return r < 0 ? r : sd_bus_message_read(reply, "bb", ret_authorized, ret_challenge);
}

static int on_reply(sd_bus_message *reply, void *ctx, sd_bus_error *error)
{
	struct polkit_question *question = ctx;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);
	int authorized = 0, challenge = 0;

	question->answered = true;
	if (refusal)
		log_debug("polkit: %s: %s", refusal->name, refusal->message);
	else if (read_reply(reply, &authorized, &challenge) < 0)
		log_debug("polkit: an answer that is none");
	else if (authorized)
		question->answer = POLKIT_YES;
	else if (challenge)
		question->answer = POLKIT_CHALLENGE;
	return 0;
}

/* Field 22 of proc_pid_stat(5); the second is the name, which may have anything in it. */
static int read_start_time(pid_t pid, uint64_t *ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	char path[64];
	const char *at;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	r = util_read_file_at(AT_FDCWD, path, 4096, &text, &len);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%" SCNu64, ret) == 1 ? 0 : -EBADMSG;
}

/*
 * The number of a process that has ended may be another's by now. One that is still there after its
 * start was read is the one that the socket's other end belongs to. Linux before 6.5 does not say.
 */
static int identify(const struct polkit_request *request, uint64_t *ret_start, int *ret_pidfd)
{
	AUTO_CLOSE int pidfd = -1;
	socklen_t len = sizeof(pidfd);
	struct pollfd ended = { .events = POLLIN };
	int r;

	if (request->pid <= 0)
		return -ESRCH;
	if (getsockopt(request->socket_fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0 &&
	    errno != ENOPROTOOPT)
		return -errno;
	r = read_start_time(request->pid, ret_start);
	ended.fd = pidfd;
	if (r == 0 && pidfd >= 0 && poll(&ended, 1, 0) != 0)
		r = -ESRCH;
	if (r == 0)
		*ret_pidfd = STEAL_FD(pidfd);
	return r;
}

/* Authorities that do not know pidfd pass over it. */
static int append_subject(sd_bus_message *message, const struct polkit_request *request)
{
	AUTO_CLOSE int pidfd = -1;
	uint64_t start = 0;
	int r = identify(request, &start, &pidfd);

	if (r < 0)
		return r;
	if (pidfd < 0)
		return sd_bus_message_append(message, "(sa{sv})", "unix-process", 3, "pid", "u",
					     (uint32_t)request->pid, "start-time", "t", start, "uid",
					     "i", (int32_t)request->uid);
	return sd_bus_message_append(message, "(sa{sv})", "unix-process", 4, "pid", "u",
				     (uint32_t)request->pid, "start-time", "t", start, "uid", "i",
				     (int32_t)request->uid, "pidfd", "h", pidfd);
}

static int append_details(sd_bus_message *message, const struct polkit_request *request)
{
	const char *details[][2] = {
		{ "verb", request->verb },
		{ "pair", request->pair },
		{ "netns", request->netns },
	};
	int r = sd_bus_message_open_container(message, 'a', "{ss}");

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(details); i++)
		if (details[i][1])
			r = sd_bus_message_append(message, "{ss}", details[i][0], details[i][1]);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int send_question(struct polkit_question *question, const struct polkit_request *request)
{
	AUTO(sd_bus_message_unrefp) sd_bus_message *message = NULL;
	int r = sd_bus_message_new_method_call(question->bus, &message, DESTINATION,
					       "/org/freedesktop/PolicyKit1/Authority",
					       DESTINATION ".Authority", "CheckAuthorization");

	if (r >= 0)
		r = append_subject(message, request);
	if (r >= 0)
		r = sd_bus_message_append(message, "s", request->action);
	if (r >= 0)
		r = append_details(message, request);
	if (r >= 0)
		r = sd_bus_message_append(message, "us",
					  request->interactive ? FLAG_INTERACTIVE : 0, "");
	if (r >= 0)
		r = sd_bus_call_async(question->bus, NULL, message, on_reply, question,
				      request->interactive ? PATIENCE_OF_PEOPLE_US : PATIENCE_US);
	return r;
}

static bool is_crowded(const struct polkit *polkit, uid_t uid)
{
	size_t n = 0, n_own = 0;

	for (const struct polkit_question *q = polkit->questions; q; q = q->next) {
		n++;
		n_own += q->uid == uid;
	}
	return n >= QUESTIONS_MAX || n_own >= QUESTIONS_PER_USER;
}

int polkit_ask(struct polkit *polkit, const struct polkit_request *request,
	       void (*fn)(void *ctx, enum polkit_answer answer), void *ctx,
	       struct polkit_question **ret)
{
	struct polkit_question *question;
	int r;

	if (is_crowded(polkit, request->uid))
		return -EBUSY;
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	*question = (struct polkit_question){ .polkit = polkit,
					      .next = polkit->questions,
					      .uid = request->uid,
					      .fn = fn,
					      .ctx = ctx };
	polkit->questions = question;
	r = sd_bus_open_system(&question->bus);
	if (r >= 0)
		r = sd_bus_attach_event(question->bus, polkit->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = send_question(question, request);
	if (r < 0) {
		forget(question);
		return r;
	}
	pump_for_later(polkit);
	*ret = question;
	return 0;
}

void polkit_cancel(struct polkit_question *question)
{
	if (question)
		forget(question);
}
