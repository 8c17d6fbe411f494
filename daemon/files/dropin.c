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

enum { FILE_MASKED = 1 };

/* Directories in which files of the same name hide each other, the highest first. */
struct dirs {
	char **paths; /* owned */
	size_t n;
};

/* A name in one of the directories. */
struct entry {
	char *name; /* owned */
	size_t rank; /* of the directory: 0 is the highest */
};

struct listing {
	struct entry *items; /* owned */
	size_t n;
};

static void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->n; i++)
		free(listing->items[i].name);
	free(listing->items);
}

static void dirs_done(struct dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		free(dirs->paths[i]);
	free(dirs->paths);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

void dropin_files_done(struct dropin_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		catalog_source_done(&files->items[i]);
	free(files->items);
	*files = (struct dropin_files){};
}

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

char *dropin_dir_of(const char *name)
{
	char *dir;

	return asprintf(&dir, "%s" DIR_SUFFIX, name) < 0 ? NULL : dir;
}

/* ---- listing ---- */

static int dirs_add(struct dirs *dirs, char *path)
{
	int r = path ? ARRAY_APPEND(dirs->paths, dirs->n, path) : -ENOMEM;

	if (r < 0)
		free(path);
	return r;
}

static int dirs_of(const char *const *paths, size_t n, struct dirs *ret)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = dirs_add(ret, strdup(paths[i]));
	return r;
}

static int dirs_below(const struct dirs *dirs, const char *name, struct dirs *ret)
{
	int r = 0;

	for (size_t i = 0; i < dirs->n && r == 0; i++)
		r = dirs_add(ret, util_join(dirs->paths[i], name));
	return r;
}

static int add_entry(struct listing *listing, const char *name, size_t rank)
{
	struct entry entry = { .name = strdup(name), .rank = rank };
	int r = entry.name ? ARRAY_APPEND(listing->items, listing->n, entry) : -ENOMEM;

	if (r < 0)
		free(entry.name);
	return r;
}

static int list_dir(const char *path, size_t rank, bool (*is_wanted)(const char *name),
		    struct listing *listing)
{
	AUTO(close_dir) DIR *stream = opendir(path);
	int r = 0;

	if (!stream)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (r == 0) {
		const struct dirent *entry;

		/* A listing that breaks off must not pass for one without the missing files. */
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return -errno;
		if (is_wanted(entry->d_name))
			r = add_entry(listing, entry->d_name, rank);
	}
	return r;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

static void listing_sort(struct listing *listing)
{
	if (listing->n)
		qsort(listing->items, listing->n, sizeof(*listing->items), compare_entries);
}

static int list_all(const struct dirs *dirs, bool (*is_wanted)(const char *name),
		    struct listing *ret, struct diag *why)
{
	for (size_t i = 0; i < dirs->n; i++) {
		int r = list_dir(dirs->paths[i], i, is_wanted, ret);

		if (r < 0) {
			free(why->file);
			why->file = strdup(dirs->paths[i]);
			diag_set(why, "cannot be read, all files keep their last good content: %s",
				 strerror(-r));
			return r;
		}
	}
	listing_sort(ret);
	return 0;
}

/* 0, FILE_MASKED or -errno. A file that is too big is refused before any of it is read. */
static int read_file(const char *path, char **ret, size_t *ret_len)
{
	AUTO_FREE char *bytes = NULL;
	struct stat st;
	size_t len;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return FILE_MASKED; /* /dev/null, however it is spelt */
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > CONFIG_BYTES_MAX)
		return -EFBIG;
	r = util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &bytes, &len);
	if (r < 0)
		return r;
	if (!len)
		return FILE_MASKED;
	*ret = STEAL(bytes);
	*ret_len = len;
	return 0;
}

/* ---- one file with its drop-ins ---- */

