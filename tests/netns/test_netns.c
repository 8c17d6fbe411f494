/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces and their sysctls, as the kernel floor opens, enters and writes them. */
#include "kernel/sysctl.h"
#include "netns/stage.h"
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void test_netns_refs(void)
{
	AUTO(netns_done) struct netns by_pid = NETNS_NONE;
	AUTO(netns_done) struct netns by_path = NETNS_NONE;
	AUTO(netns_done) struct netns by_name = NETNS_NONE;
	AUTO(netns_done) struct netns here = NETNS_NONE;
	AUTO(netns_done) struct netns other = NETNS_NONE;
	static const char *const dir = STAGE_DIR;
	const struct netns_dirs dirs = { &dir, 1 };
	AUTO(diag_done) struct diag why = {};
	char pid[16], path[64], name[128];
	struct netns_ref ref = { .by = NETNS_BY_PATH, .text = path };

	snprintf(pid, sizeof(pid), "%d", stage.resident);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", stage.resident);
	snprintf(name, sizeof(name), "%s/web", STAGE_DIR);
	CHECK(stage_open_netns(NETNS_BY_NAME, "web", &by_name, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "namespace \"web\" does not exist (") && stage_says(&why, name));
	CHECK(by_name.fd == -1);
	CHECK(mknod(name, S_IFREG | 0600, 0) == 0);
	CHECK(stage_open_netns(NETNS_BY_NAME, "web", &by_name, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "/web is not a network namespace"));
	CHECK(mount(path, name, NULL, MS_BIND, NULL) == 0);
	CHECK(stage_open_netns(NETNS_BY_NAME, "web", &by_name, &why) == 0);
	CHECK(stage_open_netns(NETNS_BY_PID, pid, &by_pid, &why) == 0);
	CHECK(stage_open_netns(NETNS_BY_PATH, path, &by_path, &why) == 0);
	CHECK(netns_open_current(&here) == 0);
	CHECK(by_pid.cookie && by_pid.cookie == by_path.cookie && by_pid.cookie == by_name.cookie);
	CHECK(here.cookie != by_pid.cookie);
	ref.cookie = here.cookie;
	CHECK(netns_open(&ref, dirs, &other, &why) == NETNS_E_ABSENT && other.fd == -1);
	CHECK(stage_says(&why, "is another namespace than the one that is meant, which is gone"));
	ref.cookie = by_pid.cookie;
	CHECK(netns_open(&ref, dirs, &other, &why) == 0 && other.cookie == by_pid.cookie);
	CHECK(fcntl(by_name.fd, F_GETFD) & FD_CLOEXEC);
	CHECK(umount2(name, MNT_DETACH) == 0);
}

static void test_netns_strangers(void)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};
	char text[128];
	pid_t gone = stage_start_resident();

	stage_end_resident(gone);
	snprintf(text, sizeof(text), "%d", gone);
	CHECK(stage_open_netns(NETNS_BY_PID, text, &netns, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "process ") && stage_says(&why, " is gone"));
	CHECK(stage_open_netns(NETNS_BY_PATH, "/proc/self/ns/mnt", &netns, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "/proc/self/ns/mnt is not a network namespace"));
	CHECK(stage_open_netns(NETNS_BY_PATH, "/nowhere/web", &netns, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "namespace /nowhere/web does not exist"));
	snprintf(text, sizeof(text), "%s/fifo", STAGE_DIR);
	CHECK(mkfifo(text, 0600) == 0);
	CHECK(stage_open_netns(NETNS_BY_PATH, text, &netns, &why) == NETNS_E_ABSENT);
	CHECK(netns.fd == -1);
	/* Root may open everything; this fails for it, too. */
	snprintf(text, sizeof(text), "%s/loop", STAGE_DIR);
	CHECK(symlink(text, text) == 0);
	CHECK(stage_open_netns(NETNS_BY_PATH, text, &netns, &why) == NETNS_E_ABSENT);
	CHECK(stage_says(&why, "cannot open ") && netns.fd == -1);
}

