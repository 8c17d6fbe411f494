/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where lines go. The journal is used only when standard error itself is a stream to it
 * (JOURNAL_STREAM, systemd.exec(5)), so that running by hand and in tests prints plainly.
 */
#include "base/log.h"

#include "base/util.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

static int max_priority = LOG_INFO;

void log_set_level(int priority)
{
	__atomic_store_n(&max_priority, priority, __ATOMIC_RELAXED);
}

int log_level(void)
{
	return __atomic_load_n(&max_priority, __ATOMIC_RELAXED);
}

int log_parse_level(const char *text, int *ret_priority)
{
	static const struct {
		const char *name;
		int priority;
	} levels[] = { { "debug", LOG_DEBUG },	   { "info", LOG_INFO }, { "notice", LOG_NOTICE },
		       { "warning", LOG_WARNING }, { "err", LOG_ERR },	 { "error", LOG_ERR } };

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*ret_priority = levels[i].priority;
			return 0;
		}
	}
	return -EINVAL;
}

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

#define FIELDS_MAX 16

struct fields {
	struct iovec iov[FIELDS_MAX]; /* bases owned */
	int n;
};

/* A field that there is no memory for is missing; the line is still better than none. */
static __attribute__((format(printf, 2, 3))) void add(struct fields *fields, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len >= 0)
		fields->iov[fields->n++] = (struct iovec){ text, len };
}

static void add_text(struct fields *fields, const char *name, const char *value)
{
	if (value)
		add(fields, "%s=%s", name, value);
}

static void add_number(struct fields *fields, const char *name, uint64_t value)
{
	if (value)
		add(fields, "%s=%" PRIu64, name, value);
}

static void send_to_journal(int priority, const struct log_about *about, const char *text)
{
	static const struct log_about nothing;
	struct fields fields = {};
	char uid[16];

	about = about ? about : &nothing;
	add(&fields, "PRIORITY=%d", priority);
	add_text(&fields, "MESSAGE", text);
	add_text(&fields, "MESSAGE_ID", about->message_id);
	add_text(&fields, "METAD_PAIR", about->pair);
	add_text(&fields, "INTERFACE", about->pair);
	add_text(&fields, "METAD_NETNS", about->netns);
	add_text(&fields, "METAD_STEP", about->step);
	add_number(&fields, "METAD_GENERATION", about->generation);
	add_number(&fields, "ERRNO", about->error);
	add_text(&fields, "CONFIG_FILE", about->file);
	add_number(&fields, "CONFIG_LINE", about->line);
	add_text(&fields, "METAD_VERB", about->verb);
	add_number(&fields, "METAD_PID", about->pid);
	snprintf(uid, sizeof(uid), "%u", about->uid);
	add_text(&fields, "METAD_UID", about->verb ? uid : NULL);
	sd_journal_sendv(fields.iov, fields.n);
	for (int i = 0; i < fields.n; i++)
		free(fields.iov[i].iov_base);
}

void log_line(int priority, const struct log_about *about, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;
	int n;

	if (priority > log_level())
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return;
	}
	if (stderr_is_journal())
		send_to_journal(priority, about, text);
	else if (about && about->pair)
		fprintf(stderr, "metad: %s: %s\n", about->pair, text);
	else
		fprintf(stderr, "metad: %s\n", text);
}
