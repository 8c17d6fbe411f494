/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network settings below /proc/sys/net; see sysctl.h. Settings outside it are refused, because
 * they are the host's in every namespace.
 */
#include "kernel/sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#define ROOT "/proc/sys/"
#define NET ROOT "net/"
#define VALUE_MAX 65536 /* the longest list a setting prints is far below */

/* "net.ipv4.conf.eth0/100.rp_filter" is net/ipv4/conf/eth0.100/rp_filter. -EINVAL, -ENOMEM. */
static int key_path(const char *key, char **ret)
{
	AUTO_FREE char *path = util_join("/proc/sys", key);

	if (!path)
		return -ENOMEM;
	for (char *c = path + strlen(ROOT); *c; c++) {
		if (*c == '.')
			*c = '/';
		else if (*c == '/')
			*c = '.';
	}
	if (strncmp(path, NET, strlen(NET)) != 0 || strstr(path, "/../"))
		return -EINVAL;
	*ret = STEAL(path);
	return 0;
}

/* Tabs between the numbers of a list, and the newline, are how the kernel prints, not the value. */
static void squeeze(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (!isspace((unsigned char)*in))
			*out++ = *in;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	}
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

int sysctl_read(const char *key, char **ret)
{
	AUTO_FREE char *path = NULL, *value = NULL;
	size_t len;
	int r;

	r = key_path(key, &path);
	if (r < 0)
		return r;
	r = util_read_file_at(AT_FDCWD, path, VALUE_MAX, &value, &len);
	if (r < 0)
		return r;
	squeeze(value);
	*ret = STEAL(value);
	return 0;
}

/* In one write: the kernel takes each write(2) as the whole value. */
static int write_value(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

int sysctl_write(const char *key, const char *value, struct diag *why)
{
	AUTO_FREE char *path = NULL;
	int r;

	r = key_path(key, &path);
	if (r == -EINVAL)
		diag_set(why, "%s is not a setting of a network namespace", key);
	if (r < 0)
		return r;
	r = write_value(path, value);
	if (r == -ENOENT)
		diag_set(why, "there is no setting %s here", key);
	else if (r < 0)
		diag_set(why, "the kernel refuses \"%s\" for %s: %s", value, key, strerror(-r));
	return r;
}
