/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Building of rtnetlink requests. A put that finds no room is remembered and told once, by
 * message_finish(), so that builders read as a list of what they say.
 */

#include "core/model.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

struct message {
	struct nl_msg *msg; /* owned until message_finish */
	bool failed;
};

/* A request with the fixed header of its type (ifinfomsg, rtmsg, …). */
struct message message_start(int type, int flags, const void *header, size_t len);
/* The request, owned by the caller; NULL: out of memory somewhere on the way. */
struct nl_msg *message_finish(struct message *m);

void message_put(struct message *m, int attr, const void *data, size_t len);
void message_put_u8(struct message *m, int attr, uint8_t value);
void message_put_u16(struct message *m, int attr, uint16_t value);
void message_put_u32(struct message *m, int attr, uint32_t value);
void message_put_string(struct message *m, int attr, const char *text);
void message_put_ip(struct message *m, int attr, const struct ip *ip);

/* What is put between the two goes inside attr. */
struct nlattr *message_nest(struct message *m, int attr);
void message_unnest(struct message *m, struct nlattr *nest);
/* Bytes without an attribute's header: the fixed header at the start of a nested request. */
void message_append(struct message *m, const void *data, size_t len);

/* The address in attr (NULL: none) if it has the length of the family; else AF_UNSPEC. */
struct ip message_get_ip(const struct nlattr *attr, uint8_t family);
size_t message_ip_len(uint8_t family);
