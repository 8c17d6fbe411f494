/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Namespaces as they are watched, by name, by path and by process, and pins: what comes, goes or is
 * replaced is told by its name, at once when it can be used, and nobody else's doings are.
 */
#include "netns/watcher.h"
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NETNS WATCH_NETNS_DIR
#define ELSEWHERE WATCH_TOP "/elsewhere"

static char ns_path[2][64]; /* of two namespaces that stay */

static void mount_netns(int which, const char *path)
{
	do_mount(ns_path[which], path, NULL);
}

/* ---- names ---- */

/* Of one name, but perhaps more than once. */
static bool told_only_of(const char *name)
{
	char names[sizeof(told.netns)], *save, *word;
	bool any = false;

	watcher_serve();
	for (int i = 0; i < WATCHER_RESTS && !told.netns[0]; i++)
		watcher_rest();
	memcpy(names, told.netns, sizeof(names));
	watcher_forget();
	for (word = strtok_r(names, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, name) != 0)
			return false;
		any = true;
	}
	return any;
}

static void test_directory_appears(void)
{
	do_mkdir(WATCH_TOP "/run");
	CHECK(watcher_told_nothing());
	do_mkdir(NETNS);
	CHECK(watcher_told_netns("* "));
	do_write(WATCH_TOP "/run/file", "");
	CHECK(watcher_slept());
}

/* The file that "ip netns add" makes first is no namespace yet. */
static void test_names(void)
{
	do_write(NETNS "/web", "");
	CHECK(watcher_told_nothing());
	mount_netns(0, NETNS "/web");
	CHECK(told_only_of("web"));
	CHECK(watcher_slept());
	do_umount(NETNS "/web");
	CHECK(watcher_told_netns("web "));
	mount_netns(0, NETNS "/web");
	CHECK(watcher_told_netns("web "));
	do_umount(NETNS "/web");
	do_unlink(NETNS "/web");
	CHECK(told_only_of("web"));
	do_symlink(ns_path[1], NETNS "/by link");
	CHECK(watcher_told_netns("by link "));
	do_unlink(NETNS "/by link");
	CHECK(watcher_told_netns("by link "));
	do_symlink("/dev/null", NETNS "/nothing");
	CHECK(watcher_told_nothing());
	do_unlink(NETNS "/nothing");
	watcher_forget();
}

/* Between two looks at the mount table, and without a change of the directory. */
static void test_replaced_under_one_name(void)
{
	do_write(NETNS "/web", "");
	do_write(NETNS "/db", "");
	mount_netns(0, NETNS "/web");
	mount_netns(0, NETNS "/db");
	watcher_forget();
	do_umount(NETNS "/web");
	mount_netns(1, NETNS "/web");
	CHECK(watcher_told_netns("web "));
	/* Mounted over, and the cover taken off. */
	mount_netns(0, NETNS "/web");
	CHECK(watcher_told_netns("web "));
	do_umount(NETNS "/web");
	CHECK(watcher_told_netns("web "));
	do_umount(NETNS "/web");
	do_umount(NETNS "/db");
	watcher_settle();
	CHECK(strcmp(told.netns, "db web ") == 0 || strcmp(told.netns, "web db ") == 0);
	watcher_forget();
}

static void test_other_mounts(void)
{
	do_write(ELSEWHERE "/web", "");
	do_mkdir(ELSEWHERE "/dir");
	mount_netns(0, ELSEWHERE "/web");
	do_mount("tmpfs", ELSEWHERE "/dir", "tmpfs");
	do_write(ELSEWHERE "/dir/web", "");
	mount_netns(1, ELSEWHERE "/dir/web");
	CHECK(watcher_told_nothing());
	do_write(WATCH_TOP "/run/web", "");
	mount_netns(0, WATCH_TOP "/run/web");
	CHECK(watcher_told_nothing());
	do_umount(WATCH_TOP "/run/web");
	do_umount(ELSEWHERE "/dir/web");
	do_umount(ELSEWHERE "/dir");
	do_umount(ELSEWHERE "/web");
	/* Another kind of namespace among ours. */
	do_mount("/proc/self/ns/uts", NETNS "/db", NULL);
	do_umount(NETNS "/db");
	CHECK(watcher_told_nothing());
}