static void test_netns_replaced(void)
{
	AUTO(diag_done) struct diag why = {};
	uint64_t cookies[2];

	for (int i = 0; i < 2; i++) {
		AUTO(netns_done) struct netns netns = NETNS_NONE;
		pid_t pid = stage_start_resident();
		char text[16];

		snprintf(text, sizeof(text), "%d", pid);
		CHECK(stage_open_netns(NETNS_BY_PID, text, &netns, &why) == 0);
		cookies[i] = netns.cookie;
		stage_end_resident(pid);
	}
	CHECK(cookies[0] != cookies[1]);
}

static void test_netns_visit(void)
{
	AUTO(netns_done) struct netns before = NETNS_NONE;
	AUTO(netns_done) struct netns there = NETNS_NONE;
	AUTO(netns_done) struct netns after = NETNS_NONE;

	CHECK(netns_open_current(&before) == 0);
	CHECK(netns_enter(&stage.inside) == 0);
	CHECK(netns_open_current(&there) == 0);
	netns_leave();
	CHECK(netns_open_current(&after) == 0);
	CHECK(there.cookie == stage.inside.cookie);
	CHECK(before.cookie == after.cookie && before.cookie != there.cookie);
	CHECK(netns_enter(&NETNS_NONE) == -EBADF);
}

static char *read_inside(const char *key)
{
	char *value = NULL;

	CHECK(netns_enter(&stage.inside) == 0);
	sysctl_read(key, &value);
	netns_leave();
	return value;
}

static int write_inside(const char *key, const char *value, struct diag *why)
{
	int r;

	CHECK(netns_enter(&stage.inside) == 0);
	r = sysctl_write(key, value, why);
	netns_leave();
	return r;
}

static void test_sysctl(void)
{
	AUTO(diag_done) struct diag why = {};
	AUTO_FREE char *changed = NULL, *here = NULL, *list = NULL, *none = NULL, *dotted = NULL;
	struct pair pair = stage_pair("mt.dot", "in.side", MODE_L3);
	struct netlink_result made = stage_create(&pair);

	CHECK(made.error == 0);
	CHECK(write_inside("net.ipv4.ip_default_ttl", "77", &why) == 0);
	changed = read_inside("net.ipv4.ip_default_ttl");
	CHECK(changed && strcmp(changed, "77") == 0);
	CHECK(sysctl_read("net.ipv4.ip_default_ttl", &here) == 0 && strcmp(here, "77") != 0);
	CHECK(write_inside("net.ipv4.tcp_rmem", "4096 131072 6291456", &why) == 0);
	list = read_inside("net.ipv4.tcp_rmem");
	CHECK(list && strcmp(list, "4096 131072 6291456") == 0);
	CHECK(write_inside("net.ipv4.conf.in/side.rp_filter", "2", &why) == 0);
	dotted = read_inside("net.ipv4.conf.in/side.rp_filter");
	CHECK(dotted && strcmp(dotted, "2") == 0);
	CHECK(write_inside("net.ipv4.no_such_thing", "1", &why) == -ENOENT);
	CHECK(stage_says(&why, "there is no setting net.ipv4.no_such_thing"));
	CHECK(write_inside("net.ipv4.ip_default_ttl", "many", &why) == -EINVAL);
	CHECK(stage_says(&why, "refuses \"many\" for net.ipv4.ip_default_ttl"));
	CHECK(write_inside("kernel.hostname", "oops", &why) == -EINVAL);
	CHECK(stage_says(&why, "kernel.hostname is not a setting of a network namespace"));
	CHECK(write_inside("net.//.kernel.hostname", "oops", &why) == -EINVAL);
	CHECK(sysctl_read("net.ipv4.no_such_thing", &none) == -ENOENT && !none);
	stage_delete(made.ifindex);
}

int main(void)
{
	stage_set();
	test_netns_refs();
	test_netns_strangers();
	test_netns_replaced();
	test_netns_visit();
	test_sysctl();
	stage_strike();
	return 0;
}
