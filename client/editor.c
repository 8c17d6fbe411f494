/* SPDX-License-Identifier: GPL-2.0-only */
/* Running an editor; see editor.h. */
#include "client/editor.h"

#include "core/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define NO_PROGRAM 127 /* what a shell exits with, too */

/* ---- the file ---- */

static int write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "wxe");
	bool good = file && fputs(text, file) >= 0;

	if (file && fclose(file) != 0)
		good = false;
	return good ? 0 : complain(EXIT_NOT_OK, "cannot write %s: %s", path, strerror(errno));
}

int editor_open(const char *name, const char *text, struct editor *ret)
{
	AUTO(editor_done) struct editor editor = {};
	const char *tmp = getenv("TMPDIR");
	int r;

	editor.dir = util_join(tmp && tmp[0] == '/' ? tmp : "/tmp", "metactl-XXXXXX");
	if (!editor.dir)
		return complain(EXIT_NOT_OK, "out of memory");
	if (!mkdtemp(editor.dir)) {
		r = complain(EXIT_NOT_OK, "cannot make %s: %s", editor.dir, strerror(errno));
		free(editor.dir);
		editor.dir = NULL;
		return r;
	}
	editor.path = util_join(editor.dir, name);
	r = editor.path ? write_text(editor.path, text) : complain(EXIT_NOT_OK, "out of memory");
	if (r == 0)
		*ret = STEAL(editor);
	return r;
}

/* Editors leave backups and swap files beside it. */
static void remove_dir(const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	rmdir(dir);
}

void editor_done(struct editor *editor)
{
	if (editor->dir && editor->fate == EDITOR_DISCARD)
		remove_dir(editor->dir);
	else if (editor->path)
		fprintf(stderr, "What you have written is kept in %s\n", editor->path);
	free(editor->path);
	free(editor->dir);
	*editor = (struct editor){};
}

/* ---- the program ---- */

/* With the shell's quoting, because people give it options. */
static void run_by_shell(const char *command, char *path)
{
	AUTO_FREE char *line = NULL;

	if (asprintf(&line, "%s \"$1\"", command) < 0)
		_exit(NO_PROGRAM);
	execlp("sh", "sh", "-c", line, command, path, NULL);
	_exit(NO_PROGRAM);
}

static void run_in_child(char *path)
{
	static const char *const variables[] = { "SYSTEMD_EDITOR", "EDITOR", "VISUAL" };
	static const char *const programs[] = { "editor", "nano", "vi" };

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *command = getenv(variables[i]);

		if (command && command[0])
			run_by_shell(command, path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		execlp(programs[i], programs[i], path, NULL);
	_exit(NO_PROGRAM);
}

static int wait_for(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return complain(EXIT_NOT_OK, "the editor is lost: %s", strerror(errno));
	return 0;
}

/* Ctrl-C is the editor's business while it runs. */
static int run_program(char *path, int *ret_status)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	pid_t pid;
	int r;

	fflush(stdout);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0)
		run_in_child(path);
	r = pid < 0 ? complain(EXIT_NOT_OK, "cannot start an editor: %s", strerror(errno))
		    : wait_for(pid, ret_status);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	return r;
}

/* With one byte behind its end to spare. */
static int read_text(const char *path, char **ret)
{
	AUTO_FREE char *bytes = NULL;
	size_t len;
	int r = util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &bytes, &len);
	char *more;

	if (r < 0)
		return complain(EXIT_NOT_OK, "cannot read what was edited: %s: %s", path,
				strerror(-r));
	if (strlen(bytes) != len)
		return complain(EXIT_NOT_OK, "what was edited contains a NUL character");
	more = realloc(bytes, len + 2);
	if (!more)
		return complain(EXIT_NOT_OK, "out of memory");
	bytes = NULL;
	*ret = more;
	return 0;
}

/* The one that ended it, 0 for none; of what a shell ran, as shells say it. */
static int signal_of(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128 : 0;
}

int editor_run(struct editor *editor, char **ret)
{
	int status = 0, number;
	int r = run_program(editor->path, &status);

	if (r != 0)
		return r;
	number = signal_of(status);
	editor->fate = number ? EDITOR_KEEP : EDITOR_DISCARD;
	if (number)
		return complain(EXIT_NOT_OK, "the editor was ended by signal %d (%s): not saved",
				number, strsignal(number));
	if (WEXITSTATUS(status) == NO_PROGRAM)
		return complain(EXIT_NOT_OK, "no editor can be started; set $EDITOR");
	if (WEXITSTATUS(status) != 0)
		return complain(EXIT_NOT_OK, "the editor ended with %d: not saved",
				WEXITSTATUS(status));
	return read_text(editor->path, ret);
}
