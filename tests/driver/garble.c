// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that are right, wrong or damaged, as garble.h says. What is known of attributes is in
 * garble_attrs.h.
 */
#include "garble.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "garble_attrs.h"

/* ---- chance ---- */

/* splitmix64 */
static uint64_t chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t chance_below(struct chance *chance, uint32_t n)
{
	return n ? chance_next(chance) % n : 0;
}

bool chance_percent(struct chance *chance, unsigned int percent)
{
	return chance_below(chance, 100) < percent;
}

static void chance_fill(struct chance *chance, void *ret, size_t len)
{
	unsigned char *p = ret;

	while (len--)
		*p++ = chance_next(chance);
}

/* ---- attributes ---- */

static_assert(N(attrs) <= sizeof(attr_set) * CHAR_BIT, "a set has a bit for each");

unsigned int garble_n_attrs(void)
{
	return N(attrs);
}

const char *garble_attr_name(unsigned int attr)
{
	return attrs[attr].name;
}

static enum fate fate_of(const struct garble *garble, enum request_kind kind,
			 const struct attr *attr)
{
	if (attr->type == PAIR_LOCK && attr->place == PUT_DATA && !garble->knows_lock)
		return kind <= REQUEST_CHANGE ? FATE_WRONG : FATE_NONE;
	switch (kind) {
	case REQUEST_CREATE:
		return attr->create;
	case REQUEST_CHANGE:
		return attr->change;
	case REQUEST_DELETE:
	case REQUEST_DUMP:
	case N_REQUEST_KINDS:
		break;
	}
	return FATE_NONE;
}

bool forecast_changes_nothing(const struct forecast *forecast)
{
	return forecast->must_fail && !forecast->damaged && !forecast->may_be_partial;
}

bool garble_can_be_right(const struct garble *garble, enum request_kind kind, unsigned int attr)
{
	enum fate fate = fate_of(garble, kind, &attrs[attr]);

	return fate == FATE_BOTH;
}

bool garble_can_be_wrong(const struct garble *garble, enum request_kind kind, unsigned int attr)
{
	enum fate fate = fate_of(garble, kind, &attrs[attr]);

	return fate == FATE_WRONG ||
	       (fate == FATE_BOTH && (attrs[attr].n_wrong || attrs[attr].width));
}

/* ---- one attribute ---- */

struct build {
	struct garble *garble;
	struct msg *msg;
	struct forecast *forecast;
	enum request_kind kind;
	attr_set chosen, wrong;
	bool has_address; /* which is right in mode L2 only */
	size_t heads[64]; /* where attributes begin */
	unsigned int n_heads;
};

static void put(struct build *build, uint16_t type, const void *data, size_t len)
{
	if (build->n_heads < N(build->heads))
		build->heads[build->n_heads++] = build->msg->len;
	put_raw(build->msg, type, data, len);
}

static size_t open_nest(struct build *build, uint16_t type)
{
	size_t nest = build->msg->len;

	put(build, type, NULL, 0);
	return nest;
}

/* A number in more bytes than it needs, or in fewer. What is longer counts by its beginning. */
static void put_number(struct build *build, const struct attr *attr, uint32_t value, bool wrong)
{
	struct chance *chance = &build->garble->chance;
	unsigned char bytes[32];
	uint16_t type = attr->type;
	size_t len = attr->width;

	chance_fill(chance, bytes, sizeof(bytes));
	memcpy(bytes, &value, attr->width);
	if (wrong && (!attr->n_wrong || chance_percent(chance, 30)))
		len = chance_below(chance, attr->width);
	else if (chance_percent(chance, 8))
		len += chance_below(chance, sizeof(bytes) - attr->width) + 1;
	if (chance_percent(chance, 5))
		type |= chance_percent(chance, 50) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
	put(build, type, bytes, len);
}

static void put_fresh_name(struct build *build, const struct attr *attr)
{
	char *name = attr->place == PUT_PEER ? build->forecast->peer_name : build->forecast->name;

	snprintf(name, IFNAMSIZ, "f%u", build->garble->serial++);
	put(build, attr->type, name, strlen(name) + chance_below(&build->garble->chance, 2));
}

