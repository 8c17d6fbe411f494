/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A pair's keys as people give them on the command line, as the object that Create takes. */

#include "client/metactl.h"

/*
 * Of --file (a path, or "-") with each --set KEY=VALUE laid over it; both are YAML. NULL in *ret: none
 * is given. 0 or an exit code, which has been explained.
 */
int declaration_read(const struct cli *cli, json_t **ret);
