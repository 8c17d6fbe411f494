// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages from rows, as rows.h says.
 */
#include "rows.h"

static bool put_all(struct msg *msg, const struct request *request, enum put_place place,
		    int netns_fd)
{
	bool any = false;

	for (size_t i = 0; i < MAX_PUTS && request->puts[i].place != PUT_NOTHING; i++) {
		const struct put *put = &request->puts[i];

		if (put->place != place)
			continue;
		any = true;
		if (put->netns)
			put_u32(msg, put->type, netns_fd);
		else
			put_raw(msg, put->type, put->bytes ? put->bytes : &put->value, put->len);
	}
	return any;
}

static bool has_peer(const struct request *request)
{
	for (size_t i = 0; i < MAX_PUTS; i++) {
		if (request->puts[i].place == PUT_PEER)
			return true;
	}
	return request->peer || request->peer_ifindex || request->peer_flags;
}

void request_build(struct msg *msg, const char *kind, uint16_t type, uint16_t flags, int netns_fd,
		   const struct request *request)
{
	struct linkinfo info;
	size_t peer;

	msg_link(msg, type, flags, request->ifindex);
	msg_ifinfo(msg)->ifi_flags = request->flags;
	msg_ifinfo(msg)->ifi_change = request->flags | request->change;
	put_all(msg, request, PUT_TOP, netns_fd);
	if (request->plain)
		return;
	if (request->no_data) {
		info.info = nest_begin(msg, IFLA_LINKINFO);
		put_str(msg, IFLA_INFO_KIND, kind);
		nest_end(msg, info.info);
		return;
	}
	info = linkinfo_begin(msg, kind);
	put_all(msg, request, PUT_DATA, netns_fd);
	if (has_peer(request)) {
		peer = peer_info_begin(msg, request->peer_ifindex, request->peer_flags,
				       request->peer_flags);
		put_all(msg, request, PUT_PEER, netns_fd);
		nest_end(msg, peer);
	}
	linkinfo_end(msg, info);
}
