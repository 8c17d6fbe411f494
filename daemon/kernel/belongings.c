/* SPDX-License-Identifier: GPL-2.0-only */
/* See belongings.h. Requests and dumps are address.h's; which of them are meant is decided here. */
#include "kernel/belongings.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

struct reading {
	struct belongings *belongings;
	struct diag_list *notes; /* NULL: only what is metad's is read */
};

void belongings_done(struct belongings *belongings)
{
	free(belongings->items);
	*belongings = (struct belongings){};
}

static const char *text_of(const struct belonging *item, char buf[static ROUTE_TEXT_SIZE])
{
	char text[ROUTE_TEXT_SIZE], mac[IP_TEXT_SIZE];

	switch (item->kind) {
	case BELONGING_ADDRESS:
		snprintf(buf, ROUTE_TEXT_SIZE, "address %s", prefix_text(&item->address.prefix, text));
		break;
	case BELONGING_ROUTE:
		snprintf(buf, ROUTE_TEXT_SIZE, "route %.200s", route_text(&item->route, text));
		break;
	case BELONGING_NEIGHBOUR:
		snprintf(buf, ROUTE_TEXT_SIZE, "neighbour %s %s", ip_text(&item->neighbour.ip, text),
			 mac_text(item->neighbour.mac, mac));
		break;
	}
	return buf;
}

/* Whoever has a protocol number of its own keeps what carries it, and would put it back. */
static bool is_by_hand(const struct belonging *item)
{
	uint8_t protocol = item->from.protocol;

	return protocol == PROTOCOL_METAD || protocol == RTPROT_UNSPEC || protocol == RTPROT_STATIC ||
	       (item->kind == BELONGING_ROUTE && protocol == RTPROT_BOOT);
}

static int note_left(struct diag_list *notes, const struct belonging *item)
{
	char text[ROUTE_TEXT_SIZE];
	struct diag note = {};

	if (item->from.beyond)
		diag_set(&note, "%s stays as it is: %s", text_of(item, text), item->from.beyond);
	else
		diag_set(&note, "%s stays with whoever uses protocol %u", text_of(item, text),
			 item->from.protocol);
	return diag_list_add(notes, &note);
}

static int take(struct reading *reading, const struct belonging *item)
{
	if (item->from.by_kernel)
		return 0;
	if (!reading->notes)
		return item->from.protocol == PROTOCOL_METAD
			       ? ARRAY_APPEND(reading->belongings->items, reading->belongings->n, *item)
			       : 0;
	if (item->from.beyond || !is_by_hand(item))
		return note_left(reading->notes, item);
	return ARRAY_APPEND(reading->belongings->items, reading->belongings->n, *item);
}

static int on_address(void *ctx, int ifindex, const struct address *address,
		      const struct provenance *from)
{
	struct belonging item = { .kind = BELONGING_ADDRESS, .from = *from, .address = *address };

	return take(ctx, &item);
}

static int on_route(void *ctx, int ifindex, const struct route *route,
		    const struct provenance *from)
{
	struct belonging item = { .kind = BELONGING_ROUTE, .from = *from, .route = *route };

	return take(ctx, &item);
}

static int on_neighbour(void *ctx, int ifindex, const struct neighbour *neighbour,
			const struct provenance *from)
{
	struct belonging item = { .kind = BELONGING_NEIGHBOUR, .from = *from,
				  .neighbour = *neighbour };

	return take(ctx, &item);
}

/* ---- IPv6 routes that are not alone ---- */

static int on_rival(void *ctx, int ifindex, const struct route *route,
		    const struct provenance *from)
{
	struct belongings *belongings = ctx;

	for (size_t i = 0; i < belongings->n; i++) {
		struct belonging *item = &belongings->items[i];

		if (item->kind == BELONGING_ROUTE && item->route.to.ip.family == AF_INET6 &&
		    route_key_equal(&item->route, route))
			item->n_alike++;
	}
	return 0;
}

/* A replacing request may mean any of several; each is counted here, itself among them. */
static int leave_rivals(struct netlink *netlink, struct belongings *belongings,
			struct diag_list *notes)
{
	size_t kept = 0;
	int r = route_dump(netlink, 0, 0, on_rival, belongings);

