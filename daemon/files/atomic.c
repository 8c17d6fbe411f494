/* SPDX-License-Identifier: GPL-2.0-only */
/* See atomic.h. Written, synced, renamed, and then the rename is synced as well: rename(2). */
#include "files/atomic.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

static int fill(int fd, const struct atomic_part *parts, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = util_write_all(fd, parts[i].bytes, parts[i].len);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int sync_dir(const char *dir)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int atomic_write(const char *path, mode_t mode, const struct atomic_part *parts, size_t n)
{
	AUTO_FREE char *for_dir = strdup(path);
	AUTO_FREE char *temporary = NULL;
	AUTO_CLOSE int fd = -1;
	const char *dir;
	int r;

	if (!for_dir)
		return -ENOMEM;
	dir = dirname(for_dir);
	if (asprintf(&temporary, "%s/.metad-XXXXXX", dir) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fchmod(fd, mode) < 0 ? -errno : fill(fd, parts, n);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return sync_dir(dir);
}
