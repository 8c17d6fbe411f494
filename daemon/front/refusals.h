/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Says in the log who was refused what, but no user more than so often: whoever tries in a loop is to
 * fill nobody's journal.
 */

#include "front/call.h"

#define REFUSALS_USERS 16

struct refusals {
	struct refusals_user {
		uid_t uid;
		uint64_t since_ms; /* when the first of n was; 0: nobody */
		unsigned int n;
	} users[REFUSALS_USERS];
};

/* why: for people, as "polkit says no". Words end in how many were not told before. */
void refusals_tell(struct refusals *refusals, const struct call *call, const char *why,
		   uint64_t now_ms);
