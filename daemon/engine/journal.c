/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines an operator greps: verb, pair, why; see journal.h. */
#include "engine/journal.h"

#include "base/log.h"

static struct log_about about(const struct entry *entry, const struct pair *want)
{
	return (struct log_about){ .pair = entry->name, .netns = want ? want->netns.text : NULL };
}

static bool task_has(const struct task *task, enum step_kind kind)
{
	for (size_t i = 0; i < task->n_steps; i++)
		if (task->steps[i].kind == kind)
			return true;
	return false;
}

bool journal_is_repair(const struct entry *entry, const struct task *task)
{
	for (size_t i = 0; entry->was_ready && i < task->n_steps; i++)
		if (task->steps[i].kind != STEP_UPDATE)
			return true;
	return false;
}

void journal_done(const struct entry *entry, const struct task *task)
{
	struct log_about pair = about(entry, task->want);
	const char *verb = journal_is_repair(entry, task) ? "repaired" : "changed";
	char text[STEP_TEXT_SIZE];

	if (!task->want) {
		log_line(LOG_INFO, &pair, task_has(task, STEP_DELETE) ? "deleted" : "pins removed");
		return;
	}
	if (task_has(task, STEP_CREATE)) {
		log_line(LOG_INFO, &pair, "created as %s in namespace %s%s%s",
			 kind_name(task->kind), task->want->netns.text,
			 task->why.text ? ": " : "", task->why.text ? task->why.text : "");
		return;
	}
	for (size_t i = 0; i < task->n_steps; i++) {
		pair.step = step_kind_name(task->steps[i].kind);
		log_line(LOG_INFO, &pair, "%s: %s: %s", verb, side_name(task->steps[i].side),
			 step_text(&task->steps[i], text));
	}
}

void journal_verdict(const struct entry *entry, const struct pair *want)
{
	struct log_about pair = about(entry, want);

	switch (entry->task.verdict) {
	case VERDICT_READY:
		log_line(LOG_INFO, &pair, "ready");
		break;
	case VERDICT_CHANGE:
		break;
	case VERDICT_WAIT:
		log_line(LOG_INFO, &pair, "waiting: %s", entry->task.why.text);
		break;
	case VERDICT_CONFLICT:
	case VERDICT_BLOCKED:
	case VERDICT_HELD:
		log_line(LOG_WARNING, &pair, "%s: %s", verdict_name(entry->task.verdict),
			 entry->task.why.text);
		break;
	}
}

void journal_failure(const struct entry *entry, const struct pair *want)
{
	struct log_about pair = about(entry, want);

	log_line(LOG_ERR, &pair, "%s", entry->history.error.text);
}
