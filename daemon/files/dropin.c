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
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SUFFIX ".yaml"
#define SETTINGS "metad.yaml"

enum { FILE_MASKED = 1 };

/* A drop-in's name in one of the directories. */
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

static int add_entry(struct listing *listing, const char *name, size_t rank)
{
	struct entry entry = { .name = strdup(name), .rank = rank };
	int r = entry.name ? ARRAY_APPEND(listing->items, listing->n, entry) : -ENOMEM;

	if (r < 0)
		free(entry.name);
	return r;
}

static int list_dir(const char *path, size_t rank, struct listing *listing)
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
		if (dropin_is_name(entry->d_name))
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

/* A file that cannot be read is a source, too: somebody has to be told. */
static int add_file(struct dropin_files *files, enum config_kind kind, const char *dir,
		    const char *name)
{
	AUTO(catalog_source_done) struct catalog_source source = { .kind = kind };
	int r;

	source.path = util_join(dir, name);
	source.name = strdup(name);
	if (!source.path || !source.name)
		return -ENOMEM;
	r = read_file(source.path, &source.bytes, &source.len);
	if (r == FILE_MASKED)
		return 0;
	if (r == -ENOMEM)
		return r;
	source.error = r;
	r = ARRAY_APPEND(files->items, files->n, source);
	if (r == 0)
		memset(&source, 0, sizeof(source));
	return r;
}

/* A link that leads nowhere is there, and hides what is below it, as any other file that is. */
static int read_settings(const char *const *dirs, size_t n_dirs, struct dropin_files *files)
{
	for (size_t i = 0; i < n_dirs; i++) {
		AUTO_FREE char *path = util_join(dirs[i], SETTINGS);
		struct stat st;

		if (!path)
			return -ENOMEM;
		if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue;
		return add_file(files, CONFIG_SETTINGS, dirs[i], SETTINGS);
	}
	return 0;
}

static int read_pairs(const char *const *dirs, size_t n_dirs, struct dropin_files *files)
{
	AUTO(listing_done) struct listing listing = {};
	int r = 0;

	for (size_t i = 0; i < n_dirs && r == 0; i++) {
		AUTO_FREE char *path = util_join(dirs[i], DROPIN_DIR);

		r = path ? list_dir(path, i, &listing) : -ENOMEM;
	}
	if (r == 0 && listing.n)
		qsort(listing.items, listing.n, sizeof(*listing.items), compare_entries);
	for (size_t i = 0; i < listing.n && r == 0; i++) {
		const struct entry *entry = &listing.items[i];
		AUTO_FREE char *path = util_join(dirs[entry->rank], DROPIN_DIR);

		if (i && strcmp(entry->name, listing.items[i - 1].name) == 0)
			continue;
		r = path ? add_file(files, CONFIG_PAIRS, path, entry->name) : -ENOMEM;
	}
	return r;
}

int dropin_read(const char *const *dirs, size_t n_dirs, struct dropin_files *ret)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	int r = read_settings(dirs, n_dirs, &files);

	if (r == 0)
		r = read_pairs(dirs, n_dirs, &files);
	if (r < 0)
		return r;
	*ret = STEAL(files);
	return 0;
}
