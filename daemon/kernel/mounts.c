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
static int take_line(struct mounts *mounts, const char *line)
{
	struct mount mount = {};
	uint64_t id;
	int r;

	if (sscanf(line, "%*u %*u %*s net:[%" SCNu64 "] %ms", &id, &mount.path) != 2) {
		free(mount.path);
		return 0;
	}
	mount.id = id;
	unescape(mount.path);
	r = ARRAY_APPEND(mounts->items, mounts->n, mount);
	if (r < 0)
		free(mount.path);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct mount *)a)->path, ((const struct mount *)b)->path);
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
	size_t size = 0;
	int r = 0;

	if (!stream)
		return -errno;
	while (r == 0 && getline(&line, &size, stream) > 0)
		r = take_line(&mounts, line);
	if (r < 0)
		return r;
	/* glibc's qsort() merges when it has memory, so equal paths keep their order. */
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

		if (order < 0)
			fn(ctx, old->items[i++].path);
		else if (order > 0)
			fn(ctx, fresh->items[j++].path);
		else if (old->items[i++].id != fresh->items[j++].id)
			fn(ctx, fresh->items[j - 1].path);
	}
}
