/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A terminal's whole screen, for what is shown anew again and again. There is one. What was on the
 * screen before is there again afterwards, also when a signal ends the program or stops it.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Begins, where standard output is a terminal that can do it; else what follows does without a
 * screen. Before anything was printed.
 */
void screen_open(void);
/* What is printed after this is seen again when the program has ended. Does nothing the second time. */
void screen_close(void);

size_t screen_height(void); /* lines; 0: there is no screen */
void screen_clear(void); /* the next picture begins */

/* Shows what was printed, and waits for the time to pass, or for the screen to need another picture. */
enum screen_event { SCREEN_NEXT, SCREEN_QUIT /* by q */ };
enum screen_event screen_wait(uint64_t timeout_ms);
