/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding and reading configuration files by the rules of UAPI.6; see dropin.h. A mask is decided
 * before precedence is over: an empty file in a higher directory hides the lower one's content.
 */
#include "kernel/dropin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SUFFIX ".yaml"

static void source_close_dir(DIR **dir)
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

static bool is_dropin(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static bool is_known(const struct dropin_files *files, const char *name)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->items[i].name, name) == 0)
			return true;
	return false;
}

/* A link to /dev/null, however it is spelt. */
static bool is_null_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* Reads the file into a source; a mask becomes a source without bytes and without error. */
static int add_file(struct dropin_files *files, enum config_kind kind, const char *dir,
		    const char *name)
{
	struct catalog_source source = { .kind = kind };
	int r;

	source.path = util_join(dir, name);
	source.name = strdup(name);
	if (!source.path || !source.name) {
		catalog_source_done(&source);
		return -ENOMEM;
	}
	if (!is_null_device(source.path))
		source.error = util_read_file_at(AT_FDCWD, source.path, CONFIG_BYTES_MAX,
						 &source.bytes, &source.len);
	if (source.error == 0 && source.len == 0) {
		free(source.bytes);
		source.bytes = NULL;
	}
	r = source.error == -ENOMEM ? -ENOMEM : ARRAY_APPEND(files->items, files->n, source);
	if (r < 0)
		catalog_source_done(&source);
	return r;
}

static int read_dir(const char *dir, struct dropin_files *files)
{
	AUTO_FREE char *path = util_join(dir, "pairs.d");
	AUTO(source_close_dir) DIR *stream = path ? opendir(path) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!path)
		return -ENOMEM;
	if (!stream)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (r == 0 && (entry = readdir(stream)))
		if (is_dropin(entry->d_name) && !is_known(files, entry->d_name))
			r = add_file(files, CONFIG_PAIRS, path, entry->d_name);
	return r;
}

/* The settings' key cannot be a drop-in's: it is not in pairs.d, so it is looked for by itself. */
static int read_settings(const char *const *dirs, size_t n_dirs, struct dropin_files *files)
{
	for (size_t i = 0; i < n_dirs; i++) {
		AUTO_FREE char *path = util_join(dirs[i], "metad.yaml");

		if (!path)
			return -ENOMEM;
		if (access(path, F_OK) == 0)
			return add_file(files, CONFIG_SETTINGS, dirs[i], "metad.yaml");
	}
	return 0;
}

static int compare_sources(const void *a, const void *b)
{
	const struct catalog_source *x = a, *y = b;
	int r = (int)y->kind - (int)x->kind;

	return r ? r : strcmp(x->name, y->name);
}

static void forget_masked(struct dropin_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->n; i++) {
		if (!files->items[i].bytes && !files->items[i].error)
			catalog_source_done(&files->items[i]);
		else
			files->items[kept++] = files->items[i];
	}
	files->n = kept;
}

int dropin_read(const char *const *dirs, size_t n_dirs, struct dropin_files *ret)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	int r = 0;

	for (size_t i = 0; i < n_dirs && r == 0; i++)
		r = read_dir(dirs[i], &files);
	if (r == 0)
		r = read_settings(dirs, n_dirs, &files);
	if (r < 0)
		return r;
	forget_masked(&files);
	if (files.n)
		qsort(files.items, files.n, sizeof(*files.items), compare_sources);
	*ret = STEAL(files);
	return 0;
}
