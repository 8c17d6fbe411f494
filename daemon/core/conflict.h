/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What is said of declarations that were left out: so many that somebody reads them. */

#include "core/claim.h"

struct conflicts {
	struct diag_list *list; /* borrowed; where they are told */
	size_t n; /* all of them */
};

/* Takes the words (NULL: out of memory); those beyond a hundred are only counted. 0 or -ENOMEM. */
int conflicts_add(struct conflicts *conflicts, const struct diag *at, char *words);

/* One for each claim that has a winner; what is in words ("pair"). */
int conflicts_add_losers(struct conflicts *conflicts, const struct claims *claims,
			 const char *what);

/* Says how many were only counted. */
int conflicts_finish(const struct conflicts *conflicts);