static void remember(struct forecast *forecast, const struct attr *attr, uint32_t value)
{
	if (attr->place != PUT_DATA || attr->type >= N_GARBLE_DATA)
		return;
	forecast->has[attr->type] = true;
	forecast->value[attr->type] = value;
}

static const struct sample *any_sample(struct build *build, const struct sample *samples, uint8_t n)
{
	return &samples[chance_below(&build->garble->chance, n)];
}

/* What cannot be changed is as wrong with a value that would be right at creation. */
static void put_wrong(struct build *build, const struct attr *attr)
{
	struct forecast *forecast = build->forecast;
	bool misplaced = fate_of(build->garble, build->kind, attr) == FATE_WRONG && attr->n_right &&
			 chance_percent(&build->garble->chance, 50);
	const struct sample *sample = misplaced ? any_sample(build, attr->right, attr->n_right)
						: any_sample(build, attr->wrong, attr->n_wrong);

	if (attr->width)
		put_number(build, attr, sample->value, !misplaced);
	else
		put(build, attr->type, sample->bytes, sample->len);
	/* An address that is the device's already is no change, of whatever form. */
	if (build->kind == REQUEST_CHANGE && attr->type == IFLA_ADDRESS && attr->place == PUT_TOP)
		forecast->may_fail = true;
	else
		forecast->must_fail = true;
	forecast->wrong |= (attr_set)1 << (attr - attrs);
	if (attr->by_core)
		forecast->may_be_mute = true;
}

static void put_right(struct build *build, const struct attr *attr)
{
	struct forecast *forecast = build->forecast;
	const struct sample *sample = any_sample(build, attr->right, attr->n_right);

	/* The one mode that has addresses is the first. */
	if (attr->place == PUT_DATA && attr->type == PAIR_MODE && build->has_address)
		sample = &attr->right[0];
	switch (attr->special) {
	case SPECIAL_NAME:
		put_fresh_name(build, attr);
		break;
	case SPECIAL_NETNS:
		put_number(build, attr, build->garble->netns_fd, false);
		break;
	case SPECIAL_NONE:
		if (attr->width)
			put_number(build, attr, sample->value, false);
		else
			put(build, attr->type, sample->bytes, sample->len);
		if (attr->width)
			remember(forecast, attr, sample->value);
		break;
	case SPECIAL_PEER_INFO:
		break;
	}
	forecast->right |= (attr_set)1 << (attr - attrs);
	if (attr->depends)
		forecast->may_fail = true;
	if (attr->place == PUT_DATA && attr->type == PAIR_PAIRING &&
	    sample->value == PAIRING_SINGLE)
		forecast->may_fail = forecast->may_be_single = true;
}

/* ---- a request of attributes ---- */

static bool has_place(const struct build *build, enum put_place place)
{
	for (unsigned int i = 0; i < N(attrs); i++) {
		if (build->chosen >> i & 1 && attrs[i].place == place)
			return true;
	}
	return false;
}

static unsigned int find(enum put_place place, uint16_t type)
{
	unsigned int i = 0;

	while (i + 1 < N(attrs) && (attrs[i].place != place || attrs[i].type != type))
		i++;
	return i;
}

static bool is_chosen(const struct build *build, enum put_place place, uint16_t type)
{
	return build->chosen >> find(place, type) & 1;
}

/* An attribute that is to be wrong; of those that cost the kernel much only some. */
static unsigned int choose_wrong(const struct build *build)
{
	struct chance *chance = &build->garble->chance;
	unsigned int i;

	do {
		i = chance_below(chance, N(attrs));
	} while (!garble_can_be_wrong(build->garble, build->kind, i) ||
		 (build->kind == REQUEST_CREATE && attrs[i].dear && !chance_percent(chance, 5)));
	return i;
}

