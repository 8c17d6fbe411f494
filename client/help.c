/* SPDX-License-Identifier: GPL-2.0-only */
/* Help, for people as text of 80 columns, for generators and lints as JSON; see help.h. */
#include "client/help.h"

#include "client/output.h"
#include "client/pager.h"

#include <stdio.h>

static const char *const families[] = {
	[FAMILY_LOOK] = "How things are",
	[FAMILY_CHANGE] = "Changes",
	[FAMILY_FILES] = "Configuration files, without metad",
	[FAMILY_OTHER] = "Else",
};

static const char *const kinds[] = {
	[WORD_TEXT] = "text",	    [WORD_PAIR] = "pair",
	[WORD_FILE] = "file",	    [WORD_DIRECTORY] = "directory",
	[WORD_NAME] = "name",	    [WORD_FILE_NAME] = "file-name",
	[WORD_PROGRAM] = "program", [WORD_TEMPLATE] = "template",
	[WORD_DEVICE] = "device",   [WORD_NETNS] = "netns",
	[WORD_COMMAND] = "command", [WORD_ONE_OF] = "one-of", [WORD_SOME_OF] = "some-of",
};

/* ---- synopses ---- */

static void put_arguments(FILE *out, const struct command *command)
{
	for (const struct argument_type *type = command->arguments; type->name; type++)
		fprintf(out, " %s%s%s%s", type->is_optional ? "[" : "", type->name,
			type->is_repeated ? "…" : "", type->is_optional ? "]" : "");
}

static void put_option(FILE *out, const struct option_type *type)
{
	fprintf(out, "--%s", type->name);
	if (type->value)
		fprintf(out, type->may_lack_value ? "[=%s]" : " %s", type->value);
}

/* Closes out; its text, or NULL. */
static char *finish(FILE *out, char **text)
{
	if (fclose(out) == 0)
		return *text;
	free(*text);
	return NULL;
}

char *help_usage(const struct command *command)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out, "metactl %s%s", command->name, command->n_options ? " [OPTION…]" : "");
	put_arguments(out, command);
	return finish(out, &text);
}

/* "status [PAIR]", or "-j, --json[=FORM]". */
static char *synopsis(const struct command *command, const struct option_type *type)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	if (command) {
		fputs(command->name, out);
		put_arguments(out, command);
	} else {
		if (type->letter)
			fprintf(out, "-%c, ", type->letter);
		put_option(out, type);
	}
	return finish(out, &text);
}

/* ---- text ---- */

#define INDENT 2
#define ROOM 20 /* of synopses; what is longer has a line of its own */

/* A synopsis, and beside it lines of words. */
static void print_entry(const char *text, const char *words)
{
	size_t width = text ? term_text_width(text) : 0;

	printf("%*s%s", INDENT, "", text ? text : "out of memory");
	if (width > ROOM) {
		putchar('\n');
		width = 0;
		printf("%*s", INDENT, "");
	}
	printf("%*s", (int)(ROOM - width), "");
	for (;;) {
		size_t len = strcspn(words, "\n");

		printf(" %.*s\n", (int)len, words);
		if (!words[len])
			return;
		words += len + 1;
		printf("%*s", INDENT + ROOM, "");
	}
}

static void print_options(const char *heading, const struct option_type *options, size_t n)
{
	if (!n)
		return;
	printf("\n%s:\n", heading);
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *text = synopsis(NULL, &options[i]);

		print_entry(text, options[i].help);
	}
}

static void print_metactl(void)
{
	puts("Usage: metactl [OPTION…] COMMAND [ARGUMENT…]\n\n"
	     "Asks metad how the device pairs are that it keeps, and changes them.");
	for (size_t family = 0; family < ARRAY_SIZE(families); family++) {
		bool is_first = true;

		for (size_t i = 0; i < n_commands; i++) {
			AUTO_FREE char *text = synopsis(commands[i], NULL);

			if (commands[i]->family != family)
				continue;
			if (is_first)
				printf("\n%s:\n", families[family]);
			is_first = false;
			print_entry(text, commands[i]->help);
		}
	}
	print_options("Options", common_options, n_common_options);
	puts("\nmetactl COMMAND --help tells the options of a command.\n"
	     "Colours are for terminals, unless $NO_COLOR is set; $COLUMNS is the width of\n"
	     "tables on a terminal.\n\n"
	     "Exit status: 0 all is well; 1 a pair is not ready, a file is broken, or\n"
	     "something was refused and nothing is changed; 2 there is a difference between\n"
	     "what is and what is wanted; 3 metad cannot be reached; 64 wrong usage.");
}

