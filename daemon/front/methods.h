/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The methods of io.metad and org.varlink.service: checking of a call and making of replies. A call
 * that is not answered at once stays with its client as a struct call until it is.
 */

#include "core/frame.h"
#include "engine/reconcile.h"
#include "front/polkit.h"

enum call_state {
	CALL_NONE, /* the next message may be looked at */
	CALL_LIST, /* replies are being written */
	CALL_PLAN, /* likewise */
	CALL_MONITOR,
	CALL_RELOAD, /* waits for the files */
	CALL_STATUS, /* likewise, because they are just being read */
	CALL_ASK, /* somebody has to say whether the caller may */
};

/* What a client is owed. */
struct call {
	enum call_state state;
	json_t *message; /* ASK: owned; the call itself */
	const char *action, *verb; /* ASK: what is to be asked about */
	bool interactive; /* ASK: a person may be asked */
	char last[IFNAMSIZ]; /* LIST, and MONITOR before synced: the pair that was sent last */
	struct plan plan; /* PLAN: owned */
	size_t n_tasks; /* PLAN: how many of them have been sent or passed over */
	bool synced; /* MONITOR: every pair has been sent once */
	uint64_t n_told; /* MONITOR: how many changes, of all there ever were, it has been told */
};

/* The youngest changes, for monitors that are behind. One that is further behind starts anew. */
#define CHANGES_MAX 4096

struct change {
	char name[IFNAMSIZ];
	uint64_t sequence;
	bool gone;
};

struct methods {
	struct reconcile *reconcile; /* borrowed */
	struct change changes[CHANGES_MAX]; /* a ring: number i is at i % CHANGES_MAX */
	uint64_t n_changes;
};

/*
 * Answers message, or fills call. *ret_reply is the reply, NULL: none yet, or the call is oneway.
 * privileged: the caller may change things; who is not leaves call in ASK where it matters. 0, -EBADMSG: the connection is to be closed, -ENOMEM.
 */
int methods_call(const struct methods *methods, const json_t *message, bool privileged,
		 struct call *call, json_t **ret_reply);

/* A call in ASK goes on, or is refused. As methods_call. */
int methods_decided(const struct methods *methods, struct call *call, enum polkit_answer answer,
		    json_t **ret_reply);

/* The next reply that call owes, NULL: none for now. call is NONE after the last one. */
int methods_continue(const struct methods *methods, struct call *call, json_t **ret_reply);

void methods_call_done(struct call *call);

/* The engine has changed a pair: monitors are told when they continue. */
void methods_note_change(struct methods *methods, const char *name, bool gone);

/* The reply to a call that waits for the files, now that they have been read; NULL: it does not. */
json_t *methods_loaded(const struct methods *methods, struct call *call);
