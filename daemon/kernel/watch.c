/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each change is about; see watch.h. Places say where something happened, the mount table
 * which namespaces were mounted or unmounted, pidfds which processes ended. What is not of
 * interest is not told: each telling makes somebody look.
 */
#include "kernel/watch.h"

#include "kernel/config_places.h"
#include "kernel/mounts.h"
#include "kernel/pin.h"
#include "kernel/places.h"

#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define AWAITED_MAX 256 /* names; what is more, the mount table tells */

/* What epoll says where a process's descriptor has its pid. */
enum { FROM_PLACES = -1, FROM_TIMER = -2 };

#define DIR_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

enum role {
	ROLE_NETNS_DIR = N_CONFIG_PLACES, /* names in it are namespaces' names */
	ROLE_NETNS_PATH, /* directory of a namespace that the configuration names by path */
	ROLE_PINS,
};

static const uint32_t events_of[] = {
	[ROLE_NETNS_DIR] = DIR_EVENTS,
	[ROLE_NETNS_PATH] = DIR_EVENTS,
	[ROLE_PINS] = IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR,
};

struct watch {
	int epoll_fd;
	struct places places;
	char **paths; /* owned, sorted; of namespaces, each made by path_in() */
	size_t n_paths;
	int *process_fds; /* owned, as the descriptors are */
	size_t n_process_fds;
	struct mounts mounts;
	char **netns_dirs; /* owned, as given */
	size_t n_netns_dirs;
	char **awaited; /* owned; paths of names on whose file no namespace is mounted yet */
	size_t n_awaited;
};

static int add_place(struct watch *watch, enum role role, const char *path)
{
	return places_add(&watch->places, role, events_of[role], path);
}

/* ---- life ---- */

static int add_places(struct watch *watch, const struct watch_options *options)
{
	int r = add_place(watch, ROLE_PINS, options->links_dir);

	return r < 0 ? r : config_places_add(&watch->places, options->config_dirs,
					     options->n_config_dirs);
}

static int add_fd(struct watch *watch, int fd, int from)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = from };

	return epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_parts(struct watch *watch)
{
	int r = places_init(&watch->places);

	if (r == 0)
		r = mounts_init(&watch->mounts);
	if (r < 0)
		return r;
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll_fd < 0)
		return -errno;
	r = add_fd(watch, watch->places.fd, FROM_PLACES);
	return r < 0 ? r : add_fd(watch, watch->mounts.timer_fd, FROM_TIMER);
}

int watch_new(const struct watch_options *options, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->epoll_fd = -1;
	watch->mounts = MOUNTS_NONE;
	r = open_parts(watch);
	if (r == 0)
		r = add_places(watch, options);
	if (r < 0) {
		watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

static void free_names(char ***names, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free((*names)[i]);
	free(*names);
	*names = NULL;
	*n = 0;
}

static void forget_followed(struct watch *watch)
{
	places_remove(&watch->places, ROLE_NETNS_PATH);
	free_names(&watch->paths, &watch->n_paths);
	for (size_t i = 0; i < watch->n_process_fds; i++)
		util_close(&watch->process_fds[i]);
	free(watch->process_fds);
	watch->process_fds = NULL;
	watch->n_process_fds = 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	forget_followed(watch);
	free_names(&watch->awaited, &watch->n_awaited);
	free_names(&watch->netns_dirs, &watch->n_netns_dirs);
	places_done(&watch->places);
	mounts_done(&watch->mounts);
	util_close(&watch->epoll_fd);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->epoll_fd;
}

int watch_mounts_fd(const struct watch *watch)
{
	return watch->mounts.fd;
}

/* ---- following ---- */

/* The one spelling of a name in a directory, so that two can be compared. */
static char *path_in(const char *dir, const char *name)
{
	return util_join(strcmp(dir, "/") == 0 ? "" : dir, name);
}

static int follow_path(struct watch *watch, const char *text)
{
	AUTO_FREE char *for_dir = strdup(text);
	AUTO_FREE char *for_name = strdup(text);
	AUTO_FREE char *path = NULL;
	const char *dir;
	int r;

	if (!for_dir || !for_name)
		return -ENOMEM;
	dir = dirname(for_dir);
	path = path_in(dir, basename(for_name));
	r = path ? ARRAY_APPEND(watch->paths, watch->n_paths, path) : -ENOMEM;
	if (r < 0)
		return r;
	path = NULL;
	return add_place(watch, ROLE_NETNS_PATH, dir);
}

/* A process that is gone already is missed when its namespace is looked for. */
static int follow_process(struct watch *watch, pid_t pid)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = pid };
	AUTO_CLOSE int fd = syscall(SYS_pidfd_open, pid, 0);
	int r;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	r = ARRAY_APPEND(watch->process_fds, watch->n_process_fds, fd);
	if (r == 0)
		fd = -1;
	return r;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int follow_processes(struct watch *watch, const struct desired *desired)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < desired->n_pairs && r == 0; i++)
		if (desired->pairs[i].netns.by == NETNS_BY_PID)
			r = ARRAY_APPEND(pids, n, atoi(desired->pairs[i].netns.text));
	if (n)
		qsort(pids, n, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!i || pids[i] != pids[i - 1])
			r = follow_process(watch, pids[i]);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int follow_paths(struct watch *watch, const struct desired *desired)
{
	int r = 0;

	for (size_t i = 0; i < desired->n_pairs && r == 0; i++)
		if (desired->pairs[i].netns.by == NETNS_BY_PATH)
			r = follow_path(watch, desired->pairs[i].netns.text);
	if (watch->n_paths)
		qsort(watch->paths, watch->n_paths, sizeof(*watch->paths), compare_paths);
	return r;
}

