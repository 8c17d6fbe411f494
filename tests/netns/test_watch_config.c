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

/* ---- drop-ins ---- */

#define DROPINS PAIRS "/a.yaml.d"

static void test_dropins(void)
{
	unsigned int n = watcher_count_watches();

	do_mkdir(DROPINS);
	CHECK(watcher_told_config());
	CHECK(watcher_count_watches() == n + 1);
	do_write(DROPINS "/10.yaml", "1");
	CHECK(watcher_told_config());
	do_write(DROPINS "/10.yaml", "2");
	CHECK(watcher_told_config());
	/* As metactl saves: beside it, and renamed over it. */
	do_write(DROPINS "/.10.yaml.Xy12", "3");
	CHECK(watcher_told_nothing());
	do_rename(DROPINS "/.10.yaml.Xy12", DROPINS "/10.yaml");
	CHECK(watcher_told_config());
	CHECK(chmod(DROPINS "/10.yaml", 0600) == 0);
	CHECK(watcher_told_config());
	do_symlink("/dev/null", DROPINS "/20.yaml");
	CHECK(watcher_told_config());
	do_write("/dev/null", "x");
	CHECK(watcher_slept());
	do_unlink(DROPINS "/20.yaml");
	CHECK(watcher_told_config());
	do_unlink(DROPINS "/10.yaml");
	CHECK(watcher_told_config());
	do_rmdir(DROPINS);
	CHECK(watcher_told_config());
	CHECK(watcher_slept());
	CHECK(watcher_count_watches() == n);
}

/* Its directory comes with all that is in it, goes away, and comes back as another. */
static void test_dropins_directory_moves(void)
{
	unsigned int n = watcher_count_watches();

	do_mkdir(ELSEWHERE "/dropins");
	do_write(ELSEWHERE "/dropins/10.yaml", "1");
	CHECK(watcher_told_nothing());
	for (int i = 0; i < 3; i++) {
		do_rename(ELSEWHERE "/dropins", DROPINS);
		CHECK(watcher_told_config());
		do_write(DROPINS "/10.yaml", "2");
		CHECK(watcher_told_config());
		do_rename(DROPINS, ELSEWHERE "/dropins");
		CHECK(watcher_told_config());
		do_write(ELSEWHERE "/dropins/10.yaml", "3");
		CHECK(watcher_slept());
		CHECK(watcher_count_watches() == n);
	}
	/* Away and back before anybody looks: another directory with the same path. */
	do_rename(ELSEWHERE "/dropins", DROPINS);
	CHECK(watcher_told_config());
	do_rename(DROPINS, ELSEWHERE "/dropins");
	do_mkdir(DROPINS);
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/dropins/10.yaml", "4");
	CHECK(watcher_slept());
	do_write(DROPINS "/20.yaml", "5");
	CHECK(watcher_told_config());
	do_unlink(DROPINS "/20.yaml");
	do_rmdir(DROPINS);
	watcher_forget();
	/* A link to a directory, which is another one later. */
	do_symlink("../../elsewhere/dropins", DROPINS);
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/dropins/10.yaml", "6");
	CHECK(watcher_told_config());
	do_rename(ELSEWHERE "/dropins", ELSEWHERE "/old");
	CHECK(watcher_told_config());
	do_mkdir(ELSEWHERE "/dropins");
	CHECK(watcher_told_config());
	do_write(ELSEWHERE "/dropins/30.yaml", "7");
	CHECK(watcher_told_config());
	do_unlink(ELSEWHERE "/dropins/30.yaml");
	do_rmdir(ELSEWHERE "/dropins");
	CHECK(watcher_told_config());
	do_unlink(DROPINS);
	CHECK(watcher_told_config());
	CHECK(watcher_count_watches() == n);
}

/* All at once, before anything is read; afterwards it is watched nevertheless. */
static void test_dropins_in_one_go(void)
{
	for (int i = 0; i < 10; i++) {
		do_mkdir(DROPINS);
		do_write(DROPINS "/10.yaml", "1");
		CHECK(watcher_told_config());
		do_unlink(DROPINS "/10.yaml");
		do_rmdir(DROPINS);
		do_mkdir(DROPINS);
		do_write(DROPINS "/20.yaml", "2");
		CHECK(watcher_told_config());
		do_write(DROPINS "/20.yaml", "3");
		CHECK(watcher_told_config());
		do_unlink(DROPINS "/20.yaml");
		do_rmdir(DROPINS);
		CHECK(watcher_told_config());
	}
}

