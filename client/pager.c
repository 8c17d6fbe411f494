/* SPDX-License-Identifier: GPL-2.0-only */
/* See pager.h. What cannot be paged is just printed. */
#include "client/pager.h"

#include "base/util.h"
#include "client/term.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WORDS_MAX 32 /* of a pager and its options */

static pid_t pager;


/* NULL: nothing is chosen. */
static const char *choose(void)
{
	static const char *const names[] = { "METACTL_PAGER", "SYSTEMD_PAGER", "PAGER" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (getenv(names[i]))
			return getenv(names[i]);
	return NULL;
}

/* Somebody who may run this as root, and not everything else: less would run commands for them. */
static bool is_lent(void)
{
	return getuid() != geteuid() || getenv("SUDO_UID") || getenv("PKEXEC_UID") ||
	       getenv("DOAS_USER");
}

/* Words between blanks, without a shell. Returns when it cannot be run. */
static void run_chosen(const char *chosen)
{
	AUTO_FREE char *words = strdup(chosen);
	char *argv[WORDS_MAX + 1] = {}, *rest = words;

	for (size_t i = 0; words && i < WORDS_MAX; i++)
		argv[i] = strtok_r(rest, " \t", &rest);
	if (argv[0])
		execvp(argv[0], argv);
}

static void run(const char *chosen)
{
	static const char *const usual[] = { "pager", "less", "more" };
	const char *options = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");

	setenv("LESS", options ? options : "FRSXMK", 1);
	setenv("LESSCHARSET", charset ? charset : "utf-8", 1);
	if (is_lent()) {
		setenv("LESSSECURE", "1", 1);
		execlp("less", "less", (char *)NULL);
		return;
	}
	if (chosen)
		run_chosen(chosen);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		execlp(usual[i], usual[i], (char *)NULL);
}

/* In the child; does not return. The other end of ready learns by its closing that it runs. */
static void become(const char *chosen, const int *input, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(input[0], STDIN_FILENO) >= 0) {
		close(input[0]);
		close(input[1]);
		run(chosen);
	}
	(void)!write(ready, "", 1);
	_exit(127);
}

/* Whether it has come to run something. */
static bool is_running(int ready)
{
	char byte;
	ssize_t n;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 0;
}

static void reap(void)
{
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}

/* Errors, too, where they would come between. */
static void redirect(int output)
{
	if (isatty(STDERR_FILENO))
		dup2(output, STDERR_FILENO);
	dup2(output, STDOUT_FILENO);
}

void pager_open(void)
{
	AUTO_CLOSE int ready = -1, told = -1, input = -1, output = -1;
	const char *chosen = choose();
	int pipes[2][2];

	if (pager || !term_is_smart() || !isatty(STDOUT_FILENO) ||
	    (chosen && (!chosen[0] || strcmp(chosen, "cat") == 0)))
		return;
	fflush(stdout);
	if (pipe2(pipes[0], O_CLOEXEC) < 0)
		return;
	input = pipes[0][0];
	output = pipes[0][1];
	if (pipe2(pipes[1], O_CLOEXEC) < 0)
		return;
	ready = pipes[1][0];
	told = pipes[1][1];
	pager = fork();
	if (pager == 0)
		become(chosen, pipes[0], told);
	close(STEAL_FD(told));
	if (pager < 0)
		pager = 0;
	else if (is_running(ready))
		redirect(output);
	else
		reap();
}

void pager_close(void)
{
	if (!pager)
		return;
	/* ^C is the pager's to understand now. */
	signal(SIGINT, SIG_IGN);
	fflush(stdout);
	fclose(stdout);
	close(STDERR_FILENO);
	reap();
}
