/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A command line, taken apart and checked by the table of commands. */

#include "client/command.h"

#define CONFIG_DIRS_MAX 16

#define CLI_SOCKET "/run/metad/io.metad"

enum json_mode { JSON_OFF, JSON_SHORT, JSON_PRETTY };

struct cli_given {
	const char *name, *value; /* borrowed from the table and the command line */
};

struct cli {
	const struct command *command;
	const char *socket;
	enum json_mode json;
	bool no_legend, no_pager, full;
	const char *config_dirs[CONFIG_DIRS_MAX]; /* highest precedence first */
	size_t n_config_dirs;
	struct cli_given *given; /* owned; each option as often as it was given */
	size_t n_given;
};

/*
 * 0 with the command, and with its arguments moved to the end of argv, from *ret_first on; an exit
 * code, which has been explained; or CLI_DONE when that was all that was asked for.
 */
#define CLI_DONE (-1)
int cli_parse(int argc, char **argv, struct cli *ret, int *ret_first);
void cli_done(struct cli *cli);
void cli_use_standard_dirs(struct cli *cli);

/* Options that the command has: the last value ("" where it was given none); NULL: not given. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_is_given(const struct cli *cli, const char *name);

/* That there is no such command, and which one may have been meant. Returns the exit code. */
int cli_complain_command(const char *word);
