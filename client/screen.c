/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See screen.h. Signals are taken one by one while it waits, so that the terminal is never left as it
 * must not be left.
 */
#include "client/screen.h"

#include "base/util.h"
#include "client/term.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#define ENTER "\033[?1049h\033[?25l" /* the alternate screen, without a cursor */
#define LEAVE "\033[?25h\033[?1049l"

static struct {
	bool is_open, has_keys;
	struct termios before; /* has_keys */
	sigset_t signals;
	int signal_fd;
} screen = { .signal_fd = -1 };

static void enter(void)
{
	struct termios keys;

	screen.is_open = true;
	screen.has_keys = tcgetattr(STDIN_FILENO, &screen.before) == 0;
	if (screen.has_keys) {
		keys = screen.before;
		keys.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
	}
	fputs(ENTER, stdout);
	fflush(stdout);
}

void screen_open(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };

	if (!term_is_smart())
		return;
	sigemptyset(&screen.signals);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&screen.signals, signals[i]);
	screen.signal_fd = signalfd(-1, &screen.signals, SFD_CLOEXEC);
	if (screen.signal_fd < 0)
		return;
	sigprocmask(SIG_BLOCK, &screen.signals, NULL);
	/* A picture is written at once, else one sees how it is made. */
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	enter();
}

void screen_close(void)
{
	if (!screen.is_open)
		return;
	screen.is_open = false;
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (screen.has_keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
}

size_t screen_height(void)
{
	struct winsize size;

	if (!screen.is_open)
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : 24;
}

void screen_clear(void)
{
	if (screen.is_open)
		fputs("\033[H\033[J", stdout);
}

static void obey(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signal_fd, &info, sizeof(info)) != sizeof(info) ||
	    info.ssi_signo == SIGWINCH)
		return;
	screen_close();
	if (info.ssi_signo == SIGTSTP) {
		raise(SIGSTOP);
		enter();
		return;
	}
	/* As if it had never been held back. */
	signal(info.ssi_signo, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &screen.signals, NULL);
	raise(info.ssi_signo);
}

/* What is no key of ours is nothing; the end of the input is the end of keys. */
static enum screen_event read_key(void)
{
	char key;

	if (read(STDIN_FILENO, &key, 1) == 1)
		return key == 'q' || key == 'Q' ? SCREEN_QUIT : SCREEN_NEXT;
	screen.has_keys = false;
	return SCREEN_NEXT;
}

enum screen_event screen_wait(uint64_t timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = screen.signal_fd, .events = POLLIN },
		{ .fd = screen.is_open && screen.has_keys ? STDIN_FILENO : -1, .events = POLLIN },
	};

	fflush(stdout);
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) <= 0)
		return SCREEN_NEXT;
	if (fds[0].revents)
		obey();
	return fds[1].revents ? read_key() : SCREEN_NEXT;
}
