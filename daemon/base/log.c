/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where lines go. The journal is used only when standard error itself is a stream to it
 * (JOURNAL_STREAM, systemd.exec(5)), so that running by hand and in tests prints plainly.
 */
#include "base/log.h"

#include "base/util.h"

#include <errno.h>
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

static void send_to_journal(int priority, const struct log_about *about, const char *text)
{
	const struct {
		const char *field;
		const char *value;
	} fields[] = { { "MESSAGE", text },
		       { "METAD_PAIR", about ? about->pair : NULL },
		       { "METAD_NETNS", about ? about->netns : NULL },
		       { "METAD_STEP", about ? about->step : NULL } };
	char *owned[ARRAY_SIZE(fields) + 1];
	struct iovec iov[ARRAY_SIZE(fields) + 1];
	int n = 0;

	if (asprintf(&owned[n], "PRIORITY=%d", priority) >= 0)
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].value &&
		    asprintf(&owned[n], "%s=%s", fields[i].field, fields[i].value) >= 0)
			n++;
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ owned[i], strlen(owned[i]) };
	sd_journal_sendv(iov, n);
	for (int i = 0; i < n; i++)
		free(owned[i]);
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