/*
 * Most requests have one attribute that is wrong, some have several. Of changes half have none, but of
 * creations very few, with many attributes each: to make and delete a pair takes as long as a hundred
 * refusals.
 */
static void choose(struct build *build)
{
	bool creates = build->kind == REQUEST_CREATE, pair, right;
	struct garble *garble = build->garble;
	struct chance *chance = &garble->chance;
	unsigned int n_wrong, percent;

	right = chance_percent(chance, creates ? 1 : 50);
	n_wrong = !right;
	if (n_wrong && chance_percent(chance, 25))
		n_wrong += 1 + chance_below(chance, 3);
	pair = chance_percent(chance, 50);
	for (unsigned int i = 0; i < N(attrs); i++) {
		/* Both ends of most devices are found by their names. */
		percent = attrs[i].special == SPECIAL_NAME ? 85 : creates && right ? 35 : 12;
		if ((attrs[i].place != PUT_PEER || pair) &&
		    garble_can_be_right(garble, build->kind, i) && chance_percent(chance, percent))
			build->chosen |= (attr_set)1 << i;
	}
	build->has_address = chance_percent(chance, 80) &&
			     (is_chosen(build, PUT_TOP, IFLA_ADDRESS) ||
			      is_chosen(build, PUT_PEER, IFLA_ADDRESS));
	if (build->has_address && creates)
		build->chosen |= (attr_set)1 << find(PUT_DATA, PAIR_MODE);
	while (n_wrong--)
		build->wrong |= (attr_set)1 << choose_wrong(build);
	build->chosen |= build->wrong;
	/* What is inside a nest needs it, and a nest that is wrong has nothing inside. */
	if (has_place(build, PUT_PEER) && !(build->wrong >> find(PUT_DATA, PAIR_PEER_INFO) & 1))
		build->chosen |= (attr_set)1 << find(PUT_DATA, PAIR_PEER_INFO);
}

static void put_place(struct build *build, enum put_place place)
{
	for (unsigned int i = 0; i < N(attrs); i++) {
		if (!(build->chosen >> i & 1) || attrs[i].place != place)
			continue;
		if (attrs[i].special == SPECIAL_PEER_INFO && !(build->wrong >> i & 1))
			continue;
		if (build->wrong >> i & 1)
			put_wrong(build, &attrs[i]);
		else
			put_right(build, &attrs[i]);
	}
}

static void put_peer_info(struct build *build)
{
	static const int bad_indices[] = { -1, INT_MIN, 1 };
	struct chance *chance = &build->garble->chance;
	unsigned int self = find(PUT_DATA, PAIR_PEER_INFO),
		     up = chance_percent(chance, 20) ? IFF_UP : 0;
	struct ifinfomsg ifm = { .ifi_flags = up, .ifi_change = up };
	size_t nest;

	if (!(build->chosen >> self & 1) || build->wrong >> self & 1)
		return;
	if (chance_percent(chance, 1)) {
		/* Loopback's index is taken wherever the peer is. */
		ifm.ifi_index = bad_indices[chance_below(chance, N(bad_indices))];
		build->forecast->must_fail = true;
	}
	nest = open_nest(build, PAIR_PEER_INFO);
	put_bytes(build->msg, &ifm, sizeof(ifm));
	put_place(build, PUT_PEER);
	nest_end(build->msg, nest);
	build->forecast->right |= (attr_set)1 << self;
}

static void put_linkinfo(struct build *build)
{
	size_t info, data;

	info = open_nest(build, IFLA_LINKINFO);
	put(build, IFLA_INFO_KIND, build->garble->kind, strlen(build->garble->kind) + 1);
	data = open_nest(build, IFLA_INFO_DATA);
	put_place(build, PUT_DATA);
	put_peer_info(build);
	nest_end(build->msg, data);
	nest_end(build->msg, info);
}

/* ---- damage ---- */

