/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See cli.h. Options may stand before the command, so those of all commands are known until it is
 * found; then it is asked which are its own.
 */
#include "client/cli.h"

#include "base/word.h"
#include "client/help.h"
#include "client/metactl.h"
#include "client/term.h"
#include "files/dropin.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#define OPTIONS_MAX 128
#define FIRST_LONG 256 /* what getopt_long returns for the first; letters are smaller */

/* ---- all options, as getopt wants them ---- */

struct all_options {
	const struct option_type *types[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char letters[3 * OPTIONS_MAX + 2];
	size_t n;
};

static const struct option_type *find_all(const struct all_options *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->types[i]->name, name) == 0)
			return all->types[i];
	return NULL;
}

static int how_many_values(const struct option_type *type)
{
	if (!type->value)
		return no_argument;
	return type->may_lack_value ? optional_argument : required_argument;
}

static void add_option(struct all_options *all, const struct option_type *type)
{
	static const char *const values[] = {
		[no_argument] = "",
		[required_argument] = ":",
		[optional_argument] = "::",
	};
	int has_value = how_many_values(type);
	size_t used = strlen(all->letters);

	if (find_all(all, type->name))
		return;
	assert(all->n < OPTIONS_MAX);
	all->types[all->n] = type;
	all->longs[all->n] = (struct option){
		.name = type->name,
		.has_arg = has_value,
		.val = FIRST_LONG + (int)all->n,
	};
	all->n++;
	if (type->letter)
		snprintf(all->letters + used, sizeof(all->letters) - used, "%c%s", type->letter,
			 values[has_value]);
}

static void add_all(struct all_options *all)
{
	strcpy(all->letters, ":"); /* a value that is missing is told apart */
	for (size_t i = 0; i < n_common_options; i++)
		add_option(all, &common_options[i]);
	for (size_t i = 0; i < n_commands; i++)
		for (size_t j = 0; j < commands[i]->n_options; j++)
			add_option(all, &commands[i]->options[j]);
}

/* NULL: getopt did not know it. */
static const struct option_type *type_of(const struct all_options *all, int result)
{
	if (result >= FIRST_LONG)
		return all->types[result - FIRST_LONG];
	for (size_t i = 0; i < all->n && result; i++)
		if (all->types[i]->letter == result)
			return all->types[i];
	return NULL;
}

/* ---- what is wrong ---- */

struct mistake {
	const char *word; /* NULL: no mistake */
	char letter[3]; /* word, where it is one letter of several */
};

static void note_unknown(struct mistake *mistake, char **argv)
{
	if (mistake->word)
		return;
	mistake->word = argv[optind - 1];
	/* One of several letters behind one "-": argv has not moved on, or is the word with them. */
	if (optopt && optopt < FIRST_LONG) {
		snprintf(mistake->letter, sizeof(mistake->letter), "-%c", optopt);
		mistake->word = mistake->letter;
	}
}

static int complain_option(const struct cli *cli, const char *word)
{
	char name[64] = "";
	struct word_search search = word_search(name);
	const char *nearest;

	if (strncmp(word, "--", 2) == 0)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; cli->command && i < cli->command->n_options; i++)
		word_search_try(&search, cli->command->options[i].name);
	for (size_t i = 0; i < n_common_options; i++)
		word_search_try(&search, common_options[i].name);
	nearest = name[0] ? word_search_result(&search) : NULL;
	if (nearest)
		return complain(EXIT_USAGE, "there is no option \"%s\"; did you mean --%s?", word,
				nearest);
	return complain(EXIT_USAGE, "there is no option \"%s\"; see metactl %s%s--help", word,
			cli->command ? cli->command->name : "", cli->command ? " " : "");
}

static int complain_value(const struct option_type *type, char **argv)
{
	if (!type)
		return complain(EXIT_USAGE, "%s: something is wrong with it", argv[optind - 1]);
	if (type->value)
		return complain(EXIT_USAGE, "--%s needs %s", type->name, type->value);
	return complain(EXIT_USAGE, "--%s takes no value", type->name);
}

