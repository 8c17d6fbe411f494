/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl monitor and version. */
#include "client/cmd_describe.h"
#include "client/conn.h"
#include "client/output.h"

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

static void view_change(const struct cli *cli, const json_t *parameters)
{
	const json_t *pair = json_object_get(parameters, "pair");
	const char *state = text_of(pair, "state");
	const char *error = text_of(pair, "error");

	if (is_true(parameters, "synced"))
		return;
	print_time();
	if (pair)
		printf("%s%s%s %s: %s%s%s%s\n", term_colour(state_colour(state)), state_dot(state),
		       term_reset(), text_of(pair, "name"), state,
		       error[0] || has_text(pair, "why") ? ": " : "",
		       error[0] ? error : text_of(pair, "why"),
		       is_true(pair, "closed") ? " (closed)" : "");
	else if (has_text(parameters, "gone"))
		printf("  %s: gone\n", text_of(parameters, "gone"));
	else
		printf("  too slow for all changes; everything follows again\n");
}

static int take_change(void *ctx, const json_t *parameters)
{
	output(ctx, parameters, view_change);
	return 0;
}

static int cmd_monitor(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r;

	r = conn_open(cli, &conn);
	return r ? r : conn_call_more(conn, "Monitor", NULL, CONN_ENDLESS, take_change, (void *)cli);
}

const struct command command_monitor = {
	.name = "monitor",
	.family = FAMILY_LOOK,
	.help = "every change as it happens",
	.run = cmd_monitor,
};

static void view_version(const struct cli *cli, const json_t *document)
{
	printf("metactl %s\n", text_of(document, "client"));
	if (has_text(document, "version"))
		printf("metad %s\n", text_of(document, "version"));
}

/* metactl says of itself what it can, also when metad does not. */
static int cmd_version(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *status = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = conn_call(conn, "Status", NULL, &status);
	if (!status)
		status = json_object();
	json_object_set_new(status, "client", json_string(METAD_VERSION));
	output(cli, status, view_version);
	return r;
}

const struct command command_version = {
	.name = "version",
	.family = FAMILY_OTHER,
	.help = "of metactl and metad",
	.run = cmd_version,
};
