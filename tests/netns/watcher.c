/* SPDX-License-Identifier: GPL-2.0-only */
/* Serving a watch and remembering what it tells; see watcher.h. Waits for nothing but processes and rests. */
#include "netns/watcher.h"

#include "unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

struct told told;
static struct watch *watch;

struct desired *watcher_desired(const char *netns_dir)
{
	struct desired *desired = desired_new();
	char *dir = strdup(netns_dir);

	CHECK(desired && dir);
	CHECK(ARRAY_APPEND(desired->settings.netns_dirs, desired->settings.n_netns_dirs, dir) == 0);
	return desired;
}

void watcher_start(const char *netns_dir)
{
	static const char *const config_dirs[] = { WATCH_CONF, WATCH_LATER };
	struct watch_options options = { config_dirs, ARRAY_SIZE(config_dirs), WATCH_LINKS };
	AUTO(desired_unrefp) struct desired *desired = watcher_desired(netns_dir);

	CHECK(watch_new(&options, &watch) == 0 && watch_follow(watch, desired) == 0);
	watcher_forget();
}

void watcher_stop(void)
{
	watch_free(watch);
	watch = NULL;
}

struct watch *watcher_watch(void)
{
	return watch;
}

static void on_change(void *ctx, enum watch_kind kind, const char *name)
{
	char *names = kind == WATCH_NETNS ? told.netns : told.pins;
	size_t len = strlen(names);

	CHECK(ctx == &told);
	switch (kind) {
	case WATCH_CONFIG:
		CHECK(!name);
		told.config++;
		break;
	case WATCH_NETNS:
	case WATCH_PIN:
		snprintf(names + len, sizeof(told.netns) - len, "%s ", name ? name : "*");
		break;
	}
}

unsigned int watcher_serve(void)
{
	struct pollfd fds[] = { { .fd = watch_fd(watch), .events = POLLIN },
				{ .fd = watch_mounts_fd(watch), .events = POLLPRI } };
	unsigned int n = 0;

	while (poll(fds, ARRAY_SIZE(fds), 0) > 0) {
		CHECK(++n < 1000);
		if (fds[0].revents)
			CHECK(watch_drain(watch, on_change, &told) == 0);
		if (fds[1].revents)
			CHECK(watch_drain_mounts(watch, on_change, &told) == 0);
	}
	return n;
}

static bool is_told(bool config, const char *netns, const char *pins)
{
	watcher_serve();
	return (told.config > 0) == config && strcmp(told.netns, netns) == 0 &&
	       strcmp(told.pins, pins) == 0;
}

void watcher_rest(void)
{
	struct timespec rest = { .tv_nsec = 10000000 };

	nanosleep(&rest, NULL);
	watcher_serve();
}

static bool is_watch(const char *line)
{
	return strncmp(line, "inotify wd:", strlen("inotify wd:")) == 0;
}

static bool is_set_timer(const char *line)
{
	static const char unset[] = "it_value: (0, 0)";

	return strncmp(line, unset, strlen("it_value:")) == 0 &&
	       strncmp(line, unset, strlen(unset)) != 0;
}

static unsigned int count_lines(const char *fd, bool (*is)(const char *line))
{
	char path[64], line[256];
	unsigned int n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		n += is(line);
	if (file)
		fclose(file);
	return n;
}

/* Lines of what the kernel says about the files that the process has open. */
static unsigned int count_fdinfo(bool (*is)(const char *line))
{
	DIR *fds = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	unsigned int n = 0;

	CHECK(fds);
	while ((entry = readdir(fds)))
		n += entry->d_name[0] == '.' ? 0 : count_lines(entry->d_name, is);
	closedir(fds);
	return n;
}

void watcher_settle(void)
{
	watcher_serve();
	for (int i = 0; i < WATCHER_RESTS && count_fdinfo(is_set_timer) > 0; i++)
		watcher_rest();
}

void watcher_forget(void)
{
	watcher_settle();
	told = (struct told){};
}

static bool told_is(bool config, const char *netns, const char *pins)
{
	bool same = is_told(config, netns, pins);

	for (int i = 0; i < WATCHER_RESTS && !same; i++) {
		watcher_rest();
		same = is_told(config, netns, pins);
	}
	if (!same)
		fprintf(stderr, "told: config %u, netns \"%s\", pins \"%s\"\n", told.config,
			told.netns, told.pins);
	told = (struct told){};
	return same;
}

bool watcher_told_config(void)
{
	return told_is(true, "", "");
}

bool watcher_told_netns(const char *names)
{
	return told_is(false, names, "");
}

bool watcher_told_pins(const char *names)
{
	return told_is(false, "", names);
}

bool watcher_told_nothing(void)
{
	return told_is(false, "", "");
}

bool watcher_slept(void)
{
	unsigned int n = watcher_serve();

	if (n)
		fprintf(stderr, "woke %u times\n", n);
	return watcher_told_nothing() && n == 0;
}

unsigned int watcher_count_watches(void)
{
	return count_fdinfo(is_watch);
}

void do_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

void do_mkdir(const char *path)
{
	CHECK(mkdir(path, 0755) == 0);
}

void do_rename(const char *from, const char *to)
{
	CHECK(rename(from, to) == 0);
}

void do_symlink(const char *target, const char *path)
{
	CHECK(symlink(target, path) == 0);
}

void do_unlink(const char *path)
{
	CHECK(unlink(path) == 0);
}

void do_rmdir(const char *path)
{
	CHECK(rmdir(path) == 0);
}

void do_mount(const char *source, const char *path, const char *type)
{
	CHECK(mount(source, path, type, type ? 0 : MS_BIND, NULL) == 0);
}

void do_umount(const char *path)
{
	CHECK(umount2(path, MNT_DETACH) == 0);
}
