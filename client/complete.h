/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What can stand at a place of a command line, for the shells: a line for each, with a tab and a few
 * words behind it. ":files" and ":directories" stand for those that the shell finds itself. Says
 * nothing where there is nothing to say, whatever the reason is.
 */

/* words: those behind "metactl"; the last one, which may be empty, is what is to be completed. */
void complete_print(int n, char **words);
