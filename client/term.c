/* SPDX-License-Identifier: GPL-2.0-only */
/* See term.h. */
#include "client/term.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define NO_END (SIZE_MAX / 2)

static struct {
	bool is_terminal, is_smart, is_colourful;
	size_t width; /* 0: the terminal does not say */
} term;

static size_t ask_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void term_look(void)
{
	const char *no_color = getenv("NO_COLOR"), *name = getenv("TERM");

	/* What is printed is UTF-8 wherever it is run; nothing else of the locale is used. */
	setlocale(LC_CTYPE, "C.UTF-8");
	term.is_terminal = isatty(STDOUT_FILENO);
	term.is_smart = term.is_terminal && name && name[0] && strcmp(name, "dumb") != 0;
	term.is_colourful = term.is_smart && !(no_color && no_color[0]);
	term.width = ask_width();
}

bool term_is_terminal(void)
{
	return term.is_terminal;
}

bool term_is_smart(void)
{
	return term.is_smart;
}

const char *term_colour(enum colour colour)
{
	if (!term.is_colourful)
		return "";
	switch (colour) {
	case COLOUR_NONE:
		return "";
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARN:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[31m";
	case COLOUR_FAINT:
		return "\033[2m";
	case COLOUR_STRONG:
		return "\033[1m";
	}
	return "";
}

const char *term_reset(void)
{
	return term.is_colourful ? "\033[0m" : "";
}

size_t term_width(void)
{
	const char *columns = getenv("COLUMNS");
	size_t width = ask_width(); /* it may have changed; behind a pager there is no asking */
	uint64_t n;

	if (!term.is_terminal)
		return NO_END;
	if (columns && util_parse_u64(columns, 1, 10000, &n) == 0)
		return n;
	if (width)
		return width;
	return term.width ? term.width : NO_END;
}

/* ---- text ---- */

/* The next character's bytes, and the columns it takes; bytes that are no UTF-8 count one each. */
static size_t next(const char *text, size_t *ret_width)
{
	mbstate_t state = {};
	wchar_t wide;
	size_t len = mbrtowc(&wide, text, MB_LEN_MAX, &state);
	int width;

	if (len == 0 || len > MB_LEN_MAX) {
		*ret_width = 1;
		return 1;
	}
	width = wcwidth(wide);
	*ret_width = width < 0 ? 1 : width;
	return len;
}

size_t term_text_fit(const char *text, size_t room, size_t *ret_width)
{
	size_t at = 0, used = 0, width;

	while (text[at]) {
		size_t len = next(text + at, &width);

		if (used + width > room)
			break;
		used += width;
		at += len;
	}
	*ret_width = used;
	return at;
}

size_t term_text_width(const char *text)
{
	size_t width;

	term_text_fit(text, NO_END, &width);
	return width;
}

void term_clean(char *text, enum term_lines lines)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		bool kept = lines == TERM_MANY_LINES && (*c == '\n' || *c == '\t');

		if ((*c < ' ' && !kept) || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080 to U+009F */
			c[0] = c[1] = '?';
	}
}
