/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* "Did you mean": which of the known words somebody meant who wrote another one. */

struct word_search {
	const char *word; /* what was written */
	const char *nearest; /* so far; borrowed from its candidates */
	unsigned int changes; /* single letters that lie between the two */
};

struct word_search word_search(const char *word);
void word_search_try(struct word_search *search, const char *candidate);
/* NULL: none is so near that it could have been meant. */
const char *word_search_result(const struct word_search *search);