/* A name with blanks, backslashes and tabs is written otherwise in the mount table. */
static void test_odd_names(void)
{
	static const char odd[] = NETNS "/a b\\040\tc";

	do_write(odd, "");
	mount_netns(0, odd);
	watcher_forget();
	do_umount(odd);
	CHECK(watcher_told_netns("a b\\040\tc "));
	do_unlink(odd);
	watcher_forget();
}

static bool is_due(int timeout_ms)
{
	struct pollfd poll_fd = { .fd = watch_fd(watcher_watch()), .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* Below one mount, with which all go at once: each umount by itself takes a grace period. */
static void crowd(void)
{
	char path[64];

	do_mkdir(ELSEWHERE "/crowd");
	do_mount("tmpfs", ELSEWHERE "/crowd", "tmpfs");
	for (int i = 0; i < 4000; i++) {
		snprintf(path, sizeof(path), ELSEWHERE "/crowd/%d", i);
		do_write(path, "");
		mount_netns(0, path);
	}
}

/* A new name and a namespace that replaces another; whether the new name was told by itself. */
static bool new_name_is_told_first(int which)
{
	bool first;

	do_write(NETNS "/new", "");
	watcher_forget();
	mount_netns(0, NETNS "/new");
	do_umount(NETNS "/old");
	mount_netns(which, NETNS "/old");
	watcher_serve();
	first = strcmp(told.netns, "new ") == 0;
	while (!strstr(told.netns, "old ")) {
		CHECK(is_due(10000));
		watcher_serve();
	}
	CHECK(strcmp(told.netns, "new new old ") == 0);
	do_umount(NETNS "/new");
	do_unlink(NETNS "/new");
	return first;
}

/*
 * With thousands of mounts the table rests between readings; a new name does not wait for that,
 * and what else changes is told in the end. A test that is itself held up sees both at once.
 */
static void test_large_table(void)
{
	bool first = false;

	do_write(NETNS "/old", "");
	mount_netns(0, NETNS "/old");
	crowd();
	for (int i = 0; i < 10 && !first; i++)
		first = new_name_is_told_first(1 - i % 2);
	CHECK(first);
	do_umount(ELSEWHERE "/crowd");
	do_umount(NETNS "/old");
	watcher_forget();
	while (is_due(1000))
		watcher_serve();
	watcher_forget();
	CHECK(watcher_slept());
}

static void ip_netns(const char *verb, const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "ip netns %s %s", verb, name);
	CHECK(system(command) == 0);
}

/*
 * The real tool, which the first time mounts over the directory itself. /run is the test's own.
 * Given as /var/run/netns: the mount table knows no links.
 */
static void test_ip_netns(void)
{
	char path[64];

	watcher_stop();
	do_mount("tmpfs", "/run", "tmpfs");
	do_mkdir("/run/netns");
	snprintf(path, sizeof(path), "%s/run-link", WATCH_TOP);
	do_symlink("/run", path);
	watcher_start(WATCH_TOP "/run-link/netns");
	ip_netns("add", "mt-first");
	watcher_serve();
	CHECK(strstr(told.netns, "* ") || strstr(told.netns, "mt-first "));
	watcher_forget();
	ip_netns("add", "mt-second");
	CHECK(told_only_of("mt-second"));
	ip_netns("del", "mt-first");
	CHECK(told_only_of("mt-first"));
	ip_netns("del", "mt-second");
	ip_netns("add", "mt-second");
	CHECK(told_only_of("mt-second"));
	ip_netns("del", "mt-second");
	watcher_stop();
	do_umount("/run");
	watcher_start(NETNS);
}

/* ---- what the configuration names ---- */

static void follow(enum netns_by by, const char *const *texts, size_t n)
{
	struct desired *desired = watcher_desired(NETNS);

	for (size_t i = 0; i < n; i++) {
		struct pair pair = { .netns = { by, strdup(texts[i]) } };

		snprintf(pair.name, sizeof(pair.name), "mt%u", (unsigned int)i);
		CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
	}
	CHECK(watch_follow(watcher_watch(), desired) == 0);
	desired_unref(desired);
}

static void test_paths(void)
{
	static const char *const paths[] = { ELSEWHERE "/ns/a", ELSEWHERE "/ns/b",
					     ELSEWHERE "/ns/a", NETNS "/x" };
	unsigned int n;

	watcher_forget();
	n = watcher_count_watches();
	follow(NETNS_BY_PATH, paths, ARRAY_SIZE(paths));
	do_mkdir(ELSEWHERE "/ns");
	CHECK(watcher_told_netns("* "));
	do_write(ELSEWHERE "/ns/a", "");
	do_write(ELSEWHERE "/ns/other", "");
	CHECK(watcher_told_nothing());
	mount_netns(0, ELSEWHERE "/ns/a");
	CHECK(watcher_told_netns(ELSEWHERE "/ns/a "));
	mount_netns(0, ELSEWHERE "/ns/other");
	CHECK(watcher_told_nothing());
	do_umount(ELSEWHERE "/ns/other");
	do_unlink(ELSEWHERE "/ns/other");
	CHECK(watcher_told_nothing());
	do_symlink(ns_path[0], ELSEWHERE "/ns/b");
	CHECK(watcher_told_netns(ELSEWHERE "/ns/b "));
	do_unlink(ELSEWHERE "/ns/b");
	CHECK(watcher_told_netns(ELSEWHERE "/ns/b "));
	/* Under a name's directory it is both. */
	do_symlink(ns_path[0], NETNS "/x");
	CHECK(watcher_told_netns("x " NETNS "/x "));
	do_unlink(NETNS "/x");
	watcher_forget();
	/* What the configuration names no more is nobody's business. */
	follow(NETNS_BY_PATH, NULL, 0);
	do_umount(ELSEWHERE "/ns/a");
	do_unlink(ELSEWHERE "/ns/a");
	CHECK(watcher_told_nothing());
	watcher_forget();
	CHECK(watcher_count_watches() == n);
}

/* A directory that appears between load and follow is armed in follow; nothing in it is missed. */
static void test_followed_while_it_appears(void)
{
	static const char *const paths[] = { ELSEWHERE "/new/a" };

	follow(NETNS_BY_PATH, paths, 1);
	watcher_forget();
	do_mkdir(ELSEWHERE "/new");
	do_symlink(ns_path[0], ELSEWHERE "/new/a");
	follow(NETNS_BY_PATH, paths, 1);
	do_unlink(ELSEWHERE "/new/a");
	watcher_serve();
	CHECK(strstr(told.netns, ELSEWHERE "/new/a ") != NULL);
	follow(NETNS_BY_PATH, NULL, 0);
	watcher_forget();
}

static void test_processes(void)
{
	pid_t pids[3];
	char texts[3][16], names[64];
	const char *list[] = { texts[0], texts[1], texts[0], "0", texts[2] };

	for (int i = 0; i < 3; i++) {
		pids[i] = stage_start_resident();
		snprintf(texts[i], sizeof(texts[i]), "%d", pids[i]);
	}
	stage_end_resident(pids[2]);
	follow(NETNS_BY_PID, list, ARRAY_SIZE(list));
	CHECK(watcher_slept());
	stage_end_resident(pids[0]);
	snprintf(names, sizeof(names), "%s ", texts[0]);
	CHECK(watcher_told_netns(names));
	CHECK(watcher_slept());
	follow(NETNS_BY_PID, NULL, 0);
	stage_end_resident(pids[1]);
	CHECK(watcher_slept());
}

/* More at once than fit into one call. */
static void test_many_processes(void)
{
	pid_t pids[40];
	char texts[40][16];
	const char *list[40];
	size_t n = 0;

	for (int i = 0; i < 40; i++) {
		pids[i] = stage_start_resident();
		snprintf(texts[i], sizeof(texts[i]), "%d", pids[i]);
		list[i] = texts[i];
	}
	follow(NETNS_BY_PID, list, ARRAY_SIZE(list));
	for (int i = 0; i < 40; i++)
		stage_end_resident(pids[i]);
	watcher_serve();
	for (const char *p = told.netns; *p; p++)
		n += *p == ' ';
	CHECK(n == 40);
	watcher_forget();
	CHECK(watcher_slept());
	follow(NETNS_BY_PID, NULL, 0);
}

/* ---- pins ---- */

static int make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void pin(int fd, const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .bpf_fd = fd };

	CHECK(syscall(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr)) == 0);
}