/* What it has by the name of a common option means more, and is told as its own. */
static void print_common(const struct command *command)
{
	printf("\nOptions of all commands:\n");
	for (size_t i = 0; i < n_common_options; i++) {
		AUTO_FREE char *text = synopsis(NULL, &common_options[i]);

		if (command_option(command, common_options[i].name) == &common_options[i])
			print_entry(text, common_options[i].help);
	}
}

static void print_command(const struct command *command)
{
	AUTO_FREE char *usage = help_usage(command);

	printf("Usage: %s\n\n%c%s.\n", usage ? usage : "", command->help[0] - 'a' + 'A',
	       command->help + 1);
	if (command->details)
		printf("\n%s\n", command->details);
	print_options("Options", command->options, command->n_options);
	print_common(command);
}

/* ---- JSON ---- */

static json_t *words_json(const char *words)
{
	json_t *array = json_array();

	while (words && *words) {
		size_t len = strcspn(words, " ");

		json_array_append_new(array, json_stringn(words, len));
		words += len + strspn(words + len, " ");
	}
	return array;
}

static json_t *option_json(const struct option_type *type)
{
	char letter[2] = { type->letter, '\0' };

	return json_pack("{s:s, s:s*, s:s*, s:b, s:s*, s:o*, s:s}", "name", type->name, "letter",
			 letter[0] ? letter : NULL, "value", type->value, "mayLackValue",
			 type->may_lack_value, "kind", type->value ? kinds[type->kind] : NULL,
			 "words", type->words ? words_json(type->words) : NULL, "help", type->help);
}

static json_t *options_json(const struct option_type *options, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, option_json(&options[i]));
	return array;
}

static json_t *arguments_json(const struct command *command)
{
	json_t *array = json_array();

	for (const struct argument_type *type = command->arguments; type->name; type++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:b, s:b, s:o*}", "name", type->name, "kind",
					 kinds[type->kind], "optional", type->is_optional,
					 "repeated", type->is_repeated, "words",
					 type->words ? words_json(type->words) : NULL));
	return array;
}

static json_t *command_json(const struct command *command)
{
	AUTO_FREE char *usage = help_usage(command);

	return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:o, s:o}", "name", command->name, "family",
			 families[command->family], "usage", usage ? usage : "", "help",
			 command->help, "details", command->details, "arguments",
			 arguments_json(command), "options",
			 options_json(command->options, command->n_options));
}

static json_t *metactl_json(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n_commands; i++)
		json_array_append_new(array, command_json(commands[i]));
	return json_pack("{s:o, s:o}", "options", options_json(common_options, n_common_options),
			 "commands", array);
}

/* ---- either ---- */

void help_print(const struct cli *cli, const struct command *command)
{
	AUTO(frame_json_unref) json_t *document = command ? command_json(command) : metactl_json();

	if (!cli->no_pager)
		pager_open();
	if (cli->json != JSON_OFF)
		output(cli, document, NULL);
	else if (command)
		print_command(command);
	else
		print_metactl();
}

static int cmd_help(const struct cli *cli, int argc, char **argv)
{
	const struct command *command = argc ? command_find(argv[0]) : NULL;

	if (argc && !command)
		return cli_complain_command(argv[0]);
	help_print(cli, command);
	return 0;
}

const struct command command_help = {
	.name = "help",
	.family = FAMILY_OTHER,
	.arguments = { ARGUMENT_OPTIONAL("COMMAND", WORD_COMMAND) },
	.help = "of metactl, or of one command",
	.details = "With --json it is all that there is to know of commands, their arguments and\n"
		   "their options.",
	.is_paged = true,
	.run = cmd_help,
};
