/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl programs: definitions, what is loaded of them, and who uses it. */
#include "client/output.h"
#include "client/programs.h"

#include <stdio.h>

/* ---- columns ---- */

static char *format(const char *words, long long number)
{
	char *text = NULL;

	return asprintf(&text, words, number) < 0 ? NULL : text;
}

static char *users_of(const json_t *program)
{
	return format("%lld", json_array_size(json_object_get(program, "users")));
}

/* Loaded programs, each once: ",7,9," on the way to "7,9". */
static char *ids_of(const json_t *program)
{
	json_t *users = json_object_get(program, "users"), *user;
	char text[512] = ",";
	long long last = 0;
	size_t i;

	json_array_foreach(users, i, user) {
		char id[24];

		/* Most are the same as the one before. */
		if (number_of(user, "programId") == last)
			continue;
		last = number_of(user, "programId");
		snprintf(id, sizeof(id), ",%lld,", last);
		if (!last || strstr(text, id))
			continue;
		if (strlen(text) + strlen(id) >= sizeof(text))
			break;
		strcat(text, id + 1);
	}
	text[strlen(text) - 1] = '\0';
	return strdup(text + (text[0] == ','));
}

static char *time_of(const json_t *program)
{
	long long runs = number_of(program, "runs");

	return runs ? format("%lld", number_of(program, "runTimeNs") / runs) : strdup("");
}

static enum colour error_colour(const json_t *program)
{
	return COLOUR_BAD;
}

static const struct column columns[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "OBJECT", .key = "object", .cut = 3, .drop = 2 },
	{ .title = "FUNCTION", .key = "function", .none = "-", .cut = 3, .drop = 4 },
	{ .title = "USERS", .text = users_of, .is_right = true },
	{ .title = "IDS", .text = ids_of, .none = "-", .cut = 3, .least = 6, .drop = 3 },
	{ .title = "RUNS", .key = "runs", .is_right = true },
	{ .title = "NS/RUN", .text = time_of, .none = "-", .is_right = true },
	{ .title = "WHY", .key = "error", .cut = 2, .least = 12, .colour = error_colour },
};

static const struct column user_columns[] = {
	{ .title = "PAIR", .key = "pair" },
	{ .title = "SIDE", .key = "side" },
	{ .title = "PLACE", .key = "position", .is_right = true },
	{ .title = "LINK", .key = "linkId", .none = "-", .is_right = true },
	{ .title = "ID", .key = "programId", .none = "-", .is_right = true },
};

/* ---- one of them ---- */

static void head(const char *name)
{
	printf("%s%10s:%s ", term_colour(COLOUR_FAINT), name, term_reset());
}

static void view_program(const struct cli *cli, const json_t *program)
{
	const json_t *users = json_object_get(program, "users");
	AUTO_FREE char *ids = ids_of(program);
	long long runs = number_of(program, "runs");

	printf("%s%s%s\n", term_colour(COLOUR_STRONG), text_of(program, "name"), term_reset());
	head("Object");
	printf("%s%s\n", text_of(program, "object"), is_true(program, "shipped") ? " (shipped)" : "");
	if (has_text(program, "function")) {
		head("Function");
		puts(text_of(program, "function"));
	}
	if (has_text(program, "file")) {
		head("File");
		printf("%s:%lld\n", text_of(program, "file"), number_of(program, "line"));
	}
	head("Loaded");
	if (ids && ids[0])
		printf("as %s: %lld run%s", ids, runs, runs == 1 ? "" : "s");
	else
		fputs("no", stdout);
	if (runs)
		printf(", %lld ns each", number_of(program, "runTimeNs") / runs);
	putchar('\n');
	if (has_text(program, "error")) {
		head("Why");
		printf("%s%s%s\n", term_colour(COLOUR_BAD), text_of(program, "error"), term_reset());
	}
	if (json_array_size(users))
		putchar('\n');
	output_table(cli, user_columns, ARRAY_SIZE(user_columns), users);
}

static int show_one(const struct cli *cli, const json_t *programs, const char *name)
{
	json_t *program;
	size_t i;

	json_array_foreach((json_t *)programs, i, program) {
		if (strcmp(text_of(program, "name"), name) != 0)
			continue;
		output(cli, program, view_program);
		return has_text(program, "error") ? EXIT_NOT_OK : 0;
	}
	return complain(EXIT_NOT_OK, "program \"%s\" is not known to metad", name);
}

static int show_all(const struct cli *cli, const json_t *programs)
{
	json_t *program;
	size_t i;
	int r = 0;

	output_rows(cli, programs, columns, ARRAY_SIZE(columns));
	json_array_foreach((json_t *)programs, i, program)
		if (has_text(program, "error"))
			r = EXIT_NOT_OK;
	return r;
}

static int cmd_programs(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *programs = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = programs_ask(conn, &programs);
	if (r != 0)
		return r;
	return argc ? show_one(cli, programs, argv[0]) : show_all(cli, programs);
}

const struct command command_programs = {
	.name = "programs",
	.family = FAMILY_LOOK,
	.arguments = { ARGUMENT_OPTIONAL("PROGRAM", WORD_PROGRAM) },
	.help = "programs that are defined or used, or all about one",
	.details = "USERS are places in chains; IDS are the programs that the kernel has loaded.\n"
		   "RUNS and NS/RUN count over all chains that a program is in, while statistics\n"
		   "are on.\n"
		   "\n"
		   "Exit status: 1 where an object cannot be read.",
	.is_paged = true,
	.run = cmd_programs,
};
