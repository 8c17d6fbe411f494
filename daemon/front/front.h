/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What methods work with: the engine, and what the front itself remembers between calls. */

#include "engine/reconcile.h"
#include "front/changes.h"
#include "front/refusals.h"

struct front {
	struct reconcile *reconcile; /* borrowed */
	struct changes changes;
	struct refusals refusals;
};
