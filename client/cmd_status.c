/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl status and list: all pairs, a line each. One pair in full is cmd_describe.c's. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/fault.h"
#include "client/term.h"

#include <stdio.h>

static const char *const states[] = { "ready",	  "changing", "waiting", "failed",
				      "conflict", "blocked",  "held",	 "new" };

/* What is collected from the replies of List. */
struct overview {
	const struct cli *cli;
	bool dots; /* status; without: list */
	struct table table;
	json_t *pairs; /* --json; NULL: the table is filled */
	size_t counts[ARRAY_SIZE(states)], n;
};

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

/* "count,acl" in a buffer of the caller, as much as it holds; "-" for nothing. */
static const char *join(const json_t *array, char *buf, size_t size)
{
	size_t used = 0, i;
	json_t *item;

	snprintf(buf, size, "-");
	json_array_foreach((json_t *)array, i, item) {
		int n = snprintf(buf + used, size - used, "%s%s", i ? "," : "",
				 json_string_value(item));

		if (n < 0 || (size_t)n >= size - used)
			break;
		used += n;
	}
	return buf;
}

static int add_row(struct overview *overview, const json_t *pair)
{
	const char *state = text_of(pair, "state"), *error = text_of(pair, "error");
	char peer[300], addresses[512], programs[512];
	const char *cells[TABLE_COLUMNS] = {
		state_dot(state),
		text_of(pair, "name"),
		state,
		text_of(pair, "kind"),
		peer,
		join(json_object_get(pair, "addresses"), addresses, sizeof(addresses)),
		join(json_object_get(pair, "programs"), programs, sizeof(programs)),
		error[0] ? error : text_of(pair, "why"),
	};

	snprintf(peer, sizeof(peer), "%s:%s", text_of(pair, "netns"), text_of(pair, "peer"));
	if (!has_text(pair, "netns"))
		strcpy(peer, "-");
	return table_add(&overview->table, state_colour(state), overview->dots,
			 overview->dots ? cells : cells + 1);
}

static int add_pair(void *ctx, const json_t *parameters)
{
	struct overview *overview = ctx;
	json_t *pair = json_object_get(parameters, "pair");
	int r;

	if (!pair)
		return 0;
	overview->n++;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		overview->counts[i] += strcmp(text_of(pair, "state"), states[i]) == 0;
	r = overview->pairs ? json_array_append(overview->pairs, pair) : add_row(overview, pair);
	return r < 0 ? complain(EXIT_NOT_OK, "out of memory") : 0;
}

static void print_counts(const struct overview *overview)
{
	bool first = true;

	printf("%zu pair%s", overview->n, overview->n == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!overview->counts[i])
			continue;
		printf("%s%zu %s", first ? ": " : ", ", overview->counts[i], states[i]);
		first = false;
	}
	putchar('\n');
}

static void print_kinds(const json_t *status)
{
	json_t *kind;
	size_t i;

	printf("metad %s%s\n", text_of(status, "version"),
	       json_is_true(json_object_get(status, "settled")) ? "" : ", at work");
	json_array_foreach(json_object_get(status, "kinds"), i, kind) {
		bool usable = json_is_true(json_object_get(kind, "usable"));

		printf("  kind %-6s %s%s%s\n", text_of(kind, "name"),
		       term_colour(usable ? COLOUR_GOOD : COLOUR_FAINT),
		       usable ? "usable" : text_of(kind, "why"), term_reset());
	}
}

/* The daemon itself, below its pairs. */
static int show_daemon(const struct overview *overview, struct conn *conn, bool *ret_faulty)
{
	AUTO(frame_json_unref) json_t *status = NULL;
	int r = conn_call(conn, "Status", NULL, &status);

	if (r != 0)
		return r;
	*ret_faulty = json_array_size(json_object_get(status, "diagnostics")) > 0;
	if (overview->cli->json != JSON_OFF || overview->cli->no_legend)
		return 0;
	fputs(overview->n ? "\n" : "", stdout);
	print_counts(overview);
	print_kinds(status);
	fault_print_all(json_object_get(status, "diagnostics"));
	return 0;
}

static int show_pairs(struct overview *overview, struct conn *conn)
{
	static const char *const legend[TABLE_COLUMNS] = { "",	   "NAME",	"STATE",    "KIND",
							   "PEER", "ADDRESSES", "PROGRAMS", "WHY" };
	const struct cli *cli = overview->cli;
	int r;

	if (!cli->no_legend &&
	    table_add(&overview->table, COLOUR_FAINT, TABLE_COLUMNS,
		      overview->dots ? legend : legend + 1) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	r = conn_call_more(conn, "List", CONN_FINITE, add_pair, overview);
	if (r != 0)
		return r;
	if (overview->pairs)
		print_json(cli, overview->pairs);
	else if (overview->n)
		table_print(&overview->table);
	return 0;
}

/* 0, EXIT_NOT_OK where something is not well, or what conn.h says. */
static int show(struct overview *overview)
{
	AUTO(conn_close) struct conn *conn = NULL;
	bool faulty = false;
	int r = conn_open(overview->cli, &conn);

	if (r == 0)
		r = show_pairs(overview, conn);
	if (r == 0 && overview->dots)
		r = show_daemon(overview, conn, &faulty);
	if (r != 0 || !overview->dots)
		return r;
	return faulty || overview->counts[0] < overview->n ? EXIT_NOT_OK : 0;
}

static int show_all(const struct cli *cli, bool dots)
{
	struct overview overview = {
		.cli = cli,
		.dots = dots,
		.table.n_columns = dots ? TABLE_COLUMNS : TABLE_COLUMNS - 1,
		.pairs = cli->json != JSON_OFF ? json_array() : NULL,
	};
	int r = show(&overview);

	table_done(&overview.table);
	json_decref(overview.pairs);
	return r;
}

static int cmd_status(const struct cli *cli, int argc, char **argv)
{
	return argc == 1 ? describe_pair(cli, argv[0]) : show_all(cli, true);
}

static const struct option_type status_options[] = {
	{ .name = "full", .help = "the whole of a verifier's log" },
};

const struct command command_status = {
	.name = "status",
	.family = FAMILY_LOOK,
	.arguments = { ARGUMENT_OPTIONAL("PAIR", WORD_PAIR) },
	.help = "how all pairs are, or all about one",
	.details = "Exit status: 0 all is well, 1 a pair is not ready or a file is broken.",
	COMMAND_OPTIONS(status_options),
	.run = cmd_status,
};

static int cmd_list(const struct cli *cli, int argc, char **argv)
{
	return show_all(cli, false);
}

const struct command command_list = {
	.name = "list",
	.family = FAMILY_LOOK,
	.help = "a plain table of all pairs, for scripts",
	.run = cmd_list,
};
