/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Whether a value is of a type, down to its last member. Pure. */

#include "core/frame.h"
#include "front/interface.h"

enum { INTERFACE_E_INVALID = 1 /* it is not */ };

/*
 * 0, INTERFACE_E_INVALID or -ENOMEM. *ret_place is the first member that is unknown, missing or of
 * another type, as "netns.pid" or "files[2].name"; owned by the caller. A member that is null is
 * missing, whether it is known or not.
 */
int interface_check(const struct interface_type *type, const json_t *value, char **ret_place);
