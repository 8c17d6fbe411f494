/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * From a message to the method that carries it out: what UAPI.20 says of messages, of parameters and
 * of flags is held here, and who is not privileged is not let through where it matters.
 */

#include "front/call.h"
#include "front/polkit.h"

/*
 * Begins a call, which is CALL_NONE with front and caller set; it holds message from now on. Takes
 * fds, which came with it, also on failure.
 * Afterwards it has a reply, or waits, or is CALL_ASKING. 0 or -errno: the connection is to be
 * closed, with -EBADMSG because of what was sent.
 */
int dispatch_begin(struct call *call, json_t *message, struct fds *fds);

/* What is to be asked about a call in CALL_ASKING; borrowed from the call. */
void dispatch_question(const struct call *call, struct polkit_request *ret);
/* A call in CALL_ASKING goes on, or is refused. As dispatch_begin. */
int dispatch_decided(struct call *call, enum polkit_answer answer);

/* Resumes a call in CALL_WAITING. As dispatch_begin. */
int dispatch_resume(struct call *call, unsigned int why);

/* The answer to who may not; for methods that decide it themselves. why: words for the log. */
int dispatch_refuse(struct call *call, const char *why);

/* What a call is about: "Reload"; the pair that its parameters name, as they do, or NULL. */
const char *dispatch_verb(const struct call *call);
const char *dispatch_pair(const struct call *call);
