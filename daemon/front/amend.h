/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Calls that wait for an amendment: from beginning it to the answer that tells what came of it. */

#include "core/amendment.h"
#include "front/call.h"

/*
 * Takes the amendment, and answers when it is done; a trial that is to be confirmed also when that is
 * over, where more replies are wanted. otherwise_ms and max_ms are of the parameter timeoutMs. As run
 * of a method.
 */
int amend_begin(struct call *call, struct amendment *amendment, int64_t otherwise_ms,
		int64_t max_ms);

/* org.varlink.service.InvalidParameter. */
int amend_refuse_parameter(struct call *call, const char *parameter);

/* The trial, for Status; NULL: there is none, or no memory. */
json_t *amend_trial(const struct front *front);
