/* SPDX-License-Identifier: GPL-2.0-only */
/* Replacing a file; see original.h. */
#include "client/original.h"

#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

void original_done(struct original *original)
{
	free(original->path);
	free(original->bytes);
	*original = (struct original){};
}

static char *dir_of(const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	return copy ? strdup(dirname(copy)) : NULL;
}

/* ---- looking ---- */

static bool is_within(const char *path, const char *dir)
{
	AUTO_FREE char *real = realpath(dir, NULL);
	size_t len = real ? strlen(real) : 0;

	return real && strncmp(path, real, len) == 0 && path[len] == '/';
}

/* A link is somebody's arrangement: followed within the configuration, never replaced by a file. */
static int follow_link(const struct cli *cli, struct original *original)
{
	AUTO_FREE char *link = STEAL(original->path);
	char target[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	target[MAX(len, 0)] = '\0';
	original->path = realpath(link, NULL);
	if (!original->path)
		return complain(EXIT_NOT_OK, "%s is a link to %s: %s", link, target,
				strerror(errno));
	if (strcmp(original->path, "/dev/null") == 0)
		return complain(EXIT_NOT_OK, "%s is a mask; metactl unmask removes it", link);
	for (size_t i = 0; i < cli->n_config_dirs; i++)
		if (is_within(original->path, cli->config_dirs[i]))
			return 0;
	return complain(EXIT_NOT_OK,
			"%s is a link to %s, which is no configuration of metad's: change that, or "
			"remove the link first",
			link, original->path);
}

static int read_original(struct original *original)
{
	struct stat st;
	int r;

	if (stat(original->path, &st) < 0)
		return complain(EXIT_NOT_OK, "%s: %s", original->path, strerror(errno));
	r = S_ISREG(st.st_mode) ? util_read_file_at(AT_FDCWD, original->path, CONFIG_BYTES_MAX,
						    &original->bytes, &original->len)
				: -EINVAL;
	if (r < 0)
		return complain(EXIT_NOT_OK, "%s cannot be read: %s", original->path,
				S_ISREG(st.st_mode) ? strerror(-r) : "it is no file");
	original->is_there = true;
	original->mode = st.st_mode & 07777;
	original->uid = st.st_uid;
	original->gid = st.st_gid;
	return 0;
}

/* Better said before anybody has written anything than after. */
static int check_writable(const struct original *original)
{
	AUTO_FREE char *dir = dir_of(original->path);

	while (dir && faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0) {
		char *above = errno == ENOENT ? dir_of(dir) : NULL;

		if (!above)
			return complain(EXIT_NOT_OK, "%s cannot be saved: %s: %s", original->path,
					dir, strerror(errno));
		free(dir);
		dir = above;
	}
	return dir ? 0 : complain(EXIT_NOT_OK, "out of memory");
}

int original_look(const struct cli *cli, const char *path, struct original *ret)
{
	AUTO(original_done) struct original original = { .path = strdup(path), .mode = 0644 };
	struct stat st;
	int r = 0;

	if (!original.path)
		return complain(EXIT_NOT_OK, "out of memory");
	if (lstat(path, &st) == 0) {
		if (S_ISLNK(st.st_mode))
			r = follow_link(cli, &original);
		if (r == 0)
			r = read_original(&original);
	} else if (errno != ENOENT) {
		r = complain(EXIT_NOT_OK, "%s: %s", path, strerror(errno));
	}
	if (r == 0)
		r = check_writable(&original);
	if (r == 0)
		*ret = STEAL(original);
	return r;
}

/* ---- directories ---- */

void made_done(struct made *made)
{
	for (size_t i = 0; i < made->n; i++)
		free(made->dirs[i]);
	free(made->dirs);
	*made = (struct made){};
}

void made_undo(struct made *made)
{
	for (size_t i = made->n; i > 0; i--)
		rmdir(made->dirs[i - 1]);
}

static int make_dir(const char *dir, struct made *made)
{
	AUTO_FREE char *copy = strdup(dir);
	int r;

	if (!copy)
		return -ENOMEM;
	if (mkdir(dir, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* Whatever the umask: everybody may read the configuration. */
	if (chmod(dir, 0755) < 0)
		return -errno;
	r = ARRAY_APPEND(made->dirs, made->n, copy);
	if (r == 0)
		copy = NULL;
	return r;
}

int made_dirs(const char *path, struct made *ret)
{
	AUTO_FREE char *dir = dir_of(path);
	struct stat st;
	int r;

	if (!dir)
		return -ENOMEM;
	if (stat(dir, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	r = made_dirs(dir, ret);
	return r < 0 ? r : make_dir(dir, ret);
}

/* ---- replacing ---- */

static int fill(int fd, const struct original *original, const char *bytes, size_t len)
{
	int r = util_write_all(fd, bytes, len);

	if (r < 0)
		return r;
	if (original->is_there && fchown(fd, original->uid, original->gid) < 0)
		return -errno;
	/* After the owner, whose change takes bits away. */
	if (fchmod(fd, original->mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static bool is_as_it_was(const struct original *original)
{
	AUTO_FREE char *bytes = NULL;
	size_t len = 0;
	int r = util_read_file_at(AT_FDCWD, original->path, CONFIG_BYTES_MAX, &bytes, &len);

	if (!original->is_there)
		return r == -ENOENT;
	return r == 0 && len == original->len && memcmp(bytes, original->bytes, len) == 0;
}

/* -EEXIST: somebody else was there. */
static int put(const struct original *original, const char *temporary)
{
	if (!is_as_it_was(original))
		return -EEXIST;
	if (original->is_there)
		return rename(temporary, original->path) < 0 ? -errno : 0;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, original->path, RENAME_NOREPLACE) == 0)
		return 0;
	/* Some file systems cannot promise that. */
	if (errno != EINVAL)
		return -errno;
	return rename(temporary, original->path) < 0 ? -errno : 0;
}

static void sync_dir(const char *path)
{
	AUTO_FREE char *dir = dir_of(path);
	AUTO_CLOSE int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	/* The file is in its place; that it might not be after a power failure is no error. */
	if (fd >= 0)
		(void)fsync(fd);
}

/* A name that metad does not read, in the same directory. */
static int replace(const struct original *original, const char *bytes, size_t len)
{
	AUTO_FREE char *dir = dir_of(original->path);
	AUTO_FREE char *temporary = NULL;
	AUTO_CLOSE int fd = -1;
	int r;

	if (!dir ||
	    asprintf(&temporary, "%s/.%s.XXXXXX", dir, strrchr(original->path, '/') + 1) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fill(fd, original, bytes, len);
	if (r == 0)
		r = put(original, temporary);
	if (r < 0)
		unlink(temporary);
	else
		sync_dir(original->path);
	return r;
}

int original_replace(const struct original *original, const char *bytes, size_t len)
{
	AUTO(made_done) struct made made = {};
	int r = made_dirs(original->path, &made);

	if (r == 0)
		r = replace(original, bytes, len);
	if (r < 0)
		made_undo(&made);
	if (r == -EEXIST)
		return complain(EXIT_NOT_OK, "%s has been %s by somebody else meanwhile: not saved",
				original->path, original->is_there ? "changed" : "made");
	return r < 0 ? complain(EXIT_NOT_OK, "%s cannot be saved: %s", original->path, strerror(-r))
		     : 0;
}