static bool same_dirs(const struct watch *watch, const struct settings *settings)
{
	if (watch->n_netns_dirs != settings->n_netns_dirs)
		return false;
	for (size_t i = 0; i < watch->n_netns_dirs; i++)
		if (strcmp(watch->netns_dirs[i], settings->netns_dirs[i]) != 0)
			return false;
	return true;
}

/* What happened in a directory before it was followed is seen by the look that comes after. */
static int follow_dirs(struct watch *watch, const struct settings *settings)
{
	int r = 0;

	if (same_dirs(watch, settings))
		return 0;
	places_remove(&watch->places, ROLE_NETNS_DIR);
	free_names(&watch->netns_dirs, &watch->n_netns_dirs);
	for (size_t i = 0; i < settings->n_netns_dirs && r == 0; i++) {
		char *copy = strdup(settings->netns_dirs[i]);

		r = copy ? ARRAY_APPEND(watch->netns_dirs, watch->n_netns_dirs, copy) : -ENOMEM;
		if (r < 0)
			free(copy);
		else
			r = add_place(watch, ROLE_NETNS_DIR, copy);
	}
	return r;
}

int watch_follow(struct watch *watch, const struct desired *desired)
{
	int dirs, paths, armed, processes;

	forget_followed(watch);
	dirs = follow_dirs(watch, &desired->settings);
	paths = follow_paths(watch, desired);
	armed = places_arm(&watch->places);
	/* Last, because they may use up the descriptors. */
	processes = follow_processes(watch, desired);
	if (dirs < 0 || paths < 0)
		return dirs < 0 ? dirs : paths;
	return armed < 0 ? armed : processes;
}

/* ---- telling ---- */

/* One call of a drain function. */
struct telling {
	struct watch *watch;
	watch_fn on_change;
	void *ctx;
	bool config_changed;
};

static void tell_netns(const struct telling *telling, const struct place *place, const char *name)
{
	const struct watch *watch = telling->watch;
	AUTO_FREE char *path = path_in(place->path, name);

	if (place->role == ROLE_NETNS_DIR)
		telling->on_change(telling->ctx, WATCH_NETNS, name);
	else if (!path || (watch->n_paths && bsearch(&path, watch->paths, watch->n_paths,
						     sizeof(*watch->paths), compare_paths)))
		telling->on_change(telling->ctx, WATCH_NETNS, path);
}

static bool is_netns(const char *path)
{
	struct statfs fs;

	return !path || (statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC);
}

/* "ip netns add" makes a file first and mounts the namespace on it later. */
static void await_mount(struct watch *watch, const char *path)
{
	char *copy = watch->n_awaited < AWAITED_MAX ? strdup(path) : NULL;

	if (copy && ARRAY_APPEND(watch->awaited, watch->n_awaited, copy) < 0)
		free(copy);
}

