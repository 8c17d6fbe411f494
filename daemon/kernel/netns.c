/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening of network namespaces and visits inside; see netns.h. A namespace is identified by its
 * cookie, never by its inode, which the kernel gives to the next namespace. A thread is either at
 * home or on one visit.
 */
#include "kernel/netns.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#define CURRENT_NETNS "/proc/thread-self/ns/net"

/* Where this thread belongs: opened at its first visit and kept, since every visit ends there. */
static __thread int home_fd = -1;
static __thread bool away;

static int open_home(void)
{
	if (home_fd < 0)
		home_fd = open(CURRENT_NETNS, O_RDONLY | O_CLOEXEC);
	return home_fd < 0 ? -errno : 0;
}

int netns_enter(const struct netns *netns)
{
	int r;

	assert(!away);
	r = open_home();
	if (r < 0)
		return r;
	if (setns(netns->fd, CLONE_NEWNET) < 0)
		return -errno;
	away = true;
	return 0;
}

void netns_leave(void)
{
	assert(away);
	if (setns(home_fd, CLONE_NEWNET) < 0)
		abort();
	away = false;
}

/* The cookie of the namespace the thread is in: only a socket of the namespace tells it. */
static int current_cookie(uint64_t *ret)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		return -errno;
	*ret = cookie;
	return 0;
}

static int cookie_inside(const struct netns *netns, uint64_t *ret)
{
	int r;

	r = netns_enter(netns);
	if (r < 0)
		return r;
	r = current_cookie(ret);
	netns_leave();
	return r;
}

/* The ioctl is only sent to a file of nsfs: another driver might take its number for something. */
static bool is_netns(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

static char *ref_path(const struct netns_ref *ref, const char *dir)
{
	char *path = NULL;

	switch (ref->by) {
	case NETNS_BY_NAME:
		return util_join(dir, ref->text);
	case NETNS_BY_PATH:
		return strdup(ref->text);
	case NETNS_BY_PID:
		return asprintf(&path, "/proc/%s/ns/net", ref->text) < 0 ? NULL : path;
	}
	return NULL;
}

static void say_absent(struct diag *why, const struct netns_ref *ref, const char *path)
{
	switch (ref->by) {
	case NETNS_BY_NAME:
		diag_set(why, "namespace \"%s\" does not exist (%s)", ref->text, path);
		return;
	case NETNS_BY_PATH:
		diag_set(why, "namespace %s does not exist", path);
		return;
	case NETNS_BY_PID:
		diag_set(why, "process %s is gone", ref->text);
		return;
	}
}

static bool means_absent(int error)
{
	/* ESRCH: the process ended between the walk through /proc and the open. */
	return error == -ENOENT || error == -ENOTDIR || error == -ESRCH;
}

/*
 * All other errors are about the file, which concerns one pair only. Nobody may read the one that
 * ip-netns(8) makes before it mounts, and in the unit's sandbox that holds for root, too.
 */
static bool is_own_lack(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR;
}

static int open_in(const struct netns_ref *ref, const char *dir, struct netns *ret,
		   struct diag *why)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	AUTO_FREE char *path = ref_path(ref, dir);
	int r;

	if (!path)
		return -ENOMEM;
	/* A path may lead to a FIFO: it must not make the thread wait for a writer. */
	netns.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = netns.fd < 0 ? -errno : 0;
	if (means_absent(r)) {
		say_absent(why, ref, path);
		return NETNS_E_ABSENT;
	}
	if (r < 0) {
		diag_set(why, "cannot open %s: %s", path, strerror(-r));
		return is_own_lack(r) ? r : NETNS_E_ABSENT;
	}
	if (!is_netns(netns.fd)) {
		diag_set(why, "%s is not a network namespace", path);
		return NETNS_E_ABSENT;
	}
	r = cookie_inside(&netns, &netns.cookie);
	if (r < 0) {
		diag_set(why, "cannot enter namespace %s: %s", path, strerror(-r));
		return r;
	}
	if (ref->cookie && netns.cookie != ref->cookie) {
		diag_set(why, "%s is another namespace than the one that is meant, which is gone", path);
		return NETNS_E_ABSENT;
	}
	*ret = netns;
	netns = NETNS_NONE;
	return 0;
}

