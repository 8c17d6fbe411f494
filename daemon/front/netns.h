/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What io.metad calls Netns. */

#include "core/model.h"
#include "front/call.h"

/*
 * Which namespace the parameter "netns" means: ret, whose text the caller owns, or the descriptor in
 * *ret_fd, which the caller owns, too. Nothing is set without the parameter. 0, -EINVAL when it does
 * not mean exactly one, or -ENOMEM.
 */
int netns_read(struct call *call, struct netns_ref *ret, int *ret_fd);
