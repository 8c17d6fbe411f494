/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The methods of io.metad and org.varlink.service: checking of a call and making of replies. A call
 * that is not answered at once stays with its client as a struct call until it is.
 */

#include "core/frame.h"
#include "engine/reconcile.h"

enum call_state {
	CALL_NONE, /* the next message may be looked at */
	CALL_LIST, /* replies are being written */
	CALL_MONITOR,
	CALL_RELOAD, /* waits for the files */
};

/* What a client is owed. */
struct call {
	enum call_state state;
	bool oneway;
	char last[IFNAMSIZ]; /* LIST, and MONITOR before synced: the pair that was sent last */
	bool synced;
	uint64_t sequence; /* MONITOR: everything up to here has been sent */
	bool resync;
};

struct methods {
	struct reconcile *reconcile; /* borrowed */
};

/*
 * Answers message, or fills call. *ret_reply is the reply, NULL: none yet, or the call is oneway.
 * privileged: the caller may change things. 0, -EBADMSG: the connection is to be closed, -ENOMEM.
 */
int methods_call(const struct methods *methods, const json_t *message, bool privileged,
		 struct call *call, json_t **ret_reply);

/* The next reply that call owes; NULL with 0: none for now. call is NONE after the last one. */
int methods_continue(const struct methods *methods, struct call *call, json_t **ret_reply);

/* The reply to a Reload, now that the files have been read. */
json_t *methods_reloaded(const struct methods *methods);
/* One reply of a monitor about a pair that is gone. */
json_t *methods_gone(const char *name, uint64_t sequence);
