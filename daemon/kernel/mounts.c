/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of mounted network namespaces, and what changed in it; see mounts.h.
 *
 * Reading takes two microseconds a mount, and each new mount is a reason to read: with thousands,
 * the table rests between two readings so many times as long as the last one took. A small table
 * never rests.
 */
#include "kernel/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>

#define MOUNTINFO "/proc/self/mountinfo"
#define REST 15 /* times */
#define SMALL_NS 1000000 /* a shorter reading needs no rest */
#define SECOND_NS 1000000000ULL

static void close_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

static void table_done(struct mount_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->items[i].path);
	free(table->items);
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
static int take_line(struct mount_table *table, const char *line, unsigned int nth)
{
	struct mount mount = { .nth = nth };
	int r;

	if (sscanf(line, "%*u %*u %*s net:[%" SCNu64 "] %ms", &mount.inode, &mount.path) != 2) {
		free(mount.path);
		return 0;
	}
	unescape(mount.path);
	r = ARRAY_APPEND(table->items, table->n, mount);
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
static void keep_topmost(struct mount_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (kept && strcmp(table->items[kept - 1].path, table->items[i].path) == 0)
			free(table->items[--kept].path);
		table->items[kept++] = table->items[i];
	}
	table->n = kept;
}

static int read_table(struct mount_table *ret)
{
	AUTO(close_stream) FILE *stream = fopen(MOUNTINFO, "re");
	AUTO(table_done) struct mount_table table = {};
	AUTO_FREE char *line = NULL;
	unsigned int nth = 0;
	size_t size = 0;
	int r = 0;

	if (!stream)
		return -errno;
	while (r == 0 && getline(&line, &size, stream) > 0)
		r = take_line(&table, line, nth++);
	/* A table that breaks off must not look like namespaces that have gone. */
	if (r == 0 && ferror(stream))
		r = -EIO;
	if (r < 0)
		return r;
	if (table.n)
		qsort(table.items, table.n, sizeof(*table.items), compare);
	keep_topmost(&table);
	*ret = STEAL(table);
	return 0;
}

/* Calls fn for each path at which the two differ. */
static void compare_tables(const struct mount_table *old, const struct mount_table *fresh,
			   mount_fn fn, void *ctx)
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

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int look(struct mounts *mounts, mount_fn fn, void *ctx)
{
	uint64_t begin_ns = now_ns(CLOCK_THREAD_CPUTIME_ID), cost_ns;
	AUTO(table_done) struct mount_table old = {};
	struct mount_table fresh;
	int r = read_table(&fresh);

	if (r < 0)
		return r;
	old = mounts->table;
	mounts->table = fresh;
	compare_tables(&old, &fresh, fn, ctx);
	cost_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
	if (cost_ns > SMALL_NS)
		mounts->rested_ns = now_ns(CLOCK_MONOTONIC) + cost_ns * REST;
	return 0;
}

int mounts_look(struct mounts *mounts, mount_fn fn, void *ctx)
{
	struct itimerspec timer = { .it_value = { .tv_sec = mounts->rested_ns / SECOND_NS,
						  .tv_nsec = mounts->rested_ns % SECOND_NS } };
	uint64_t n;

	if (now_ns(CLOCK_MONOTONIC) < mounts->rested_ns)
		return timerfd_settime(mounts->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) < 0
			       ? -errno
			       : 0;
	/* Whatever the timer was set for is served now. */
	(void)!read(mounts->timer_fd, &n, sizeof(n));
	return look(mounts, fn, ctx);
}

int mounts_init(struct mounts *mounts)
{
	*mounts = MOUNTS_NONE;
	/* Opened before it is read: what changes in between is announced. */
	mounts->fd = open(MOUNTINFO, O_RDONLY | O_CLOEXEC);
	mounts->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (mounts->fd < 0 || mounts->timer_fd < 0)
		return -errno;
	return read_table(&mounts->table);
}

void mounts_done(struct mounts *mounts)
{
	table_done(&mounts->table);
	util_close(&mounts->timer_fd);
	util_close(&mounts->fd);
	*mounts = MOUNTS_NONE;
}
