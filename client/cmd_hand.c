/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl adopt and release: pairs that become metad's, or nobody's, while they are at work. */
#include "client/conn.h"
#include "client/input.h"
#include "client/output.h"

#include <stdio.h>

static void print_notes(const json_t *answer)
{
	const json_t *note;
	size_t i;

	json_array_foreach(json_object_get(answer, "notes"), i, note)
		printf("  %s\n", json_string_value(note));
}

/* ---- adopt ---- */

static int make_parameters(const struct cli *cli, const char *device, json_t **ret)
{
	json_t *netns = NULL;
	int r = input_netns(cli, &netns);

	if (r != 0)
		return r;
	*ret = json_pack("{s:s, s:o*, s:b, s:b}", "device", device, "netns", netns, "runtime",
			 cli_is_given(cli, "runtime"), "dryRun", cli_is_given(cli, "dry-run"));
	return *ret ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

static void view_adopted(const struct cli *cli, const json_t *answer)
{
	bool dry_run = cli_is_given(cli, "dry-run");

	if (!cli->no_legend)
		printf(dry_run ? "would be declared in %s:\n\n" : "metad's now, declared in %s\n",
		       text_of(answer, "file"));
	if (dry_run)
		fputs(text_of(answer, "content"), stdout);
	if (cli->no_legend)
		return;
	if (dry_run && json_array_size(json_object_get(answer, "notes")))
		putchar('\n');
	print_notes(answer);
}

static int cmd_adopt(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	json_t *parameters;
	int r = make_parameters(cli, argv[0], &parameters);

	if (r == 0)
		r = conn_change(cli, "Adopt", parameters, &answer);
	if (r == 0)
		output(cli, answer, view_adopted);
	return r;
}

static const struct option_type adopt_options[] = {
	{ .name = "netns", .value = "NETNS", .kind = WORD_NETNS,
	  .help = "where the peer is: a name or a path" },
	{ .name = "pid", .value = "PID", .help = "where it is: as this process" },
	{ .name = "runtime", .help = "declare it until the next boot only" },
	{ .name = "dry-run", .help = "only show what would be declared" },
};

const struct command command_adopt = {
	.name = "adopt",
	.family = FAMILY_CHANGE,
	.arguments = { ARGUMENT("DEVICE", WORD_DEVICE) },
	.help = "keep a pair that somebody made by hand, as it is",
	.details = "Writes a file that declares the pair just as it is, and takes it over while it\n"
		   "is at work: nothing is made anew, and no packet is lost. DEVICE is its primary.\n"
		   "What it says below the first line stays somebody else's, or is what metad will\n"
		   "set.",
	COMMAND_OPTIONS(adopt_options),
	.run = cmd_adopt,
};

/* ---- release ---- */

static void view_released(const struct cli *cli, const json_t *answer)
{
	const json_t *pin;
	size_t i;

	if (!cli->no_legend)
		puts("nobody's now, and at work as before");
	if (has_text(answer, "removed"))
		printf("removed: %s\n", text_of(answer, "removed"));
	json_array_foreach(json_object_get(answer, "pins"), i, pin)
		printf("pinned: %s\n", json_string_value(pin));
	if (has_text(answer, "declaredAt"))
		printf("still declared at %s: a conflict until that goes\n",
		       text_of(answer, "declaredAt"));
	print_notes(answer);
}

static int cmd_release(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *answer = NULL;
	int r = conn_change(cli, "Release", json_pack("{s:s}", "pair", argv[0]), &answer);

	if (r == 0)
		output(cli, answer, view_released);
	return r;
}

const struct command command_release = {
	.name = "release",
	.family = FAMILY_CHANGE,
	.arguments = { ARGUMENT("PAIR", WORD_PAIR) },
	.help = "give a pair back, at work; metad does not touch it then",
	.details = "Devices, addresses, routes and programs stay as they are. The links of programs\n"
		   "are pinned where it says, and detach when these pins are removed. A file goes\n"
		   "that was written to adopt the pair, or that counts until the next boot, if it\n"
		   "declares nothing else; where another one declares it, remove that.",
	.run = cmd_release,
};
