/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories by inotify, processes by pidfd, mounted namespaces by the mount table; see watch.h.
 *
 * A directory that does not exist yet is waited for at its nearest existing ancestor, where only
 * the one name that leads to it counts. Watches are set anew whenever such a name or a watched
 * directory itself changes; setting one that is set already changes nothing (inotify(7)).
 */
#include "kernel/watch.h"

#include "kernel/mounts.h"
#include "kernel/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#define DIR_EVENTS                                                                                 \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)
#define ANCESTOR_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | SELF_EVENTS)
#define EVENTS_SIZE 65536

/* A directory of interest. */
struct interest {
	enum watch_kind kind;
	char *path; /* owned, absolute or relative as it was given */
	int wd; /* of the directory, or of the ancestor; -1: none */
	char *awaited; /* owned; the name in the ancestor that leads here; NULL: path is watched */
	bool by_name; /* WATCH_NETNS: names in it are namespaces' names */
};

struct process {
	pid_t pid;
	int fd;
};

struct watch {
	int epoll_fd, inotify_fd, mounts_fd;
	char *netns_dir; /* owned */
	struct interest *interests; /* owned */
	size_t n_interests, n_fixed; /* those behind n_fixed come and go with the configuration */
	struct process *processes; /* owned */
	size_t n_processes;
	struct mounts mounts;
	bool must_rearm;
};

/* ---- interests ---- */

static void interest_done(struct interest *interest)
{
	free(interest->path);
	free(interest->awaited);
	*interest = (struct interest){ .wd = -1 };
}

static int add_interest(struct watch *watch, enum watch_kind kind, char *path, bool by_name)
{
	struct interest interest = { .kind = kind, .path = path, .wd = -1, .by_name = by_name };
	int r = path ? ARRAY_APPEND(watch->interests, watch->n_interests, interest) : -ENOMEM;

	if (r < 0)
		free(path);
	return r;
}

/* The nearest existing ancestor, and the name in it that leads on. */
static int arm_ancestor(struct watch *watch, struct interest *interest)
{
	AUTO_FREE char *path = strdup(interest->path);
	char *slash;

	if (!path)
		return -ENOMEM;
	while ((slash = strrchr(path, '/'))) {
		const char *parent = slash == path ? "/" : path;
		AUTO_FREE char *name = strdup(slash + 1);

		if (slash == path)
			path[1] = '\0';
		else
			*slash = '\0';
		interest->wd = inotify_add_watch(watch->inotify_fd, parent,
						 ANCESTOR_EVENTS | IN_MASK_ADD);
		if (interest->wd >= 0) {
			interest->awaited = STEAL(name);
			return interest->awaited ? 0 : -ENOMEM;
		}
		if (slash == path)
			break;
	}
	return 0;
}

static int arm(struct watch *watch, struct interest *interest)
{
	free(interest->awaited);
	interest->awaited = NULL;
	interest->wd = inotify_add_watch(watch->inotify_fd, interest->path,
					 DIR_EVENTS | IN_MASK_ADD);
	return interest->wd >= 0 ? 0 : arm_ancestor(watch, interest);
}

/* A drop-in that is a link to a file elsewhere changes there. */
static int add_link_target(struct watch *watch, const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	char target[PATH_MAX], *slash;

	if (!path)
		return -ENOMEM;
	if (!realpath(path, target) || !(slash = strrchr(target, '/')) || slash == target)
		return 0;
	*slash = '\0';
	for (size_t i = 0; i < watch->n_interests; i++)
		if (strcmp(watch->interests[i].path, target) == 0)
			return 0;
	return add_interest(watch, WATCH_CONFIG, strdup(target), false);
}

static int add_link_targets(struct watch *watch, const char *dir)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	int r = 0;

	if (!stream)
		return 0;
	while (r == 0 && (entry = readdir(stream)))
		if (entry->d_type == DT_LNK && entry->d_name[0] != '.')
			r = add_link_target(watch, dir, entry->d_name);
	closedir(stream);
	return r;
}

static int rearm(struct watch *watch)
{
	int r = 0;

	watch->must_rearm = false;
	for (size_t i = 0; i < watch->n_interests && r == 0; i++)
		r = arm(watch, &watch->interests[i]);
	return r;
}

