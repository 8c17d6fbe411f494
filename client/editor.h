/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Somebody's editor, on a file in a directory of its own that nobody else sees. */

#include "client/metactl.h"

enum editor_fate { EDITOR_DISCARD, EDITOR_KEEP };

struct editor {
	char *dir, *path; /* owned; NULL: none */
	enum editor_fate fate; /* of the file, at the end */
};

/* Makes the file. name is the last part of its path. 0 or an exit code, which has been explained. */
int editor_open(const char *name, const char *text, struct editor *ret);

/*
 * Runs it and waits for its end: $SYSTEMD_EDITOR, $EDITOR, $VISUAL, or else editor, nano, vi. The
 * text is owned by the caller and has room for one more character. 0 or an exit code, which has
 * been explained; the file is kept when the editor did not end by itself.
 */
int editor_run(struct editor *editor, char **ret);

/* Removes the file, or leaves it and says where it is. */
void editor_done(struct editor *editor);
