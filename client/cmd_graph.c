/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl graph: a drawing of all pairs, or of some. */
#include "client/dot.h"
#include "client/output.h"
#include "client/pairs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* ---- asking ---- */

/* Who has gone since it was listed is not drawn. */
static int describe(struct conn *conn, const char *name, const char *unless, json_t *pairs)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	int r = conn_call_unless(conn, "Describe", json_pack("{s:s}", "pair", name), unless,
				 &answer);

	if (r == 0 && answer && json_array_append(pairs, json_object_get(answer, "pair")) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	return r;
}

static int describe_all(struct conn *conn, json_t *pairs)
{
	AUTO(frame_json_unref) json_t *all = NULL;
	int r = pairs_ask(conn, &all);

	for (size_t i = 0; i < json_array_size(all) && r == 0; i++)
		r = describe(conn, text_of(json_array_get(all, i), "name"), "NoSuchPair", pairs);
	return r;
}

static int ask(const struct cli *cli, int argc, char **argv, json_t *pairs)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0 && argc == 0)
		return describe_all(conn, pairs);
	for (int i = 0; i < argc && r == 0; i++)
		r = describe(conn, argv[i], NULL, pairs);
	return r;
}

/* ---- drawing ---- */

static void view_dot(const struct cli *cli, const json_t *pairs)
{
	dot_write(stdout, pairs);
}

static int complain_graphviz(const char *words)
{
	return complain(EXIT_NOT_OK,
			"--format svg needs graphviz's dot: %s (package graphviz; --format dot "
			"needs nothing)",
			words);
}

/* Feeds dot, whose output is ours. pid: in the child there is no return. */
static int start_dot(pid_t *ret_pid, FILE **ret)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		execlp("dot", "dot", "-Tsvg", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	*ret = *ret_pid < 0 ? NULL : fdopen(ends[1], "w");
	if (!*ret)
		close(ends[1]);
	return *ret ? 0 : -errno;
}

static int print_svg(const json_t *pairs)
{
	FILE *out = NULL;
	pid_t pid = -1;
	int status = 0, r = start_dot(&pid, &out);

	if (r < 0)
		return complain_graphviz(strerror(-r));
	/* That it ends early is seen by its status. */
	signal(SIGPIPE, SIG_IGN);
	dot_write(out, pairs);
	fclose(out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return complain_graphviz(WIFEXITED(status) && WEXITSTATUS(status) == 127
					 ? "it is not there"
					 : "it has failed");
}

static int cmd_graph(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *pairs = json_array();
	const char *format = cli_option(cli, "format");
	bool is_svg = format && strcmp(format, "svg") == 0;
	int r;

	if (format && cli->json != JSON_OFF)
		return complain(EXIT_USAGE, "either --format or --json");
	r = ask(cli, argc, argv, pairs);
	if (r != 0)
		return r;
	if (is_svg)
		return print_svg(pairs);
	output(cli, pairs, view_dot);
	return 0;
}

static const struct option_type graph_options[] = {
	{ .name = "format",
	  .value = "FORMAT",
	  .kind = WORD_ONE_OF,
	  .words = "dot svg",
	  .help = "dot (graphviz's language, without --format), or svg,\nwhich is made by graphviz" },
};

const struct command command_graph = {
	.name = "graph",
	.family = FAMILY_LOOK,
	.arguments = { ARGUMENTS_OPTIONAL("PAIR", WORD_PAIR) },
	.help = "a drawing: namespaces, pairs, chains of programs",
	.details = "Each direction of a pair is an arrow with the programs that it passes. What is\n"
		   "dashed lets nothing through, or is not there.\n"
		   "\n"
		   "  metactl graph --format svg >pairs.svg",
	COMMAND_OPTIONS(graph_options),
	.is_paged = true,
	.run = cmd_graph,
};