int cli_complain_command(const char *word)
{
	struct word_search search = word_search(word);
	const char *nearest;

	for (size_t i = 0; i < n_commands; i++)
		word_search_try(&search, commands[i]->name);
	nearest = word_search_result(&search);
	if (nearest)
		return complain(EXIT_USAGE, "\"%s\" is not a command; did you mean \"%s\"?", word,
				nearest);
	return complain(EXIT_USAGE, "\"%s\" is not a command; see metactl --help", word);
}

/* An option that would do nothing was meant to do something. */
static int complain_not_taken(const struct cli *cli, const char *option)
{
	char takers[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < n_commands && used < sizeof(takers); i++)
		if (command_option(commands[i], option))
			used += snprintf(takers + used, sizeof(takers) - used, "%s%s",
					 used ? ", " : "", commands[i]->name);
	return complain(EXIT_USAGE, "--%s is not for %s, but for %s", option, cli->command->name,
			takers);
}

/* ---- words that are known ---- */

static bool is_one_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");

		if (n == len && strncmp(at, word, len) == 0)
			return true;
		at += n;
	}
	return false;
}

/* "pretty, short or off" */
static void list_words(const char *words, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	while (*words && used < size) {
		size_t n = strcspn(words, " ");
		bool is_first = !used, is_last = !words[n];

		used += snprintf(buf + used, size - used, "%s%.*s",
				 is_first ? "" : is_last ? " or " : ", ", (int)n, words);
		words += n + strspn(words + n, " ");
	}
}

/* name: of the option or argument, "--json". 0 or an exit code. */
static int check_word(const char *dashes, const char *name, enum word_kind kind, const char *words,
		      const char *value)
{
	char known[256];

	if (kind != WORD_ONE_OF || !value || is_one_of(words, value))
		return 0;
	list_words(words, known, sizeof(known));
	return complain(EXIT_USAGE, "%s%s is %s, not \"%s\"", dashes, name, known, value);
}

/* ---- options ---- */

static enum json_mode json_mode(bool by_letter, const char *value)
{
	if (!value)
		return by_letter && !term_is_terminal() ? JSON_SHORT : JSON_PRETTY;
	if (strcmp(value, "short") == 0)
		return JSON_SHORT;
	return strcmp(value, "off") == 0 ? JSON_OFF : JSON_PRETTY;
}

static int add_config_dir(struct cli *cli, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return complain(EXIT_USAGE, "--config-dir %s: there is no such directory", dir);
	if (cli->n_config_dirs == CONFIG_DIRS_MAX)
		return complain(EXIT_USAGE, "more than %d configuration directories",
				CONFIG_DIRS_MAX);
	cli->config_dirs[cli->n_config_dirs++] = dir;
	return 0;
}

static int take_option(struct cli *cli, const struct option_type *type, bool by_letter,
		       const char *value)
{
	struct cli_given given = { .name = type->name, .value = value };

	if (ARRAY_APPEND(cli->given, cli->n_given, given) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	if (strcmp(type->name, "socket") == 0)
		cli->socket = value;
	else if (strcmp(type->name, "json") == 0)
		cli->json = json_mode(by_letter, value);
	else if (strcmp(type->name, "config-dir") == 0)
		return add_config_dir(cli, value);
	else if (strcmp(type->name, "no-legend") == 0)
		cli->no_legend = true;
	else if (strcmp(type->name, "no-pager") == 0)
		cli->no_pager = true;
	else if (strcmp(type->name, "full") == 0)
		cli->full = true;
	return 0;
}

static int take_options(struct cli *cli, int argc, char **argv, struct mistake *mistake)
{
	struct all_options all = {};
	int result, r = 0;

	add_all(&all);
	opterr = 0;
	while (r == 0 && (result = getopt_long(argc, argv, all.letters, all.longs, NULL)) != -1) {
		const struct option_type *type = type_of(&all, result);

		if (type)
			r = take_option(cli, type, result < FIRST_LONG, optarg);
		else if (result == ':' || optopt >= FIRST_LONG)
			r = complain_value(type_of(&all, optopt), argv);
		else
			note_unknown(mistake, argv);
	}
	return r;
}

static bool has_given(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].name, name) == 0)
			return true;
	return false;
}

