// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that fuzz_rtnl asks, as fuzz_stage.h says.
 */
#include "fuzz_stage.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

enum { MAX_TOLD = 5 };

static const char *const fault_names[] = {
	[FAULT_ACCEPTED] = "what is wrong is refused",
	[FAULT_REFUSED] = "what is right is accepted",
	[FAULT_MUTE] = "no refusal is without words",
	[FAULT_COUNT] = "a refusal leaves nothing behind, and success makes one device or two",
	[FAULT_PAIR] = "the ends that are made belong to each other",
	[FAULT_VALUE] = "a device is what it was asked to be",
	[FAULT_CHANGED] = "a change that was refused has changed nothing",
	[FAULT_LEFT] = "what was made can be deleted",
	[FAULT_SILENCE] = "every request has an answer",
};

const char *fault_name(enum fault fault)
{
	return fault_names[fault];
}

/* ---- faults ---- */

static void show(const struct msg *msg)
{
	for (size_t i = 0; i < msg->len; i++)
		printf("%s%02x", i % 32 ? (i % 4 ? "" : " ") : "\n    ", msg->bytes[i]);
	printf("\n");
}

__attribute__((format(printf, 4, 5))) void
stage_fault(struct stage *stage, enum fault fault, const struct msg *msg, const char *format, ...)
{
	va_list args;

	if (stage->faults[fault]++ >= MAX_TOLD)
		return;
	printf("not so: %s: ", fault_names[fault]);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (msg)
		show(msg);
	else
		printf("\n");
}

/* ---- devices ---- */

static int open_devices(void)
{
	int fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		bail_out("/proc/thread-self/net/dev: %m");
	return fd;
}

