/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl completion: what the shells need to complete its command lines. */
#include "client/complete.h"
#include "client/metactl.h"
#include "completion_texts.h"

#include <stdio.h>

static const struct {
	const char *shell, *text;
} scripts[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static int cmd_completion(const struct cli *cli, int argc, char **argv)
{
	if (strcmp(argv[0], "words") == 0) {
		complete_print(argc - 1, argv + 1);
		return 0;
	}
	if (argc > 1)
		return complain(EXIT_USAGE, "\"%s\" is too much: only words has more behind it",
				argv[1]);
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (strcmp(argv[0], scripts[i].shell) == 0)
			fputs(scripts[i].text, stdout);
	return 0;
}

const struct command command_completion = {
	.name = "completion",
	.family = FAMILY_OTHER,
	.arguments = { { .name = "SHELL", .kind = WORD_ONE_OF, .words = "bash zsh fish words" },
		       ARGUMENTS_OPTIONAL("WORD", WORD_TEXT) },
	.help = "what bash, zsh or fish completes metactl by",
	.details = "It is installed where these shells look for it. In a shell that does not:\n"
		   "\n"
		   "  source <(metactl completion bash)\n"
		   "\n"
		   "In place of a shell's name, \"words -- WORD…\" lists what can stand for the last\n"
		   "WORD of a command line: a line each, with a tab and an explanation behind it;\n"
		   "\":files\" and \":directories\" stand for those that there are.",
	.run = cmd_completion,
};
