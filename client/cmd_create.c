/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl create, delete: pairs that last until they are deleted, or the machine starts anew. */
#include "client/conn.h"
#include "client/declaration.h"
#include "client/input.h"
#include "client/output.h"
#include "core/model.h"

#include <stdio.h>

#define TIMEOUT_MS 20000
#define TIMEOUT_MAX_MS 600000

/* ---- create ---- */

static int read_request(const struct cli *cli, const char *pair, json_t **ret)
{
	AUTO(frame_json_unref) json_t *netns = NULL;
	AUTO(frame_json_unref) json_t *declaration = NULL;
	uint64_t timeout_ms;
	int r = input_duration(cli, "timeout", TIMEOUT_MS, TIMEOUT_MAX_MS, &timeout_ms);

	if (r == 0)
		r = input_netns(cli, &netns);
	if (r == 0)
		r = declaration_read(cli, &declaration);
	if (r != 0)
		return r;
	*ret = json_pack("{s:s*, s:s*, s:o*, s:o*, s:I}", "pair", pair, "template",
			 cli_option(cli, "template"), "netns", json_incref(netns), "declaration",
			 json_incref(declaration), "timeoutMs", (json_int_t)timeout_ms);
	return *ret ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

/* What metad would refuse in the words of a file that nobody has written. */
static int check_request(const struct cli *cli, const char *pair)
{
	if (pair && !device_name_is_valid(pair))
		return complain(EXIT_USAGE, "\"%s\" cannot be a device's name: it has 1 to 15 letters, "
				"digits, _, - and dots", pair);
	if (!pair && !cli_is_given(cli, "template"))
		return complain(EXIT_USAGE, "PAIR is missing, or --template, which names it");
	if (!cli_is_given(cli, "netns") && !cli_is_given(cli, "pid") && !cli_is_given(cli, "set") &&
	    !cli_is_given(cli, "file"))
		return complain(EXIT_USAGE, "where the peer is, is missing: --netns or --pid");
	return 0;
}

static void view_created(const struct cli *cli, const json_t *pair)
{
	const json_t *summary = json_object_get(pair, "summary"), *address;
	size_t i;

	printf("%s is ready: %s, peer %s in %s", text_of(summary, "name"), text_of(summary, "kind"),
	       text_of(summary, "peer"), text_of(summary, "netns"));
	json_array_foreach(json_object_get(summary, "addresses"), i, address)
		printf("%s %s", i ? "," : ", address", json_string_value(address));
	putchar('\n');
}

static int cmd_create(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	json_t *request = NULL;
	int r = check_request(cli, argc ? argv[0] : NULL);

	if (r == 0)
		r = read_request(cli, argc ? argv[0] : NULL, &request);
	if (r == 0)
		r = conn_change(cli, "Create", request, &answer);
	if (r == 0)
		output(cli, json_object_get(answer, "pair"), view_created);
	return r;
}

static const struct option_type create_options[] = {
	{ .name = "template",
	  .value = "NAME",
	  .kind = WORD_TEMPLATE,
	  .help = "what it is laid over, and called by without PAIR" },
	{ .name = "netns", .value = "NETNS", .kind = WORD_NETNS, .help = "where the peer is: a name or a path" },
	{ .name = "pid", .value = "PID", .help = "where it is: as this process" },
	{ .name = "set",
	  .value = "KEY=VALUE",
	  .help = "a pair's key, such as mtu=1400 or\n'peer.addresses=[10.0.0.2/24]'; may be repeated" },
	{ .name = "file", .value = "FILE", .kind = WORD_FILE, .help = "a pair's keys as YAML; - is standard\ninput" },
	{ .name = "timeout", .value = "TIME", .help = "how long it may take (20s)" },
};

const struct command command_create = {
	.name = "create",
	.family = FAMILY_CHANGE,
	.arguments = { ARGUMENT_OPTIONAL("PAIR", WORD_TEXT) },
	.help = "make a pair, until the next boot",
	.details = "Returns when the pair is ready; if it does not become ready, nothing of it is\n"
		   "left behind. It is a file in /run/metad/pairs.d; metactl delete undoes it.",
	COMMAND_OPTIONS(create_options),
	.run = cmd_create,
};

/* ---- delete ---- */

static void view_deleted(const struct cli *cli, const json_t *answer)
{
	if (!cli->no_legend && !is_true(answer, "existed"))
		puts("there was none of this name");
}

static int cmd_delete(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	uint64_t timeout_ms;
	int r = input_duration(cli, "timeout", TIMEOUT_MS, TIMEOUT_MAX_MS, &timeout_ms);

	if (r == 0)
		r = conn_change(cli, "Delete",
			 json_pack("{s:s, s:I}", "pair", argv[0], "timeoutMs", (json_int_t)timeout_ms),
			 &answer);
	if (r == 0)
		output(cli, answer, view_deleted);
	return r;
}

static const struct option_type delete_options[] = {
	{ .name = "timeout", .value = "TIME", .help = "how long it may take (20s)" },
};

const struct command command_delete = {
	.name = "delete",
	.family = FAMILY_CHANGE,
	.arguments = { ARGUMENT("PAIR", WORD_PAIR) },
	.help = "undo metactl create",
	.details = "Returns when the pair is gone. That there is none is no failure.",
	COMMAND_OPTIONS(delete_options),
	.run = cmd_delete,
};
