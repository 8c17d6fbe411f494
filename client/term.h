/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What standard output is: how wide, whether colours are wanted; and what is harmless to it. */

#include "base/util.h"

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD, COLOUR_FAINT, COLOUR_STRONG };

/* To be called before anything stands between standard output and the terminal: it remembers. */
void term_look(void);
bool term_is_terminal(void);
/* A terminal that can do more than print one line after the other. */
bool term_is_smart(void);

/* Escape sequences, "" unless it is a terminal that can do it and NO_COLOR is not set. */
const char *term_colour(enum colour colour);
const char *term_reset(void);
/* Columns: $COLUMNS, or the terminal's; a large number where it is none. */
size_t term_width(void);

/* Columns that UTF-8 text takes; and the bytes of its beginning that takes no more than room. */
size_t term_text_width(const char *text);
size_t term_text_fit(const char *text, size_t room, size_t *ret_width);

/*
 * Makes text harmless to a terminal, in place: names come from whoever owns a namespace. Bytes that
 * would control it become question marks.
 */
enum term_lines { TERM_ONE_LINE, TERM_MANY_LINES /* line feeds and tabs may stay */ };
void term_clean(char *text, enum term_lines lines);
