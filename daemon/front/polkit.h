/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Asks polkit whether somebody may do something. A question is under way for as long as the
 * authority takes, which may be until a person has typed a password; nothing here waits. Without a
 * bus or without polkit the answer is no. Main thread.
 */

#include <stdbool.h>
#include <sys/types.h>

struct polkit;
struct polkit_question;

enum polkit_answer {
	POLKIT_NO,
	POLKIT_YES,
	POLKIT_CHALLENGE, /* yes, if a person could be asked */
};

struct polkit_request {
	int socket_fd; /* of the one who wants it: whose other end says which process that is */
	pid_t pid; /* by SO_PEERCRED, likewise uid */
	uid_t uid;
	const char *action; /* of systemd/io.metad.policy */
	/* Details, for the authority's rules and for the person who is asked. NULL: none */
	const char *verb;
	const char *pair;
	const char *netns;
	char netns_buffer[64]; /* for netns, where it is made up: "pid 1" */
	bool interactive; /* a person may be asked */
};

int polkit_new(struct polkit **ret); /* 0 or -errno */
void polkit_free(struct polkit *polkit); /* takes NULL; no question is under way */

int polkit_fd(const struct polkit *polkit); /* readable when there is something to drain */
void polkit_drain(struct polkit *polkit); /* calls back for each answer that has come */

/*
 * fn is called once, out of polkit_drain; the question is gone then. 0 or -errno: -EBUSY when too
 * many are under way, -ESRCH when the process has ended.
 */
int polkit_ask(struct polkit *polkit, const struct polkit_request *request,
	       void (*fn)(void *ctx, enum polkit_answer answer), void *ctx,
	       struct polkit_question **ret);
/* Nobody wants to know any more; takes NULL. A person who is being asked is told so. */
void polkit_cancel(struct polkit_question *question);
