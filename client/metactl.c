/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl: options that all commands share, the table of commands, and little helpers of theirs. */
#include "client/metactl.h"

#include "files/dropin.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	command_fn run;
	const char *takes; /* options that only some commands take, as they are said; NULL: none */
} commands[] = {
	{ "status", "[PAIR]", "how all pairs are, or all about one", cmd_status },
	{ "list", "", "a plain table of all pairs, for scripts", cmd_list },
	{ "plan", "", "what would be done now, step by step", cmd_plan },
	{ "check", "[FILE...]", "what is wrong with the configuration, or with some; needs no metad",
	  cmd_check },
	{ "cat", "[NAME...]", "configuration files in the order in which they count", cmd_cat },
	{ "edit", "NAME", "change a file by an editor; what would be wrong is not saved", cmd_edit,
	  "--drop-in --runtime --stdin" },
	{ "mask", "NAME", "keep a file from counting; says which pairs go", cmd_mask,
	  "--drop-in --runtime" },
	{ "unmask", "NAME", "let it count again", cmd_unmask, "--drop-in --runtime" },
	{ "reload", "", "read the configuration again, say what is wrong with it", cmd_reload },
	{ "monitor", "", "every change as it happens", cmd_monitor },
	{ "cleanup", "", "delete all that metad made; it must be stopped", cmd_cleanup },
	{ "version", "", "of metactl and metad", cmd_version },
};

static void print_help(void)
{
	puts("Usage: metactl [OPTION…] COMMAND\n"
	     "Asks metad how the device pairs are that it keeps.\n\nCommands:");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-7s %-9s  %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\nNAME is a file (50-web.yaml, 50-web, metad.yaml, a path) or a pair in one.\n"
	     "\nOptions:\n"
	     "  --socket PATH          where metad listens ($METAD_SOCKET, or /run/metad/io.metad)\n"
	     "  --config-dir DIR       as of metad: where files are; may be repeated, the highest\n"
	     "                         precedence first (/etc/metad, /run/metad,\n"
	     "                         /usr/local/lib/metad and /usr/lib/metad)\n"
	     "  --json[=pretty|short]  what there is to say, as JSON; one document a line with short\n"
	     "  --no-legend            without headings and summaries\n"
	     "  --full                 the whole of a verifier's log; edit: the whole file\n"
	     "  --drop-in NAME         edit, mask: a drop-in of the file (edit: override.yaml,\n"
	     "                         unless the file is new)\n"
	     "  --runtime              edit, mask: until the next boot, in the second directory\n"
	     "  --stdin                edit: from standard input\n"
	     "  --help\n"
	     "\n"
	     "Colours are for terminals, unless $NO_COLOR is set; $COLUMNS is the width of tables.\n"
	     "The editor is $SYSTEMD_EDITOR, $EDITOR, $VISUAL, or editor, nano, vi.\n"
	     "\n"
	     "Exit status: 0 all is well; 1 a pair is not ready, a file is broken, or something was\n"
	     "refused and nothing is saved; 2 plan: there is something to do; 3 metad cannot be\n"
	     "reached (edit, mask and unmask do without); 64 wrong usage.");
}

int complain(int code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("metactl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

void print_json(const struct cli *cli, const json_t *json)
{
	json_dumpf(json, stdout, cli->json == JSON_PRETTY ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool has_text(const json_t *object, const char *key)
{
	return json_is_string(json_object_get(object, key));
}

static int parse_json_mode(const char *text, enum json_mode *ret)
{
	if (!text || strcmp(text, "pretty") == 0)
		*ret = JSON_PRETTY;
	else if (strcmp(text, "short") == 0)
		*ret = JSON_SHORT;
	else if (strcmp(text, "off") == 0)
		*ret = JSON_OFF;
	else
		return complain(EXIT_USAGE, "--json is pretty, short or off, not \"%s\"", text);
	return 0;
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

/* Options may stand before and behind the command. 0, or the exit code with *ret_done. */
static int parse(int argc, char **argv, struct cli *cli, bool *ret_done)
{
	enum { SOCKET = 256, CONFIG_DIR, JSON, NO_LEGEND, FULL, DROP_IN, RUNTIME, STDIN, HELP };
	static const struct option options[] = {
		{ "socket", required_argument, NULL, SOCKET },
		{ "config-dir", required_argument, NULL, CONFIG_DIR },
		{ "json", optional_argument, NULL, JSON },
		{ "no-legend", no_argument, NULL, NO_LEGEND },
		{ "full", no_argument, NULL, FULL },
		{ "drop-in", required_argument, NULL, DROP_IN },
		{ "runtime", no_argument, NULL, RUNTIME },
		{ "stdin", no_argument, NULL, STDIN },
		{ "help", no_argument, NULL, HELP },
		{},
	};
	int option, r = 0;

	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case SOCKET:
			cli->socket = optarg;
			break;
		case CONFIG_DIR:
			r = add_config_dir(cli, optarg);
			break;
		case JSON:
			r = parse_json_mode(optarg, &cli->json);
			break;
		case NO_LEGEND:
			cli->no_legend = true;
			break;
		case FULL:
			cli->full = true;
			break;
		case DROP_IN:
			cli->drop_in = optarg;
			break;
		case RUNTIME:
			cli->runtime = true;
			break;
		case STDIN:
			cli->from_stdin = true;
			break;
		case 'h':
		case HELP:
			print_help();
			*ret_done = true;
			return 0;
		default:
			r = complain(EXIT_USAGE, "\"%s\" is not understood; see metactl --help",
				     argv[optind - 1]);
			break;
		}
	}
	*ret_done = r != 0;
	return r;
}

/* An option that would do nothing was meant to do something. */
static int check_taken(const struct command *command, const char *option, bool given)
{
	if (!given || (command->takes && strstr(command->takes, option)))
		return 0;
	return complain(EXIT_USAGE, "%s is not for %s", option, command->name);
}

static int run(const struct command *command, const struct cli *cli, int argc, char **argv)
{
	int r = check_taken(command, "--drop-in", cli->drop_in);

	if (r == 0)
		r = check_taken(command, "--runtime", cli->runtime);
	if (r == 0)
		r = check_taken(command, "--stdin", cli->from_stdin);
	return r ? r : command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	const char *env = getenv("METAD_SOCKET");
	struct cli cli = { .socket = env && env[0] ? env : "/run/metad/io.metad" };
	bool done = false;
	int r = parse(argc, argv, &cli, &done);

	signal(SIGPIPE, SIG_DFL);
	if (done)
		return r;
	if (optind == argc) {
		print_help();
		return EXIT_USAGE;
	}
	if (!cli.n_config_dirs)
		for (const char *const *dir = dropin_standard_dirs;
		     cli.n_config_dirs < DROPIN_N_STANDARD_DIRS; dir++)
			cli.config_dirs[cli.n_config_dirs++] = *dir;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[optind], commands[i].name) == 0)
			return run(&commands[i], &cli, argc - optind - 1, argv + optind + 1);
	return complain(EXIT_USAGE, "\"%s\" is not a command; see metactl --help", argv[optind]);
}
