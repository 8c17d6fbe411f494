/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl plan and verify: the steps that would be carried out now, in their order. */
#include "client/conn.h"
#include "client/output.h"

#include <stdio.h>

/* As metactl status has it. */
static const char *verdict_of(const json_t *task)
{
	const char *verdict = text_of(task, "verdict");

	return strcmp(verdict, "wait") == 0 ? "waiting" : verdict;
}

static void view_task(const struct cli *cli, const json_t *task)
{
	json_t *step;
	size_t i;

	printf("%s%s%s", term_colour(COLOUR_STRONG), text_of(task, "pair"), term_reset());
	if (strcmp(text_of(task, "verdict"), "change") != 0)
		printf(": %s", verdict_of(task));
	if (has_text(task, "why"))
		printf(": %s", text_of(task, "why"));
	putchar('\n');
	json_array_foreach(json_object_get(task, "steps"), i, step)
		printf("  %-8s %s\n", text_of(step, "side"), text_of(step, "text"));
	if (has_text(task, "limits"))
		printf("  %sleft out: %s%s\n", term_colour(COLOUR_WARN), text_of(task, "limits"),
		       term_reset());
}

struct plan {
	struct output_list tasks;
	size_t n_steps;
};

static int take_task(void *ctx, const json_t *parameters)
{
	const json_t *task = json_object_get(parameters, "task");
	struct plan *plan = ctx;

	if (!task)
		return 0;
	plan->n_steps += json_array_size(json_object_get(task, "steps"));
	return output_list_add(&plan->tasks, task);
}

static int ask(const struct cli *cli, const char *method, struct plan *plan)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = conn_call_more(conn, method, NULL, CONN_FINITE, take_task, plan);
	return r == 0 ? output_list_end(&plan->tasks) : r;
}

static int cmd_plan(const struct cli *cli, int argc, char **argv)
{
	struct plan plan = { .tasks = { .cli = cli, .view = view_task } };
	int r = ask(cli, "Plan", &plan);

	if (r == 0 && !plan.tasks.n && cli->json == JSON_OFF && !cli->no_legend)
		puts("nothing to do");
	output_list_done(&plan.tasks);
	return r == 0 && plan.n_steps ? EXIT_DIFFERENT : r;
}

/* What metad can do nothing about, because it waits or somebody is in the way, differs as well. */
static int cmd_verify(const struct cli *cli, int argc, char **argv)
{
	struct plan plan = { .tasks = { .cli = cli, .view = view_task } };
	int r = ask(cli, "Verify", &plan);
	size_t n = plan.tasks.n;

	if (r == 0 && cli->json == JSON_OFF && !cli->no_legend) {
		if (n)
			printf("\n%zu pair%s not as declared\n", n, n == 1 ? " is" : "s are");
		else
			puts("everything is as declared");
	}
	output_list_done(&plan.tasks);
	return r == 0 && n ? EXIT_DIFFERENT : r;
}

const struct command command_plan = {
	.name = "plan",
	.family = FAMILY_LOOK,
	.help = "what would be done now, step by step",
	.details = "Exit status: 0 there is nothing to do, 2 there is.",
	.is_paged = true,
	.run = cmd_plan,
};

const struct command command_verify = {
	.name = "verify",
	.family = FAMILY_LOOK,
	.help = "what in the kernel is not as declared, looked at afresh",
	.details = "Each difference is told as the step that mends it; metad takes it right after.\n"
		   "Pairs that wait for something, or that somebody is in the way of, differ as\n"
		   "well.\n"
		   "\n"
		   "Exit status: 0 everything is as declared, 2 something is not.",
	.is_paged = true,
	.run = cmd_verify,
};
