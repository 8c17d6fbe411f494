/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl monitor and version. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/term.h"

#include <stdio.h>
#include <time.h>

static void print_time(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[16];

	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &tm));
	printf("%s%s%s ", term_colour(COLOUR_FAINT), text, term_reset());
}

static int print_change(void *ctx, const json_t *parameters)
{
	const struct cli *cli = ctx;
	const json_t *pair = json_object_get(parameters, "pair");
	const char *state = text_of(pair, "state");
	const char *error = text_of(pair, "error");

	if (cli->json != JSON_OFF) {
		print_json(cli, parameters);
		return 0;
	}
	if (json_is_true(json_object_get(parameters, "synced")))
		return 0;
	print_time();
	if (pair)
		printf("%s%s%s %s: %s%s%s%s\n", term_colour(state_colour(state)), state_dot(state),
		       term_reset(), text_of(pair, "name"), state,
		       error[0] || has_text(pair, "why") ? ": " : "",
		       error[0] ? error : text_of(pair, "why"),
		       json_is_true(json_object_get(pair, "closed")) ? " (closed)" : "");
	else if (has_text(parameters, "gone"))
		printf("  %s: gone\n", text_of(parameters, "gone"));
	else
		printf("  too slow for all changes; everything follows again\n");
	fflush(stdout);
	return 0;
}

static int cmd_monitor(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r;

	r = conn_open(cli, &conn);
	return r ? r : conn_call_more(conn, "Monitor", CONN_ENDLESS, print_change, (void *)cli);
}

const struct command command_monitor = {
	.name = "monitor",
	.family = FAMILY_LOOK,
	.help = "every change as it happens",
	.run = cmd_monitor,
};

static int cmd_version(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *status = NULL;
	int r;

	if (cli->json == JSON_OFF)
		puts("metactl " METAD_VERSION);
	r = conn_open(cli, &conn);
	if (r == 0)
		r = conn_call(conn, "Status", NULL, &status);
	if (r != 0)
		return r;
	if (cli->json == JSON_OFF) {
		printf("metad %s\n", text_of(status, "version"));
		return 0;
	}
	json_object_set_new(status, "client", json_string(METAD_VERSION));
	print_json(cli, status);
	return 0;
}

const struct command command_version = {
	.name = "version",
	.family = FAMILY_OTHER,
	.help = "of metactl and metad",
	.run = cmd_version,
};
