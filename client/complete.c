/* SPDX-License-Identifier: GPL-2.0-only */
/* See complete.h. Reads a line that is not finished, and guesses nothing about what is wrong in it. */
#include "client/complete.h"

#include "client/outlook.h"
#include "client/pairs.h"

#include <net/if.h>
#include <stdio.h>

#define PATIENCE_S 2 /* somebody has pressed a key */

struct line {
	struct cli cli; /* as far as it is known: the socket, directories, the command, options */
	size_t n_arguments;
	const struct option_type *option; /* whose value is completed; NULL: no value is */
	bool only_arguments; /* "--" has been */
	const char *prefix; /* what stands before it in the same word; not NUL-terminated */
	size_t prefix_len;
	const char *current; /* what there is of it */
};

static void offer(const struct line *line, const char *text, const char *words)
{
	if (strncmp(text, line->current, strlen(line->current)) != 0)
		return;
	printf("%.*s%s\t", (int)line->prefix_len, line->prefix, text);
	for (; *words; words++)
		putchar(*words == '\n' ? ' ' : *words);
	putchar('\n');
}

/* ---- reading the line ---- */

/* By "--name", "--name=value" or "-n"; NULL: there is none. */
static const struct option_type *find_option(const struct line *line, const char *word)
{
	const struct command *command = line->cli.command;
	size_t len = strcspn(word, "=");
	const struct command none = {};
	AUTO_FREE char *name = strndup(word + 2, len > 2 ? len - 2 : 0);

	if (strncmp(word, "--", 2) != 0 || !name)
		return NULL;
	if (command || command_option(&none, name))
		return command_option(command ? command : &none, name);
	for (size_t i = 0; i < n_commands; i++)
		if (command_option(commands[i], name))
			return command_option(commands[i], name);
	return NULL;
}

static void take_value(struct line *line, const struct option_type *option, const char *value)
{
	struct cli *cli = &line->cli;

	if (strcmp(option->name, "socket") == 0)
		cli->socket = value;
	else if (strcmp(option->name, "config-dir") == 0 && cli->n_config_dirs < CONFIG_DIRS_MAX)
		cli->config_dirs[cli->n_config_dirs++] = value;
}

static void take_argument(struct line *line, const char *word)
{
	if (!line->cli.command)
		line->cli.command = command_find(word);
	else
		line->n_arguments++;
}

/* Returns how many words more belong to it; the last one of all is no value yet. */
static int take_option(struct line *line, int n, char **words)
{
	const struct option_type *option = find_option(line, words[0]);
	struct cli_given given = { .name = option ? option->name : "" };
	const char *equals = strchr(words[0], '=');
	int skip = n > 1 && strcmp(words[1], "=") == 0; /* bash takes "--json=short" apart */

	if (!option || ARRAY_APPEND(line->cli.given, line->cli.n_given, given) < 0)
		return 0;
	if (equals)
		take_value(line, option, equals + 1);
	if (equals || !option->value || (option->may_lack_value && !skip))
		return 0;
	if (skip + 1 < n - 1)
		take_value(line, option, words[skip + 1]);
	else
		line->option = option;
	return skip + 1;
}

static void read_current(struct line *line, char *word)
{
	const struct option_type *option = find_option(line, word);
	const char *equals = strchr(word, '=');

	line->current = line->prefix = word;
	if (line->option) {
		line->current += strcmp(word, "=") == 0;
	} else if (!line->only_arguments && option && option->value && equals) {
		line->option = option;
		line->current = equals + 1;
		line->prefix_len = equals + 1 - word;
	}
}

static void read_line(struct line *line, int n, char **words)
{
	for (int i = 0; i < n - 1; i++) {
		if (!line->only_arguments && strcmp(words[i], "--") == 0)
			line->only_arguments = true;
		else if (!line->only_arguments && words[i][0] == '-')
			i += take_option(line, n - i, words + i);
		else
			take_argument(line, words[i]);
	}
	read_current(line, words[n - 1]);
	if (!line->cli.n_config_dirs)
		cli_use_standard_dirs(&line->cli);
}

/* ---- what there is ---- */

static void offer_pairs(const struct line *line)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *pairs = NULL;
	json_t *pair;
	size_t i;

	if (conn_open(&line->cli, &conn) != 0 || pairs_ask(conn, &pairs) != 0)
		return;
	json_array_foreach(pairs, i, pair)
		offer(line, text_of(pair, "name"), text_of(pair, "state"));
}

/* Of each once, from the pairs' chains. */
static void offer_programs(const struct line *line)
{
	AUTO(outlook_done) struct outlook outlook = {};

	if (outlook_make(&line->cli, NULL, &outlook) != 0)
		return;
	for (size_t i = 0; i < outlook.desired->n_programs; i++)
		if (outlook.desired->programs[i].name[0] != '+')
			offer(line, outlook.desired->programs[i].name, "program");
}

