/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding and reading configuration files by the rules of UAPI.6; see dropin.h. Which directory a
 * name is read from is decided by names alone: what is hidden is never opened, and a mask or a
 * fault in a higher directory never lets a lower one's content through.
 */
#include "files/dropin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SUFFIX ".yaml"
#define DIR_SUFFIX ".d"

const char *const dropin_standard_dirs[DROPIN_N_STANDARD_DIRS] = { "/etc/metad", "/run/metad",
								   "/usr/local/lib/metad",
								   "/usr/lib/metad" };

static void entry_done(struct dropin_entry *entry)
{
	free(entry->name);
	free(entry->path);
}

void dropin_list_done(struct dropin_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		entry_done(&list->items[i]);
	free(list->items);
	*list = (struct dropin_list){};
}

void dropin_files_done(struct dropin_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		catalog_source_done(&files->items[i]);
	free(files->items);
	*files = (struct dropin_files){};
}

/* ---- names ---- */

bool dropin_is_name(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

bool dropin_is_dir(const char *name)
{
	size_t len = strlen(name), suffix = strlen(DIR_SUFFIX);
	AUTO_FREE char *file = NULL;

	if (len <= suffix || strcmp(name + len - suffix, DIR_SUFFIX) != 0)
		return false;
	file = strndup(name, len - suffix);
	return !file || dropin_is_name(file);
}

/* A service's umask may be tight, but what is configured is no secret. */
static int make_dir(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

int dropin_make_dirs(const char *dir)
{
	AUTO_FREE char *pairs = util_join(dir, DROPIN_DIR);
	int r = pairs ? make_dir(dir) : -ENOMEM;

	return r == 0 ? make_dir(pairs) : r;
}

char *dropin_path(const char *dir, enum config_kind kind, const char *name, const char *dropin)
{
	const char *below = kind == CONFIG_PAIRS ? DROPIN_DIR "/" : "";
	char *path;
	int n = dropin ? asprintf(&path, "%s/%s%s" DIR_SUFFIX "/%s", dir, below, name, dropin)
		       : asprintf(&path, "%s/%s%s", dir, below, name);

	return n < 0 ? NULL : path;
}

/* What stands behind the last slash. */
static const char *base_of(const struct dropin_entry *entry)
{
	const char *slash = strrchr(entry->path, '/');

	return slash ? slash + 1 : entry->path;
}

/* ---- listing ---- */

/* Takes path, also on failure. */
static int add_entry(struct dropin_list *list, struct dropin_entry entry, const char *name,
		     char *path)
{
	int r = -ENOMEM;

	entry.name = strdup(name);
	entry.path = path;
	if (entry.name && entry.path)
		r = ARRAY_APPEND(list->items, list->n, entry);
	if (r < 0)
		entry_done(&entry);
	return r;
}

static int explain(struct diag *why, const char *dir, int error)
{
	free(why->file);
	why->file = strdup(dir);
	diag_set(why, "cannot be read, all files keep their last good content: %s",
		 strerror(-error));
	return error;
}

/* What is put on a list: of which sort, and where a directory is to blame. */
struct listing {
	struct dropin_list *list;
	struct dropin_entry like; /* owns nothing */
	struct diag *why;
};

/* fn for each name in a directory that is_wanted. */
static int each_name(const struct listing *to, const char *path,
		     bool (*is_wanted)(const char *name),
		     int (*fn)(const struct listing *to, const char *path, const char *name))
{
	AUTO_CLOSE_DIR DIR *stream = opendir(path);
	int r = 0;

	if (!stream)
		return errno == ENOENT || errno == ENOTDIR ? 0 : explain(to->why, path, -errno);
	while (r == 0) {
		const struct dirent *entry;

		/* A listing that breaks off must not pass for one without the missing files. */
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? explain(to->why, path, -errno) : 0;
		if (is_wanted(entry->d_name))
			r = fn(to, path, entry->d_name);
	}
	return r;
}

static int add_dropin(const struct listing *to, const char *dir, const char *name)
{
	return add_entry(to->list, to->like, to->like.name, util_join(dir, name));
}

static int add_dropins(const struct listing *to, const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	AUTO_FREE char *file = strndup(name, strlen(name) - strlen(DIR_SUFFIX));
	struct listing below = *to;

	if (!path || !file)
		return -ENOMEM;
	below.like.name = file;
	below.like.is_dropin = true;
	return each_name(&below, path, dropin_is_name, add_dropin);
}

/* A file's name, or that of its directory of drop-ins. */
static bool names_a_file(const char *name)
{
	return dropin_is_name(name) || dropin_is_dir(name);
}

static int add_found(const struct listing *to, const char *dir, const char *name)
{
	if (dropin_is_dir(name))
		return add_dropins(to, dir, name);
	return add_entry(to->list, to->like, name, util_join(dir, name));
}

/* A link that leads nowhere is there, and hides what is below it, as any other file that is. */
static int add_settings(const struct listing *to, const char *dir)
{
	AUTO_FREE char *path = util_join(dir, DROPIN_SETTINGS);
	struct stat st;
	int r = path ? 0 : -ENOMEM;

	if (r == 0 && (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR)))
		r = add_entry(to->list, to->like, DROPIN_SETTINGS, STEAL(path));
	return r < 0 ? r : add_dropins(to, dir, DROPIN_SETTINGS DIR_SUFFIX);
}

static int list_dir(struct dropin_list *list, const char *dir, size_t rank, struct diag *why)
{
	AUTO_FREE char *pairs = util_join(dir, DROPIN_DIR);
	struct listing to = { list, { .kind = CONFIG_SETTINGS, .rank = rank }, why };
	int r = pairs ? add_settings(&to, dir) : -ENOMEM;

	to.like.kind = CONFIG_PAIRS;
	return r < 0 ? r : each_name(&to, pairs, names_a_file, add_found);
}

/* Order of the files that entries belong to: the settings are first. */
static int compare_files(const struct dropin_entry *a, const struct dropin_entry *b)
{
	if (a->kind != b->kind)
		return a->kind == CONFIG_SETTINGS ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* The same for two that hide each other: the file itself is before its drop-ins. */
static int compare_parts(const struct dropin_entry *a, const struct dropin_entry *b)
{
	int r = compare_files(a, b);

	if (r == 0)
		r = (int)a->is_dropin - (int)b->is_dropin;
	return r ? r : strcmp(base_of(a), base_of(b));
}

static int compare_entries(const void *a, const void *b)
{
	const struct dropin_entry *x = a, *y = b;
	int r = compare_parts(x, y);

	return r ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

static void settle(struct dropin_list *list)
{
	const struct dropin_entry *first = list->items;

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_entries);
	for (size_t i = 1; i < list->n; i++) {
		if (compare_parts(first, &list->items[i]) == 0)
			list->items[i].hidden_by = first->path;
		else
			first = &list->items[i];
	}
}

/* ---- what is not there yet ---- */

static int add_draft(struct dropin_list *list, const char *dir, const struct dropin_draft *draft)
{
	struct dropin_entry entry = {
		.kind = draft->kind, .is_dropin = draft->dropin, .rank = draft->rank, .draft = draft
	};

	return add_entry(list, entry, draft->name,
			 dropin_path(dir, draft->kind, draft->name, draft->dropin));
}

static void take_away(struct dropin_list *list, const struct dropin_draft *draft)
{
	const char *base = draft->dropin ? draft->dropin : draft->name;
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct dropin_entry *entry = &list->items[i];

		if (entry->rank == draft->rank && entry->kind == draft->kind &&
		    entry->is_dropin == (draft->dropin != NULL) &&
		    strcmp(entry->name, draft->name) == 0 && strcmp(base_of(entry), base) == 0)
			entry_done(entry);
		else
			list->items[kept++] = *entry;
	}
	list->n = kept;
}

static int apply_draft(struct dropin_list *list, const char *const *paths,
		       const struct dropin_draft *draft)
{
	take_away(list, draft);
	return draft->bytes ? add_draft(list, paths[draft->rank], draft) : 0;
}

int dropin_list(const char *const *paths, size_t n_paths, const struct dropin_draft *drafts,
		size_t n_drafts, struct dropin_list *ret, struct diag *why)
{
	AUTO(dropin_list_done) struct dropin_list list = {};
	int r = 0;

	for (size_t i = 0; i < n_paths && r == 0; i++)
		r = list_dir(&list, paths[i], i, why);
	for (size_t i = 0; i < n_drafts && r == 0; i++)
		r = apply_draft(&list, paths, &drafts[i]);
	if (r < 0)
		return r;
	settle(&list);
	*ret = STEAL(list);
	return 0;
}

/* ---- reading ---- */

/* A file that is too big is refused before any of it is read. */
static int read_file(const char *path, char **ret, size_t *ret_len)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return DROPIN_E_MASK; /* /dev/null, however it is spelt */
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > CONFIG_BYTES_MAX)
		return -EFBIG;
	return util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, ret, ret_len);
}

