/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl: runs the command that was asked for; little helpers of all commands. */
#include "client/metactl.h"

#include "client/pager.h"
#include "client/screen.h"
#include "client/term.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

int complain(int code, const char *format, ...)
{
	va_list args;

	screen_close();
	fflush(stdout);
	fputs("metactl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool has_text(const json_t *object, const char *key)
{
	return json_is_string(json_object_get(object, key));
}

long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* What could not be printed was not said, however well the rest went. */
static int finish(int r)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return r;
	return complain(r ? r : EXIT_NOT_OK, "not all of the output could be written");
}

int main(int argc, char **argv)
{
	AUTO(cli_done) struct cli cli = {};
	int first, r;

	signal(SIGPIPE, SIG_DFL);
	term_look();
	r = cli_parse(argc, argv, &cli, &first);
	if (r == 0)
		r = cli.command->run(&cli, argc - first, argv + first);
	r = finish(r == CLI_DONE ? 0 : r);
	pager_close();
	return r;
}
