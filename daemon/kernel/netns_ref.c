/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a namespace back to what names it; see netns.h. Candidates are found by inode, which another
 * namespace may have had, and confirmed by cookie.
 */
#include "kernel/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct search {
	const struct netns *netns;
	struct netns_dirs dirs;
	struct stat st; /* of the namespace */
};

/* Takes ref's text unless it is what is looked for. */
static bool confirm(const struct search *search, struct netns_ref ref, struct netns_ref *ret)
{
	AUTO(netns_done) struct netns found = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};

	if (ref.text && netns_open(&ref, search->dirs, &found, &why) == 0 &&
	    found.cookie == search->netns->cookie) {
		*ret = ref;
		ret->cookie = found.cookie;
		return true;
	}
	free(ref.text);
	return false;
}

static bool is_same(const struct search *search, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == search->st.st_dev &&
	       st.st_ino == search->st.st_ino;
}

/* A name counts in the first directory that has it; elsewhere its path does. */
static bool find_in(const struct search *search, const char *dir, struct netns_ref *ret)
{
	AUTO_CLOSE_DIR DIR *stream = opendir(dir);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		AUTO_FREE char *path = util_join(dir, entry->d_name);
		struct netns_ref by_name = { .by = NETNS_BY_NAME, .text = strdup(entry->d_name) };

		if (!path || !is_same(search, path)) {
			free(by_name.text);
			continue;
		}
		if (confirm(search, by_name, ret))
			return true;
		return confirm(search,
			       (struct netns_ref){ .by = NETNS_BY_PATH, .text = STEAL(path) }, ret);
	}
	return false;
}

/* The path by which the descriptor was opened, where it leads through a mount that has a name. */
static bool find_path(const struct search *search, struct netns_ref *ret)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", search->netns->fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0 || path[0] != '/')
		return false;
	path[len] = '\0';
	return confirm(search, (struct netns_ref){ .by = NETNS_BY_PATH, .text = strdup(path) }, ret);
}

/* The process with the lowest number: most probably the first one of a container. */
static bool find_process(const struct search *search, pid_t besides, struct netns_ref *ret)
{
	AUTO_CLOSE_DIR DIR *stream = opendir("/proc");
	const struct dirent *entry;
	char text[32];
	long lowest = 0;

	while (stream && (entry = readdir(stream))) {
		char path[64];
		long pid = isdigit((unsigned char)entry->d_name[0]) ? atol(entry->d_name) : 0;

		if (!pid || pid == besides || (lowest && pid > lowest))
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
		if (is_same(search, path))
			lowest = pid;
	}
	snprintf(text, sizeof(text), "%ld", lowest);
	return lowest &&
	       confirm(search, (struct netns_ref){ .by = NETNS_BY_PID, .text = strdup(text) }, ret);
}

int netns_find_ref(const struct netns *netns, struct netns_dirs dirs, pid_t besides,
		   struct netns_ref *ret, struct diag *why)
{
	struct search search = { .netns = netns, .dirs = dirs };

	if (fstat(netns->fd, &search.st) < 0) {
		diag_set(why, "%s", strerror(errno));
		return -errno;
	}
	for (size_t i = 0; i < dirs.n; i++)
		if (find_in(&search, dirs.paths[i], ret))
			return 0;
	if (find_path(&search, ret) || find_process(&search, besides, ret))
		return 0;
	diag_set(why, "nothing names the namespace of the file descriptor: it has no name in %s, no "
		 "path, and no process in it", dirs.paths[0]);
	return NETNS_E_ABSENT;
}
