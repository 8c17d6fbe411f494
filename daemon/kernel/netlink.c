/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rtnetlink socket: sending, and matching answers to requests by sequence number; see
 * netlink.h. Knows how requests travel and fail, never what they mean. At any time at most one
 * portion of a batch, or one dump, is under way: answers with other numbers are left-overs of an
 * earlier failure and are dropped.
 */
#include "kernel/netlink.h"

#include "kernel/netlink_words.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The kernel fills an answer to a dump up to the reader's buffer, but never above this. */
#define RECEIVE_SIZE 32768
/*
 * The kernel has answered the whole of a send before send returns, so all answers to a portion
 * must find room: about 5 KB each with an echo. What it takes to send more at once is not worth it.
 */
#define PORTION_MESSAGES 64
#define PORTION_BYTES 65536
#define RECEIVE_ROOM (16 << 20)
#define SEND_ROOM (4 * PORTION_BYTES) /* the kernel counts its own overhead */
/* Each try of a dump is interrupted only if devices come or go meanwhile. */
#define DUMP_TRIES 16

struct netlink {
	int fd; /* owned */
	uint32_t seq; /* of the last request sent */
	char buffer[RECEIVE_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* ---- the socket ---- */

static void make_room(int fd, int force, int modest, int bytes)
{
	/* Without the privilege the system's limit holds, and less fits in flight. */
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, modest, &bytes, sizeof(bytes));
}

static int set_up(int fd)
{
	static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	int on = 1;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof(on)) < 0)
			return -errno;
	make_room(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_ROOM);
	make_room(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_ROOM);
	return 0;
}

/* A socket stays in the namespace where it was made, whatever its owner does afterwards. */
static int open_inside(const struct netns *netns)
{
	int fd, r = 0;

	if (netns)
		r = netns_enter(netns);
	if (r < 0)
		return r;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	r = fd < 0 ? -errno : fd;
	if (netns)
		netns_leave();
	return r;
}

int netlink_open(const struct netns *netns, struct netlink **ret)
{
	AUTO(netlink_freep) struct netlink *netlink = malloc(sizeof(*netlink));
	int r;

	if (!netlink)
		return -ENOMEM;
	netlink->seq = 0;
	netlink->fd = open_inside(netns);
	if (netlink->fd < 0)
		return netlink->fd;
	r = set_up(netlink->fd);
	if (r < 0)
		return r;
	*ret = STEAL(netlink);
	return 0;
}

