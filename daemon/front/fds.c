/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See fds.h. Closing a file may wait for whoever serves it (FUSE), or for a peer (SO_LINGER), for as
 * long as they like. So a thread does it that has nothing else to do, and that is there only once
 * somebody has sent something else than a namespace.
 */
#include "front/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define CLOGGED 32 /* descriptors that are not closed yet */

void fds_add(struct fds *fds, int fd)
{
	struct fds one = { .items = { fd }, .n = 1 };

	if (fds->n < FDS_MAX) {
		fds->items[fds->n++] = fd;
		return;
	}
	fds->overflow = true;
	fds_done(&one);
}

int fds_take(struct fds *fds, int64_t index)
{
	return index >= 0 && (uint64_t)index < fds->n ? STEAL_FD(fds->items[index]) : -1;
}

/*
 * Which file system it is of is all that may be asked of any file: with nothing wanted and nothing to be
 * made up to date the kernel answers by itself, for FUSE too. There is one file system of namespaces.
 */
static bool is_namespace(int fd)
{
	struct statx own, theirs;

	return statx(AT_FDCWD, "/proc/self/ns/net", 0, 0, &own) == 0 &&
	       statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &theirs) == 0 &&
	       theirs.stx_dev_major == own.stx_dev_major &&
	       theirs.stx_dev_minor == own.stx_dev_minor;
}

bool fds_is_netns(int fd)
{
	return is_namespace(fd) && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* ---- closing ---- */

static struct closer {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int *items; /* owned; to be closed */
	size_t n;
	bool runs;
	bool busy; /* one more than those is being closed */
} closer = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void *close_all(void *ctx)
{
	pthread_mutex_lock(&closer.lock);
	for (;;) {
		int fd;

		while (!closer.n)
			pthread_cond_wait(&closer.more, &closer.lock);
		fd = closer.items[--closer.n];
		closer.busy = true;
		pthread_mutex_unlock(&closer.lock);
		close(fd);
		pthread_mutex_lock(&closer.lock);
		closer.busy = false;
	}
	return NULL;
}

/* Signals are for the main thread. 0 or -errno. */
static int start(void)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int error;

	if (closer.runs)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, close_all, NULL);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	closer.runs = error == 0;
	return -error;
}

/* What cannot be closed by a thread is closed here all the same: it must not stay. */
static void close_elsewhere(int fd)
{
	int r;

	pthread_mutex_lock(&closer.lock);
	r = start();
	if (r == 0)
		r = ARRAY_APPEND(closer.items, closer.n, fd);
	pthread_cond_signal(&closer.more);
	pthread_mutex_unlock(&closer.lock);
	if (r < 0)
		close(fd);
}

bool fds_is_clogged(void)
{
	bool clogged;

	pthread_mutex_lock(&closer.lock);
	clogged = closer.n + closer.busy >= CLOGGED;
	pthread_mutex_unlock(&closer.lock);
	return clogged;
}

void fds_done(struct fds *fds)
{
	for (size_t i = 0; i < fds->n; i++) {
		if (fds->items[i] < 0)
			continue;
		if (fds_is_netns(fds->items[i]))
			close(fds->items[i]);
		else
			close_elsewhere(fds->items[i]);
	}
	*fds = (struct fds){};
}
