/* SPDX-License-Identifier: GPL-2.0-only */
/* How often a user who may not is told of in the log. */
#include "front/refusals.h"

#include "front/method.h"

#include "unit/test.h"

#define MINUTE (60 * 1000)

static struct refusals refusals;
static FILE *said;

/* The lines that n refusals of a user make. */
static int refuse(uid_t uid, int n, uint64_t now_ms)
{
	static const struct method method = {};
	static const struct interface_method described = { .name = "io.metad.Reload",
							   .method = &method };
	struct caller caller = { .uid = uid, .pid = 7 };
	struct call call = { .caller = &caller, .method = &described };
	int lines = 0;

	rewind(said);
	CHECK(ftruncate(fileno(said), 0) == 0);
	for (int i = 0; i < n; i++)
		refusals_tell(&refusals, &call, "no", now_ms);
	fflush(stderr);
	rewind(said);
	for (int c; (c = getc(said)) != EOF;)
		lines += c == '\n';
	return lines;
}

static bool was_said(const char *wanted)
{
	char text[4096] = "";

	rewind(said);
	CHECK(fread(text, 1, sizeof(text) - 1, said) < sizeof(text));
	return strstr(text, wanted) != NULL;
}

int main(void)
{
	uint64_t now_ms = 12345;
	int terminal = dup(STDERR_FILENO), few, none, again, others, many;
	bool counted, forgotten;

	said = tmpfile();
	CHECK(said && dup2(fileno(said), STDERR_FILENO) >= 0);
	few = refuse(1000, 1000, now_ms);
	none = refuse(1000, 1000, now_ms + MINUTE - 1);
	others = refuse(1001, 3, now_ms);
	again = refuse(1000, 1, now_ms + MINUTE);
	counted = was_said(
		"metad: user 1000 (process 7) may not call Reload: no (1995 more times before)\n");
	many = 0;
	for (uid_t uid = 2000; uid < 2100; uid++)
		many += refuse(uid, 1, now_ms + MINUTE);
	/* Of those who were heard of first nothing is known any more. */
	forgotten = refuse(1001, 1, now_ms + 2 * MINUTE) == 1 && !was_said("more times");
	CHECK(dup2(terminal, STDERR_FILENO) >= 0);
	CHECK(few == 5 && none == 0 && others == 3 && again == 1 && counted);
	CHECK(many == 100 && forgotten);
	return 0;
}
