/* SPDX-License-Identifier: GPL-2.0-only */
/* See input.h. */
#include "front/input.h"

#include <errno.h>
#include <sys/socket.h>

#define BLOCK 16384

/* The kernel hands over descriptors with the first byte that they were sent with. */
static void take_fds(struct input *input, struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			fds_add(&input->fds, fd);
		}
	}
	/* What there is no room for the kernel has dropped. */
	input->fds.overflow |= (header->msg_flags & MSG_CTRUNC) != 0;
}

/* Exactly those bytes. */
static int take(struct input *input, int socket_fd, char *bytes, size_t len, bool with_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec vector = { bytes, len };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = with_fds ? &control : NULL,
				 .msg_controllen = with_fds ? sizeof(control) : 0 };
	ssize_t n = recvmsg(socket_fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	take_fds(input, &header);
	input->n_taken += n;
	return frame_feed(&input->reader, bytes, n);
}

int input_read(struct input *input, int socket_fd, bool trusted)
{
	char bytes[BLOCK];
	ssize_t n = recv(socket_fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
	const char *end;
	size_t len;

	if (n < 0 && errno == EAGAIN)
		input->readable = false;
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	input->ended |= n == 0;
	end = memchr(bytes, '\0', n);
	len = end ? (size_t)(end - bytes) + 1 : (size_t)n;
	input->readable = len < (size_t)n || n == sizeof(bytes);
	return n ? take(input, socket_fd, bytes, len, trusted || !fds_is_clogged()) : 0;
}

int input_next(struct input *input, json_t **ret_message, struct fds *ret_fds)
{
	int r = frame_next(&input->reader, ret_message);

	if (r == 0)
		*ret_fds = STEAL(input->fds);
	return r;
}

void input_done(struct input *input)
{
	fds_done(&input->fds);
	frame_done(&input->reader);
}
