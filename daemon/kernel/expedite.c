/* SPDX-License-Identifier: GPL-2.0-only */
/* See expedite.h. Whatever cannot be done is not: the work is slower then, and that is all. */
#include "kernel/expedite.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>

#define KNOB "/sys/kernel/rcu_expedited"

static bool reads_as(const char *path, const char *value)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	return util_read_file_at(AT_FDCWD, path, 4096, &text, &len) == 0 &&
	       strncmp(text, value, strlen(value)) == 0;
}

static bool write_knob(const char *value)
{
	AUTO_CLOSE int fd = open(KNOB, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) > 0;
}

/* Where latency is promised to somebody, interrupts to all processors break the promise. */
static const char *who_forbids(void)
{
	AUTO_FREE char *nohz = NULL;
	size_t len;

	if (reads_as("/sys/kernel/realtime", "1"))
		return "this is a realtime kernel";
	if (util_read_file_at(AT_FDCWD, "/sys/devices/system/cpu/nohz_full", 4096, &nohz, &len) < 0)
		return NULL;
	/* A list of processors; without any it is empty, or "(null)" with blanks before it. */
	return strpbrk(nohz, "0123456789") ? "some processors are not to be interrupted (nohz_full)"
					   : NULL;
}

void expedite_probe(struct diag *why)
{
	AUTO_CLOSE int fd = open(KNOB, O_WRONLY | O_CLOEXEC);
	const char *forbids = who_forbids();

	if (fd < 0)
		diag_set(why, KNOB ": %s", strerror(errno));
	else if (forbids)
		diag_set(why, "%s", forbids);
}

bool expedite_begin(const char *runtime_dir)
{
	AUTO_FREE char *marker = util_join(runtime_dir, EXPEDITE_MARKER);
	AUTO_CLOSE int fd = -1;

	if (!marker || who_forbids() || !reads_as(KNOB, "0"))
		return false;
	fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (write_knob("1"))
		return true;
	unlink(marker);
	return false;
}

void expedite_end(const char *runtime_dir)
{
	AUTO_FREE char *marker = util_join(runtime_dir, EXPEDITE_MARKER);

	write_knob("0");
	if (marker)
		unlink(marker);
}

void expedite_recover(const char *runtime_dir)
{
	AUTO_FREE char *marker = util_join(runtime_dir, EXPEDITE_MARKER);

	if (marker && access(marker, F_OK) == 0)
		expedite_end(runtime_dir);
}
