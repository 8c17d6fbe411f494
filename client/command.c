/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of commands; see command.h. */
#include "client/command.h"

#define COMMAND(name) extern const struct command command_##name;
#include "client/commands.h"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "client/commands.h"
#undef COMMAND
};
const size_t n_commands = ARRAY_SIZE(commands);

const struct option_type common_options[] = {
	{ .name = "socket",
	  .value = "PATH",
	  .kind = WORD_FILE,
	  .help = "where metad listens ($METAD_SOCKET, or\n/run/metad/io.metad)" },
	{ .name = "json",
	  .letter = 'j',
	  .value = "FORM",
	  .may_lack_value = true,
	  .kind = WORD_ONE_OF,
	  .words = "pretty short off",
	  .help = "what there is to say, as JSON: pretty (or without\nFORM), short (one document a line) or off" },
	{ .name = "no-legend", .help = "without headings and summaries" },
	{ .name = "no-pager", .help = "long output does not go through a pager" },
	{ .name = "full", .help = "nothing is shortened" },
	{ .name = "help", .letter = 'h', .help = "of metactl, or of one command" },
	{ .name = "version", .help = "of metactl; the command of this name asks metad, too" },
};
const size_t n_common_options = ARRAY_SIZE(common_options);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static const struct option_type *find(const struct option_type *options, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

const struct option_type *command_option(const struct command *command, const char *name)
{
	const struct option_type *option = find(command->options, command->n_options, name);

	return option ? option : find(common_options, n_common_options, name);
}
