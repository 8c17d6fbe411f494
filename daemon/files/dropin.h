/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Configuration files on disk by the rules of UAPI.6: of files with the same name the one in the
 * higher directory counts, an empty file or a link to /dev/null masks lower ones, and all are
 * sorted by name over all directories. Reads bytes; parses nothing.
 */

#include "core/catalog.h"

#define DROPIN_DIR "pairs.d" /* below each configuration directory */

struct dropin_files {
	struct catalog_source *items; /* owned; the settings, if any, then drop-ins by name */
	size_t n;
};

/*
 * dirs: highest precedence first; each may hold metad.yaml and pairs.d/[name].yaml. A directory
 * that is not there is empty; a file that cannot be read becomes a source with its error (-EFBIG
 * above CONFIG_BYTES_MAX). 0, or -errno when a directory cannot be read.
 */
int dropin_read(const char *const *dirs, size_t n_dirs, struct dropin_files *ret);
void dropin_files_done(struct dropin_files *files);

/* Whether a file of that name is a drop-in: editors' backups and hidden files are not. */
bool dropin_is_name(const char *name);