/* ---- arguments ---- */

static int check_arguments(const struct cli *cli, int argc, char **argv)
{
	const struct argument_type *type = cli->command->arguments;
	AUTO_FREE char *usage = help_usage(cli->command);

	for (int i = 0; i < argc; i++) {
		if (!type->name)
			return complain(EXIT_USAGE, "\"%s\" is too much; usage: %s", argv[i],
					usage ? usage : "");
		if (check_word("", type->name, type->kind, type->words, argv[i]) != 0)
			return EXIT_USAGE;
		if (!type->is_repeated)
			type++;
		else if (i == argc - 1)
			return 0;
	}
	if (type->name && !type->is_optional)
		return complain(EXIT_USAGE, "%s is missing; usage: %s", type->name,
				usage ? usage : "");
	return 0;
}

/* The same option can have other words with another command. */
static int check_options(const struct cli *cli)
{
	for (size_t i = 0; i < cli->n_given; i++) {
		const struct cli_given *given = &cli->given[i];
		const struct option_type *type = command_option(cli->command, given->name);

		if (!type)
			return complain_not_taken(cli, given->name);
		if (check_word("--", type->name, type->kind, type->words, given->value) != 0)
			return EXIT_USAGE;
	}
	return 0;
}

/* ---- all of it ---- */

static int check(struct cli *cli, int argc, char **argv, const struct mistake *mistake)
{
	int r;

	if (argc > 0) {
		cli->command = command_find(argv[0]);
		if (!cli->command)
			return cli_complain_command(argv[0]);
	}
	if (mistake->word)
		return complain_option(cli, mistake->word);
	if (has_given(cli, "help")) {
		help_print(cli, cli->command);
		return CLI_DONE;
	}
	if (has_given(cli, "version")) {
		puts("metactl " METAD_VERSION);
		return CLI_DONE;
	}
	if (!cli->command) {
		help_print(cli, NULL);
		return EXIT_USAGE;
	}
	r = check_options(cli);
	return r ? r : check_arguments(cli, argc - 1, argv + 1);
}

int cli_parse(int argc, char **argv, struct cli *ret, int *ret_first)
{
	AUTO(cli_done) struct cli cli = {};
	const char *env = getenv("METAD_SOCKET");
	struct mistake mistake = {};
	int r;

	cli.socket = env && env[0] ? env : CLI_SOCKET;
	r = take_options(&cli, argc, argv, &mistake);
	if (r == 0)
		r = check(&cli, argc - optind, argv + optind, &mistake);
	if (r != 0)
		return r;
	if (!cli.n_config_dirs)
		cli_use_standard_dirs(&cli);
	*ret_first = optind + 1;
	*ret = STEAL(cli);
	return 0;
}

void cli_use_standard_dirs(struct cli *cli)
{
	for (size_t i = 0; i < DROPIN_N_STANDARD_DIRS; i++)
		cli->config_dirs[i] = dropin_standard_dirs[i];
	cli->n_config_dirs = DROPIN_N_STANDARD_DIRS;
}

void cli_done(struct cli *cli)
{
	free(cli->given);
	*cli = (struct cli){};
}

const char *cli_option(const struct cli *cli, const char *name)
{
	const char *value = NULL;

	assert(command_option(cli->command, name));
	for (size_t i = 0; i < cli->n_given; i++)
		if (strcmp(cli->given[i].name, name) == 0)
			value = cli->given[i].value ? cli->given[i].value : "";
	return value;
}

bool cli_is_given(const struct cli *cli, const char *name)
{
	return cli_option(cli, name) != NULL;
}