/* A volume of Kubernetes that is mounted as the drop-ins of one file. */
static void test_dropins_configmap(void)
{
	unsigned int n = watcher_count_watches();

	do_mkdir(DROPINS);
	do_mkdir(DROPINS "/..1");
	do_write(DROPINS "/..1/10.yaml", "1");
	do_symlink("..1", DROPINS "/..data");
	do_symlink("..data/10.yaml", DROPINS "/10.yaml");
	CHECK(watcher_told_config());
	do_mkdir(DROPINS "/..2");
	do_write(DROPINS "/..2/10.yaml", "2");
	CHECK(watcher_told_nothing());
	do_symlink("..2", DROPINS "/..data_tmp");
	watcher_forget();
	do_rename(DROPINS "/..data_tmp", DROPINS "/..data");
	CHECK(watcher_told_config());
	/* And the file behind, if somebody writes to it after all. */
	do_write(DROPINS "/..2/10.yaml", "3");
	CHECK(watcher_told_config());
	do_unlink(DROPINS "/..1/10.yaml");
	CHECK(watcher_slept());
	do_unlink(DROPINS "/..2/10.yaml");
	CHECK(watcher_told_config());
	do_unlink(DROPINS "/10.yaml");
	do_unlink(DROPINS "/..data");
	do_rmdir(DROPINS "/..1");
	do_rmdir(DROPINS "/..2");
	do_rmdir(DROPINS);
	watcher_forget();
	CHECK(watcher_count_watches() == n);
}

static void test_dropins_of_settings(void)
{
	do_mkdir(CONF "/metad.yaml.d");
	CHECK(watcher_told_config());
	do_write(CONF "/metad.yaml.d/10.yaml", "1");
	CHECK(watcher_told_config());
	do_unlink(CONF "/metad.yaml.d/10.yaml");
	CHECK(watcher_told_config());
	do_rmdir(CONF "/metad.yaml.d");
	CHECK(watcher_told_config());
	/* With the directory that they are in. */
	make_later();
	do_mkdir(LATER "/metad.yaml.d");
	do_write(LATER "/metad.yaml.d/10.yaml", "1");
	CHECK(watcher_told_config());
	do_write(LATER "/metad.yaml.d/10.yaml", "2");
	CHECK(watcher_told_config());
	do_unlink(LATER "/metad.yaml.d/10.yaml");
	do_rmdir(LATER "/metad.yaml.d");
	CHECK(watcher_told_config());
	remove_later();
}

/* Names that say nothing where they are, though they would elsewhere. */
static void test_dropins_strangers(void)
{
	static const char *const dirs[] = {
		CONF "/other.yaml.d", CONF "/a.yaml.d",	  PAIRS "/sub",
		PAIRS "/a.d",	      PAIRS "/.a.yaml.d", DROPINS "/10.yaml.d",
	};
	unsigned int n;

	do_mkdir(DROPINS);
	watcher_forget();
	n = watcher_count_watches();
	do_write(DROPINS "/README", "1");
	do_write(DROPINS "/10.yaml~", "1");
	do_write(CONF "/other.yaml", "1");
	CHECK(watcher_told_nothing());
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *file = util_join(dirs[i], "10.yaml");

		CHECK(file);
		do_mkdir(dirs[i]);
		CHECK(watcher_told_nothing());
		do_write(file, "1");
		CHECK(watcher_slept());
		do_unlink(file);
		do_rmdir(dirs[i]);
		watcher_forget();
	}
	CHECK(watcher_count_watches() == n);
	do_unlink(CONF "/other.yaml");
	do_unlink(DROPINS "/README");
	do_unlink(DROPINS "/10.yaml~");
	do_rmdir(DROPINS);
	watcher_forget();
}

static void make_and_remove_dropins(int n)
{
	for (int i = 0; i <= n; i++) {
		unlink(DROPINS "/10.yaml");
		rmdir(DROPINS);
		do_mkdir(DROPINS);
		do_write(DROPINS "/10.yaml", "1");
	}
	_exit(0);
}

/* However often it is made anew while watches are being set, in the end it is watched. */
static void test_dropins_while_watches_are_set(void)
{
	unsigned int n = watcher_count_watches();

	for (int round = 0; round < 100; round++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			make_and_remove_dropins(round % 16);
		while (waitpid(pid, NULL, WNOHANG) == 0)
			watcher_serve();
		watcher_forget();
		do_write(DROPINS "/10.yaml", "2");
		CHECK(watcher_told_config());
		do_unlink(DROPINS "/10.yaml");
		do_rmdir(DROPINS);
		watcher_forget();
		CHECK(watcher_count_watches() == n);
	}
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
	test_dropins();
	test_dropins_directory_moves();
	test_dropins_in_one_go();
	test_dropins_configmap();
	test_dropins_of_settings();
	test_dropins_strangers();
	test_dropins_while_watches_are_set();
	test_overflow();
	test_changes_while_watches_are_set();
	watcher_stop();
	stage_strike();
	return 0;
}
