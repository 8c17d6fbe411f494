/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What every driver test shares: one line per row, "ok - ..." or "not ok - ...", a count of both, and
 * the kind under test, which METAD_TEST_KIND names ("meta" when it is not set, or "netkit"), and the
 * driver behind it, where METAD_TEST_DRIVER names another (CONFIG_META_AS_NETKIT). One translation unit
 * per program, so the counts are static.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int tap_n_ok, tap_n_not_ok, tap_n_skipped;

static inline const char *test_kind(void)
{
	const char *kind = getenv("METAD_TEST_KIND");

	return kind && *kind ? kind : "meta";
}

static inline const char *test_driver(void)
{
	const char *driver = getenv("METAD_TEST_DRIVER");

	return driver && *driver ? driver : test_kind();
}

/* Where the two drivers differ, and only there, a test asks. */
static inline bool is_meta(void)
{
	return !strcmp(test_driver(), "meta");
}

/* One row. Returns whether it holds. */
__attribute__((format(printf, 2, 3))) static inline bool ok(bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		tap_n_ok++;
	else
		tap_n_not_ok++;
	printf(holds ? "ok - " : "not ok - ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	return holds;
}

static inline const char *tap_errno_name(int err)
{
	static char buffers[4][32];
	static unsigned int next;
	char *buffer = buffers[next++ % 4];
	const char *name = strerrorname_np(err < 0 ? -err : err);

	if (!err)
		return "0";
	snprintf(buffer, sizeof(buffers[0]), "-%s", name ? name : "E?");
	return buffer;
}

/* A row whose result is 0 or -errno. */
__attribute__((format(printf, 3, 4))) static inline bool ok_err(int got, int wanted,
								const char *format, ...)
{
	char row[256];
	va_list args;

	va_start(args, format);
	vsnprintf(row, sizeof(row), format, args);
	va_end(args);
	if (got == wanted)
		return ok(true, "%s: %s", row, tap_errno_name(wanted));
	return ok(false, "%s: got %s (%d), wanted %s", row, tap_errno_name(got), got,
		  tap_errno_name(wanted));
}

/* A row whose result is a number. */
__attribute__((format(printf, 3, 4))) static inline bool ok_eq(long long got, long long wanted,
							       const char *format, ...)
{
	char row[256];
	va_list args;

	va_start(args, format);
	vsnprintf(row, sizeof(row), format, args);
	va_end(args);
	if (got == wanted)
		return ok(true, "%s: %lld", row, wanted);
	return ok(false, "%s: got %lld, wanted %lld", row, got, wanted);
}

__attribute__((format(printf, 1, 2))) static inline void tap_skip(const char *format, ...)
{
	va_list args;

	tap_n_skipped++;
	printf("ok - skipped: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* A set-up step that a test cannot go on without. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void bail_out(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

/* The last line; the result is the program's. A program without rows has tested nothing. */
static inline int tap_done(void)
{
	printf("1..%u\n# kind %s: %u ok, %u not ok, %u skipped\n",
	       tap_n_ok + tap_n_not_ok + tap_n_skipped, test_kind(), tap_n_ok, tap_n_not_ok,
	       tap_n_skipped);
	return tap_n_not_ok || !tap_n_ok;
}