/* A length that is not the attribute's. */
static void lie(struct build *build)
{
	struct chance *chance = &build->garble->chance;
	struct rtattr *attr;
	uint16_t lengths[8];

	if (!build->n_heads)
		return;
	attr = (struct rtattr *)(build->msg->bytes +
				 build->heads[chance_below(chance, build->n_heads)]);
	lengths[0] = 0;
	lengths[1] = 1 + chance_below(chance, 3);
	lengths[2] = RTA_LENGTH(0);
	lengths[3] = attr->rta_len - 1;
	lengths[4] = attr->rta_len + 1 + chance_below(chance, 8);
	lengths[5] = attr->rta_len - RTA_ALIGNTO * chance_below(chance, 8);
	lengths[6] = UINT16_MAX;
	lengths[7] = build->msg->bytes + build->msg->len - (unsigned char *)attr;
	attr->rta_len = lengths[chance_below(chance, N(lengths))];
}

static void cut(struct build *build, size_t len)
{
	build->msg->len = len;
	((struct nlmsghdr *)build->msg->bytes)->nlmsg_len = len;
}

static void flip(struct build *build)
{
	struct chance *chance = &build->garble->chance;
	unsigned char *place;

	for (unsigned int n = 1 + chance_below(chance, 6); n; n--) {
		place = build->msg->bytes + NLMSG_HDRLEN +
			chance_below(chance, build->msg->len - NLMSG_HDRLEN);
		*place = chance_below(chance, chance_percent(chance, 50) ? 256 : 4);
	}
}

/* Attributes of any type, with any bytes. */
static void scatter(struct build *build)
{
	struct chance *chance = &build->garble->chance;
	unsigned char bytes[48];

	for (unsigned int n = chance_below(chance, 6); n; n--) {
		uint16_t type = chance_below(chance, IFLA_MAX + 8);

		if (chance_percent(chance, 20))
			type |= NLA_F_NESTED;
		chance_fill(chance, bytes, sizeof(bytes));
		put(build, type, bytes, chance_below(chance, sizeof(bytes)));
	}
}

/* All of this inside the nests, and inside each other. */
static void scatter_inside(struct build *build)
{
	size_t info, data, peer, again;

	info = open_nest(build, IFLA_LINKINFO);
	put(build, IFLA_INFO_KIND, build->garble->kind, strlen(build->garble->kind) + 1);
	data = open_nest(build, IFLA_INFO_DATA);
	scatter(build);
	peer = open_nest(build, PAIR_PEER_INFO);
	put_bytes(build->msg, &(struct ifinfomsg){}, sizeof(struct ifinfomsg));
	scatter(build);
	again = open_nest(build, PAIR_PEER_INFO);
	put_bytes(build->msg, &(struct ifinfomsg){}, sizeof(struct ifinfomsg));
	scatter(build);
	nest_end(build->msg, again);
	nest_end(build->msg, peer);
	if (chance_percent(&build->garble->chance, 50))
		scatter(build);
	nest_end(build->msg, data);
	nest_end(build->msg, info);
}

static void repeat(struct build *build)
{
	struct chance *chance = &build->garble->chance;
	size_t end = build->msg->len;

	put_linkinfo(build);
	if (chance_percent(chance, 50))
		cut(build, end + NLMSG_ALIGN(chance_below(chance, build->msg->len - end)));
}

static void damage(struct build *build)
{
	struct chance *chance = &build->garble->chance;
	struct forecast *forecast = build->forecast;

	switch (chance_below(chance, 7)) {
	case 0:
	case 1:
		lie(build);
		break;
	case 2:
		cut(build, NLMSG_HDRLEN + chance_below(chance, build->msg->len - NLMSG_HDRLEN));
		break;
	case 3:
		flip(build);
		break;
	case 4:
		scatter(build);
		break;
	case 5:
		cut(build, NLMSG_LENGTH(sizeof(struct ifinfomsg)));
		build->n_heads = 0;
		scatter_inside(build);
		break;
	case 6:
		repeat(build);
		break;
	}
	*forecast = (struct forecast){ .damaged = true };
}