/* ---- processes ---- */

static void forget_processes(struct watch *watch)
{
	for (size_t i = 0; i < watch->n_processes; i++)
		util_close(&watch->processes[i].fd);
	watch->n_processes = 0;
}

static int follow_process(struct watch *watch, pid_t pid)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = pid };
	struct process process = { .pid = pid };
	int r;

	for (size_t i = 0; i < watch->n_processes; i++)
		if (watch->processes[i].pid == pid)
			return 0;
	/* A process that is gone is seen when its namespace is looked for. */
	process.fd = syscall(SYS_pidfd_open, pid, 0);
	if (process.fd < 0)
		return 0;
	r = epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, process.fd, &event) < 0 ? -errno : 0;
	if (r == 0)
		r = ARRAY_APPEND(watch->processes, watch->n_processes, process);
	if (r < 0)
		util_close(&process.fd);
	return r;
}

/* ---- life ---- */

static int add_fixed(struct watch *watch, const struct watch_options *options)
{
	int r = add_interest(watch, WATCH_PIN, strdup(options->links_dir), false);

	if (r == 0)
		r = add_interest(watch, WATCH_NETNS, strdup(options->netns_dir), true);
	for (size_t i = 0; i < options->n_config_dirs && r == 0; i++) {
		r = add_interest(watch, WATCH_CONFIG, strdup(options->config_dirs[i]), false);
		if (r == 0)
			r = add_interest(watch, WATCH_CONFIG,
					 util_join(options->config_dirs[i], "pairs.d"), false);
	}
	watch->n_fixed = watch->n_interests;
	return r;
}

static int open_fds(struct watch *watch)
{
	struct epoll_event event = { .events = EPOLLIN };

	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (watch->epoll_fd < 0 || watch->inotify_fd < 0 || watch->mounts_fd < 0)
		return -errno;
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, watch->inotify_fd, &event) < 0)
		return -errno;
	return 0;
}

