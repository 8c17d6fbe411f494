/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A plan as an answer: one task a reply, of those about which there is anything to do or to say. */

#include "front/call.h"

/* Plans what was seen last, and makes the first reply. 0 or -errno, as run and resume say. */
int preview_begin(struct call *call);
