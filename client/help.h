/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What there is to say about commands, by the table of them. */

#include "client/cli.h"

/* "metactl edit [OPTION…] NAME"; owned by the caller, NULL: no memory. */
char *help_usage(const struct command *command);
/* NULL: of metactl. As JSON where cli says so: all that the table has. */
void help_print(const struct cli *cli, const struct command *command);
