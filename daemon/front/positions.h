/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Where a walk over all pairs goes on that is interrupted while pairs come and go: by names. */

#include "engine/reconcile.h"

/* Of the first pair behind the name; as many as there are: there is none. */
size_t positions_behind(struct reconcile *reconcile, const char *last);
