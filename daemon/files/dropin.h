/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Configuration files on disk by the rules of UAPI.6: of files with the same name the one in the
 * higher directory counts, an empty file or a link to /dev/null masks lower ones, and all are
 * sorted by name over all directories. Files of the same rules in NAME.d/, of whichever directory,
 * are laid over the file NAME. Reads bytes; parses nothing.
 */

#include "core/catalog.h"

#define DROPIN_DIR "pairs.d" /* below each configuration directory */
#define DROPIN_SETTINGS "metad.yaml" /* in each configuration directory */

struct dropin_files {
	struct catalog_source *items; /* owned; the settings, if any, then files of pairs by name */
	size_t n;
};

/*
 * paths: highest precedence first; each may hold metad.yaml, metad.yaml.d/, pairs.d/[name].yaml and
 * pairs.d/[name].yaml.d/. A directory that is not there is empty; a file that cannot be read becomes
 * a part with its error (-EFBIG above CONFIG_BYTES_MAX). 0, or -errno with why when a directory
 * cannot be read.
 */
int dropin_read(const char *const *paths, size_t n_paths, struct dropin_files *ret,
		struct diag *why);
void dropin_files_done(struct dropin_files *files);

/* Whether a file of that name counts: editors' backups and hidden files do not. */
bool dropin_is_name(const char *name);

/* The directory of a file's drop-ins, "a.yaml.d" of "a.yaml", and whether a name is one's. */
char *dropin_dir_of(const char *name); /* owned by the caller; NULL: out of memory */
bool dropin_is_dir(const char *name);
