/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Error replies of metad as people see them. */

#include "client/metactl.h"

/* Complains about what a message with an error says. Returns the exit code. */
int refusal_complain(const char *method, const json_t *message);
