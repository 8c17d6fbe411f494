/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl status and list: all pairs, a line each. One pair in full is cmd_describe.c's. */
#include "client/cmd_describe.h"
#include "client/fault.h"
#include "client/output.h"
#include "client/pairs.h"

#include <stdio.h>

enum colour state_colour(const char *state)
{
	if (strcmp(state, "ready") == 0)
		return COLOUR_GOOD;
	if (strcmp(state, "failed") == 0 || strcmp(state, "conflict") == 0 ||
	    strcmp(state, "blocked") == 0)
		return COLOUR_BAD;
	return COLOUR_WARN;
}

const char *state_dot(const char *state)
{
	switch (state_colour(state)) {
	case COLOUR_GOOD:
		return "●";
	case COLOUR_BAD:
		return "×";
	case COLOUR_NONE:
	case COLOUR_WARN:
	case COLOUR_FAINT:
	case COLOUR_STRONG:
		break;
	}
	return "○";
}

/* ---- columns ---- */

static char *dot_of(const json_t *pair)
{
	return strdup(state_dot(text_of(pair, "state")));
}

static enum colour colour_of(const json_t *pair)
{
	return state_colour(text_of(pair, "state"));
}

static char *peer_of(const json_t *pair)
{
	char *text = NULL;

	if (!has_text(pair, "netns"))
		return strdup("");
	if (asprintf(&text, "%s:%s", text_of(pair, "netns"), text_of(pair, "peer")) < 0)
		return NULL;
	return text;
}

static char *why_of(const json_t *pair)
{
	return strdup(text_of(pair, has_text(pair, "error") ? "error" : "why"));
}

static const struct column columns[] = {
	{ .title = "", .text = dot_of, .colour = colour_of },
	{ .title = "NAME", .key = "name" },
	{ .title = "STATE", .key = "state", .cut = 1, .least = 8 },
	{ .title = "KIND", .key = "kind", .cut = 2, .least = 6, .drop = 4 },
	{ .title = "PEER", .text = peer_of, .none = "-", .cut = 4, .drop = 5 },
	{ .title = "ADDRESSES", .key = "addresses", .none = "-", .cut = 4, .least = 11, .drop = 7 },
	{ .title = "PROGRAMS", .key = "programs", .none = "-", .cut = 4, .least = 8, .drop = 6 },
	{ .title = "WHY", .text = why_of, .cut = 4, .least = 20, .drop = 3 },
};
#define COLUMN_NAMES "name,state,kind,peer,addresses,programs,why"

/* ---- asking ---- */

static int ask_all(const struct cli *cli, json_t **ret)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *pairs = NULL;
	AUTO(frame_json_unref) json_t *metad = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = pairs_ask(conn, &pairs);
	if (r == 0)
		r = conn_call(conn, "Status", NULL, &metad);
	if (r == 0)
		*ret = json_pack("{s:O, s:O}", "pairs", pairs, "metad", metad);
	return r;
}

/* ---- text ---- */

static size_t count(const json_t *pairs, const char *state)
{
	size_t n = 0, i;
	json_t *pair;

	json_array_foreach((json_t *)pairs, i, pair)
		n += strcmp(text_of(pair, "state"), state) == 0;
	return n;
}

static void print_counts(const json_t *pairs)
{
	static const char *const states[] = { "ready",	  "changing", "waiting", "failed",
					      "conflict", "blocked",  "held",	 "new" };
	size_t n_pairs = json_array_size(pairs);
	bool first = true;

	printf("%zu pair%s", n_pairs, n_pairs == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		size_t n = count(pairs, states[i]);

		if (!n)
			continue;
		printf("%s%zu %s", first ? ": " : ", ", n, states[i]);
		first = false;
	}
	putchar('\n');
}

static void print_kinds(const json_t *metad)
{
	json_t *kind;
	size_t i;

	printf("metad %s%s\n", text_of(metad, "version"),
	       is_true(metad, "settled") ? "" : ", at work");
	json_array_foreach(json_object_get(metad, "kinds"), i, kind) {
		bool usable = is_true(kind, "usable");

		printf("  kind %-6s %s%s%s\n", text_of(kind, "name"),
		       term_colour(usable ? COLOUR_GOOD : COLOUR_FAINT),
		       usable ? "usable" : text_of(kind, "why"), term_reset());
	}
}

