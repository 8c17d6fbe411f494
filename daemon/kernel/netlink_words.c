/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of what an errno means where rtnetlink gives it without an extack text: "File exists"
 * is no help to a person who asked for a route. Only what the kernel was seen to answer stands
 * here; the rest is strerror's.
 */
#include "kernel/netlink_words.h"

#include "base/util.h"

#include <errno.h>
#include <linux/rtnetlink.h>

static const struct {
	uint16_t type; /* 0: any */
	int error;
	const char *text;
} words[] = {
	{ RTM_NEWLINK, EEXIST, "a device of that name exists" },
	{ RTM_NEWLINK, EADDRNOTAVAIL, "not a MAC address a device can have" },
	{ RTM_NEWLINK, EAFNOSUPPORT, "the device has no IPv6" },
	{ RTM_SETLINK, EEXIST, "a device of that name exists" },
	{ RTM_SETLINK, EADDRNOTAVAIL, "not a MAC address a device can have" },
	{ RTM_SETLINK, EAFNOSUPPORT, "the device has no IPv6" },
	{ RTM_NEWADDR, EEXIST, "the device has that address" },
	{ RTM_NEWADDR, EACCES, "IPv6 is switched off on the device" },
	{ RTM_DELADDR, EADDRNOTAVAIL, "the device does not have that address" },
	{ RTM_NEWROUTE, EEXIST, "there is a route to that destination with the same metric" },
	{ RTM_NEWROUTE, ENETUNREACH, "the gateway cannot be reached through the device" },
	{ RTM_NEWROUTE, ENETDOWN, "the device is down" },
	{ RTM_DELROUTE, ESRCH, "there is no such route" },
	{ RTM_DELNEIGH, ENOENT, "there is no such neighbour" },
	{ 0, ENODEV, "there is no such device" },
	{ 0, EPERM, "not permitted (needs CAP_NET_ADMIN)" },
	{ 0, EOPNOTSUPP, "the kernel does not support it" },
};

const char *netlink_words(uint16_t type, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].error == -error && (!words[i].type || words[i].type == type))
			return words[i].text;
	return strerror(-error);
}

const char *netlink_type_name(uint16_t type)
{
#define NAME(type) { type, #type }
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		NAME(RTM_NEWLINK), NAME(RTM_DELLINK), NAME(RTM_GETLINK), NAME(RTM_SETLINK),
		NAME(RTM_NEWADDR), NAME(RTM_DELADDR), NAME(RTM_NEWROUTE), NAME(RTM_DELROUTE),
		NAME(RTM_NEWNEIGH), NAME(RTM_DELNEIGH), NAME(RTM_NEWNSID), NAME(RTM_GETNSID),
	};
#undef NAME

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "rtnetlink";
}
