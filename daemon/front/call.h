/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One call of a method: what was asked, and how it goes on until it is answered. A method's run()
 * either answers at once, or leaves a resume() here, which is called
 *
 *	after each reply that is not the last one, when there is room for another;
 *	when something happens that the call waits for: events, deadline_ms.
 *
 * Each time it makes one reply at most; when it makes none, the call waits for the next event.
 * Nothing here blocks, and no reply is made before its reader has taken most of those before it.
 */

#include "core/frame.h"
#include "front/fds.h"
#include "front/interface.h"

#include <net/if.h>
#include <sys/types.h>

struct front;

/* Who calls, as the socket says. */
struct caller {
	int socket_fd; /* borrowed */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	bool privileged; /* it may change things without polkit's consent */
};

/* What a call may wait for, and why it is resumed. */
enum call_event {
	CALL_ROOM = 1 << 0, /* why only: the reader takes more */
	CALL_DEADLINE = 1 << 1, /* why only: deadline_ms is over, and is UINT64_MAX again */
	CALL_PAIR = 1 << 2, /* the pair changed or is gone: resumed soon, changes are joined */
	CALL_LOADED = 1 << 3, /* the files were read: resumed before they can be read again */
	CALL_CONFLICTS = 1 << 4, /* declarations are in conflict otherwise than before */
	CALL_LOOKED = 1 << 5, /* at everything: resumed before anything is done about it */
	CALL_MEASURED = 1 << 6, /* counters that somebody asked for have come */
	CALL_AMENDED = 1 << 7, /* an amendment is done, a trial has another stage, a device other hands */
};

enum call_state {
	CALL_NONE, /* the next message may be looked at */
	CALL_BEGUN, /* it is being carried out */
	CALL_ASKING, /* somebody has to say whether the caller may */
	CALL_WAITING, /* to be resumed */
	CALL_OVER, /* its last reply is there */
};

struct call {
	enum call_state state;
	struct front *front; /* borrowed */
	struct caller *caller; /* borrowed */
	const struct interface_method *method; /* NULL: of none that there is */
	json_t *message; /* owned */
	const json_t *parameters; /* borrowed from message, of the types that the method takes */
	bool more, oneway;
	struct fds fds; /* that came with it: none, unless the method takes some */
	json_t *reply; /* owned; to be sent, unless oneway */
	char *text; /* or this, owned: a message that is encoded already */
	const char *kept; /* or this, borrowed: likewise */
	size_t text_len;

	/* CALL_WAITING */
	int (*resume)(struct call *call, unsigned int why); /* 0, or -errno as run */
	void (*release)(struct call *call); /* once, when it is over or abandoned; or NULL */
	void *data; /* of the method */
	unsigned int events; /* call_event bits */
	char pair[IFNAMSIZ]; /* CALL_PAIR: of this one only; empty: of all */
	uint64_t deadline_ms; /* util_now_ms() */
	bool abandoned; /* for release: the caller went away before the call was over */
};

/* ---- what was asked: NULL, 0 and false where it is missing ---- */

const char *call_text(const struct call *call, const char *parameter);
bool call_flag(const struct call *call, const char *parameter);
int64_t call_number(const struct call *call, const char *parameter, int64_t otherwise);

/* ---- answers ---- */

/* All take parameters; NULL: there was no memory for them. 0 or -ENOMEM, as run and resume say. */
int call_reply(struct call *call, json_t *parameters); /* the last one */
int call_reply_more(struct call *call, json_t *parameters); /* more follow: resume is there */
int call_error(struct call *call, const char *name, json_t *parameters);
/* A whole message with its NUL byte: taken, or such as stays there until it is sent right afterwards. */
void call_reply_encoded(struct call *call, char *text, size_t len, enum call_state state);
void call_reply_kept(struct call *call, const char *text, size_t len, enum call_state state);
/* An error with one text; key NULL: with nothing. */
int call_error_text(struct call *call, const char *name, const char *key, const char *value);

/*
 * The call goes on by resume. What is to be waited for is set in call afterwards. A call whose answer
 * nobody wants (oneway) is released when run returns: what it began goes on without it.
 */
void call_wait(struct call *call, int (*resume)(struct call *call, unsigned int why),
	       void (*release)(struct call *call), void *data);

/* release for data that malloc made. */
void call_free_data(struct call *call);

/* ---- for dispatch and the client ---- */

/*
 * The reply as it is to be sent: in *ret_text, which the caller owns, or in *ret_kept, which is borrowed.
 * Neither is set: there is none. 0 or -ENOMEM.
 */
int call_take_reply(struct call *call, char **ret_text, const char **ret_kept, size_t *ret_len);
void call_done(struct call *call); /* its state is CALL_NONE then */
