/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration directories as they are watched: every way in which files come to say something
 * else is told, what cannot change what they say is not, and nothing is missed while directories
 * come and go.
 */
#include "netns/watcher.h"
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CONF WATCH_CONF
#define PAIRS CONF "/pairs.d"
#define LATER WATCH_LATER
#define ELSEWHERE WATCH_TOP "/elsewhere"

static void test_files(void)
{
	do_write(PAIRS "/a.yaml", "1");
	CHECK(watcher_told_config());
	do_write(PAIRS "/a.yaml", "2");
	CHECK(watcher_told_config());
	CHECK(chmod(PAIRS "/a.yaml", 0600) == 0);
	CHECK(watcher_told_config());
	CHECK(link(PAIRS "/a.yaml", PAIRS "/b.yaml") == 0);
	CHECK(watcher_told_config());
	do_unlink(PAIRS "/b.yaml");
	CHECK(watcher_told_config());
	do_symlink("/dev/null", PAIRS "/b.yaml");
	CHECK(watcher_told_config());
	do_unlink(PAIRS "/b.yaml");
	CHECK(watcher_told_config());
	do_write(CONF "/metad.yaml", "");
	CHECK(watcher_told_config());
	CHECK(watcher_slept());
}

/* Half a file must not be read because its name has just appeared. */
static void test_slow_writer(void)
{
	int fd = open(PAIRS "/slow.yaml", O_WRONLY | O_CREAT | O_EXCL, 0644);

	CHECK(fd >= 0 && write(fd, "pairs:\n", 7) == 7);
	CHECK(watcher_told_nothing());
	CHECK(write(fd, "  web0: {}\n", 11) == 11 && close(fd) == 0);
	CHECK(watcher_told_config());
}

static void test_editors(void)
{
	/* Written beside and renamed over. */
	do_write(PAIRS "/.a.yaml.Xy12", "3");
	do_write(PAIRS "/a.yaml.new", "3");
	CHECK(watcher_told_nothing());
	do_rename(PAIRS "/a.yaml.new", PAIRS "/a.yaml");
	CHECK(watcher_told_config());
	/* Opened in an editor that keeps a swap file. */
	do_write(PAIRS "/.a.yaml.swp", "b0VIM");
	CHECK(watcher_told_nothing());
	/* Moved to a backup, written anew, backup removed. */
	do_rename(PAIRS "/a.yaml", PAIRS "/a.yaml~");
	do_write(PAIRS "/a.yaml", "4");
	do_unlink(PAIRS "/a.yaml~");
	CHECK(watcher_told_config());
	CHECK(watcher_slept());
}

static void test_configmap(void)
{
	do_mkdir(PAIRS "/..1");
	do_write(PAIRS "/..1/c.yaml", "old");
	do_symlink("..1", PAIRS "/..data");
	do_symlink("..data/c.yaml", PAIRS "/c.yaml");
	watcher_forget();
	for (int i = 2; i < 5; i++) {
		char dir[64], file[80], old[64];
		const char *name;

		snprintf(dir, sizeof(dir), PAIRS "/..%d", i);
		snprintf(file, sizeof(file), "%s/c.yaml", dir);
		snprintf(old, sizeof(old), PAIRS "/..%d/c.yaml", i - 1);
		name = strrchr(dir, '/') + 1;
		do_mkdir(dir);
		do_write(file, "new");
		watcher_forget();
		do_symlink(name, PAIRS "/..data_tmp");
		do_rename(PAIRS "/..data_tmp", PAIRS "/..data");
		CHECK(watcher_told_config());
		do_unlink(old);
		*strrchr(old, '/') = '\0';
		do_rmdir(old);
		watcher_forget();
	}
}

/* All of the configuration as a link that is swapped, and the files behind it. */
static void test_directory_is_a_link(void)
{
	do_mkdir(ELSEWHERE "/v1");
	do_mkdir(ELSEWHERE "/v2");
	do_mkdir(WATCH_ETC "/later");
	do_mkdir(LATER);
	do_symlink(ELSEWHERE "/v1", LATER "/pairs.d");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/v1/a.yaml", "1");
	CHECK(watcher_told_config());
	do_symlink(ELSEWHERE "/v2", LATER "/tmp");
	do_rename(LATER "/tmp", LATER "/pairs.d");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/v1/a.yaml", "2");
	CHECK(watcher_slept());
	do_write(ELSEWHERE "/v2/a.yaml", "1");
	CHECK(watcher_told_config());
	do_unlink(LATER "/pairs.d");
	do_rmdir(LATER);
	do_rmdir(WATCH_ETC "/later");
	CHECK(watcher_told_config());
}

