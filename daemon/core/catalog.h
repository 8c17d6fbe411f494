/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The set of configuration files and what of each is in force: its newest good content. A broken
 * file keeps its last good content and carries the diagnostics of the newest.
 */

#include "core/config.h"
#include "core/lease.h"

struct catalog_file {
	char *name; /* owned; file name without directory; with kind, the key */
	char **paths; /* owned; of the file and its drop-ins as they are now */
	size_t n_paths;
	enum config_kind kind;
	uint64_t digest; /* of the newest bytes */
	bool in_force; /* config holds good content, perhaps older than the newest bytes */
	bool kept; /* the newest good content is in the store */
	struct config config;
	struct diag_list diags; /* of the newest bytes; empty: good */
};

struct catalog {
	struct catalog_file *files; /* owned; sorted by name, unique with kind */
	size_t n_files;
	struct diag_list troubles; /* with directories, of which no file is to blame */
	bool unread; /* a directory could not be read: the files are those of before */
	/*
	 * Whoever clears changed and sets the other learns what updates since then have changed:
	 * anything, and at most pairs that nothing else depends on.
	 */
	bool changed, only_pairs_changed;
};

/*
 * One file as found, with the drop-ins in its name.d/. Without a file, or where it is masked, the
 * drop-ins are all there is. Owned by the caller.
 */
struct catalog_source {
	char *name; /* owned */
	enum config_kind kind;
	struct config_part *parts; /* owned, as what is in them; the file, then drop-ins by name */
	size_t n_parts; /* never 0 */
};

/*
 * Takes the files as they are now, each name once of a kind: forgets those that are gone, parses
 * those whose bytes are new (by digest), keeps the last good content of those that are broken. 0,
 * or -ENOMEM with the catalog as it was.
 */
int catalog_update(struct catalog *catalog, const struct catalog_source *sources, size_t n);

/* What templates depend on; everything in it is borrowed. */
struct catalog_world {
	const char *const *namespaces; /* the names that there are now; sorted, unique */
	size_t n_namespaces;
	const char *const *netns_dirs; /* where they are */
	size_t n_netns_dirs;
	struct leases *leases; /* addresses that have been given out; brought up to date */
};

/*
 * Joins what is in force. A pair, program or device name that two files declare stays with the
 * file that sorts first, and so does an address that two peers would have (within a file, with the
 * pair that sorts first; the settings can allow it); the other declaration is left out and reported
 * with both places in (*ret)->conflicts. A use without a definition gets one: the shipped object of
 * that name; +drop is always defined. Templates become
 * pairs for the namespaces of world; NULL: there are none. 0 or -ENOMEM. The caller owns the one reference.
 */
int catalog_join(const struct catalog *catalog, const struct catalog_world *world,
		 struct desired **ret);

/* The settings in force, borrowed; NULL: all are as they are without any. */
const struct settings *catalog_settings(const struct catalog *catalog);

/* What pairs are laid over, borrowed; NULL: nothing. */
const struct node *catalog_defaults(const struct catalog *catalog);

/* Borrowed; NULL: there is no such file. */
struct catalog_file *catalog_find(const struct catalog *catalog, enum config_kind kind,
				  const char *name);

/*
 * Takes a file out, with what of it is in force, to be put back as it was, however it may be read
 * meanwhile; ret has its kind and name also where there is none. Both note what they change. 0, or
 * -ENOMEM with both as they were.
 */
int catalog_take(struct catalog *catalog, enum config_kind kind, const char *name,
		 struct catalog_file *ret);
/* Takes file, and leaves an empty one; it replaces what the catalog has by that name. */
int catalog_put_back(struct catalog *catalog, struct catalog_file *file);
void catalog_file_done(struct catalog_file *file);

/* Frees what the catalog holds and leaves it empty. */
void catalog_done(struct catalog *catalog);
void catalog_source_done(struct catalog_source *source);

/*
 * Calls fn for every diagnostic of every file, every trouble, and every conflict of what was joined
 * of them; desired may be NULL.
 */
void catalog_each_diag(const struct catalog *catalog, const struct desired *desired,
		       void (*fn)(void *ctx, const struct diag *diag), void *ctx);
