/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl apply, confirm, revert: files on trial. */
#include "client/conn.h"
#include "client/input.h"
#include "client/output.h"

#include <libgen.h>
#include <poll.h>
#include <stdio.h>

#define TIMEOUT_MS 60000
#define TIMEOUT_MAX_MS 3600000

/* ---- what is to be applied ---- */

static int add_file(json_t *files, const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	AUTO_FREE char *text = NULL;
	json_t *file;
	size_t len;
	int r = input_read(path, &text, &len);

	if (r != 0)
		return r;
	file = copy ? json_pack("{s:s, s:s%}", "name", basename(copy), "content", text, len) : NULL;
	if (!file)
		return complain(EXIT_NOT_OK, "%s is not UTF-8 text", path);
	json_array_append_new(files, file);
	return 0;
}

static int read_files(const struct cli *cli, int argc, char **argv, json_t *files)
{
	int r = 0;

	for (int i = 0; i < argc && r == 0; i++)
		r = add_file(files, argv[i]);
	for (size_t i = 0; i < cli->n_given && r == 0; i++)
		if (strcmp(cli->given[i].name, "remove") == 0)
			json_array_append_new(files, json_pack("{s:s}", "name", cli->given[i].value));
	if (r == 0 && !json_array_size(files))
		return complain(EXIT_USAGE, "there is nothing to apply: name a FILE, or --remove NAME");
	return r;
}

static int read_request(const struct cli *cli, int argc, char **argv, json_t **ret)
{
	AUTO(frame_json_unref) json_t *files = json_array();
	uint64_t timeout_ms, confirm_ms = 0;
	int r = input_duration(cli, "timeout", TIMEOUT_MS, TIMEOUT_MAX_MS, &timeout_ms);

	if (r == 0)
		r = input_duration(cli, "confirm", 0, TIMEOUT_MAX_MS, &confirm_ms);
	if (r == 0)
		r = read_files(cli, argc, argv, files);
	if (r != 0)
		return r;
	*ret = json_pack("{s:O, s:b, s:I}", "files", files, "runtime", cli_is_given(cli, "runtime"),
			 "timeoutMs", (json_int_t)timeout_ms);
	if (*ret && confirm_ms)
		json_object_set_new(*ret, "confirmTimeoutMs", json_integer(confirm_ms));
	return *ret ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

/* ---- the trial ---- */

static void view_stage(const struct cli *cli, const json_t *answer)
{
	if (strcmp(text_of(answer, "stage"), "confirmed") == 0)
		puts("applied: all pairs are ready, and the files are written");
	else
		printf("trial %lld: all pairs are ready\n"
		       "metactl confirm within %lld s keeps it; else all is as before\n",
		       number_of(answer, "trial"), number_of(answer, "confirmMs") / 1000);
}

/* A conversation with somebody at a terminal. */
struct dialogue {
	const struct cli *cli;
	struct conn *conn;
};

static int confirm_trial(const struct cli *cli, long long trial)
{
	AUTO(frame_json_unref) json_t *answer = NULL;

	return conn_change(cli, "Confirm", json_pack("{s:I}", "trial", (json_int_t)trial), &answer);
}

/* Until somebody says yes, or metad something: then what it says is next. */
static int ask_whether(const struct dialogue *dialogue, const json_t *answer)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = conn_fd(dialogue->conn), .events = POLLIN } };
	char line[256];

	printf("trial %lld: all pairs are ready\n"
	       "Press Enter within %lld s to keep it; else, or with Ctrl-C, all is as before. ",
	       number_of(answer, "trial"), number_of(answer, "confirmMs") / 1000);
	fflush(stdout);
	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		;
	if (fds[1].revents) {
		putchar('\n');
		return 0;
	}
	if (!fgets(line, sizeof(line), stdin)) {
		putchar('\n');
		return complain(EXIT_NOT_OK, "not confirmed: all is as before");
	}
	return confirm_trial(dialogue->cli, number_of(answer, "trial"));
}

