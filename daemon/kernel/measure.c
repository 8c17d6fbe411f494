/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_MEASURE: what the devices of pairs have counted. Each is asked for by index, many in one send,
 * and nobody enters a namespace: one in another namespace is asked for through that namespace's
 * number. That takes a whole RTM_GETLINK, ten times the work of a RTM_GETSTATS, which knows only the
 * socket's own namespace; a visit would cost more than either. Worker thread.
 */
#include "kernel/context.h"
#include "kernel/message.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* Where an answer belongs. */
struct measure_place {
	struct meter *meter;
	enum side side;
};

struct measure {
	struct netlink_batch batch;
	struct measure_place *places; /* owned; one for each request */
	size_t n_places;
};

static void measure_done(struct measure *measure)
{
	netlink_batch_done(&measure->batch);
	free(measure->places);
}

/* ---- requests ---- */

static struct nl_msg *request_here(int ifindex)
{
	struct if_stats_msg header = {
		.family = AF_UNSPEC,
		.ifindex = ifindex,
		.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
	};
	struct message m = message_start(RTM_GETSTATS, 0, &header, sizeof(header));

	return message_finish(&m);
}

static struct nl_msg *request_there(int ifindex, int nsid)
{
	struct ifinfomsg header = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
	struct message m = message_start(RTM_GETLINK, 0, &header, sizeof(header));

	/* Of the protocols, whose own statistics are many; the device's are told all the same. */
	message_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	message_put_u32(&m, IFLA_TARGET_NETNSID, nsid);
	return message_finish(&m);
}

static int add(struct measure *measure, struct meter *meter, enum side side)
{
	struct measure_place place = { meter, side };
	int ifindex = meter->end[side].ifindex;
	bool here = side == SIDE_PRIMARY || meter->nsid < 0;
	int r;

	if (!ifindex)
		return 0;
	r = netlink_batch_add(&measure->batch,
			      here ? request_here(ifindex) : request_there(ifindex, meter->nsid));
	return r < 0 ? r : ARRAY_APPEND(measure->places, measure->n_places, place);
}

/* ---- answers ---- */

/* A namespace's number may be another's by now, but no device there has this pair's primary. */
static bool is_peer_of(const struct nlmsghdr *header, const struct meter *meter)
{
	const struct nlattr *attr = nlmsg_find_attr((struct nlmsghdr *)header,
						    sizeof(struct ifinfomsg), IFLA_LINK);

	return attr && nla_len(attr) == sizeof(uint32_t) &&
	       (int)nla_get_u32(attr) == meter->end[SIDE_PRIMARY].ifindex;
}

static void take_counters(const struct nlattr *attr, struct meter_end *end)
{
	struct rtnl_link_stats64 counters = {};

	if (!attr)
		return;
	memcpy(&counters, nla_data(attr), MIN((size_t)nla_len(attr), sizeof(counters)));
	end->known = true;
	end->received = (struct traffic){ counters.rx_packets, counters.rx_bytes,
					  counters.rx_dropped, counters.rx_errors };
	end->transmitted = (struct traffic){ counters.tx_packets, counters.tx_bytes,
					     counters.tx_dropped, counters.tx_errors };
}

static void on_answer(void *ctx, size_t i, const struct nlmsghdr *header)
{
	const struct measure *measure = ctx;
	const struct measure_place *place = &measure->places[i];
	struct meter_end *end = &place->meter->end[place->side];
	struct nlmsghdr *h = (struct nlmsghdr *)header;

	if (h->nlmsg_type == RTM_NEWSTATS)
		take_counters(nlmsg_find_attr(h, sizeof(struct if_stats_msg), IFLA_STATS_LINK_64),
			      end);
	else if (h->nlmsg_type == RTM_NEWLINK && is_peer_of(header, place->meter))
		take_counters(nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_STATS64), end);
}

int measure_run(struct kernel *kernel, struct job *job)
{
	AUTO(measure_done) struct measure measure = {};
	AUTO_FREE struct netlink_result *results = NULL;
	size_t n;
	int r = 0;

	for (size_t i = 0; i < job->n_meters && r == 0; i++)
		for (enum side side = 0; side < N_SIDES && r == 0; side++)
			r = add(&measure, &job->meters[i], side);
	n = measure.batch.n;
	results = calloc(n + 1, sizeof(*results));
	if (r == 0 && !results)
		r = -ENOMEM;
	if (r == 0)
		r = netlink_batch_query(kernel->host, &measure.batch, results, on_answer, &measure);
	/* A device that has gone is not known, and its event is on its way. */
	for (size_t i = 0; results && i < n; i++)
		netlink_result_done(&results[i]);
	job->taken_ms = util_now_ms();
	if (r < 0)
		diag_set(&job->why, "counters cannot be read: %s", strerror(-r));
	return r;
}