static void print_trial(const json_t *trial)
{
	const json_t *file;
	size_t i;

	if (!trial)
		return;
	printf("%strial %lld%s of", term_colour(COLOUR_WARN), number_of(trial, "trial"), term_reset());
	json_array_foreach(json_object_get(trial, "files"), i, file)
		printf("%s %s", i ? "," : "", json_string_value(file));
	if (json_object_get(trial, "confirmMs"))
		printf(": metactl confirm within %lld s, or all is as before",
		       number_of(trial, "confirmMs") / 1000);
	else if (strcmp(text_of(trial, "stage"), "trial") != 0)
		printf(" %s just now", text_of(trial, "stage"));
	putchar('\n');
}

/* All pairs, and metad itself below them. */
static void view_all(const struct cli *cli, const json_t *document)
{
	const json_t *pairs = json_object_get(document, "pairs");
	const json_t *metad = json_object_get(document, "metad");

	output_table(cli, columns, ARRAY_SIZE(columns), pairs);
	if (cli->no_legend)
		return;
	fputs(json_array_size(pairs) ? "\n" : "", stdout);
	print_counts(pairs);
	print_kinds(metad);
	print_trial(json_object_get(metad, "trial"));
	fault_print_all(json_object_get(metad, "diagnostics"), FAULT_MARK, FAULT_METADS_PATHS);
}

/* ---- commands ---- */

static int show_all(const struct cli *cli)
{
	AUTO(frame_json_unref) json_t *document = NULL;
	const json_t *pairs, *diagnostics;
	int r = ask_all(cli, &document);

	if (r != 0)
		return r;
	output(cli, document, view_all);
	pairs = json_object_get(document, "pairs");
	diagnostics = json_object_get(json_object_get(document, "metad"), "diagnostics");
	if (json_array_size(diagnostics) || count(pairs, "ready") < json_array_size(pairs))
		return EXIT_NOT_OK;
	return 0;
}

static int cmd_status(const struct cli *cli, int argc, char **argv)
{
	return argc == 1 ? describe_pair(cli, argv[0]) : show_all(cli);
}

static const struct option_type status_options[] = {
	{ .name = "full", .help = "nothing is shortened: tables, and a verifier's log" },
};

const struct command command_status = {
	.name = "status",
	.family = FAMILY_LOOK,
	.arguments = { ARGUMENT_OPTIONAL("PAIR", WORD_PAIR) },
	.help = "how all pairs are, or all about one",
	.is_paged = true,
	.details = "Exit status: 0 all is well, 1 a pair is not ready or a file is broken.",
	COMMAND_OPTIONS(status_options),
	.run = cmd_status,
};

/* All but the dot. */
static const struct column *const list_columns = columns + 1;
static const size_t n_list_columns = ARRAY_SIZE(columns) - 1;

static int choose(const struct cli *cli, struct column **ret, size_t *ret_n)
{
	const char *list = cli_option(cli, "columns"), *word;
	size_t len;
	int r = table_choose(list_columns, n_list_columns, list ? list : COLUMN_NAMES, ret, ret_n,
			     &word, &len);

	if (r < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	if (r == TABLE_E_NO_COLUMN)
		return complain(EXIT_USAGE, "--columns: there is no column \"%.*s\"; there are %s",
				(int)len, word, COLUMN_NAMES);
	return 0;
}

static int cmd_list(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *pairs = NULL;
	AUTO_FREE struct column *chosen = NULL;
	size_t n;
	int r = choose(cli, &chosen, &n);

	if (r == 0)
		r = conn_open(cli, &conn);
	if (r == 0)
		r = pairs_ask(conn, &pairs);
	if (r == 0)
		output_rows(cli, pairs, chosen, n);
	return r;
}

static const struct option_type list_options[] = {
	{ .name = "columns",
	  .value = "LIST",
	  .kind = WORD_SOME_OF,
	  .words = "name state kind peer addresses programs why",
	  .help = "only these, in this order: some of\nname,state,kind,peer,addresses,programs,why" },
};

const struct command command_list = {
	.name = "list",
	.family = FAMILY_LOOK,
	.help = "a plain table of all pairs, for scripts",
	COMMAND_OPTIONS(list_options),
	.is_paged = true,
	.run = cmd_list,
};