static void make_later(void)
{
	do_mkdir(WATCH_ETC "/later");
	CHECK(watcher_told_nothing());
	do_mkdir(LATER);
	CHECK(watcher_told_config());
	/* Watched for itself and as what pairs.d will appear in. */
	do_write(LATER "/metad.yaml", "#");
	watcher_forget();
	do_write(LATER "/metad.yaml", "");
	CHECK(watcher_told_config());
	do_unlink(LATER "/metad.yaml");
	CHECK(watcher_told_config());
	do_mkdir(LATER "/pairs.d");
	CHECK(watcher_told_config());
	do_write(LATER "/pairs.d/a.yaml", "1");
	CHECK(watcher_told_config());
}

static void remove_later(void)
{
	do_unlink(LATER "/pairs.d/a.yaml");
	CHECK(watcher_told_config());
	do_rmdir(LATER "/pairs.d");
	CHECK(watcher_told_config());
	do_rmdir(LATER);
	CHECK(watcher_told_config());
	do_rmdir(WATCH_ETC "/later");
	CHECK(watcher_told_nothing());
}

static void test_directories_come_and_go(void)
{
	unsigned int n = watcher_count_watches();

	for (int i = 0; i < 3; i++) {
		make_later();
		/* What led here does not wake any more. */
		do_write(WATCH_ETC "/file", "");
		do_write(WATCH_ETC "/later/file", "");
		CHECK(watcher_slept());
		do_unlink(WATCH_ETC "/later/file");
		do_unlink(WATCH_ETC "/file");
		CHECK(watcher_slept());
		remove_later();
		CHECK(watcher_count_watches() == n);
	}
}

static void test_directory_is_moved(void)
{
	make_later();
	do_rename(LATER, WATCH_ETC "/later/away");
	CHECK(watcher_told_config());
	do_write(WATCH_ETC "/later/away/pairs.d/a.yaml", "2");
	CHECK(watcher_slept());
	do_rename(WATCH_ETC "/later/away", LATER);
	CHECK(watcher_told_config());
	do_write(LATER "/pairs.d/a.yaml", "3");
	CHECK(watcher_told_config());
	remove_later();
}

/* All at once, before anything is read; afterwards it is watched nevertheless. */
static void test_made_in_one_go(void)
{
	do_mkdir(WATCH_ETC "/later");
	do_mkdir(LATER);
	do_mkdir(LATER "/pairs.d");
	do_write(LATER "/pairs.d/a.yaml", "1");
	CHECK(watcher_told_config());
	do_unlink(LATER "/pairs.d/a.yaml");
	do_rmdir(LATER "/pairs.d");
	do_mkdir(LATER "/pairs.d");
	do_write(LATER "/pairs.d/a.yaml", "2");
	CHECK(watcher_told_config());
	do_write(LATER "/pairs.d/a.yaml", "3");
	CHECK(watcher_told_config());
}

/* A volume that is mounted over a directory hides what was watched. */
static void test_mounted_over(void)
{
	do_mount("tmpfs", LATER "/pairs.d", "tmpfs");
	CHECK(watcher_told_config());
	do_write(LATER "/pairs.d/b.yaml", "1");
	CHECK(watcher_told_config());
	do_umount(LATER "/pairs.d");
	CHECK(watcher_told_config());
	do_write(LATER "/pairs.d/a.yaml", "4");
	CHECK(watcher_told_config());
	remove_later();
	do_mkdir(ELSEWHERE "/mnt");
	do_mount("tmpfs", ELSEWHERE "/mnt", "tmpfs");
	do_umount(ELSEWHERE "/mnt");
	CHECK(watcher_told_nothing());
}

