/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines an operator greps: verb, pair, why; see journal.h. */
#include "engine/journal.h"

#include "base/log.h"
#include "base/message_id.h"

static struct log_about about(const char *message_id, const struct entry *entry,
			      const struct pair *want, uint64_t generation)
{
	return (struct log_about){ .message_id = message_id,
				   .pair = entry->name,
				   .netns = want ? want->netns.text : NULL,
				   .generation = generation };
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

void journal_done(const struct entry *entry, const struct task *task, uint64_t generation)
{
	bool repair = journal_is_repair(entry, task);
	struct log_about pair = about(repair ? MESSAGE_PAIR_REPAIRED : MESSAGE_PAIR_CHANGED, entry,
				      task->want, generation);
	char text[STEP_TEXT_SIZE];

	if (!task->want) {
		pair.message_id = MESSAGE_PAIR_DELETED;
		log_line(LOG_INFO, &pair, task_has(task, STEP_DELETE) ? "deleted" : "pins removed");
		return;
	}
	if (task_has(task, STEP_CREATE)) {
		pair.message_id = MESSAGE_PAIR_CREATED;
		log_line(LOG_INFO, &pair, "created as %s in namespace %s%s%s",
			 kind_name(task->kind), task->want->netns.text,
			 task->why.text ? ": " : "", task->why.text ? task->why.text : "");
		return;
	}
	for (size_t i = 0; i < task->n_steps; i++) {
		pair.step = step_kind_name(task->steps[i].kind);
		log_line(LOG_INFO, &pair, "%s: %s: %s", repair ? "repaired" : "changed",
			 side_name(task->steps[i].side), step_text(&task->steps[i], text));
	}
}

void journal_verdict(const struct entry *entry, const struct pair *want, uint64_t generation)
{
	static const struct {
		const char *message_id; /* NULL: nothing is said */
		int priority;
	} messages[] = {
		[VERDICT_READY] = { MESSAGE_PAIR_READY, LOG_INFO },
		[VERDICT_CHANGE] = {},
		[VERDICT_WAIT] = { MESSAGE_PAIR_WAITING, LOG_INFO },
		[VERDICT_CONFLICT] = { MESSAGE_PAIR_CONFLICT, LOG_WARNING },
		[VERDICT_BLOCKED] = { MESSAGE_PAIR_BLOCKED, LOG_WARNING },
		[VERDICT_HELD] = { MESSAGE_PAIR_HELD, LOG_WARNING },
	};
	const struct task *task = &entry->task;
	struct log_about pair = about(messages[task->verdict].message_id, entry, want, generation);
	int priority = messages[task->verdict].priority;

	if (!pair.message_id)
		return;
	if (task->verdict == VERDICT_READY)
		log_line(priority, &pair, "ready");
	else
		log_line(priority, &pair, "%s: %s",
			 task->verdict == VERDICT_WAIT ? "waiting" : verdict_name(task->verdict),
			 task->why.text);
}

void journal_failure(const struct entry *entry, const struct pair *want, uint64_t generation, int error)
{
	struct log_about pair = about(MESSAGE_PAIR_FAILED, entry, want, generation);

	pair.error = -error;
	log_line(LOG_ERR, &pair, "%s", entry->history.error.text);
}

void journal_hand(const struct hand *hand, uint64_t generation)
{
	struct log_about about = { .message_id = MESSAGE_PAIR_ADOPTED,
				   .pair = hand->name,
				   .generation = generation,
				   .file = hand->file };

	if (hand->verb == HAND_ADOPT) {
		log_line(LOG_NOTICE, &about, "adopted: declared in %s", hand->file);
		return;
	}
	about.message_id = MESSAGE_PAIR_RELEASED;
	log_line(LOG_NOTICE, &about, "released: it is nobody's now%s",
		 hand->declared_at.file ? ", but still declared" : "");
}