static int read_draft(const struct dropin_draft *draft, char **ret, size_t *ret_len)
{
	char *bytes = malloc(draft->len + 1);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, draft->bytes, draft->len);
	bytes[draft->len] = '\0';
	*ret = bytes;
	*ret_len = draft->len;
	return 0;
}

int dropin_read_entry(const struct dropin_entry *entry, char **ret, size_t *ret_len)
{
	AUTO_FREE char *bytes = NULL;
	size_t len = 0;
	int r = entry->draft ? read_draft(entry->draft, &bytes, &len)
			     : read_file(entry->path, &bytes, &len);

	if (r)
		return r;
	if (!len)
		return DROPIN_E_MASK;
	*ret = STEAL(bytes);
	*ret_len = len;
	return 0;
}

/* A file that cannot be read is a part, too: somebody has to be told. A mask is none. */
static int add_part(struct catalog_source *source, const struct dropin_entry *entry)
{
	struct config_part part = {};
	int r = dropin_read_entry(entry, &part.bytes, &part.len);

	if (r == DROPIN_E_MASK)
		return 0;
	if (r == -ENOMEM)
		return r;
	part.error = r;
	part.path = strdup(entry->path);
	r = part.path ? ARRAY_APPEND(source->parts, source->n_parts, part) : -ENOMEM;
	if (r < 0) {
		free(part.path);
		free(part.bytes);
	}
	return r;
}