static int take_stage(void *ctx, const json_t *answer)
{
	struct dialogue *dialogue = ctx;

	if (strcmp(text_of(answer, "stage"), "confirmed") != 0)
		return ask_whether(dialogue, answer);
	output(dialogue->cli, answer, view_stage);
	return 0;
}

/* At a terminal the trial is over when the terminal is. */
static bool is_dialogue(const struct cli *cli, const json_t *request)
{
	return json_object_get(request, "confirmTimeoutMs") && cli->json == JSON_OFF &&
	       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !cli_is_given(cli, "no-wait");
}

static int talk(const struct cli *cli, struct conn *conn, json_t *request)
{
	struct dialogue dialogue = { cli, conn };

	json_object_set_new(request, "revertOnDisconnect", json_true());
	return conn_call_more(conn, "Apply", request, CONN_ENDLESS, take_stage, &dialogue);
}

static int cmd_apply(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	json_t *request = NULL;
	int r = read_request(cli, argc, argv, &request);

	if (r == 0)
		r = conn_open(cli, &conn);
	if (r != 0) {
		json_decref(request);
		return r;
	}
	if (is_dialogue(cli, request))
		return talk(cli, conn, conn_ask_people(request));
	r = conn_call(conn, "Apply", conn_ask_people(request), &answer);
	if (r == 0)
		output(cli, answer, view_stage);
	return r;
}

static const struct option_type apply_options[] = {
	{ .name = "confirm",
	  .value = "TIME",
	  .help = "on trial: reverted after TIME unless it is\nconfirmed, here by Enter or by metactl confirm" },
	{ .name = "no-wait", .help = "with --confirm at a terminal: do not wait for Enter" },
	{ .name = "remove",
	  .value = "NAME",
	  .kind = WORD_FILE_NAME,
	  .help = "this file is not to be there; may be repeated" },
	{ .name = "runtime", .help = "until the next boot, in /run/metad" },
	{ .name = "timeout", .value = "TIME", .help = "how long pairs may take to become ready (60s)" },
};

const struct command command_apply = {
	.name = "apply",
	.family = FAMILY_CHANGE,
	.arguments = { ARGUMENTS_OPTIONAL("FILE", WORD_FILE) },
	.help = "put files in force, all of them or none",
	.details = "Each FILE becomes the one of its name in /etc/metad/pairs.d (metad.yaml: in\n"
		   "/etc/metad), once all pairs are ready with it. If one does not become ready, or\n"
		   "the trial is not confirmed, all is as before.",
	COMMAND_OPTIONS(apply_options),
	.run = cmd_apply,
};

/* ---- confirm, revert ---- */

static int end_trial(const struct cli *cli, const char *method, output_view view)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	int r = conn_change(cli, method, json_object(), &answer);

	if (r == 0)
		output(cli, answer, view);
	return r;
}

static void view_confirmed(const struct cli *cli, const json_t *answer)
{
	printf("trial %lld is confirmed, and its files are written\n", number_of(answer, "trial"));
}

static void view_reverted(const struct cli *cli, const json_t *answer)
{
	printf("trial %lld is over: all is as before\n", number_of(answer, "trial"));
}

static int cmd_confirm(const struct cli *cli, int argc, char **argv)
{
	return end_trial(cli, "Confirm", view_confirmed);
}

static int cmd_revert(const struct cli *cli, int argc, char **argv)
{
	return end_trial(cli, "Revert", view_reverted);
}

const struct command command_confirm = {
	.name = "confirm",
	.family = FAMILY_CHANGE,
	.help = "keep what is on trial",
	.run = cmd_confirm,
};

const struct command command_revert = {
	.name = "revert",
	.family = FAMILY_CHANGE,
	.help = "end what is on trial: all is as before",
	.run = cmd_revert,
};
