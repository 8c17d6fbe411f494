/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl plan: the steps that would be carried out now, in their order. */
#include "client/conn.h"
#include "client/term.h"

#include <stdio.h>

static void print_task(const json_t *task)
{
	json_t *step;
	size_t i;

	printf("%s%s%s", term_colour(COLOUR_STRONG), text_of(task, "pair"), term_reset());
	if (strcmp(text_of(task, "verdict"), "change") != 0)
		printf(": %s", text_of(task, "verdict"));
	if (has_text(task, "why"))
		printf(": %s", text_of(task, "why"));
	putchar('\n');
	json_array_foreach(json_object_get(task, "steps"), i, step)
		printf("  %-8s %s\n", text_of(step, "side"), text_of(step, "text"));
}

int cmd_plan(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	size_t n_steps = 0, i;
	json_t *task;
	int r;

	if (argc > 0)
		return complain(EXIT_USAGE, "plan takes no arguments");
	r = conn_open(cli, &conn);
	if (r == 0)
		r = conn_call(conn, "Plan", NULL, &answer);
	if (r != 0)
		return r;
	json_array_foreach(json_object_get(answer, "tasks"), i, task) {
		n_steps += json_array_size(json_object_get(task, "steps"));
		if (cli->json == JSON_OFF && strcmp(text_of(task, "verdict"), "ready") != 0)
			print_task(task);
	}
	if (cli->json != JSON_OFF)
		print_json(cli, json_object_get(answer, "tasks"));
	else if (!n_steps && !cli->no_legend)
		puts("nothing to do");
	return n_steps ? EXIT_DIFFERENT : 0;
}
