/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What arrives on a connection: messages, and the file descriptors that came with each. Never more
 * than one message is taken out of the socket, so that it is certain which one descriptors belong to
 * and whoever sends more than is answered waits there.
 */

#include "core/frame.h"
#include "front/fds.h"

struct input {
	struct frame_reader reader;
	struct fds fds; /* of the message that is arriving */
	size_t n_taken; /* bytes, of all there ever were */
	bool readable; /* there may be more in the socket */
	bool ended; /* nothing more will come */
};

/*
 * Takes what there is, at most to the end of a message. trusted: descriptors are taken in any case,
 * and not only while others are closed in time. 0 or -errno: the connection is of no more use.
 */
int input_read(struct input *input, int socket_fd, bool trusted);
/* As frame_next; the caller owns what came with the message, too. */
int input_next(struct input *input, json_t **ret_message, struct fds *ret_fds);
void input_done(struct input *input);