static void offer_templates(const struct line *line)
{
	AUTO(outlook_done) struct outlook outlook = {};

	if (outlook_make(&line->cli, NULL, &outlook) != 0)
		return;
	for (size_t i = 0; i < outlook.catalog.n_files; i++)
		for (size_t j = 0; j < outlook.catalog.files[i].config.n_templates; j++)
			offer(line, outlook.catalog.files[i].config.templates[j].name,
			      outlook.catalog.files[i].name);
}

/* Configuration files of any directory, and pairs in them. */
static void offer_names(const struct line *line, bool with_pairs)
{
	AUTO(outlook_done) struct outlook outlook = {};

	if (outlook_make(&line->cli, NULL, &outlook) != 0)
		return;
	for (size_t i = 0; i < outlook.list.n; i++)
		if (!outlook.list.items[i].is_dropin && !outlook.list.items[i].hidden_by)
			offer(line, outlook.list.items[i].name, outlook.list.items[i].path);
	for (size_t i = 0; with_pairs && i < outlook.desired->n_pairs; i++)
		offer(line, outlook.desired->pairs[i].name, "pair");
}

static void offer_devices(const struct line *line)
{
	struct if_nameindex *devices = if_nameindex();

	for (struct if_nameindex *at = devices; at && at->if_name; at++)
		offer(line, at->if_name, "device");
	if (devices)
		if_freenameindex(devices);
}

static void offer_namespaces(const struct line *line)
{
	AUTO_CLOSE_DIR DIR *dir = opendir("/run/netns");
	const struct dirent *entry;

	if (line->current[0] == '/') {
		puts(":files");
		return;
	}
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			offer(line, entry->d_name, "namespace");
}

static void offer_commands(const struct line *line)
{
	for (size_t i = 0; i < n_commands; i++)
		offer(line, commands[i]->name, commands[i]->help);
}

/* words: with blanks between. Of several with commas, the last is meant. */
static void offer_words(const struct line *line, const char *words, bool are_several)
{
	const char *comma = are_several ? strrchr(line->current, ',') : NULL;
	struct line last = *line;
	AUTO_FREE char *all = strdup(words);
	char *rest = all, *word;

	if (comma) {
		last.current = comma + 1;
		/* The words before it stand in the same word of the line, behind what is before them. */
		last.prefix = line->prefix_len ? line->prefix : line->current;
		last.prefix_len = comma + 1 - last.prefix;
	}
	while (all && (word = strtok_r(rest, " ", &rest)))
		offer(&last, word, "");
}

static void offer_kind(const struct line *line, enum word_kind kind, const char *words)
{
	switch (kind) {
	case WORD_TEXT:
		return;
	case WORD_PAIR:
		return offer_pairs(line);
	case WORD_FILE:
		puts(":files");
		return;
	case WORD_DIRECTORY:
		puts(":directories");
		return;
	case WORD_NAME:
		return offer_names(line, true);
	case WORD_FILE_NAME:
		return offer_names(line, false);
	case WORD_PROGRAM:
		return offer_programs(line);
	case WORD_TEMPLATE:
		return offer_templates(line);
	case WORD_DEVICE:
		return offer_devices(line);
	case WORD_NETNS:
		return offer_namespaces(line);
	case WORD_COMMAND:
		return offer_commands(line);
	case WORD_ONE_OF:
		return offer_words(line, words, false);
	case WORD_SOME_OF:
		return offer_words(line, words, true);
	}
}

/* ---- options and arguments ---- */

static bool is_given(const struct line *line, const char *name)
{
	for (size_t i = 0; i < line->cli.n_given; i++)
		if (strcmp(line->cli.given[i].name, name) == 0)
			return strcmp(name, "config-dir") != 0;
	return false;
}

static void offer_options(const struct line *line, const struct option_type *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[64];

		snprintf(text, sizeof(text), "--%s", options[i].name);
		if (!is_given(line, options[i].name))
			offer(line, text, options[i].help);
	}
}

static void offer_all_options(const struct line *line)
{
	const struct command *command = line->cli.command;

	if (command)
		offer_options(line, command->options, command->n_options);
	for (size_t i = 0; i < n_common_options; i++)
		if (!command ||
		    command_option(command, common_options[i].name) == &common_options[i])
			offer_options(line, &common_options[i], 1);
}

static void offer_argument(const struct line *line)
{
	const struct argument_type *type;

	if (!line->cli.command)
		return offer_commands(line);
	type = line->cli.command->arguments;
	for (size_t i = 0; i < line->n_arguments && type->name && !type->is_repeated; i++)
		type++;
	if (type->name)
		offer_kind(line, type->kind, type->words);
}

void complete_print(int n, char **words)
{
	const char *socket = getenv("METAD_SOCKET");
	struct line line = { .cli.socket = socket && socket[0] ? socket : CLI_SOCKET };

	if (n < 1 || !freopen("/dev/null", "w", stderr))
		return;
	alarm(PATIENCE_S);
	read_line(&line, n, words);
	if (line.option)
		offer_kind(&line, line.option->kind, line.option->words);
	else if (!line.only_arguments && line.current[0] == '-')
		offer_all_options(&line);
	else
		offer_argument(&line);
	cli_done(&line.cli);
}