/* Cheaper than a dump: this is asked after each request. */
static int count_devices(int fd)
{
	static char text[1 << 16];
	ssize_t len = pread(fd, text, sizeof(text), 0);
	int n = 0;

	for (ssize_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n - 2;
}

int stage_count(const struct stage *stage)
{
	return count_devices(stage->devices_here) + count_devices(stage->devices_there);
}

struct strays {
	const struct stage *stage;
	int n, indices[256];
};

static bool is_standing(const struct stage *stage, int ifindex)
{
	for (int i = 0; i < N_STANDING; i++) {
		if (stage->standing[i].state.ifindex == ifindex)
			return true;
	}
	return false;
}

static void collect_stray(const struct link_state *link, void *ctx)
{
	struct strays *strays = ctx;

	if (link->ifindex != 1 && strays->n < 256 &&
	    (!strays->stage || !is_standing(strays->stage, link->ifindex)))
		strays->indices[strays->n++] = link->ifindex;
}

/* All but loopback; with a stage, all but what stands there. */
static void delete_strays(struct rtnl *rtnl, const struct stage *stage)
{
	struct strays strays = { .stage = stage };
	struct msg msg;

	link_each(rtnl, collect_stray, &strays);
	for (int i = 0; i < strays.n; i++) {
		msg_link(&msg, RTM_DELLINK, 0, strays.indices[i]);
		rtnl_send(rtnl, &msg);
	}
}

static void delete_group(struct rtnl *rtnl)
{
	struct msg msg;

	msg_link(&msg, RTM_DELLINK, 0, 0);
	put_u32(&msg, IFLA_GROUP, GARBLE_GROUP);
	rtnl_send(rtnl, &msg);
}

/* ---- what stands ---- */

void stage_expect_anything(struct stage *stage)
{
	for (int i = 0; i < N_STANDING; i++)
		stage->standing[i].stale = true;
}

static void make_standing(struct stage *stage)
{
	struct pair_want l3 = pair_want(test_kind(), "s0", "s1");
	struct pair_want l2 = pair_want(test_kind(), "s2", "s3");
	struct pair_want single = pair_want(test_kind(), "s4", NULL);
	static const struct standing standing[N_STANDING] = {
		{ TARGET_PRIMARY, "s0" }, { TARGET_PEER, "s1" },   { TARGET_PRIMARY, "s2" },
		{ TARGET_PEER, "s3" },	  { TARGET_SINGLE, "s4" },
	};

	l2.mode = MODE_L2;
	single.pairing = PAIRING_SINGLE;
	delete_group(&stage->here);
	delete_group(&stage->there);
	delete_strays(&stage->here, NULL);
	delete_strays(&stage->there, NULL);
	if (make_pair(&stage->here, &l3) || make_pair(&stage->here, &l2) ||
	    make_pair(&stage->here, &single))
		bail_out("no devices of kind %s: %s", test_kind(), stage->here.extack);
	memcpy(stage->standing, standing, sizeof(standing));
	stage_expect_anything(stage);
}

/* What a change by link watch, in its own time, may make different is left out. */
int stage_look(struct stage *stage, int ifindex, struct link_state *ret)
{
	int err = link_get_by_index(&stage->here, ifindex, ret);

	ret->flags &= IFF_UP | IFF_NOARP | IFF_BROADCAST | IFF_MULTICAST | IFF_PROMISC;
	ret->operstate = ret->carrier = 0;
	memset(ret->qdisc, 0, sizeof(ret->qdisc));
	return err;
}

static bool look_at(struct stage *stage, struct standing *s)
{
	struct link_state link;

	if (!s->stale)
		return true;
	if (!s->state.ifindex && link_get(&stage->here, s->name, &link))
		return false;
	s->stale = false;
	return !stage_look(stage, s->state.ifindex ? s->state.ifindex : link.ifindex, &s->state);
}

void stage_remake(struct stage *stage)
{
	make_standing(stage);
	for (int i = 0; i < N_STANDING; i++) {
		if (!look_at(stage, &stage->standing[i]))
			bail_out("devices do not stay");
	}
	stage->n_now = stage_count(stage);
}

/* It is there after this, and as it was last seen, whatever a damaged request has done to it. */
void stage_refresh(struct stage *stage, struct standing *s)
{
	if (!look_at(stage, s))
		stage_remake(stage);
}

struct standing *stage_any(struct stage *stage)
{
	struct standing *s = &stage->standing[chance_below(&stage->garble.chance, N_STANDING)];

	stage_refresh(stage, s);
	return s;
}

/* Deletes what was made. */
void stage_clear(struct stage *stage)
{
	delete_group(&stage->here);
	delete_group(&stage->there);
	stage->n_now = stage_count(stage);
	if (stage->n_now != stage->n_base) {
		for (int i = 0; i < N_STANDING; i++)
			stage_refresh(stage, &stage->standing[i]);
		delete_strays(&stage->here, stage);
		delete_strays(&stage->there, NULL);
		stage->n_now = stage_count(stage);
	}
	if (stage->n_now != stage->n_base)
		stage_fault(stage, FAULT_LEFT, NULL, "%d devices, not %d", stage->n_now,
			    stage->n_base);
}

/* ---- beginning and end ---- */

static bool driver_knows_lock(struct stage *stage)
{
	struct linkinfo info;
	struct msg msg;
	int err;

	msg_link(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	info = linkinfo_begin(&msg, test_kind());
	put_u32(&msg, PAIR_LOCK, 0);
	linkinfo_end(&msg, info);
	err = rtnl_send(&stage->here, &msg);
	del_links(&stage->here, test_kind());
	return !err;
}

void stage_open(struct stage *stage, uint64_t seed)
{
	int home;

	*stage = (struct stage){ .garble = { .kind = test_kind(), .chance = { seed } } };
	netns_isolate();
	home = netns_current();
	stage->garble.netns_fd = netns_new();
	if (rtnl_open(&stage->here) || rtnl_open_in(&stage->there, stage->garble.netns_fd))
		bail_out("no netlink socket");
	stage->devices_here = open_devices();
	netns_enter(stage->garble.netns_fd);
	stage->devices_there = open_devices();
	netns_enter(home);
	close(home);
	stage->garble.knows_lock = driver_knows_lock(stage);
	stage_remake(stage);
	stage->n_base = stage->n_now;
}

void stage_close(struct stage *stage)
{
	stage_clear(stage);
	delete_strays(&stage->here, NULL);
	delete_strays(&stage->there, NULL);
}
