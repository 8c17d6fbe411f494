/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file for each source: a line that says which format it is, then for each part a line with
 * its length in bytes and its path, and its bytes as they are. Legible, and exact.
 */
#include "files/store.h"

#include "files/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define HEAD "metad last good content 1\n"
#define KEPT_MAX (4 * (size_t)CONFIG_BYTES_MAX) /* bytes of a source with its drop-ins */

/* Where the sources of one kind are. */
static char *dir_of(const char *dir, enum config_kind kind)
{
	AUTO_FREE char *top = util_join(dir, STORE_DIR);

	if (!top)
		return NULL;
	return kind == CONFIG_SETTINGS ? STEAL(top) : util_join(top, DROPIN_DIR);
}

static int complain(struct diag *why, const char *path, int error)
{
	free(why->file);
	why->file = strdup(path);
	diag_set(why, "the last good content is not kept: %s", strerror(-error));
	return error;
}

/* ---- reading ---- */

/* Takes one part off the text: 0, or -EBADMSG where it is not one. */
static int take_part(const char **text, const char *end, struct config_part *ret)
{
	const char *line_end = memchr(*text, '\n', end - *text);
	char *path;
	size_t len;

	errno = 0;
	len = strtoull(*text, &path, 10);
	if (!line_end || errno || path == *text || *path != ' ' ||
	    len > (size_t)(end - line_end - 1))
		return -EBADMSG;
	ret->path = strndup(path + 1, line_end - path - 1);
	ret->bytes = malloc(len + 1);
	if (!ret->path || !ret->bytes)
		return -ENOMEM;
	memcpy(ret->bytes, line_end + 1, len);
	ret->bytes[len] = '\0';
	ret->len = len;
	*text = line_end + 1 + len;
	return 0;
}

static int parse(const char *text, size_t len, struct catalog_source *source)
{
	const char *end = text + len;
	int r = 0;

	if (len < strlen(HEAD) || memcmp(text, HEAD, strlen(HEAD)) != 0)
		return -EBADMSG;
	text += strlen(HEAD);
	while (text < end && r == 0) {
		struct config_part part = {};

		r = take_part(&text, end, &part);
		if (r == 0)
			r = ARRAY_APPEND(source->parts, source->n_parts, part);
		if (r < 0) {
			free(part.path);
			free(part.bytes);
		}
	}
	return r == 0 && !source->n_parts ? -EBADMSG : r;
}

/* What cannot be read or understood is as if it were not there: only memory is a failure. */
static int read_one(const char *dir, const char *name, enum config_kind kind,
		    struct dropin_files *files)
{
	AUTO(catalog_source_done) struct catalog_source source = { .kind = kind };
	AUTO_FREE char *path = util_join(dir, name);
	AUTO_FREE char *text = NULL;
	size_t len;
	int r;

	source.name = strdup(name);
	if (!path || !source.name)
		return -ENOMEM;
	r = util_read_file_at(AT_FDCWD, path, KEPT_MAX, &text, &len);
	if (r == 0)
		r = parse(text, len, &source);
	if (r == 0)
		r = ARRAY_APPEND(files->items, files->n, source);
	if (r == 0)
		memset(&source, 0, sizeof(source));
	return r == -ENOMEM ? r : 0;
}

/* Calls fn for each name that is kept in a directory. */
static int each_name(const char *dir, enum config_kind kind,
		     int (*fn)(const char *dir, const char *name, enum config_kind kind, void *ctx),
		     void *ctx)
{
	AUTO_CLOSE_DIR DIR *stream = opendir(dir);
	const struct dirent *entry;
	int r = 0;

	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(stream)))
		if (dropin_is_name(entry->d_name))
			r = fn(dir, entry->d_name, kind, ctx);
	return r;
}

static int each_kept(const char *dir,
		     int (*fn)(const char *dir, const char *name, enum config_kind kind, void *ctx),
		     void *ctx, struct diag *why)
{
	static const enum config_kind kinds[] = { CONFIG_SETTINGS, CONFIG_PAIRS };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *path = dir_of(dir, kinds[i]);
		int r = path ? each_name(path, kinds[i], fn, ctx) : -ENOMEM;

		if (r < 0)
			return complain(why, path ? path : dir, r);
	}
	return 0;
}

static int read_kept(const char *dir, const char *name, enum config_kind kind, void *ctx)
{
	return read_one(dir, name, kind, ctx);
}

int store_read(const char *dir, struct dropin_files *ret, struct diag *why)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	int r = each_kept(dir, read_kept, &files, why);

	if (r < 0)
		return r;
	*ret = STEAL(files);
	return 0;
}

/* ---- writing ---- */

static int make_dirs(const char *dir)
{
	AUTO_FREE char *top = dir_of(dir, CONFIG_SETTINGS);
	AUTO_FREE char *pairs = dir_of(dir, CONFIG_PAIRS);
	const char *const paths[] = { dir, top, pairs };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!paths[i])
			return -ENOMEM;
		if (mkdir(paths[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_parts(const char *path, const struct catalog_source *source)
{
	size_t n = 1 + 2 * source->n_parts;
	AUTO_FREE struct atomic_part *parts = calloc(n, sizeof(*parts));
	AUTO_FREE char **lines = calloc(source->n_parts, sizeof(*lines));
	int r = parts && lines ? 0 : -ENOMEM;

	if (r == 0)
		parts[0] = (struct atomic_part){ HEAD, strlen(HEAD) };
	for (size_t i = 0; i < source->n_parts && r == 0; i++) {
		const struct config_part *part = &source->parts[i];

		if (asprintf(&lines[i], "%zu %s\n", part->len, part->path) < 0) {
			lines[i] = NULL;
			r = -ENOMEM;
			break;
		}
		parts[1 + 2 * i] = (struct atomic_part){ lines[i], strlen(lines[i]) };
		parts[2 + 2 * i] = (struct atomic_part){ part->bytes, part->len };
	}
	if (r == 0)
		r = atomic_write(path, ATOMIC_PRIVATE, parts, n);
	for (size_t i = 0; lines && i < source->n_parts; i++)
		free(lines[i]);
	return r;
}

int store_write(const char *dir, const struct catalog_source *source, struct diag *why)
{
	AUTO_FREE char *below = dir_of(dir, source->kind);
	AUTO_FREE char *path = below ? util_join(below, source->name) : NULL;
	int r = path ? make_dirs(dir) : -ENOMEM;

	if (r == 0)
		r = write_parts(path, source);
	return r < 0 ? complain(why, path ? path : dir, r) : 0;
}

static int remove_gone(const char *dir, const char *name, enum config_kind kind, void *ctx)
{
	AUTO_FREE char *path = NULL;

	if (catalog_find(ctx, kind, name))
		return 0;
	path = util_join(dir, name);
	if (!path)
		return -ENOMEM;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int store_prune(const char *dir, const struct catalog *catalog, struct diag *why)
{
	return each_kept(dir, remove_gone, (void *)catalog, why);
}
