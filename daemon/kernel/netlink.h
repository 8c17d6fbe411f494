/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * rtnetlink: a socket, pipelined batches of requests, and dumps. Many requests travel in one send;
 * answers are matched by sequence number, so that each request has its own result with the
 * kernel's own words (extack). The message kinds themselves are in link, address, route.
 */

#include "base/diag.h"
#include "kernel/netns.h"

struct nl_msg;
struct nlmsghdr;
struct netlink; /* one socket */

/* Opens a socket in netns (NULL: where the thread is). The visit ends before it returns. */
int netlink_open(const struct netns *netns, struct netlink **ret);
/* Whether the namespace behind fd is the one the socket was opened in. */
bool netlink_is_inside(const struct netlink *netlink, int fd);
void netlink_free(struct netlink *netlink); /* takes NULL */
void netlink_freep(struct netlink **netlink);

/* A result per request, in the order they were added. */
struct netlink_result {
	int error; /* 0 or -errno */
	struct diag why; /* extack text, or the errno's */
	int ifindex; /* RTM_NEWLINK with NLM_F_ECHO: the device that was made; else 0 */
	int peer_ifindex; /* likewise: its IFLA_LINK */
};

struct netlink_batch {
	struct nl_msg **messages; /* owned */
	size_t n;
};

/*
 * Takes message (NULL: -ENOMEM, so that builders can be passed straight in). The index of its
 * result is the batch's n before the call.
 */
int netlink_batch_add(struct netlink_batch *batch, struct nl_msg *message);

/*
 * Sends everything and waits for every answer; results[batch->n] is the caller's. The batch is
 * empty afterwards. Returns -errno only when the socket itself fails; then results are unspecified
 * but safe to destroy. Blocks as long as the kernel works.
 */
int netlink_batch_run(struct netlink *netlink, struct netlink_batch *batch,
		      struct netlink_result *results);
/*
 * The same for requests that are answered by messages: fn gets each, with the index of the request.
 * Order is that of the requests.
 */
int netlink_batch_query(struct netlink *netlink, struct netlink_batch *batch,
			struct netlink_result *results,
			void (*fn)(void *ctx, size_t i, const struct nlmsghdr *header), void *ctx);
void netlink_batch_done(struct netlink_batch *batch);
void netlink_result_done(struct netlink_result *result);

/* One request, for the rare case. 0 or -errno with why. Takes message. */
int netlink_call(struct netlink *netlink, struct nl_msg *message, struct diag *why);

/* A request that is answered by messages: calls fn for each, as netlink_dump does. */
int netlink_query(struct netlink *netlink, struct nl_msg *message,
		  int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx);

/*
 * Sends a dump request (strict checking is on) and calls fn for each answer; fn's non-zero return
 * ends the walk and is returned. Starts again when the kernel says the dump was interrupted: fn
 * sees one consistent dump, after all of it has arrived. -EAGAIN: it was interrupted every time.
 * Takes message.
 */
int netlink_dump(struct netlink *netlink, struct nl_msg *message,
		 int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx);
