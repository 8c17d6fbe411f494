/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of devices by index, here and in another namespace, on the running kernel: many at once,
 * and none of a device that is not the pair's.
 */
#include "kernel/context.h"
#include "netns/stage.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define MANY 70 /* pairs: more requests than travel in one portion */

static struct kernel kernel;

static void bring_up(struct netlink *netlink, int ifindex)
{
	struct attrs up = { .has = ATTR_UP, .up = true };

	/* Else the kernel itself sends packets. */
	CHECK(stage_call(netlink, link_set_linklocal(ifindex, false)) == 0);
	CHECK(stage_call(netlink, link_set(ifindex, &up)) == 0);
}

/* From the primary to the peer, or back. */
static void send_frames(const struct netns *netns, int ifindex, int n)
{
	struct sockaddr_ll { /* linux/if_packet.h and net/if.h do not go together */
		uint16_t family, protocol;
		int ifindex;
		uint8_t rest[12];
	} address = { .family = AF_PACKET, .ifindex = ifindex };
	uint8_t frame[60] = { [12] = 0x88, [13] = 0xb5 };
	int fd;

	if (netns)
		CHECK(netns_enter(netns) == 0);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (netns)
		netns_leave();
	CHECK(fd >= 0);
	for (int i = 0; i < n; i++)
		CHECK(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&address,
			     sizeof(address)) == sizeof(frame));
	close(fd);
}

static void test_both_ends(struct meter *meter)
{
	struct job job = { .kind = JOB_MEASURE, .meters = meter, .n_meters = 1 };
	const struct meter_end *primary = &meter->end[SIDE_PRIMARY], *peer = &meter->end[SIDE_PEER];
	uint64_t before_ms = util_now_ms();

	send_frames(NULL, primary->ifindex, 5);
	send_frames(&stage.inside, peer->ifindex, 3);
	CHECK(measure_run(&kernel, &job) == 0);
	CHECK(job.taken_ms >= before_ms && job.taken_ms <= util_now_ms());
	CHECK(primary->known && peer->known);
	CHECK(primary->transmitted.packets == 5 && primary->received.packets == 3);
	CHECK(peer->transmitted.packets == 3 && peer->received.packets == 5);
	CHECK(primary->transmitted.bytes == 5 * 60 && peer->transmitted.bytes == 3 * 60);
	/* Nobody there knows the protocol. */
	CHECK(peer->received.dropped == 5 && primary->received.errors == 0);
}

static void test_strangers(const struct meter *meter)
{
	struct meter meters[4] = { *meter, *meter, *meter, *meter };
	struct job job = { .kind = JOB_MEASURE, .meters = meters, .n_meters = ARRAY_SIZE(meters) };

	for (size_t i = 0; i < ARRAY_SIZE(meters); i++)
		meters[i].end[SIDE_PRIMARY].known = meters[i].end[SIDE_PEER].known = false;
	/* Another primary's peer; a namespace's number that is none; no devices at all. */
	meters[0].end[SIDE_PRIMARY].ifindex += 1000;
	meters[1].nsid = 12345;
	meters[2].end[SIDE_PRIMARY].ifindex = meters[2].end[SIDE_PEER].ifindex = 0;
	CHECK(measure_run(&kernel, &job) == 0);
	CHECK(!meters[0].end[SIDE_PRIMARY].known && !meters[0].end[SIDE_PEER].known);
	CHECK(meters[1].end[SIDE_PRIMARY].known && !meters[1].end[SIDE_PEER].known);
	CHECK(!meters[2].end[SIDE_PRIMARY].known && !meters[2].end[SIDE_PEER].known);
	CHECK(meters[3].end[SIDE_PRIMARY].known && meters[3].end[SIDE_PEER].known);
}

static struct meter make(int i, int nsid)
{
	char name[IFNAMSIZ], peer_name[IFNAMSIZ];
	struct meter meter = { .nsid = nsid };
	struct netlink_result made;
	struct pair pair;

	snprintf(name, sizeof(name), "m%d", i);
	snprintf(peer_name, sizeof(peer_name), "e%d", i);
	pair = stage_pair(name, peer_name, MODE_L3);
	made = stage_create(&pair);
	meter.end[SIDE_PRIMARY].ifindex = made.ifindex;
	meter.end[SIDE_PEER].ifindex = made.peer_ifindex;
	bring_up(stage.in_netns, made.peer_ifindex);
	bring_up(stage.host, made.ifindex);
	return meter;
}

static void test_many(int nsid)
{
	struct meter meters[MANY];
	struct job job = { .kind = JOB_MEASURE, .meters = meters, .n_meters = MANY };

	for (int i = 0; i < MANY; i++) {
		meters[i] = make(i + 1, nsid);
		send_frames(NULL, meters[i].end[SIDE_PRIMARY].ifindex, i);
	}
	CHECK(measure_run(&kernel, &job) == 0);
	for (int i = 0; i < MANY; i++) {
		CHECK(meters[i].end[SIDE_PRIMARY].known && meters[i].end[SIDE_PEER].known);
		CHECK(meters[i].end[SIDE_PRIMARY].transmitted.packets == (uint64_t)i);
		CHECK(meters[i].end[SIDE_PEER].received.packets == (uint64_t)i);
	}
}

int main(void)
{
	struct meter meter;
	int nsid;

	stage_set();
	kernel.host = stage.host;
	CHECK(link_nsid(stage.host, stage.inside.fd, &nsid) == 0);
	meter = make(0, nsid);
	test_both_ends(&meter);
	test_strangers(&meter);
	test_many(nsid);
	stage_strike();
	return 0;
}
