/* SPDX-License-Identifier: GPL-2.0-only */
/* See netns.h. Whether there is such a namespace is for the worker to find out. */
#include "front/netns.h"

#include <errno.h>
#include <stdio.h>

/* Any other file may keep whoever looks at it, or closes it, for as long as its owner likes. */
static int take_fd(struct call *call, const json_t *index, int *ret_fd)
{
	int fd = fds_take(&call->fds, json_integer_value(index));

	if (fd >= 0 && !fds_is_netns(fd)) {
		fds_add(&call->fds, fd);
		return -EINVAL;
	}
	*ret_fd = fd;
	return fd < 0 ? -EINVAL : 0;
}

static bool is_name(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int set(struct netns_ref *ret, enum netns_by by, const char *text)
{
	*ret = (struct netns_ref){ .by = by, .text = strdup(text) };
	return ret->text ? 0 : -ENOMEM;
}

static int set_pid(struct netns_ref *ret, json_int_t pid)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)pid);
	return pid > 0 ? set(ret, NETNS_BY_PID, text) : -EINVAL;
}

int netns_read(struct call *call, struct netns_ref *ret, int *ret_fd)
{
	const json_t *netns = json_object_get(call->parameters, "netns");
	const char *name = json_string_value(json_object_get(netns, "name"));
	const char *path = json_string_value(json_object_get(netns, "path"));
	const json_t *pid = json_object_get(netns, "pid");
	const json_t *index = json_object_get(netns, "fileDescriptor");
	bool is_pid = json_is_integer(pid), is_fd = json_is_integer(index);

	if (!json_is_object(netns))
		return 0;
	if (!!name + !!path + is_pid + is_fd != 1)
		return -EINVAL;
	if (name)
		return is_name(name) ? set(ret, NETNS_BY_NAME, name) : -EINVAL;
	if (path)
		return path[0] == '/' ? set(ret, NETNS_BY_PATH, path) : -EINVAL;
	return is_pid ? set_pid(ret, json_integer_value(pid)) : take_fd(call, index, ret_fd);
}
