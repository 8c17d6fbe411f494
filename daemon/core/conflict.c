/* SPDX-License-Identifier: GPL-2.0-only */
/* See conflict.h. Two files that are the same can have a hundred thousand. */
#include "core/conflict.h"

#include <errno.h>

#define SHOWN_MAX 100

int conflicts_add(struct conflicts *conflicts, const struct diag *at, char *words)
{
	AUTO(diag_done) struct diag diag = {};
	AUTO_FREE char *text = words;

	if (!text)
		return -ENOMEM;
	if (++conflicts->n > SHOWN_MAX)
		return 0;
	if (diag_copy(at, &diag) < 0)
		return -ENOMEM;
	diag.text = STEAL(text);
	return diag_list_add(conflicts->list, &diag);
}

int conflicts_add_losers(struct conflicts *conflicts, const struct claims *claims,
			 const char *what)
{
	int r = 0;

	for (size_t i = 0; i < claims->n && r == 0; i++) {
		const struct claim *claim = &claims->items[i];

		if (claim->winner && conflicts->n < SHOWN_MAX)
			r = conflicts_add(conflicts, claim->at, claim_words(claim, what));
		else if (claim->winner)
			conflicts->n++;
	}
	return r;
}

int conflicts_finish(const struct conflicts *conflicts)
{
	struct diag more = {};

	if (conflicts->n <= SHOWN_MAX)
		return 0;
	diag_set(&more, "%zu more conflicts between declarations, not shown",
		 conflicts->n - SHOWN_MAX);
	return more.text ? diag_list_add(conflicts->list, &more) : -ENOMEM;
}
