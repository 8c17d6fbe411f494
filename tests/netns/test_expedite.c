/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The knob for grace periods is turned, put back, and put back after a crash; what somebody else
 * has turned stays. Files stand in for those of sysfs, so that the machine's own are not touched.
 */
#include "kernel/expedite.h"
#include "netns/stage.h"
#include "unit/test.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define KNOB "/sys/kernel/rcu_expedited"
#define NOHZ "/sys/devices/system/cpu/nohz_full"
#define REALTIME "/sys/kernel/realtime"
#define RUNTIME STAGE_DIR "/run"

static void put(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* A /sys of the test's own, in its mount namespace. */
static void make_sys(void)
{
	CHECK(mount("tmpfs", "/sys", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/sys/kernel", 0700) == 0 && mkdir("/sys/devices", 0700) == 0);
	CHECK(mkdir("/sys/devices/system", 0700) == 0);
	CHECK(mkdir("/sys/devices/system/cpu", 0700) == 0);
	put(KNOB, "0\n");
}

static bool knob_reads(char value)
{
	AUTO_CLOSE int fd = open(KNOB, O_RDONLY | O_CLOEXEC);
	char byte;

	CHECK(fd >= 0 && read(fd, &byte, 1) == 1);
	return byte == value;
}

static bool is_unmarked(void)
{
	return rmdir(RUNTIME) == 0 && mkdir(RUNTIME, 0700) == 0;
}

static void test_turned_and_put_back(void)
{
	CHECK(expedite_begin(RUNTIME) && knob_reads('1'));
	CHECK(!is_unmarked());
	/* A second metad leaves to the first what the first has turned. */
	CHECK(!expedite_begin(STAGE_DIR));
	expedite_end(RUNTIME);
	CHECK(knob_reads('0') && is_unmarked());
}

static void test_crash_in_between(void)
{
	CHECK(expedite_begin(RUNTIME));
	expedite_recover(RUNTIME);
	CHECK(knob_reads('0') && is_unmarked());
}

static void test_turned_by_somebody_else(void)
{
	put(KNOB, "1\n");
	expedite_recover(RUNTIME);
	CHECK(!expedite_begin(RUNTIME) && knob_reads('1') && is_unmarked());
	put(KNOB, "0\n");
}

static void test_without_marker(void)
{
	CHECK(!expedite_begin(RUNTIME "/nosuch") && knob_reads('0'));
}

static void test_without_knob(void)
{
	CHECK(unlink(KNOB) == 0);
	CHECK(!expedite_begin(RUNTIME) && is_unmarked());
	expedite_recover(RUNTIME);
	CHECK(access(KNOB, F_OK) < 0);
	put(KNOB, "0\n");
}

static void test_knob_that_cannot_be_turned(void)
{
	CHECK(mount(NULL, "/sys", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(!expedite_begin(RUNTIME) && is_unmarked());
	CHECK(mount(NULL, "/sys", NULL, MS_REMOUNT, NULL) == 0);
}

static bool begins(void)
{
	if (!expedite_begin(RUNTIME)) {
		CHECK(knob_reads('0') && is_unmarked());
		return false;
	}
	expedite_end(RUNTIME);
	return true;
}

static void test_where_latency_is_promised(void)
{
	put(NOHZ, "2-3\n");
	CHECK(!begins());
	put(NOHZ, "\n");
	CHECK(begins());
	put(NOHZ, "  (null)\n");
	CHECK(begins());
	put(REALTIME, "1\n");
	CHECK(!begins());
	put(REALTIME, "0\n");
	CHECK(begins());
}

int main(void)
{
	stage_set();
	CHECK(mkdir(RUNTIME, 0700) == 0);
	make_sys();
	test_turned_and_put_back();
	test_crash_in_between();
	test_turned_by_somebody_else();
	test_without_marker();
	test_without_knob();
	test_knob_that_cannot_be_turned();
	test_where_latency_is_promised();
	stage_strike();
	return 0;
}