	for (size_t i = 0; i < belongings->n; i++) {
		struct belonging *item = &belongings->items[i];
		bool is_rival = item->kind == BELONGING_ROUTE && item->n_alike > 1;

		if (is_rival && r == 0 && notes) {
			item->from.beyond = "there is another one to the same prefix";
			r = note_left(notes, item);
		}
		if (!is_rival)
			belongings->items[kept++] = *item;
	}
	belongings->n = kept;
	return r;
}

static int read_all(struct netlink *netlink, int ifindex, uint8_t protocol, struct belongings *ret,
		    struct diag_list *notes)
{
	AUTO(belongings_done) struct belongings belongings = {};
	struct reading reading = { &belongings, notes };
	int r = address_dump(netlink, ifindex, on_address, &reading);

	if (r == 0)
		r = route_dump(netlink, ifindex, protocol, on_route, &reading);
	if (r == 0)
		r = neighbour_dump(netlink, ifindex, protocol, on_neighbour, &reading);
	if (r == 0)
		r = leave_rivals(netlink, &belongings, notes);
	if (r == 0)
		*ret = STEAL(belongings);
	return r;
}

int belongings_read_by_hand(struct netlink *netlink, int ifindex, struct belongings *ret,
			    struct diag_list *notes)
{
	return read_all(netlink, ifindex, 0, ret, notes);
}

int belongings_read_ours(struct netlink *netlink, int ifindex, struct belongings *ret)
{
	return read_all(netlink, ifindex, PROTOCOL_METAD, ret, NULL);
}

/* ---- marking ---- */

static int add_requests(struct netlink_batch *batch, int ifindex, const struct belonging *item,
			uint8_t protocol)
{
	int r;

	switch (item->kind) {
	case BELONGING_ADDRESS:
		return netlink_batch_add(batch, address_mark(ifindex, &item->address,
							     item->from.flags, protocol));
	case BELONGING_ROUTE:
		if (item->route.to.ip.family == AF_INET6)
			return netlink_batch_add(batch,
						 route_replace(ifindex, &item->route, protocol));
		r = netlink_batch_add(batch, route_append(ifindex, &item->route, protocol));
		if (r == 0)
			r = netlink_batch_add(batch, route_drop(ifindex, &item->route,
								item->from.protocol));
		return r;
	case BELONGING_NEIGHBOUR:
		return netlink_batch_add(batch, neighbour_mark(ifindex, &item->neighbour, protocol));
	}
	return 0;
}

/* What somebody took away meanwhile, or put there as it is to be, needs nothing. */
static bool is_failure(const struct netlink_result *result)
{
	return result->error && result->error != -EEXIST && result->error != -ESRCH &&
	       result->error != -ENOENT && result->error != -EADDRNOTAVAIL;
}

static int run(struct netlink *netlink, struct netlink_batch *batch, struct diag *why)
{
	size_t n = batch->n;
	AUTO_FREE struct netlink_result *results = calloc(n + 1, sizeof(*results));
	int r = results ? netlink_batch_run(netlink, batch, results) : -ENOMEM;

	for (size_t i = 0; results && i < n; i++) {
		if (r == 0 && is_failure(&results[i])) {
			r = results[i].error;
			diag_done(why);
			*why = STEAL(results[i].why);
		}
		netlink_result_done(&results[i]);
	}
	return r;
}

int belongings_mark(struct netlink *netlink, int ifindex, const struct belongings *belongings,
		    enum belongings_whose whose, struct diag *why)
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	int r = 0;

	for (size_t i = 0; i < belongings->n && r == 0; i++) {
		const struct belonging *item = &belongings->items[i];
		uint8_t protocol = PROTOCOL_METAD;

		if (whose == BELONGINGS_NOBODYS)
			protocol = item->kind == BELONGING_ADDRESS ? RTPROT_UNSPEC : RTPROT_STATIC;
		if (item->from.protocol != protocol)
			r = add_requests(&batch, ifindex, item, protocol);
	}
	return r == 0 ? run(netlink, &batch, why) : r;
}