bool netlink_is_inside(const struct netlink *netlink, int fd)
{
	AUTO_CLOSE int own = ioctl(netlink->fd, SIOCGSKNS);
	struct stat a, b;

	/* Both are open, so neither inode can be another namespace's. */
	return own >= 0 && fstat(own, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

void netlink_free(struct netlink *netlink)
{
	if (!netlink)
		return;
	util_close(&netlink->fd);
	free(netlink);
}

void netlink_freep(struct netlink **netlink)
{
	netlink_free(*netlink);
}

/* Numbers the messages and sends them as one datagram, n at most PORTION_MESSAGES. */
static int send_messages(struct netlink *netlink, struct nl_msg *const *messages, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec parts[PORTION_MESSAGES];
	struct msghdr datagram = { &kernel, sizeof(kernel), parts, n, NULL, 0, 0 };
	ssize_t sent;

	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *header = nlmsg_hdr(messages[i]);

		header->nlmsg_seq = ++netlink->seq;
		parts[i] = (struct iovec){ header, NLMSG_ALIGN(header->nlmsg_len) };
	}
	do
		sent = sendmsg(netlink->fd, &datagram, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The next datagram from the kernel, which fits RECEIVE_SIZE. Its length or -errno. */
static ssize_t receive(struct netlink *netlink, void *buffer)
{
	for (;;) {
		struct sockaddr_nl from = {};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(netlink->fd, buffer, RECEIVE_SIZE, MSG_TRUNC,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > RECEIVE_SIZE)
			return -EMSGSIZE;
		/* Privileged processes can write to anybody's socket. */
		if (n >= 0 && from.nl_pid == 0)
			return n;
	}
}

/* ---- batches ---- */

int netlink_batch_add(struct netlink_batch *batch, struct nl_msg *message)
{
	int r;

	if (!message)
		return -ENOMEM;
	r = ARRAY_APPEND(batch->messages, batch->n, message);
	if (r < 0)
		nlmsg_free(message);
	return r;
}

void netlink_batch_done(struct netlink_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		nlmsg_free(batch->messages[i]);
	free(batch->messages);
	*batch = (struct netlink_batch){};
}

void netlink_result_done(struct netlink_result *result)
{
	diag_done(&result->why);
	*result = (struct netlink_result){};
}

/* Messages that travel together, and their results. */
struct portion {
	struct nl_msg **messages;
	struct netlink_result *results;
	size_t n;
	uint32_t first_seq;
	size_t n_open; /* not acknowledged yet */
};

/* Who wants the answers to a batch, other than acknowledgements; fn NULL: nobody. */
struct reader {
	void (*fn)(void *ctx, size_t i, const struct nlmsghdr *header);
	void *ctx;
	size_t from; /* the index in the batch of the portion's first request */
};

static struct portion next_portion(const struct netlink_batch *batch,
				   struct netlink_result *results, size_t from)
{
	struct portion portion = { &batch->messages[from], &results[from] };
	size_t bytes = 0;

	while (from + portion.n < batch->n && portion.n < PORTION_MESSAGES) {
		bytes += NLMSG_ALIGN(nlmsg_hdr(portion.messages[portion.n])->nlmsg_len);
		if (portion.n && bytes > PORTION_BYTES)
			break;
		portion.n++;
	}
	portion.n_open = portion.n;
	return portion;
}

static int portion_send(struct netlink *netlink, struct portion *portion)
{
	for (size_t i = 0; i < portion->n; i++)
		nlmsg_hdr(portion->messages[i])->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	portion->first_seq = netlink->seq + 1;
	return send_messages(netlink, portion->messages, portion->n);
}

static void take_echo(struct netlink_result *result, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	const struct nlattr *link;

	if (nlmsg_datalen(header) < (int)sizeof(*info))
		return;
	link = nlmsg_find_attr((struct nlmsghdr *)header, sizeof(*info), IFLA_LINK);
	result->ifindex = info->ifi_index;
	if (link && nla_len(link) == sizeof(uint32_t))
		result->peer_ifindex = nla_get_u32(link);
}

static int ack_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *ack = nlmsg_data(header);

	return nlmsg_datalen(header) < (int)sizeof(*ack) ? -EBADMSG : ack->error;
}

/* The kernel's own words, not terminated; NULL: it gave none. */
static const char *extack_text(const struct nlmsghdr *header, int *ret_len)
{
	const struct nlattr *text;

	/* NETLINK_CAP_ACK: the attributes follow at once, without a quote of the request. */
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	text = nlmsg_find_attr((struct nlmsghdr *)header, sizeof(struct nlmsgerr),
			       NLMSGERR_ATTR_MSG);
	if (!text)
		return NULL;
	*ret_len = strnlen(nla_data(text), nla_len(text));
	return nla_data(text);
}

static void explain(struct netlink_result *result, uint16_t type, const struct nlmsghdr *ack)
{
	int len;
	const char *text = extack_text(ack, &len);

	if (!text) {
		diag_set(&result->why, "%s", netlink_words(type, result->error));
		return;
	}
	while (len && (text[len - 1] == '.' || text[len - 1] == '\n'))
		len--;
	diag_set(&result->why, "%s: %.*s", netlink_type_name(type), len, text);
}

static void portion_take(struct portion *portion, const struct reader *reader,
			 const struct nlmsghdr *header)
{
	size_t i = header->nlmsg_seq - portion->first_seq;
	struct netlink_result *result;

	if (header->nlmsg_seq - portion->first_seq >= portion->n)
		return;
	result = &portion->results[i];
	if (reader->fn && header->nlmsg_type >= NLMSG_MIN_TYPE)
		reader->fn(reader->ctx, reader->from + i, header);
	else if (header->nlmsg_type == RTM_NEWLINK)
		take_echo(result, header);
	if (header->nlmsg_type != NLMSG_ERROR)
		return;
	portion->n_open--;
	result->error = ack_error(header);
	if (result->error)
		explain(result, nlmsg_hdr(portion->messages[i])->nlmsg_type, header);
}

static int portion_run(struct netlink *netlink, struct portion *portion, const struct reader *reader)
{
	int r = portion_send(netlink, portion);

	if (r < 0)
		return r;
	while (portion->n_open) {
		struct nlmsghdr *header = (struct nlmsghdr *)netlink->buffer;
		ssize_t n = receive(netlink, netlink->buffer);
		int left = n;

		if (n < 0)
			return n;
		for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left))
			portion_take(portion, reader, header);
	}
	return 0;
}

int netlink_batch_query(struct netlink *netlink, struct netlink_batch *batch,
			struct netlink_result *results,
			void (*fn)(void *ctx, size_t i, const struct nlmsghdr *header), void *ctx)
{
	struct reader reader = { fn, ctx, 0 };
	int r = 0;

	memset(results, 0, batch->n * sizeof(*results));
	while (reader.from < batch->n && r == 0) {
		struct portion portion = next_portion(batch, results, reader.from);

		r = portion_run(netlink, &portion, &reader);
		reader.from += portion.n;
	}
	netlink_batch_done(batch);
	return r;
}

