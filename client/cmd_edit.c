/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metactl edit: a change of one file, which is judged with all others before it is saved. What
 * would bring a fault that is not there already is not saved at all.
 */
#include "client/change.h"
#include "client/editor.h"
#include "client/fault.h"
#include "client/sheet.h"

#include <errno.h>
#include <stdio.h>

struct edit {
	const struct cli *cli;
	struct outlook before;
	struct target target;
	struct original original;
};

static void edit_done(struct edit *edit)
{
	original_done(&edit->original);
	target_done(&edit->target);
	outlook_done(&edit->before);
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\r\n")];
}

static bool is_unchanged(const struct edit *edit, const char *bytes, size_t len)
{
	const struct original *original = &edit->original;

	return original->is_there && len == original->len &&
	       memcmp(bytes, original->bytes, len) == 0;
}

static int save(struct edit *edit, const char *bytes, size_t len)
{
	int r = original_replace(&edit->original, bytes, len);

	if (r == 0 && edit->cli->json == JSON_OFF && !edit->cli->no_legend)
		printf("saved %s\n", edit->original.path);
	return r;
}

static int judge(const struct edit *edit)
{
	AUTO(change_done) struct change change = {};
	int r = change_look(edit->cli, &edit->target.draft, &change);

	if (r != 0 || !change.faults.n)
		return r;
	change_print_faults(edit->cli, &change);
	return complain(EXIT_NOT_OK, "%s is not saved: with it there would be %zu fault%s more",
			edit->original.path, change.faults.n, change.faults.n == 1 ? "" : "s");
}

static int tell(const struct edit *edit)
{
	return change_tell(edit->cli, json_pack("{s:s}", "path", edit->original.path));
}

/* ---- from standard input ---- */

static int read_input(char **ret, size_t *ret_len)
{
	AUTO_FREE char *bytes = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (len + 1 >= room) {
			char *more = realloc(bytes, room = MAX(room * 2, 4096));

			if (!more)
				return complain(EXIT_NOT_OK, "out of memory");
			bytes = more;
		}
		n = read(STDIN_FILENO, bytes + len, room - len - 1);
		if (n < 0 && errno != EINTR)
			return complain(EXIT_NOT_OK, "standard input: %s", strerror(errno));
		len += MAX(n, 0);
		if (len > CONFIG_BYTES_MAX)
			return complain(EXIT_NOT_OK,
					"standard input: the file is larger than 16 MiB");
		if (n == 0)
			break;
	}
	bytes[len] = '\0';
	*ret = STEAL(bytes);
	*ret_len = len;
	return 0;
}

/* Blanks would be a file, or even a mask: hardly what a script meant that failed to say anything. */
static int edit_by_input(struct edit *edit)
{
	AUTO_FREE char *bytes = NULL;
	size_t len = 0;
	int r = read_input(&bytes, &len);

	if (r != 0)
		return r;
	if (is_blank(bytes) && strlen(bytes) == len)
		return complain(EXIT_NOT_OK, "standard input is empty: %s is not saved",
				edit->target.path);
	edit->target.draft.bytes = bytes;
	edit->target.draft.len = len;
	r = judge(edit);
	if (r == 0)
		r = save(edit, bytes, len);
	return r != 0 ? r : tell(edit);
}

/* ---- at a terminal ---- */

/* False: discard, also at the end of input. */
static bool ask_again(void)
{
	char answer[16];

	for (;;) {
		fputs("(e)dit again or (d)iscard? ", stdout);
		fflush(stdout);
		if (!fgets(answer, sizeof(answer), stdin) || answer[0] == 'd')
			return false;
		if (answer[0] == 'e')
			return true;
	}
}

enum outcome { OUTCOME_NOTHING, OUTCOME_AGAIN, OUTCOME_DISCARDED, OUTCOME_UNSAVED, OUTCOME_SAVED };

static enum outcome explain_nothing(const struct edit *edit, const char *what)
{
	const struct original *original = &edit->original;

	if (!edit->cli->no_legend)
		printf("%s: nothing is saved%s%s%s\n", what, original->is_there ? ", " : "",
		       original->is_there ? original->path : "",
		       original->is_there ? " remains as it is" : "");
	return OUTCOME_NOTHING;
}

static enum outcome take_text(struct edit *edit, char *text, const char *sheet)
{
	bool is_same = strcmp(text, sheet) == 0;
	char *bytes = edit->target.dropin ? sheet_take(text) : text;
	size_t len = strlen(bytes);

	if (is_blank(bytes))
		return explain_nothing(edit, "empty");
	if (is_same || is_unchanged(edit, bytes, len))
		return explain_nothing(edit, "unchanged");
	edit->target.draft.bytes = bytes;
	edit->target.draft.len = len;
	if (judge(edit) != 0)
		return ask_again() ? OUTCOME_AGAIN : OUTCOME_DISCARDED;
	return save(edit, bytes, len) == 0 ? OUTCOME_SAVED : OUTCOME_UNSAVED;
}

static int edit_text(struct edit *edit, struct editor *editor, const char *sheet)
{
	enum outcome outcome = OUTCOME_AGAIN;

	while (outcome == OUTCOME_AGAIN) {
		AUTO_FREE char *text = NULL;
		int r = editor_run(editor, &text);

		if (r != 0)
			return r;
		outcome = take_text(edit, text, sheet);
	}
	if (outcome == OUTCOME_UNSAVED)
		editor->fate = EDITOR_KEEP;
	if (outcome == OUTCOME_SAVED)
		return tell(edit);
	return outcome == OUTCOME_NOTHING ? 0 : EXIT_NOT_OK;
}

static int edit_at_terminal(struct edit *edit)
{
	AUTO(editor_done) struct editor editor = {};
	const char *name = edit->target.dropin ? edit->target.dropin : edit->target.name;
	AUTO_FREE char *sheet = NULL;
	int r;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return complain(EXIT_NOT_OK, "edit needs a terminal, or --stdin");
	r = sheet_make(&edit->target, &edit->before, &edit->original, &sheet);
	if (r == 0)
		r = editor_open(name, sheet, &editor);
	return r != 0 ? r : edit_text(edit, &editor, sheet);
}

static int cmd_edit(const struct cli *cli, int argc, char **argv)
{
	AUTO(edit_done) struct edit edit = { .cli = cli };
	int r;

	r = outlook_make(cli, NULL, &edit.before);
	if (r == 0)
		r = target_make(cli, &edit.before, argv[0], TARGET_EDIT, &edit.target);
	if (r == 0)
		r = change_check_counts(cli, &edit.target);
	if (r == 0)
		r = original_look(cli, edit.target.path, &edit.original);
	if (r != 0)
		return r;
	return cli_is_given(cli, "stdin") ? edit_by_input(&edit) : edit_at_terminal(&edit);
}

static const struct option_type edit_options[] = {
	OPTION_CONFIG_DIR,
	OPTION_DROP_IN("a drop-in of the file (override.yaml, unless the\nfile is new)"),
	{ .name = "full", .help = "the whole file, in place of a drop-in" },
	OPTION_RUNTIME,
	{ .name = "stdin", .help = "from standard input" },
};

const struct command command_edit = {
	.name = "edit",
	.family = FAMILY_FILES,
	.arguments = { ARGUMENT("NAME", WORD_NAME) },
	.help = "change a file by an editor; nothing wrong is saved",
	.details = TARGET_NAME_DETAILS "\n"
				       "The editor is $SYSTEMD_EDITOR, $EDITOR, $VISUAL, or editor, nano, vi.",
	COMMAND_OPTIONS(edit_options),
	.run = cmd_edit,
};
