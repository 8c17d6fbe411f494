/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What methods work with: the engine, and what the front itself remembers between calls. */

#include "engine/reconcile.h"
#include "front/answers.h"
#include "front/changes.h"
#include "front/refusals.h"

#define FRONT_MESSAGE_MAX (1u << 20) /* bytes of one that is sent to us: calls are small */

struct front {
	struct reconcile *reconcile; /* borrowed */
	struct changes changes;
	struct answers answers;
	struct refusals refusals;
};
