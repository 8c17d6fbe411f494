/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The last good content of each configuration file, kept in a directory of its own over restarts
 * and reboots. A copy of what the kernel does not have and a broken file no longer says: never read
 * for a file that is good or gone.
 */

#include "files/dropin.h"

#define STORE_DIR "last-good" /* in the state directory */

/*
 * dir: the state directory; what is kept is below it, in last-good/. Nothing there is no failure,
 * and an entry that cannot be understood is passed over. 0 or -errno with why.
 */
int store_read(const char *dir, struct dropin_files *ret, struct diag *why);

/* Keeps a source, all parts of which are readable, in place of what was kept of it. */
int store_write(const char *dir, const struct catalog_source *source, struct diag *why);

/* Forgets what is kept of files that are not among those of the catalog. */
int store_prune(const char *dir, const struct catalog *catalog, struct diag *why);
