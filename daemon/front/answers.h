/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Answers about a pair as they were sent a moment ago, for those who ask the same: many monitors that
 * are told of one change, many who poll one pair. They are kept while the engine does not move, and no
 * longer than what is counted may be old.
 */

#include "core/frame.h"

#include <net/if.h>

#define ANSWERS_MAX 16

struct call;

enum answer_kind {
	ANSWER_NONE,
	ANSWER_DESCRIBE,
	ANSWER_MONITOR, /* more follow */
};

struct answers {
	struct answer {
		enum answer_kind kind;
		char pair[IFNAMSIZ];
		uint64_t revision, made_ms;
		char *text; /* owned; the message with its NUL byte */
		size_t len;
	} items[ANSWERS_MAX];
	size_t next; /* the one to be replaced */
};

/* Whether there was one; it is the call's reply then. */
bool answers_repeat(struct call *call, enum answer_kind kind, const char *pair);
/* Keeps it, and makes it the reply. Takes message; NULL: there was no memory for it. 0 or -ENOMEM. */
int answers_reply(struct call *call, enum answer_kind kind, const char *pair, json_t *message);
void answers_done(struct answers *answers);
