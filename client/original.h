/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A configuration file as it was when somebody began to change it, and its replacement: all or
 * nothing, and not when somebody else has changed it meanwhile.
 */

#include "client/metactl.h"

#include <sys/types.h>

struct original {
	char *path; /* owned; what a link that stays within the configuration leads to */
	bool is_there;
	char *bytes; /* owned; NULL: it is not there */
	size_t len;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Looks, and finds out what would make a replacement fail. 0 or an exit code, which is explained. */
int original_look(const struct cli *cli, const char *path, struct original *ret);
void original_done(struct original *original);

/*
 * Puts bytes in its place, with the owner and mode of what was there, making directories as
 * needed. Leaves nothing behind when it fails. 0 or an exit code, which has been explained.
 */
int original_replace(const struct original *original, const char *bytes, size_t len);

/* Makes the directory that a path is in, and those above it. 0 or -errno. */
struct made {
	char **dirs; /* owned */
	size_t n;
};
int made_dirs(const char *path, struct made *ret);
/* Removes again what was made and is still empty. */
void made_undo(struct made *made);
void made_done(struct made *made);