static void on_netns(const struct telling *telling, const struct place *place, uint32_t mask,
		     const char *name)
{
	AUTO_FREE char *path = name ? path_in(place->path, name) : NULL;

	if (!name)
		telling->on_change(telling->ctx, WATCH_NETNS, NULL);
	else if (!(mask & (IN_CREATE | IN_MOVED_TO)) || is_netns(path))
		tell_netns(telling, place, name);
	else if (place->role == ROLE_NETNS_DIR)
		await_mount(telling->watch, path);
}

static void tell_pin(const struct telling *telling, const char *name)
{
	struct pin pin;

	telling->on_change(telling->ctx, WATCH_PIN, pin_parse_link(name, &pin) ? pin.pair : NULL);
}

static void on_event(void *ctx, const struct place *place, uint32_t mask, const char *name)
{
	struct telling *telling = ctx;

	if (place->role < N_CONFIG_PLACES) {
		telling->config_changed |= config_places_is_change(place, mask, name);
		return;
	}
	switch ((enum role)place->role) {
	case ROLE_NETNS_DIR:
	case ROLE_NETNS_PATH:
		on_netns(telling, place, mask, name);
		break;
	case ROLE_PINS:
		if (name)
			tell_pin(telling, name);
		else
			telling->on_change(telling->ctx, WATCH_PIN, NULL);
		break;
	}
}

/* ---- mounts ---- */

/* Names whose mount has come, before the table is read; without a file a name is forgotten. */
static void tell_awaited(const struct telling *telling)
{
	struct watch *watch = telling->watch;
	size_t kept = 0;

	for (size_t i = 0; i < watch->n_awaited; i++) {
		AUTO_FREE char *path = watch->awaited[i];

		if (is_netns(path))
			telling->on_change(telling->ctx, WATCH_NETNS, strrchr(path, '/') + 1);
		else if (access(path, F_OK) == 0)
			watch->awaited[kept++] = STEAL(path);
	}
	watch->n_awaited = kept;
}

static bool is_of_netns(const struct place *place)
{
	return place->role == ROLE_NETNS_DIR || place->role == ROLE_NETNS_PATH;
}

static void on_mount(void *ctx, const char *path)
{
	const struct telling *telling = ctx;
	const struct places *places = &telling->watch->places;
	const char *name = strrchr(path, '/') + 1;
	size_t len = name - path > 1 ? name - path - 1 : 1;

	for (size_t i = 0; i < places->n; i++) {
		const char *dir = places->items[i].real;

		if (is_of_netns(&places->items[i]) && dir && strlen(dir) == len &&
		    memcmp(dir, path, len) == 0)
			tell_netns(telling, &places->items[i], name);
	}
}

/* ---- draining ---- */

static int drain_places(struct telling *telling)
{
	int r = places_drain(&telling->watch->places, on_event, telling), linked = 0;

	if (telling->config_changed) {
		linked = config_places_follow(&telling->watch->places);
		telling->on_change(telling->ctx, WATCH_CONFIG, NULL);
	}
	return r < 0 ? r : linked;
}

static int drain_one(struct telling *telling, int from)
{
	char pid[16];

	switch (from) {
	case FROM_PLACES:
		return drain_places(telling);
	case FROM_TIMER:
		return mounts_look(&telling->watch->mounts, on_mount, telling);
	default:
		snprintf(pid, sizeof(pid), "%d", from);
		telling->on_change(telling->ctx, WATCH_NETNS, pid);
		return 0;
	}
}

int watch_drain(struct watch *watch, watch_fn on_change, void *ctx)
{
	struct telling telling = { .watch = watch, .on_change = on_change, .ctx = ctx };
	struct epoll_event events[16];
	int n = epoll_wait(watch->epoll_fd, events, ARRAY_SIZE(events), 0), r = 0;

	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++) {
		int error = drain_one(&telling, events[i].data.fd);

		r = r < 0 ? r : error;
	}
	return r;
}

int watch_drain_mounts(struct watch *watch, watch_fn on_change, void *ctx)
{
	struct telling telling = { .watch = watch, .on_change = on_change, .ctx = ctx };
	int r, looked;

	/* The first "ip netns add" mounts over the very directory that is watched. */
	watch->places.must_arm = true;
	r = drain_places(&telling);
	tell_awaited(&telling);
	looked = mounts_look(&watch->mounts, on_mount, &telling);
	return r < 0 ? r : looked;
}