static void test_pins(int fd)
{
	pin(fd, WATCH_LINKS "/web0:primary:count:7");
	pin(fd, WATCH_LINKS "/eth0%2e100:peer:web-acl:8");
	pin(fd, WATCH_LINKS "/somebody's");
	CHECK(watcher_slept());
	do_unlink(WATCH_LINKS "/web0:primary:count:7");
	CHECK(watcher_told_pins("web0 "));
	do_rename(WATCH_LINKS "/eth0%2e100:peer:web-acl:8", WATCH_LINKS "/else");
	CHECK(watcher_told_pins("eth0.100 "));
	do_unlink(WATCH_LINKS "/somebody's");
	CHECK(watcher_told_pins("* "));
	do_unlink(WATCH_LINKS "/else");
	watcher_forget();
}

static void test_pins_directory(int fd)
{
	do_rmdir(WATCH_LINKS);
	CHECK(watcher_told_pins("* "));
	do_rmdir(WATCH_BPFFS "/metad");
	CHECK(watcher_told_nothing());
	do_mkdir(WATCH_BPFFS "/metad");
	do_mkdir(WATCH_LINKS);
	CHECK(watcher_told_pins("* "));
	pin(fd, WATCH_LINKS "/web0:primary:count:7");
	do_unlink(WATCH_LINKS "/web0:primary:count:7");
	CHECK(watcher_told_pins("web0 "));
	do_umount(WATCH_BPFFS);
	CHECK(watcher_told_pins("* "));
}

