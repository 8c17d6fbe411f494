/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl status and list: all pairs, a line each. One pair in full is cmd_describe.c's. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/term.h"

#include <stdio.h>

#define STATES 8

/* What is collected from the replies of List. */
struct overview {
	const struct cli *cli;
	struct table table;
	json_t *pairs; /* --json */
	const char *states[STATES];
	size_t counts[STATES], n;
	bool dots;
	int worst;
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

/* "count, acl" in a buffer of the caller. */
static const char *join(const json_t *array, char *buf, size_t size)
{
	size_t used = 0, i;
	json_t *item;

	buf[0] = '\0';
	json_array_foreach((json_t *)array, i, item) {
		int n = snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
				 json_string_value(item));

		if (n < 0 || (size_t)n >= size - used)
			break;
		used += n;
	}
	return buf;
}

static void count_state(struct overview *overview, const char *state)
{
	static const char *const known[STATES] = { "ready",    "changing", "waiting", "failed",
						   "conflict", "blocked",  "held",    "new" };

	for (size_t i = 0; i < STATES; i++) {
		overview->states[i] = known[i];
		overview->counts[i] += strcmp(state, known[i]) == 0;
	}
	overview->n++;
	if (strcmp(state, "ready") != 0)
		overview->worst = EXIT_NOT_OK;
}

static int add_pair(void *ctx, const json_t *parameters)
{
	struct overview *overview = ctx;
	const json_t *pair = json_object_get(parameters, "pair");
	const char *state = text_of(pair, "state");
	char where[300], addresses[512], programs[512];
	const char *error = text_of(pair, "error");

	if (!pair)
		return 0;
	count_state(overview, state);
	if (overview->pairs)
		return json_array_append(overview->pairs, (json_t *)pair) < 0 ? EXIT_NOT_OK : 0;
	snprintf(where, sizeof(where), "%s%s%s", text_of(pair, "netns"),
		 has_text(pair, "netns") ? ":" : "", text_of(pair, "peer"));
	join(json_object_get(pair, "addresses"), addresses, sizeof(addresses));
	join(json_object_get(pair, "programs"), programs, sizeof(programs));
	const char *cells[] = { overview->dots ? state_dot(state) : text_of(pair, "name"),
				overview->dots ? text_of(pair, "name") : state,
				overview->dots ? state : text_of(pair, "kind"),
				overview->dots ? text_of(pair, "kind") : where,
				overview->dots ? where : addresses[0] ? addresses : "-",
				overview->dots ? addresses : programs[0] ? programs : "-",
				overview->dots ? programs : "",
				error[0] ? error : text_of(pair, "why") };

	return table_add(&overview->table, state_colour(state), cells) < 0 ? EXIT_NOT_OK : 0;
}

static void print_counts(const struct overview *overview)
{
	bool first = true;

	printf("%s%zu pair%s", overview->n ? "\n" : "", overview->n, overview->n == 1 ? "" : "s");
	for (size_t i = 0; i < STATES && overview->n; i++) {
		if (!overview->counts[i])
			continue;
		printf("%s%zu %s", first ? ": " : ", ", overview->counts[i], overview->states[i]);
		first = false;
	}
	printf("\n");
}

static void print_kinds(const json_t *status)
{
	json_t *kind;
	size_t i;

	printf("metad %s%s\n", text_of(status, "version"),
	       json_is_true(json_object_get(status, "settled")) ? "" : ", at work");
	json_array_foreach(json_object_get(status, "kinds"), i, kind) {
		bool usable = json_is_true(json_object_get(kind, "usable"));

		printf("  kind %-6s  %s%s%s\n", text_of(kind, "name"),
		       term_colour(usable ? COLOUR_GOOD : COLOUR_FAINT),
		       usable ? "usable" : text_of(kind, "why"), term_reset());
	}
}

/* Returns whether there were any. */
bool print_diagnostics(const json_t *diagnostics)
{
	json_t *diagnostic;
	size_t i;

	json_array_foreach((json_t *)diagnostics, i, diagnostic) {
		const json_t *line = json_object_get(diagnostic, "line");

		printf("%s×%s %s", term_colour(COLOUR_BAD), term_reset(),
		       text_of(diagnostic, "file"));
		if (line)
			printf(":%lld:%lld", (long long)json_integer_value(line),
			       (long long)json_integer_value(
				       json_object_get(diagnostic, "column")));
		printf("%s%s\n", has_text(diagnostic, "file") ? ": " : "",
		       text_of(diagnostic, "text"));
	}
	return json_array_size(diagnostics) > 0;
}

static int show(struct overview *overview)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *status = NULL;
	int r = conn_open(overview->cli, &conn);

	if (r == 0)
		r = conn_call_more(conn, "List", add_pair, overview);
	if (r == 0)
		r = conn_call(conn, "Status", NULL, &status);
	if (r != 0)
		return r;
	if (overview->pairs) {
		print_json(overview->cli, overview->pairs);
		return overview->worst;
	}
	table_print(&overview->table);
	if (!overview->dots || overview->cli->no_legend)
		return overview->worst;
	print_counts(overview);
	print_kinds(status);
	if (print_diagnostics(json_object_get(status, "diagnostics")))
		return EXIT_NOT_OK;
	return overview->worst;
}

static int show_all(const struct cli *cli, bool dots)
{
	struct overview overview = { .cli = cli, .dots = dots, .table.n_columns = TABLE_COLUMNS };
	static const char *const legend[TABLE_COLUMNS] = { "NAME", "STATE", "KIND", "PEER",
							   "ADDRESSES", "PROGRAMS", "", "WHY" };
	int r = 0;

	if (cli->json != JSON_OFF)
		overview.pairs = json_array();
	else if (!dots && !cli->no_legend)
		r = table_add(&overview.table, COLOUR_NONE, legend) < 0 ? EXIT_NOT_OK : 0;
	if (r == 0)
		r = show(&overview);
	table_done(&overview.table);
	json_decref(overview.pairs);
	return r;
}

int cmd_status(const struct cli *cli, int argc, char **argv)
{
	if (argc > 1)
		return complain(EXIT_USAGE, "status takes one pair, or none for all");
	return argc == 1 ? describe_pair(cli, argv[0]) : show_all(cli, true);
}

int cmd_list(const struct cli *cli, int argc, char **argv)
{
	if (argc > 0)
		return complain(EXIT_USAGE, "list takes no arguments");
	return show_all(cli, false) == EXIT_UNREACHABLE ? EXIT_UNREACHABLE : 0;
}
