/* SPDX-License-Identifier: GPL-2.0-only */
/* How near words are to each other; see word.h. */
#include "base/word.h"

#include "base/util.h"

#define LETTERS_MAX 64 /* longer words are near to none */

/* Levenshtein's distance. */
static unsigned int count_changes(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned int row[LETTERS_MAX + 1];

	if (n > LETTERS_MAX || m > LETTERS_MAX)
		return LETTERS_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			unsigned int above = row[j], changed = diagonal + (a[i - 1] != b[j - 1]);

			row[j] = MIN(MIN(above, row[j - 1]) + 1, changed);
			diagonal = above;
		}
	}
	return row[m];
}

struct word_search word_search(const char *word)
{
	return (struct word_search){ .word = word, .changes = LETTERS_MAX };
}

void word_search_try(struct word_search *search, const char *candidate)
{
	unsigned int changes = count_changes(search->word, candidate);

	if (changes < search->changes) {
		search->changes = changes;
		search->nearest = candidate;
	}
}

/* At most about a third of a word may differ: "mtu" is not a misspelt "mac". */
const char *word_search_result(const struct word_search *search)
{
	return search->changes <= (strlen(search->word) + 1) / 3 ? search->nearest : NULL;
}
