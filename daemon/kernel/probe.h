/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Finds out by doing what the machine has of core/feature.h. Worker thread, or before it starts. */

#include "kernel/context.h"

/* settings: what is switched off there is not usable, either. Takes well below a millisecond. */
void probe_features(struct kernel *kernel, const struct settings *settings);
