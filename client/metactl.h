/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the commands of metactl share: how it was called, and what its exit codes mean. */

#include "core/frame.h"

#define CONFIG_DIRS_MAX 16

#define EXIT_OK 0
#define EXIT_NOT_OK 1 /* a pair is not ready, a file is broken, something was refused */
#define EXIT_DIFFERENT 2 /* plan: there is something to do */
#define EXIT_UNREACHABLE 3
#define EXIT_USAGE 64 /* EX_USAGE */

enum json_mode { JSON_OFF, JSON_SHORT, JSON_PRETTY };

struct cli {
	const char *socket;
	enum json_mode json;
	bool no_legend, full;
	const char *config_dirs[CONFIG_DIRS_MAX]; /* highest precedence first */
	size_t n_config_dirs;
	const char *drop_in; /* NULL: none is named */
	bool runtime, from_stdin;
};

/* One command: its own arguments, without its name. Returns the exit code. */
typedef int (*command_fn)(const struct cli *cli, int argc, char **argv);

int cmd_status(const struct cli *cli, int argc, char **argv);
int cmd_list(const struct cli *cli, int argc, char **argv);
int cmd_plan(const struct cli *cli, int argc, char **argv);
int cmd_cleanup(const struct cli *cli, int argc, char **argv);
int cmd_check(const struct cli *cli, int argc, char **argv);
int cmd_reload(const struct cli *cli, int argc, char **argv);
int cmd_cat(const struct cli *cli, int argc, char **argv);
int cmd_edit(const struct cli *cli, int argc, char **argv);
int cmd_mask(const struct cli *cli, int argc, char **argv);
int cmd_unmask(const struct cli *cli, int argc, char **argv);
int cmd_monitor(const struct cli *cli, int argc, char **argv);
int cmd_version(const struct cli *cli, int argc, char **argv);

/* Says what is wrong, "metactl: …", and returns the code. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *format, ...);
/* Prints json as --json asks. */
void print_json(const struct cli *cli, const json_t *json);

/* Members of objects, with something harmless where they are missing. */
const char *text_of(const json_t *object, const char *key); /* "" */
bool has_text(const json_t *object, const char *key);