static void test_links_to_files(void)
{
	unsigned int n = watcher_count_watches();

	do_write(ELSEWHERE "/x.yaml", "1");
	do_symlink("../../elsewhere/x.yaml", PAIRS "/x.yaml");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/x.yaml", "2");
	CHECK(watcher_told_config());
	/* Renamed over, while somebody still reads the old one and it lives on. */
	for (int i = 0; i < 2; i++) {
		AUTO_CLOSE int reader = open(ELSEWHERE "/x.yaml", O_RDONLY | O_CLOEXEC);

		CHECK(reader >= 0);
		do_write(ELSEWHERE "/new", "3");
		CHECK(watcher_slept());
		do_rename(ELSEWHERE "/new", ELSEWHERE "/x.yaml");
		CHECK(watcher_told_config());
	}
	do_unlink(ELSEWHERE "/x.yaml");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/x.yaml", "4");
	CHECK(watcher_told_config());
	do_unlink(PAIRS "/x.yaml");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/x.yaml", "5");
	CHECK(watcher_slept());
	/* Where it leads to will be there later. */
	do_symlink(ELSEWHERE "/deep/deeper/y.yaml", PAIRS "/y.yaml");
	CHECK(watcher_told_config());
	do_mkdir(ELSEWHERE "/deep");
	do_mkdir(ELSEWHERE "/deep/deeper");
	CHECK(watcher_told_nothing());
	do_write(ELSEWHERE "/deep/deeper/y.yaml", "1");
	CHECK(watcher_told_config());
	do_unlink(PAIRS "/y.yaml");
	CHECK(watcher_told_config());
	CHECK(watcher_count_watches() == n);
}

/* The device changes whenever anybody writes to it. */
static void test_masks_do_not_wake(void)
{
	do_symlink("/dev/null", PAIRS "/mask.yaml");
	CHECK(watcher_told_config());
	do_write("/dev/null", "x");
	CHECK(watcher_slept());
	do_unlink(PAIRS "/mask.yaml");
	watcher_forget();
}

/* More events than the kernel keeps: everything may have changed. */
static void test_overflow(void)
{
	for (int i = 0; i < 20000; i++) {
		CHECK(chmod(PAIRS "/a.yaml", 0600) == 0);
		CHECK(chmod(PAIRS "/slow.yaml", 0600) == 0);
	}
	watcher_serve();
	CHECK(told.config > 0 && strcmp(told.netns, "* ") == 0 && strcmp(told.pins, "* ") == 0);
	watcher_forget();
	do_write(PAIRS "/a.yaml", "5");
	CHECK(watcher_told_config());
}

static void come_and_go(int n)
{
	for (int i = 0; i <= n; i++) {
		rmdir(LATER "/pairs.d");
		rmdir(LATER);
		rmdir(WATCH_ETC "/later");
		do_mkdir(WATCH_ETC "/later");
		do_mkdir(LATER);
		do_mkdir(LATER "/pairs.d");
	}
	_exit(0);
}

/* Whatever is made or removed while watches are being set, in the end they are where they should. */
static void test_changes_while_watches_are_set(void)
{
	unsigned int n = watcher_count_watches();

	for (int round = 0; round < 100; round++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			come_and_go(round % 16);
		while (waitpid(pid, NULL, WNOHANG) == 0)
			watcher_serve();
		watcher_forget();
		do_write(LATER "/pairs.d/a.yaml", "1");
		CHECK(watcher_told_config());
		remove_later();
		CHECK(watcher_count_watches() == n);
	}
}

int main(void)
{
	stage_set();
	do_mkdir(WATCH_TOP);
	do_mkdir(CONF);
	do_mkdir(PAIRS);
	do_mkdir(ELSEWHERE);
	do_mkdir(WATCH_ETC);
	watcher_start(WATCH_NETNS_DIR);
	CHECK(watcher_slept());
	test_files();
	test_slow_writer();
	test_editors();
	test_configmap();
	test_directory_is_a_link();
	test_directories_come_and_go();
	test_directory_is_moved();
	test_made_in_one_go();
	test_mounted_over();
	test_links_to_files();
	test_masks_do_not_wake();
	test_overflow();
	test_changes_while_watches_are_set();
	watcher_stop();
	stage_strike();
	return 0;
}
