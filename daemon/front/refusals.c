/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See refusals.h. A user has a few lines in a while; what is more is counted, and told of when the
 * next while begins. Of many users those are forgotten first who were heard of first.
 */
#include "front/refusals.h"

#include "base/log.h"
#include "base/message_id.h"
#include "core/model.h"
#include "front/dispatch.h"

#include <stdio.h>

#define WHILE_MS (60 * 1000)
#define LINES 5

/* Whose while is over, or was longest ago, makes room. */
static struct refusals_user *find(struct refusals *refusals, uid_t uid)
{
	struct refusals_user *oldest = &refusals->users[0];

	for (size_t i = 0; i < REFUSALS_USERS; i++) {
		struct refusals_user *user = &refusals->users[i];

		if (user->since_ms && user->uid == uid)
			return user;
		if (user->since_ms < oldest->since_ms)
			oldest = user;
	}
	*oldest = (struct refusals_user){ .uid = uid };
	return oldest;
}

/* Whether there is to be a line; *ret_missed: how many there were without one. */
static bool count(struct refusals_user *user, uint64_t now_ms, unsigned int *ret_missed)
{
	*ret_missed = 0;
	if (!user->since_ms || now_ms - user->since_ms >= WHILE_MS) {
		if (user->n > LINES)
			*ret_missed = user->n - LINES;
		user->since_ms = MAX(now_ms, 1);
		user->n = 0;
	}
	return ++user->n <= LINES;
}

void refusals_tell(struct refusals *refusals, const struct call *call, const char *why,
		   uint64_t now_ms)
{
	const struct caller *caller = call->caller;
	const char *pair = dispatch_pair(call);
	const struct log_about about = { .message_id = MESSAGE_REFUSED,
					 .pair = pair && device_name_is_valid(pair) ? pair : NULL,
					 .uid = caller->uid,
					 .pid = caller->pid,
					 .verb = dispatch_verb(call) };
	char more[64] = "";
	unsigned int missed;

	if (!count(find(refusals, caller->uid), now_ms, &missed))
		return;
	if (missed)
		snprintf(more, sizeof(more), " (%u more times before)", missed);
	log_line(LOG_NOTICE, &about, "user %u (process %d) may not call %s: %s%s", caller->uid,
		 (int)caller->pid, about.verb, why, more);
}
