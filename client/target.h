/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What a NAME on the command line means: a file ("50-web.yaml", "50-web", "metad.yaml", or a path),
 * or else the files that declare a pair of that name; and which file a command would write for it.
 */

#include "client/outlook.h"

/* Of commands that write files. */
#define TARGET_NAME_DETAILS                                                                        \
	"NAME is a file (50-web.yaml, 50-web, metad.yaml, a path) or a pair in one."
#define OPTION_DROP_IN(words)                                                                      \
	{                                                                                          \
		.name = "drop-in", .value = "NAME", .help = words                                  \
	}
#define OPTION_RUNTIME                                                                             \
	{                                                                                          \
		.name = "runtime", .help = "until the next boot, in the second directory"          \
	}

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

struct target {
	char *name, *dropin, *path; /* owned; dropin NULL: the file itself */
	struct dropin_draft draft; /* borrows them; without bytes */
	bool is_new; /* there is no file of that name anywhere */
};

enum target_use { TARGET_EDIT, TARGET_MASK };
/* By --drop-in, --full, --runtime and the directories. 0 or an exit code, which has been explained. */
int target_make(const struct cli *cli, const struct outlook *outlook, const char *text,
		enum target_use use, struct target *ret);
void target_done(struct target *target);

/* The entry of the outlook that is the target's own file; NULL: it is not there. */
const struct dropin_entry *target_entry(const struct target *target, const struct outlook *outlook);
/* The one whose content counts for that name; NULL: none. */
const struct dropin_entry *target_counting(const struct target *target,
					   const struct outlook *outlook);
