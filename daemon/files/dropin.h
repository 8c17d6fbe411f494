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

/* Where configuration is, unless somebody says otherwise; the highest first. */
#define DROPIN_N_STANDARD_DIRS 4
extern const char *const dropin_standard_dirs[DROPIN_N_STANDARD_DIRS];

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

/* ---- one by one, with what does not count ---- */

/* A file that is not there, or not as it is: what would be read if it were. */
struct dropin_draft {
	enum config_kind kind;
	const char *name; /* of the file */
	const char *dropin; /* of its drop-in; NULL: the file itself */
	size_t rank; /* of the directory: 0 is the highest */
	const char *bytes; /* NULL: the file would not be there */
	size_t len; /* 0: a mask */
};

struct dropin_entry {
	enum config_kind kind;
	char *name; /* owned; of the file, also in its drop-ins */
	char *path; /* owned */
	bool is_dropin;
	size_t rank;
	const char *hidden_by; /* path of the entry that counts instead; NULL: this one does */
	const struct dropin_draft *draft; /* borrowed; NULL: what is on disk */
};

/* In the order in which they count: a file, its drop-ins, the next; hidden ones behind their hider. */
struct dropin_list {
	struct dropin_entry *items; /* owned */
	size_t n;
};

/* As dropin_read, but drafts, which must outlive the list, are in place. Reads no file. */
int dropin_list(const char *const *paths, size_t n_paths, const struct dropin_draft *drafts,
		size_t n_drafts, struct dropin_list *ret, struct diag *why);
void dropin_list_done(struct dropin_list *list);
int dropin_read_list(const struct dropin_list *list, struct dropin_files *ret);

/* The bytes of one, NUL-terminated, owned by the caller. 0, DROPIN_E_MASK or -errno. */
enum { DROPIN_E_MASK = 1 /* it is one, and says nothing */ };
int dropin_read_entry(const struct dropin_entry *entry, char **ret, size_t *ret_len);

/* ---- names ---- */

/* Whether a file of that name counts: editors' backups and hidden files do not. */
bool dropin_is_name(const char *name);
/* Whether a name is that of a directory of drop-ins: "a.yaml.d". */
bool dropin_is_dir(const char *name);
/* Makes a configuration directory, and pairs.d in it, readable by all. 0 or -errno. */
int dropin_make_dirs(const char *dir);
/* Where a file (dropin NULL), or a drop-in of it, is or would be. NULL: out of memory. */
char *dropin_path(const char *dir, enum config_kind kind, const char *name, const char *dropin);
