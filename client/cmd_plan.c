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
	if (has_text(task, "limits"))
		printf("  %sleft out: %s%s\n", term_colour(COLOUR_WARN), text_of(task, "limits"),
		       term_reset());
}

struct summary {
	json_t *tasks; /* --json; NULL: printed as they come */
	size_t n_steps, n_tasks;
};

static int take_task(void *ctx, const json_t *parameters)
{
	struct summary *summary = ctx;
	json_t *task = json_object_get(parameters, "task");

	if (!task)
		return 0;
	summary->n_tasks++;
	summary->n_steps += json_array_size(json_object_get(task, "steps"));
	if (!summary->tasks)
		print_task(task);
	else if (json_array_append(summary->tasks, task) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	return 0;
}

static int cmd_plan(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *tasks = cli->json != JSON_OFF ? json_array() : NULL;
	struct summary summary = { .tasks = tasks };
	int r;

	r = conn_open(cli, &conn);
	if (r == 0)
		r = conn_call_more(conn, "Plan", CONN_FINITE, take_task, &summary);
	if (r != 0)
		return r;
	if (tasks)
		print_json(cli, tasks);
	else if (!summary.n_tasks && !cli->no_legend)
		puts("nothing to do");
	return summary.n_steps ? EXIT_DIFFERENT : 0;
}

const struct command command_plan = {
	.name = "plan",
	.family = FAMILY_LOOK,
	.help = "what would be done now, step by step",
	.details = "Exit status: 0 there is nothing to do, 2 there is.",
	.run = cmd_plan,
};