/* Entries of one file. */
static int add_source(struct dropin_files *files, const struct dropin_entry *entries, size_t n)
{
	AUTO(catalog_source_done) struct catalog_source source = { .kind = entries->kind };
	int r;

	source.name = strdup(entries->name);
	r = source.name ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		if (!entries[i].hidden_by)
			r = add_part(&source, &entries[i]);
	if (r < 0 || !source.n_parts)
		return r;
	r = ARRAY_APPEND(files->items, files->n, source);
	if (r == 0)
		memset(&source, 0, sizeof(source));
	return r;
}

int dropin_read_list(const struct dropin_list *list, struct dropin_files *ret)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	size_t n;
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i += n) {
		const struct dropin_entry *first = &list->items[i];

		for (n = 1; i + n < list->n && compare_files(first, &first[n]) == 0; n++)
			;
		r = add_source(&files, first, n);
	}
	if (r < 0)
		return r;
	*ret = STEAL(files);
	return 0;
}

int dropin_read(const char *const *paths, size_t n_paths, struct dropin_files *ret,
		struct diag *why)
{
	AUTO(dropin_list_done) struct dropin_list list = {};
	int r = dropin_list(paths, n_paths, NULL, 0, &list, why);

	return r < 0 ? r : dropin_read_list(&list, ret);
}
