/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What an editor shows: what is to be changed, and for a drop-in, below it, as comments, the file
 * that it is laid over. And back: what of it is to be saved. Touches no file.
 */

#include "client/original.h"
#include "client/target.h"

/* Owned by the caller. 0 or an exit code, which has been explained. */
int sheet_make(const struct target *target, const struct outlook *outlook,
	       const struct original *original, char **ret);

/*
 * What is to be saved, cut out of text in place: between the marks, as far as they are still there,
 * without empty lines around it, ending with a line feed, for which text has room to spare; "" when
 * there is nothing else.
 */
char *sheet_take(char *text);