static void test_bpffs(void)
{
	AUTO_CLOSE int fd = make_map();

	if (fd < 0) {
		printf("not tested: pins, because this machine makes no BPF maps: %s\n",
		       strerror(errno));
		return;
	}
	do_mkdir(WATCH_BPFFS);
	do_mount("bpf", WATCH_BPFFS, "bpf");
	watcher_forget();
	do_mkdir(WATCH_BPFFS "/metad");
	CHECK(watcher_told_nothing());
	do_mkdir(WATCH_LINKS);
	CHECK(watcher_told_pins("* "));
	test_pins(fd);
	test_pins_directory(fd);
}

int main(void)
{
	pid_t residents[2];

	stage_set();
	do_mkdir(WATCH_TOP);
	do_mkdir(ELSEWHERE);
	for (int i = 0; i < 2; i++) {
		residents[i] = stage_start_resident();
		snprintf(ns_path[i], sizeof(ns_path[i]), "/proc/%d/ns/net", residents[i]);
	}
	watcher_start(NETNS);
	CHECK(watcher_slept());
	test_directory_appears();
	test_names();
	test_replaced_under_one_name();
	test_other_mounts();
	test_odd_names();
	test_large_table();
	test_ip_netns();
	test_paths();
	test_followed_while_it_appears();
	test_processes();
	test_many_processes();
	test_bpffs();
	watcher_stop();
	for (int i = 0; i < 2; i++)
		stage_end_resident(residents[i]);
	stage_strike();
	return 0;
}