int watch_new(const struct watch_options *options, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->epoll_fd = watch->inotify_fd = watch->mounts_fd = -1;
	watch->netns_dir = strdup(options->netns_dir);
	r = watch->netns_dir ? open_fds(watch) : -ENOMEM;
	if (r == 0)
		r = add_fixed(watch, options);
	if (r == 0)
		r = rearm(watch);
	if (r == 0)
		r = mounts_read(&watch->mounts);
	if (r < 0) {
		watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	forget_processes(watch);
	free(watch->processes);
	for (size_t i = 0; i < watch->n_interests; i++)
		interest_done(&watch->interests[i]);
	free(watch->interests);
	mounts_done(&watch->mounts);
	free(watch->netns_dir);
	util_close(&watch->mounts_fd);
	util_close(&watch->inotify_fd);
	util_close(&watch->epoll_fd);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->epoll_fd;
}

int watch_mounts_fd(const struct watch *watch)
{
	return watch->mounts_fd;
}

static int follow_path(struct watch *watch, const char *path)
{
	AUTO_FREE char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return -ENOMEM;
	slash[slash == dir] = '\0';
	for (size_t i = 0; i < watch->n_interests; i++)
		if (watch->interests[i].kind == WATCH_NETNS &&
		    strcmp(watch->interests[i].path, dir) == 0)
			return 0;
	return add_interest(watch, WATCH_NETNS, STEAL(dir), false);
}

int watch_follow(struct watch *watch, const struct desired *desired)
{
	int r = 0;

	while (watch->n_interests > watch->n_fixed)
		interest_done(&watch->interests[--watch->n_interests]);
	forget_processes(watch);
	for (size_t i = 0; i < watch->n_fixed && r == 0; i++)
		if (watch->interests[i].kind == WATCH_CONFIG)
			r = add_link_targets(watch, watch->interests[i].path);
	for (size_t i = 0; i < desired->n_pairs && r == 0; i++) {
		const struct netns_ref *ref = &desired->pairs[i].netns;

		if (ref->by == NETNS_BY_PATH)
			r = follow_path(watch, ref->text);
		else if (ref->by == NETNS_BY_PID)
			r = follow_process(watch, atoi(ref->text));
	}
	return r < 0 ? r : rearm(watch);
}

/* ---- draining ---- */

static void tell_pin(const char *name, watch_fn on_change, void *ctx)
{
	struct pin pin;

	on_change(ctx, WATCH_PIN, pin_parse_link(name, &pin) ? pin.pair : NULL);
}

/* One event at one interest that it concerns. */
static void tell(struct watch *watch, const struct interest *interest,
		 const struct inotify_event *event, watch_fn on_change, void *ctx)
{
	const char *name = event->len ? event->name : NULL;

	if (event->mask & SELF_EVENTS) {
		watch->must_rearm = true;
		on_change(ctx, interest->kind, NULL);
		return;
	}
	if (interest->awaited) {
		if (!name || strcmp(name, interest->awaited) != 0)
			return;
		watch->must_rearm = true;
		on_change(ctx, interest->kind, NULL);
		return;
	}
	switch (interest->kind) {
	case WATCH_CONFIG:
		on_change(ctx, WATCH_CONFIG, NULL);
		/* pairs.d itself, or a ..data link, may be another directory now. */
		watch->must_rearm = true;
		break;
	case WATCH_NETNS:
		on_change(ctx, WATCH_NETNS, interest->by_name ? name : NULL);
		break;
	case WATCH_PIN:
		if (name && (event->mask & (IN_DELETE | IN_MOVED_FROM)))
			tell_pin(name, on_change, ctx);
		break;
	}
}

static void tell_all(struct watch *watch, const struct inotify_event *event, watch_fn on_change,
		     void *ctx)
{
	static const enum watch_kind kinds[] = { WATCH_CONFIG, WATCH_NETNS, WATCH_PIN };

	if (event->mask & IN_Q_OVERFLOW) {
		watch->must_rearm = true;
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			on_change(ctx, kinds[i], NULL);
		return;
	}
	for (size_t i = 0; i < watch->n_interests; i++)
		if (watch->interests[i].wd == event->wd)
			tell(watch, &watch->interests[i], event, on_change, ctx);
}

static int drain_inotify(struct watch *watch, watch_fn on_change, void *ctx)
{
	_Alignas(struct inotify_event) char buffer[EVENTS_SIZE];
	ssize_t len = read(watch->inotify_fd, buffer, sizeof(buffer));

	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (char *p = buffer; p < buffer + len;) {
		const struct inotify_event *event = (const void *)p;

		tell_all(watch, event, on_change, ctx);
		p += sizeof(*event) + event->len;
	}
	return watch->must_rearm ? rearm(watch) : 0;
}

static bool process_ended(struct watch *watch)
{
	struct epoll_event events[16];
	bool ended = false;
	int n = epoll_wait(watch->epoll_fd, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++)
		ended |= events[i].data.u64 != 0;
	return ended;
}

int watch_drain(struct watch *watch, watch_fn on_change, void *ctx)
{
	if (process_ended(watch))
		on_change(ctx, WATCH_NETNS, NULL);
	return drain_inotify(watch, on_change, ctx);
}

/* What mounts_compare() tells, on its way to on_change. */
struct teller {
	struct watch *watch;
	watch_fn on_change;
	void *ctx;
};

static void on_mount(void *ctx, const char *path)
{
	const struct teller *teller = ctx;
	const char *dir = teller->watch->netns_dir;
	size_t len = strlen(dir);

	if (strncmp(path, dir, len) == 0 && path[len] == '/')
		teller->on_change(teller->ctx, WATCH_NETNS, path + len + 1);
	else
		teller->on_change(teller->ctx, WATCH_NETNS, NULL);
}

int watch_drain_mounts(struct watch *watch, watch_fn on_change, void *ctx)
{
	struct teller teller = { watch, on_change, ctx };
	struct mounts fresh = {};
	int r = mounts_read(&fresh);

	if (r < 0)
		return r;
	mounts_compare(&watch->mounts, &fresh, on_mount, &teller);
	mounts_done(&watch->mounts);
	watch->mounts = fresh;
	/* The first "ip netns add" mounts over the very directory that is watched. */
	return rearm(watch);
}
