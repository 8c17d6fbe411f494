/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of mounted network namespaces, and what changed in it; see mounts.h. */
#include "kernel/mounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void close_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

void mounts_done(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->items[i].path);
	free(mounts->items);
	*mounts = (struct mounts){};
}

/* mountinfo writes blanks, tabs, newlines and backslashes as octal (proc(5)). */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; out++) {
		unsigned int byte;

		if (text[0] == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
			*out = byte;
			text += 4;
		} else {
			*out = *text++;
		}
	}
	*out = '\0';
}

/* "36 35 0:4 net:[4026532123] /run/netns/web rw - nsfs nsfs rw" */
static int take_line(struct mounts *mounts, const char *line, unsigned int nth)
{
	struct mount mount = { .nth = nth };
	int r;

	if (sscanf(line, "%*u %*u %*s net:[%" SCNu64 "] %ms", &mount.inode, &mount.path) != 2) {
		free(mount.path);
		return 0;
	}
	unescape(mount.path);
	r = ARRAY_APPEND(mounts->items, mounts->n, mount);
	if (r < 0)
		free(mount.path);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : (x->nth > y->nth) - (x->nth < y->nth);
}

/* A place may be mounted over: the topmost, which is listed last, is the one that is seen. */
static void keep_topmost(struct mounts *mounts)
{
	size_t kept = 0;

	for (size_t i = 0; i < mounts->n; i++) {
		if (kept && strcmp(mounts->items[kept - 1].path, mounts->items[i].path) == 0)
			free(mounts->items[--kept].path);
		mounts->items[kept++] = mounts->items[i];
	}
	mounts->n = kept;
}

int mounts_read(struct mounts *ret)
{
	AUTO(close_stream) FILE *stream = fopen("/proc/self/mountinfo", "re");
	AUTO(mounts_done) struct mounts mounts = {};
	AUTO_FREE char *line = NULL;
	unsigned int nth = 0;
	size_t size = 0;
	int r = 0;

	if (!stream)
		return -errno;
	while (r == 0 && getline(&line, &size, stream) > 0)
		r = take_line(&mounts, line, nth++);
	/* A table that breaks off must not look like namespaces that have gone. */
	if (r == 0 && ferror(stream))
		r = -EIO;
	if (r < 0)
		return r;
	if (mounts.n)
		qsort(mounts.items, mounts.n, sizeof(*mounts.items), compare);
	keep_topmost(&mounts);
	*ret = STEAL(mounts);
	return 0;
}

void mounts_compare(const struct mounts *old, const struct mounts *fresh,
		    void (*fn)(void *ctx, const char *path), void *ctx)
{
	size_t i = 0, j = 0;

	while (i < old->n || j < fresh->n) {
		int order = i == old->n	    ? 1
			    : j == fresh->n ? -1
					    : strcmp(old->items[i].path, fresh->items[j].path);

		if (order != 0 || old->items[i].inode != fresh->items[j].inode)
			fn(ctx, order <= 0 ? old->items[i].path : fresh->items[j].path);
		i += order <= 0;
		j += order >= 0;
	}
}