static struct build begin(struct garble *garble, enum request_kind kind, uint16_t type,
			  uint16_t flags, int ifindex, struct msg *msg, struct forecast *forecast)
{
	*forecast = (struct forecast){};
	msg_link(msg, type, flags, ifindex);
	return (struct build){ .garble = garble, .msg = msg, .forecast = forecast, .kind = kind };
}

/* ---- requests ---- */

void garble_create(struct garble *garble, struct msg *msg, struct forecast *forecast)
{
	struct build build = begin(garble, REQUEST_CREATE, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
				   0, msg, forecast);
	struct chance *chance = &garble->chance;

	if (chance_percent(chance, 20))
		msg_ifinfo(msg)->ifi_flags = msg_ifinfo(msg)->ifi_change = IFF_UP;
	if (chance_percent(chance, 2)) {
		msg_ifinfo(msg)->ifi_index = chance_percent(chance, 50) ? -1 : 1;
		forecast->must_fail = forecast->may_be_mute = true;
	}
	choose(&build);
	put_u32(msg, IFLA_GROUP, GARBLE_GROUP);
	put_place(&build, PUT_TOP);
	put_linkinfo(&build);
	if (chance_percent(chance, 20))
		damage(&build);
}

/* A change of kind and data only, or of what the core changes too, or of nothing but that. */
void garble_change(struct garble *garble, int ifindex, enum target target, struct msg *msg,
		   struct forecast *forecast)
{
	struct build build = begin(garble, REQUEST_CHANGE, RTM_NEWLINK, 0, ifindex, msg, forecast);
	struct chance *chance = &garble->chance;
	unsigned int parts = chance_below(chance, 3);
	bool top_fails;

	choose(&build);
	if (parts != 0 && chance_percent(chance, 20)) {
		msg_ifinfo(msg)->ifi_change = IFF_UP;
		msg_ifinfo(msg)->ifi_flags = chance_percent(chance, 70) ? IFF_UP : 0;
	}
	if (parts != 0)
		put_place(&build, PUT_TOP);
	top_fails = forecast->must_fail;
	forecast->must_fail = false;
	if (parts != 2)
		put_linkinfo(&build);
	if (parts != 2 && (target == TARGET_PEER ||
			   (target == TARGET_SINGLE &&
			    (forecast->has[PAIR_POLICY] || forecast->has[PAIR_PEER_POLICY]))))
		forecast->must_fail = true;
	/* The driver comes first, and what it refuses nobody goes on with. */
	forecast->may_be_partial = parts != 0 && !forecast->must_fail;
	forecast->must_fail |= top_fails;
	/* Meta lets a primary keep its peer's MTU and address; the core asks without words. */
	if (forecast->may_fail || (garble->knows_lock && target == TARGET_PEER))
		forecast->may_fail = forecast->may_be_mute = true;
	if (chance_percent(chance, 20))
		damage(&build);
}

void garble_delete(struct garble *garble, int ifindex, struct msg *msg, struct forecast *forecast)
{
	struct build build = begin(garble, REQUEST_CREATE, RTM_DELLINK, 0, ifindex, msg, forecast);
	struct chance *chance = &garble->chance;

	if (chance_percent(chance, 5))
		return;
	forecast->damaged = true;
	if (chance_percent(chance, 98))
		msg_ifinfo(msg)->ifi_index = chance_percent(chance, 50) ? 0 : -1;
	choose(&build);
	put_place(&build, PUT_TOP);
	put_linkinfo(&build);
	damage(&build);
}

void garble_dump(struct garble *garble, int ifindex, struct msg *msg, struct forecast *forecast)
{
	struct chance *chance = &garble->chance;
	bool one = chance_percent(chance, 50);
	struct build build = begin(garble, REQUEST_CREATE, RTM_GETLINK, one ? 0 : NLM_F_DUMP,
				   one ? ifindex : 0, msg, forecast);

	if (chance_percent(chance, 30))
		put_u32(msg, IFLA_EXT_MASK, chance_below(chance, 16));
	if (chance_percent(chance, 30))
		return;
	put_linkinfo(&build);
	damage(&build);
}
