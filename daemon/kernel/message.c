/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Putting rtnetlink requests together; see message.h. Knows attributes' encodings and no request's
 * meaning; nothing is sent from here.
 */
#include "kernel/message.h"

/* The largest request, both ends of a pair with everything set, takes half of it. */
#define MESSAGE_SIZE 1024

struct message message_start(int type, int flags, const void *header, size_t len)
{
	struct message m = { .msg = nlmsg_alloc_size(MESSAGE_SIZE) };

	m.failed = !m.msg || !nlmsg_put(m.msg, 0, 0, type, 0, flags);
	message_append(&m, header, len);
	return m;
}

struct nl_msg *message_finish(struct message *m)
{
	struct nl_msg *msg = STEAL(m->msg);

	if (!m->failed)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

void message_append(struct message *m, const void *data, size_t len)
{
	if (!m->failed)
		m->failed = nlmsg_append(m->msg, (void *)data, len, NLMSG_ALIGNTO) < 0;
}

void message_put(struct message *m, int attr, const void *data, size_t len)
{
	if (!m->failed)
		m->failed = nla_put(m->msg, attr, len, data) < 0;
}

void message_put_u8(struct message *m, int attr, uint8_t value)
{
	message_put(m, attr, &value, sizeof(value));
}

void message_put_u16(struct message *m, int attr, uint16_t value)
{
	message_put(m, attr, &value, sizeof(value));
}

void message_put_u32(struct message *m, int attr, uint32_t value)
{
	message_put(m, attr, &value, sizeof(value));
}

void message_put_string(struct message *m, int attr, const char *text)
{
	message_put(m, attr, text, strlen(text) + 1);
}

void message_put_ip(struct message *m, int attr, const struct ip *ip)
{
	message_put(m, attr, ip->bytes, message_ip_len(ip->family));
}

struct nlattr *message_nest(struct message *m, int attr)
{
	struct nlattr *nest = m->failed ? NULL : nla_nest_start(m->msg, attr);

	m->failed = !nest;
	return nest;
}

void message_unnest(struct message *m, struct nlattr *nest)
{
	if (!m->failed)
		m->failed = nla_nest_end(m->msg, nest) < 0;
}

size_t message_ip_len(uint8_t family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

struct ip message_get_ip(const struct nlattr *attr, uint8_t family)
{
	struct ip ip = {};

	if (!attr || (size_t)nla_len(attr) != message_ip_len(family))
		return ip;
	ip.family = family;
	memcpy(ip.bytes, nla_data(attr), nla_len(attr));
	return ip;
}