int netlink_batch_run(struct netlink *netlink, struct netlink_batch *batch,
		      struct netlink_result *results)
{
	return netlink_batch_query(netlink, batch, results, NULL, NULL);
}

int netlink_call(struct netlink *netlink, struct nl_msg *message, struct diag *why)
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	AUTO(netlink_result_done) struct netlink_result result = {};
	int r;

	r = netlink_batch_add(&batch, message);
	if (r == 0)
		r = netlink_batch_run(netlink, &batch, &result);
	if (r < 0) {
		diag_set(why, "rtnetlink: %s", strerror(-r));
		return r;
	}
	if (result.error) {
		diag_done(why);
		*why = STEAL(result.why);
	}
	return result.error;
}

/* ---- queries and dumps ---- */

/* All answers to one request, datagram after datagram. */
struct answers {
	char *bytes; /* owned */
	size_t len, room;
	bool interrupted;
};

static void answers_done(struct answers *answers)
{
	free(answers->bytes);
}

static int answers_make_room(struct answers *answers)
{
	size_t room = MAX(answers->room, RECEIVE_SIZE);
	char *bytes;

	while (room - answers->len < RECEIVE_SIZE)
		room *= 2;
	if (room == answers->room)
		return 0;
	bytes = realloc(answers->bytes, room);
	if (!bytes)
		return -ENOMEM;
	answers->bytes = bytes;
	answers->room = room;
	return 0;
}

/* Looks through one datagram: true when it holds the end of the answers, with how it ended. */
static bool find_end(struct answers *answers, struct nlmsghdr *header, int left, uint32_t seq,
		     int *ret_error)
{
	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (header->nlmsg_seq != seq)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			answers->interrupted = true;
		if (header->nlmsg_type == NLMSG_ERROR) {
			*ret_error = ack_error(header);
			return true;
		}
		if (header->nlmsg_type == NLMSG_DONE) {
			*ret_error = nlmsg_datalen(header) < (int)sizeof(int)
					     ? 0 : *(int *)nlmsg_data(header);
			return true;
		}
	}
	return false;
}

/* Receives until the answers' end. What the kernel refused is returned as its -errno. */
static int collect(struct netlink *netlink, struct answers *answers)
{
	bool ended = false;
	int error = 0;

	answers->len = 0;
	answers->interrupted = false;
	while (!ended) {
		char *datagram;
		ssize_t n;
		int r = answers_make_room(answers);

		if (r < 0)
			return r;
		datagram = answers->bytes + answers->len;
		n = receive(netlink, datagram);
		if (n < 0)
			return n;
		ended = find_end(answers, (struct nlmsghdr *)datagram, n, netlink->seq, &error);
		answers->len += NLMSG_ALIGN(n);
	}
	return error;
}

static int walk(const struct answers *answers, uint32_t seq,
		int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx)
{
	struct nlmsghdr *header = (struct nlmsghdr *)answers->bytes;
	int left = answers->len, r = 0;

	for (; nlmsg_ok(header, left) && r == 0; header = nlmsg_next(header, &left))
		if (header->nlmsg_seq == seq && header->nlmsg_type >= NLMSG_MIN_TYPE)
			r = fn(ctx, header);
	return r;
}

static int transact(struct netlink *netlink, struct nl_msg *message, int flags,
		    int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx)
{
	AUTO(answers_done) struct answers answers = {};

	nlmsg_hdr(message)->nlmsg_flags |= NLM_F_REQUEST | flags;
	for (int tries = 0; tries < DUMP_TRIES; tries++) {
		int r = send_messages(netlink, &message, 1);

		if (r == 0)
			r = collect(netlink, &answers);
		if (r < 0)
			return r;
		if (!answers.interrupted)
			return walk(&answers, netlink->seq, fn, ctx);
	}
	return -EAGAIN;
}

int netlink_query(struct netlink *netlink, struct nl_msg *message,
		  int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx)
{
	int r = message ? transact(netlink, message, NLM_F_ACK, fn, ctx) : -ENOMEM;

	nlmsg_free(message);
	return r;
}

int netlink_dump(struct netlink *netlink, struct nl_msg *message,
		 int (*fn)(void *ctx, const struct nlmsghdr *header), void *ctx)
{
	int r = message ? transact(netlink, message, NLM_F_DUMP, fn, ctx) : -ENOMEM;

	nlmsg_free(message);
	return r;
}