/* A file that cannot be read is a part, too: somebody has to be told. A mask is none. */
static int add_part(struct catalog_source *source, const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	struct config_part part = {};
	int r;

	if (!path)
		return -ENOMEM;
	r = read_file(path, &part.bytes, &part.len);
	if (r == FILE_MASKED)
		return 0;
	if (r == -ENOMEM)
		return r;
	part.error = r;
	part.path = path;
	r = ARRAY_APPEND(source->parts, source->n_parts, part);
	if (r == 0)
		path = NULL;
	else
		free(part.bytes);
	return r;
}

/* A link that leads nowhere is there, and hides what is below it, as any other file that is. */
static int add_main(struct catalog_source *source, const struct dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		AUTO_FREE char *path = util_join(dirs->paths[i], source->name);
		struct stat st;

		if (!path)
			return -ENOMEM;
		if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
			return add_part(source, dirs->paths[i], source->name);
	}
	return 0;
}

static bool is_first_of_name(const struct listing *listing, size_t i)
{
	return i == 0 || strcmp(listing->items[i].name, listing->items[i - 1].name) != 0;
}

static int add_dropins(struct catalog_source *source, const struct dirs *dirs, struct diag *why)
{
	AUTO_FREE char *suffixed = dropin_dir_of(source->name);
	AUTO(dirs_done) struct dirs below = {};
	AUTO(listing_done) struct listing listing = {};
	int r = suffixed ? dirs_below(dirs, suffixed, &below) : -ENOMEM;

	if (r == 0)
		r = list_all(&below, dropin_is_name, &listing, why);
	for (size_t i = 0; i < listing.n && r == 0; i++)
		if (is_first_of_name(&listing, i))
			r = add_part(source, below.paths[listing.items[i].rank],
				     listing.items[i].name);
	return r;
}

static int add_source(struct dropin_files *files, enum config_kind kind, const struct dirs *dirs,
		      const char *name, struct diag *why)
{
	AUTO(catalog_source_done) struct catalog_source source = { .kind = kind };
	int r;

	source.name = strdup(name);
	r = source.name ? add_main(&source, dirs) : -ENOMEM;
	if (r == 0)
		r = add_dropins(&source, dirs, why);
	if (r < 0 || !source.n_parts)
		return r;
	r = ARRAY_APPEND(files->items, files->n, source);
	if (r == 0)
		memset(&source, 0, sizeof(source));
	return r;
}

/* ---- all of them ---- */

/* A file's name, or that of its directory of drop-ins. */
static bool names_a_file(const char *name)
{
	return dropin_is_name(name) || dropin_is_dir(name);
}

static int read_pairs(const struct dirs *dirs, struct dropin_files *files, struct diag *why)
{
	AUTO(dirs_done) struct dirs below = {};
	AUTO(listing_done) struct listing listing = {};
	int r = dirs_below(dirs, DROPIN_DIR, &below);

	if (r == 0)
		r = list_all(&below, names_a_file, &listing, why);
	/* What only has drop-ins is a file as well. */
	for (size_t i = 0; i < listing.n; i++)
		if (dropin_is_dir(listing.items[i].name))
			listing.items[i].name[strlen(listing.items[i].name) - strlen(DIR_SUFFIX)] = '\0';
	listing_sort(&listing);
	for (size_t i = 0; i < listing.n && r == 0; i++)
		if (is_first_of_name(&listing, i))
			r = add_source(files, CONFIG_PAIRS, &below, listing.items[i].name, why);
	return r;
}

int dropin_read(const char *const *paths, size_t n_paths, struct dropin_files *ret,
		struct diag *why)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	AUTO(dirs_done) struct dirs dirs = {};
	int r = dirs_of(paths, n_paths, &dirs);

	if (r == 0)
		r = add_source(&files, CONFIG_SETTINGS, &dirs, DROPIN_SETTINGS, why);
	if (r == 0)
		r = read_pairs(&dirs, &files, why);
	if (r < 0)
		return r;
	*ret = STEAL(files);
	return 0;
}