int netns_open_fd(int fd, struct netns *ret, struct diag *why)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	int r;

	if (!is_netns(fd)) {
		diag_set(why, "the file descriptor is not of a network namespace");
		return NETNS_E_ABSENT;
	}
	netns.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = netns.fd < 0 ? -errno : cookie_inside(&netns, &netns.cookie);
	if (r < 0) {
		diag_set(why, "cannot enter the namespace of the file descriptor: %s", strerror(-r));
		return r;
	}
	*ret = netns;
	netns = NETNS_NONE;
	return 0;
}

/* Of several directories the reason of the first is told: the others are where it might be as well. */
int netns_open(const struct netns_ref *ref, struct netns_dirs dirs, struct netns *ret,
	       struct diag *why)
{
	AUTO(diag_done) struct diag other = {};
	int r = open_in(ref, dirs.paths[0], ret, why);

	for (size_t i = 1; i < dirs.n && ref->by == NETNS_BY_NAME && r == NETNS_E_ABSENT; i++) {
		r = open_in(ref, dirs.paths[i], ret, &other);
		if (r != NETNS_E_ABSENT) {
			diag_done(why);
			*why = STEAL(other);
		} else if (why->text) {
			diag_set(why, "%s, nor in %s", why->text, dirs.paths[i]);
		}
	}
	return r;
}

/* ---- names ---- */

void netns_names_done(struct netns_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct netns_names){};
}

/* Not which sort of namespace it is: that takes opening it, and a pair of another sort waits. */
static bool names_netns(const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	struct statfs fs;

	return path && statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

static int list_dir(const char *path, struct netns_names *names)
{
	AUTO_CLOSE_DIR DIR *stream = opendir(path);
	int r = 0;

	if (!stream)
		return means_absent(-errno) ? 0 : -errno;
	while (r == 0) {
		const struct dirent *entry;
		char *name;

		/* A listing that breaks off would unmake the pairs of the names it lacks. */
		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return -errno;
		if (!names_netns(path, entry->d_name))
			continue;
		name = strdup(entry->d_name);
		r = name ? ARRAY_APPEND(names->items, names->n, name) : -ENOMEM;
		if (r < 0)
			free(name);
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct netns_names *names)
{
	size_t kept = 0;

	if (names->n)
		qsort(names->items, names->n, sizeof(*names->items), compare_names);
	for (size_t i = 0; i < names->n; i++) {
		if (kept && strcmp(names->items[i], names->items[kept - 1]) == 0)
			free(names->items[i]);
		else
			names->items[kept++] = names->items[i];
	}
	names->n = kept;
}

int netns_list(struct netns_dirs dirs, struct netns_names *ret, struct diag *why)
{
	int error = 0;

	*ret = (struct netns_names){};
	for (size_t i = 0; i < dirs.n; i++) {
		int r = list_dir(dirs.paths[i], ret);

		if (r < 0)
			diag_set(why, "cannot list %s: %s", dirs.paths[i], strerror(-r));
		error = error ? error : r;
	}
	sort_names(ret);
	return error;
}

int netns_open_current(struct netns *ret)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	int r;

	netns.fd = open(CURRENT_NETNS, O_RDONLY | O_CLOEXEC);
	if (netns.fd < 0)
		return -errno;
	r = current_cookie(&netns.cookie);
	if (r < 0)
		return r;
	*ret = netns;
	netns = NETNS_NONE;
	return 0;
}

void netns_done(struct netns *netns)
{
	util_close(&netns->fd);
	*netns = NETNS_NONE;
}
