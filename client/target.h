/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What a NAME on the command line means: a file ("50-web.yaml", "50-web", "metad.yaml", or a path),
 * or else the files that declare a pair of that name.
 */

#include "client/outlook.h"

struct found {
	size_t *files; /* owned; of each the first entry in the outlook's list */
	size_t n;
	bool by_pair;
	const struct dropin_entry
		*entry; /* borrowed; the very one that a path names; NULL: no path */
};

/* 0 or an exit code. n is 0 when there is nothing of that name. */
int target_find(const struct outlook *outlook, const char *text, struct found *ret);
void found_done(struct found *found);
/* How many entries belong to the file whose first entry this is. */
size_t target_n_entries(const struct outlook *outlook, size_t first);
