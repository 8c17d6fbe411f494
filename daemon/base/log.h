/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One line per change, in words an operator greps. Goes to the journal with fields when standard
 * error is connected to it, to standard error as text otherwise. The floors below the engine do
 * not log above LOG_DEBUG: they return, and who decides speaks.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

/* What a line is about: fields of it in the journal. Zero members are left out. */
struct log_about {
	const char *message_id; /* MESSAGE_ID=: of message_id.h */
	const char *pair; /* METAD_PAIR=, and INTERFACE=: the primary has the pair's name */
	const char *netns; /* METAD_NETNS= */
	const char *step; /* METAD_STEP= */
	uint64_t generation; /* METAD_GENERATION=: what the socket calls the pair's sequence */
	int error; /* ERRNO=: an errno, positive */
	const char *file; /* CONFIG_FILE= */
	unsigned int line; /* CONFIG_LINE= */
	/* Who asked for it over the socket, and for what; uid counts only with verb. */
	const char *verb; /* METAD_VERB= */
	uid_t uid; /* METAD_UID= */
	pid_t pid; /* METAD_PID= */
};

/* Messages above this syslog priority are dropped. LOG_INFO at first. */
void log_set_level(int priority);
int log_level(void);

/* "debug", "info", "notice", "warning" or "err" to a priority; -EINVAL for another word. */
int log_parse_level(const char *text, int *ret_priority);

__attribute__((format(printf, 3, 4))) void log_line(int priority, const struct log_about *about,
						    const char *format, ...);

#define log_debug(...) log_line(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERR, NULL, __VA_ARGS__)
