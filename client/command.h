/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What a command is: its words, its arguments, its options, what it runs. Each is a constant in the
 * file that does it and one line in commands.h; command lines, help, completion and
 * "metactl help --json" are all made from these.
 */

#include "base/util.h"

struct cli;

/* What a word on the command line may be: for completion, and for who reads manuals. */
enum word_kind {
	WORD_TEXT, /* anything */
	WORD_PAIR,
	WORD_FILE,
	WORD_DIRECTORY,
	WORD_NAME, /* a configuration file, or a pair in one */
	WORD_FILE_NAME, /* a configuration file */
	WORD_PROGRAM,
	WORD_TEMPLATE,
	WORD_DEVICE,
	WORD_NETNS, /* a name in /run/netns, or a path */
	WORD_COMMAND,
	WORD_ONE_OF, /* .words */
	WORD_SOME_OF, /* with commas between */
};

/* Constants may be written out of order and in part; what is left out is none or no. */
struct option_type {
	const char *name; /* "drop-in" */
	char letter;
	const char *value; /* what help calls it, "PATH"; NULL: there is none */
	bool may_lack_value;
	enum word_kind kind; /* of the value */
	const char *words; /* WORD_ONE_OF: "pretty short off" */
	const char *help; /* lines of it */
};

struct argument_type {
	const char *name; /* "PAIR"; NULL: no more arguments */
	enum word_kind kind;
	const char *words;
	bool is_optional;
	bool is_repeated; /* the last one only */
};

#define ARGUMENT(text, sort) { .name = (text), .kind = (sort) }
#define ARGUMENT_OPTIONAL(text, sort) { .name = (text), .kind = (sort), .is_optional = true }
/* Any number of them, or at least one. */
#define ARGUMENTS_OPTIONAL(text, sort)                                                             \
	{ .name = (text), .kind = (sort), .is_optional = true, .is_repeated = true }
#define ARGUMENTS(text, sort) { .name = (text), .kind = (sort), .is_repeated = true }

enum command_family { FAMILY_LOOK, FAMILY_CHANGE, FAMILY_FILES, FAMILY_OTHER };

#define COMMAND_ARGUMENTS 3

struct command {
	const char *name;
	enum command_family family;
	struct argument_type arguments[COMMAND_ARGUMENTS + 1];
	const char *help; /* a few words */
	const char *details; /* paragraphs of "metactl COMMAND --help"; NULL: no more to say */
	const struct option_type *options; /* only its own */
	size_t n_options;
	bool is_paged; /* it may be long, and nobody waits for its end */
	/* Its arguments, of which there are as many as it takes. Returns the exit code. */
	int (*run)(const struct cli *cli, int argc, char **argv);
};

#define COMMAND_OPTIONS(array) .options = (array), .n_options = ARRAY_SIZE(array)

/* Of commands that read the configuration themselves. */
#define OPTION_CONFIG_DIR                                                                          \
	{                                                                                          \
		.name = "config-dir", .value = "DIR", .kind = WORD_DIRECTORY,                      \
		.help = "where files are, as of metad; may be repeated, the\n"                     \
			"highest precedence first (/etc/metad, /run/metad,\n"                      \
			"/usr/local/lib/metad and /usr/lib/metad)"                                 \
	}

/* All of them, in the order in which they are listed. */
extern const struct command *const commands[];
extern const size_t n_commands;
/* What every command takes; what it has itself by the same name means more. */
extern const struct option_type common_options[];
extern const size_t n_common_options;

/* NULL: there is none. */
const struct command *command_find(const char *name);
/* Its own, or a common one; NULL: it has none of that name. */
const struct option_type *command_option(const struct command *command, const char *name);
