/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps in words: the one text that plan, status, log and errors print. */
#include "core/step.h"

#include <stdarg.h>
#include <stdio.h>

const char *step_kind_name(enum step_kind kind)
{
	switch (kind) {
	case STEP_DOWN:
		return "down";
	case STEP_DETACH_FIRST:
		return "detach-first";
	case STEP_DELETE:
		return "delete";
	case STEP_REAP:
		return "reap";
	case STEP_CREATE:
		return "create";
	case STEP_ATTACH:
		return "attach";
	case STEP_UPDATE:
		return "update";
	case STEP_DETACH:
		return "detach";
	case STEP_ADDRESS_DEL:
		return "address-del";
	case STEP_ROUTE_DEL:
		return "route-del";
	case STEP_NEIGHBOUR_DEL:
		return "neighbour-del";
	case STEP_SET:
		return "set";
	case STEP_SYSCTL:
		return "sysctl";
	case STEP_ADDRESS_ADD:
		return "address-add";
	case STEP_POLICY:
		return "policy";
	case STEP_UP:
		return "up";
	case STEP_ROUTE_ADD:
		return "route-add";
	case STEP_NEIGHBOUR_ADD:
		return "neighbour-add";
	}
	return "?";
}

__attribute__((format(printf, 2, 3))) static void put(char *buf, const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + len, STEP_TEXT_SIZE - len, format, args);
	va_end(args);
}

static void put_attrs(char *buf, const struct attrs *attrs)
{
	const struct {
		enum attr attr;
		const char *name;
		uint32_t value;
	} numbers[] = {
		{ ATTR_MTU, "mtu", attrs->mtu },
		{ ATTR_TXQUEUELEN, "txqueuelen", attrs->txqueuelen },
		{ ATTR_GSO_MAX_SIZE, "gso_max_size", attrs->gso_max_size },
		{ ATTR_GRO_MAX_SIZE, "gro_max_size", attrs->gro_max_size },
		{ ATTR_GSO_IPV4_MAX_SIZE, "gso_ipv4_max_size", attrs->gso_ipv4_max_size },
		{ ATTR_GRO_IPV4_MAX_SIZE, "gro_ipv4_max_size", attrs->gro_ipv4_max_size },
	};
	char mac[IP_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (attrs->has & numbers[i].attr)
			put(buf, " %s %u", numbers[i].name, numbers[i].value);
	if (attrs->has & ATTR_MAC)
		put(buf, " mac %s", mac_text(attrs->mac, mac));
	if (attrs->has & ATTR_LINKLOCAL)
		put(buf, " ipv6 link-local %s", attrs->linklocal ? "on" : "off");
	if (attrs->has & ATTR_NAME)
		put(buf, " name %s", attrs->name);
	if (attrs->has & ATTR_UP)
		put(buf, " %s", attrs->up ? "up" : "down");
}

static void put_place(char *buf, const struct step *step)
{
	switch (step->slot.place) {
	case PLACE_TAIL:
		put(buf, " at the tail");
		break;
	case PLACE_AFTER:
		put(buf, " after %s", step->slot.anchor);
		break;
	case PLACE_BEFORE:
		put(buf, " before %s", step->slot.anchor);
		break;
	}
}

const char *step_text(const struct step *step, char buf[static STEP_TEXT_SIZE])
{
	char value[ROUTE_TEXT_SIZE], mac[IP_TEXT_SIZE];

	buf[0] = '\0';
	switch (step->kind) {
	case STEP_DOWN:
		put(buf, "take down");
		break;
	case STEP_DETACH_FIRST:
	case STEP_DETACH:
		put(buf, "detach %s (link %u)", step->slot.program, step->slot.link_id);
		break;
	case STEP_DELETE:
		put(buf, "delete the pair");
		break;
	case STEP_REAP:
		put(buf, "remove pins of links whose device is gone");
		break;
	case STEP_CREATE:
		put(buf, "create as %s, closed", kind_name(step->create_kind));
		break;
	case STEP_ATTACH:
		put(buf, "attach %s", step->slot.program);
		put_place(buf, step);
		break;
	case STEP_UPDATE:
		put(buf, "update %s in place (link %u)", step->slot.program, step->slot.link_id);
		break;
	case STEP_ADDRESS_DEL:
		put(buf, "remove address %s", prefix_text(&step->address.prefix, value));
		break;
	case STEP_ADDRESS_ADD:
		put(buf, "add address %s", prefix_text(&step->address.prefix, value));
		break;
	case STEP_ROUTE_DEL:
		put(buf, "remove route %s", route_text(&step->route, value));
		break;
	case STEP_ROUTE_ADD:
		put(buf, "add route %s", route_text(&step->route, value));
		break;
	case STEP_NEIGHBOUR_DEL:
		put(buf, "remove neighbour %s", ip_text(&step->neighbour.ip, value));
		break;
	case STEP_NEIGHBOUR_ADD:
		put(buf, "add neighbour %s %s", ip_text(&step->neighbour.ip, value),
		    mac_text(step->neighbour.mac, mac));
		break;
	case STEP_SET:
		put(buf, "set");
		put_attrs(buf, &step->attrs);
		break;
	case STEP_UP:
		put(buf, "bring up");
		break;
	case STEP_SYSCTL:
		put(buf, "write sysctl %s = %s", step->sysctl->key, step->sysctl->value);
		break;
	case STEP_POLICY:
		put(buf, "set policy %s, peer %s", policy_name(step->policy[SIDE_PRIMARY]),
		    policy_name(step->policy[SIDE_PEER]));
		break;
	}
	return buf;
}
