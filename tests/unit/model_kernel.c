/* SPDX-License-Identifier: GPL-2.0-only */
/* The model kernel of model_kernel.h. Memory is checked by CHECK: a test may exit. */
#include "unit/model_kernel.h"

#include "unit/test.h"

#define N_NAMES 5
#define N_PROGRAMS 5
#define NETNS_COOKIE 4000

static const char *const program_names[N_PROGRAMS] = { "acl", "count", "mark", "pass", "+drop" };

unsigned int dice_roll(struct dice *dice, unsigned int n)
{
	if (dice->bytes) {
		if (!dice->n_bytes)
			return 0;
		dice->n_bytes--;
		return *dice->bytes++ % n;
	}
	dice->seed = dice->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (dice->seed >> 33) % n;
}

static void *duplicate(const void *array, size_t n, size_t size)
{
	void *copy = calloc(n + 1, size);

	CHECK(copy);
	if (n)
		memcpy(copy, array, n * size);
	return copy;
}

/* ---- random nouns ---- */

static struct address random_address(struct dice *dice)
{
	struct address address = { .prefix = { .ip = { .family = AF_INET }, .len = 24 } };

	address.prefix.ip.bytes[0] = 10;
	address.prefix.ip.bytes[3] = 1 + dice_roll(dice, 4);
	return address;
}

static struct route random_route(struct dice *dice)
{
	struct route route = { .to = { .ip = { .family = AF_INET }, .len = 32 }, .table = 254 };

	route.to.ip.bytes[0] = 20;
	route.to.ip.bytes[3] = dice_roll(dice, 3);
	route.metric = dice_roll(dice, 2);
	if (dice_roll(dice, 2)) {
		route.via = random_address(dice).prefix.ip;
		route.onlink = true;
	}
	return route;
}

static struct neighbour random_neighbour(struct dice *dice)
{
	struct neighbour neighbour = { .ip = random_address(dice).prefix.ip, .mac = { 2 } };

	neighbour.mac[5] = dice_roll(dice, 2);
	return neighbour;
}

static void random_attrs(struct dice *dice, struct attrs *ret)
{
	ret->has |= ATTR_MTU | ATTR_LINKLOCAL | ATTR_UP | ATTR_NAME;
	ret->mtu = 1500 + 10 * dice_roll(dice, 2);
	ret->linklocal = dice_roll(dice, 2);
	ret->mac[5] = dice_roll(dice, 2);
	ret->up = true;
	if (dice_roll(dice, 4) == 0) {
		ret->has |= ATTR_TXQUEUELEN;
		ret->txqueuelen = dice_roll(dice, 2);
	}
}

static void random_end(struct dice *dice, struct end *end)
{
	bool used[N_PROGRAMS - 1] = {};

	random_attrs(dice, &end->attrs);
	end->policy = dice_roll(dice, 2);
	end->scrub = dice_roll(dice, 4) == 0;
	for (unsigned int n = dice_roll(dice, 3); n > 0; n--) {
		struct address address = random_address(dice);
		bool known = false;

		for (size_t i = 0; i < end->n_addresses; i++)
			known |= prefix_equal(&end->addresses[i].prefix, &address.prefix);
		if (!known)
			CHECK(ARRAY_APPEND(end->addresses, end->n_addresses, address) == 0);
	}
	for (unsigned int n = dice_roll(dice, 3); n > 0; n--) {
		struct route route = random_route(dice);
		bool known = false;

		for (size_t i = 0; i < end->n_routes; i++)
			known |= route_key_equal(&end->routes[i], &route);
		if (!known)
			CHECK(ARRAY_APPEND(end->routes, end->n_routes, route) == 0);
	}
	if (dice_roll(dice, 3) == 0)
		CHECK(ARRAY_APPEND(end->neighbours, end->n_neighbours, random_neighbour(dice)) ==
		      0);
	for (unsigned int n = dice_roll(dice, N_PROGRAMS); n > 0; n--) {
		unsigned int i = dice_roll(dice, N_PROGRAMS - 1);
		struct use use = {};

		if (used[i])
			continue;
		used[i] = true;
		snprintf(use.program, sizeof(use.program), "%s", program_names[i]);
		CHECK(ARRAY_APPEND(end->uses, end->n_uses, use) == 0);
	}
}

struct desired *model_random_desired(struct dice *dice)
{
	struct desired *desired = desired_new();

	CHECK(desired);
	desired->incomplete = dice_roll(dice, 8) == 0;
	for (unsigned int i = 0; i < N_NAMES; i++) {
		struct pair pair = {};

		if (dice_roll(dice, 3) == 0)
			continue;
		snprintf(pair.name, sizeof(pair.name), "p%u", i);
		pair.kind = dice_roll(dice, N_KINDS);
		pair.mode = dice_roll(dice, 2);
		pair.recreate = dice_roll(dice, 4) == 0 ? RECREATE_NEVER : RECREATE_AUTO;
		pair.headroom = 16 * dice_roll(dice, 2);
		pair.netns.text = strdup("ns");
		if (dice_roll(dice, 16) == 0)
			pair.blocked = strdup("the pool is empty");
		for (enum side side = 0; side < N_SIDES; side++)
			random_end(dice, &pair.end[side]);
		memcpy(pair.end[SIDE_PRIMARY].attrs.name, pair.name, IFNAMSIZ);
		snprintf(pair.end[SIDE_PEER].attrs.name, IFNAMSIZ, "eth%u", dice_roll(dice, 2));
		CHECK(ARRAY_APPEND(desired->pairs, desired->n_pairs, pair) == 0);
	}
	desired_sort(desired);
	return desired;
}

static void random_chain(struct dice *dice, struct sighted_end *end)
{
	static uint32_t next_id = 1;

	end->revision = 1 + dice_roll(dice, 9);
	for (unsigned int n = dice_roll(dice, 5); n > 0; n--) {
		struct slot slot = { .link_id = next_id++ };

		slot.foreign = dice_roll(dice, 4) == 0;
		slot.digest = 1 + dice_roll(dice, 2);
		if (!slot.foreign)
			snprintf(slot.program, sizeof(slot.program), "%s",
				 program_names[dice_roll(dice, N_PROGRAMS)]);
		CHECK(ARRAY_APPEND(end->chain, end->n_chain, slot) == 0);
	}
}

static void random_sighted_end(struct dice *dice, struct sighted_end *end)
{
	struct end random = {};

	random_end(dice, &random);
	end->ifindex = 1 + dice_roll(dice, 100);
	end->attrs = random.attrs;
	end->attrs.up = dice_roll(dice, 3) > 0;
	end->attrs.has |= ATTR_MAC;
	end->policy = random.policy;
	end->scrub = random.scrub;
	end->addresses = STEAL(random.addresses);
	end->n_addresses = random.n_addresses;
	for (size_t i = 0; i < end->n_addresses; i++)
		end->addresses[i].foreign = dice_roll(dice, 3) == 0;
	end->routes = STEAL(random.routes);
	end->n_routes = random.n_routes;
	end->neighbours = STEAL(random.neighbours);
	end->n_neighbours = random.n_neighbours;
	random_chain(dice, end);
	end_done(&random);
}

static void random_sighting(struct dice *dice, const struct pair *want, struct sighting *seen)
{
	seen->wanted_netns = dice_roll(dice, 6) ? NETNS_COOKIE : 0;
	seen->peer_name_taken = dice_roll(dice, 8) == 0;
	seen->n_defunct = dice_roll(dice, 6) == 0;
	seen->owner = dice_roll(dice, 4) ? OWNER_METAD : dice_roll(dice, 2);
	if (seen->owner != OWNER_METAD)
		return;
	seen->kind = KIND_META + dice_roll(dice, 3);
	if (kind_has_policy(seen->kind))
		seen->reported = dice_roll(dice, 8);
	seen->mode = want && dice_roll(dice, 3) ? want->mode : dice_roll(dice, 2);
	seen->headroom = 16 * dice_roll(dice, 2);
	seen->netns = dice_roll(dice, 6) ? NETNS_COOKIE : NETNS_COOKIE + 1;
	for (enum side side = 0; side < N_SIDES; side++)
		random_sighted_end(dice, &seen->end[side]);
	memcpy(seen->end[SIDE_PRIMARY].attrs.name, seen->name, IFNAMSIZ);
	snprintf(seen->end[SIDE_PEER].attrs.name, IFNAMSIZ, "eth%u", dice_roll(dice, 2));
	if (dice_roll(dice, 10) == 0)
		seen->end[SIDE_PEER].ifindex = 0;
}

static void add_objects(struct observed *observed, struct dice *dice)
{
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		struct object object = { .digest = 1 };

		snprintf(object.program, sizeof(object.program), "%s", program_names[i]);
		if (dice && dice_roll(dice, 4) == 0)
			object.digest = dice_roll(dice, 3);
		CHECK(ARRAY_APPEND(observed->objects, observed->n_objects, object) == 0);
	}
	observed_sort(observed);
}

void model_random_observed(struct dice *dice, const struct desired *desired, struct observed *ret)
{
	struct observed observed = {};

	for (enum kind kind = KIND_META; kind < N_KINDS; kind++)
		observed.kinds[kind].usable = dice_roll(dice, 4) > 0;
	for (unsigned int i = 0; i < N_NAMES; i++) {
		struct sighting seen = {};

		snprintf(seen.name, sizeof(seen.name), "p%u", i);
		random_sighting(dice, desired_find_pair(desired, seen.name), &seen);
		CHECK(ARRAY_APPEND(observed.sightings, observed.n_sightings, seen) == 0);
	}
	add_objects(&observed, dice);
	*ret = observed;
}

void model_empty_observed(const struct desired *desired, enum kind usable, struct observed *ret)
{
	struct observed observed = {};

	observed.kinds[usable].usable = true;
	for (size_t i = 0; i < desired->n_pairs; i++) {
		struct sighting seen = { .wanted_netns = NETNS_COOKIE, .nsid = -1 };

		memcpy(seen.name, desired->pairs[i].name, IFNAMSIZ);
		CHECK(ARRAY_APPEND(observed.sightings, observed.n_sightings, seen) == 0);
	}
	add_objects(&observed, NULL);
	*ret = observed;
}

/* ---- copies ---- */

static void copy_end(const struct sighted_end *from, struct sighted_end *ret)
{
	*ret = *from;
	ret->addresses = duplicate(from->addresses, from->n_addresses, sizeof(*from->addresses));
	ret->routes = duplicate(from->routes, from->n_routes, sizeof(*from->routes));
	ret->neighbours =
		duplicate(from->neighbours, from->n_neighbours, sizeof(*from->neighbours));
	ret->chain = duplicate(from->chain, from->n_chain, sizeof(*from->chain));
	ret->sysctls = NULL;
	ret->n_sysctls = 0;
	/* util_grow() believes that only powers of two are full. */
	ret->addresses = reallocarray(ret->addresses, 64, sizeof(*ret->addresses));
	ret->routes = reallocarray(ret->routes, 64, sizeof(*ret->routes));
	ret->neighbours = reallocarray(ret->neighbours, 64, sizeof(*ret->neighbours));
	ret->chain = reallocarray(ret->chain, 64, sizeof(*ret->chain));
	CHECK(ret->addresses && ret->routes && ret->neighbours && ret->chain);
}

void model_copy_observed(const struct observed *from, struct observed *ret)
{
	struct observed copy = {};

	for (enum kind kind = 0; kind < N_KINDS; kind++)
		copy.kinds[kind].usable = from->kinds[kind].usable;
	for (size_t i = 0; i < from->n_sightings; i++) {
		struct sighting seen = from->sightings[i];

		CHECK(diag_copy(&from->sightings[i].netns_why, &seen.netns_why) == 0);
		for (enum side side = 0; side < N_SIDES; side++)
			copy_end(&from->sightings[i].end[side], &seen.end[side]);
		CHECK(ARRAY_APPEND(copy.sightings, copy.n_sightings, seen) == 0);
	}
	for (size_t i = 0; i < from->n_objects; i++) {
		struct object object = from->objects[i];

		CHECK(diag_copy(&from->objects[i].why, &object.why) == 0);
		CHECK(ARRAY_APPEND(copy.objects, copy.n_objects, object) == 0);
	}
	*ret = copy;
}

/* ---- steps ---- */

#define REMOVE(array, n, i)                                                                        \
	memmove(&(array)[i], &(array)[(i) + 1], (--(n) - (i)) * sizeof(*(array)))

static const char *apply_create(struct sighting *seen, const struct task *task,
				const struct step *step)
{
	const struct pair *want = task->want;

	if (seen->owner != OWNER_NONE)
		return "the device exists";
	if (!seen->wanted_netns)
		return "there is no namespace";
	if (seen->peer_name_taken)
		return "the peer's name is taken";
	seen->owner = OWNER_METAD;
	seen->kind = step->create_kind;
	seen->mode = want->mode;
	seen->netns = seen->wanted_netns;
	seen->reported = kind_has_policy(seen->kind) ?
				 REPORTED_SCRUB | REPORTED_HEADROOM | REPORTED_TAILROOM : 0;
	seen->headroom = want->headroom;
	seen->tailroom = want->tailroom;
	for (enum side side = 0; side < N_SIDES; side++) {
		struct sighted_end *end = &seen->end[side];

		end->ifindex = 1000 + side;
		end->attrs = want->end[side].attrs;
		end->attrs.up = false;
		end->attrs.linklocal = true;
		end->policy = POLICY_DROP;
		end->scrub = want->end[side].scrub;
		end->attrs.has |= ATTR_MAC;
		if (seen->kind == KIND_VETH && seen->mode == MODE_L3)
			memset(end->attrs.mac, 2, MAC_LEN);
	}
	return NULL;
}

static const char *apply_delete(struct sighting *seen)
{
	uint64_t wanted_netns = seen->wanted_netns;
	bool taken = seen->peer_name_taken;
	char name[IFNAMSIZ];

	if (seen->owner != OWNER_METAD)
		return "the device is not metad's";
	for (enum side side = 0; side < N_SIDES; side++)
		for (size_t i = 0; i < seen->end[side].n_chain; i++)
			if (!seen->end[side].chain[i].foreign)
				return "a device with live links is deleted";
	memcpy(name, seen->name, IFNAMSIZ);
	sighting_done(seen);
	memcpy(seen->name, name, IFNAMSIZ);
	seen->wanted_netns = wanted_netns;
	seen->peer_name_taken = taken;
	return NULL;
}

static size_t find_slot(const struct sighted_end *end, const char *program)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < end->n_chain; i++)
		if (!end->chain[i].foreign && strcmp(end->chain[i].program, program) == 0 &&
		    (found == SIZE_MAX || end->chain[i].link_id > end->chain[found].link_id))
			found = i;
	return found;
}

static size_t find_link(const struct sighted_end *end, uint32_t link_id)
{
	for (size_t i = 0; i < end->n_chain; i++)
		if (end->chain[i].link_id == link_id)
			return i;
	return SIZE_MAX;
}

static const char *apply_attach(struct sighted_end *end, const struct step *step)
{
	static uint32_t next_id = 1u << 31; /* younger than any random one */
	struct slot slot = { .digest = step->slot.digest, .link_id = next_id++ };
	size_t at = end->n_chain;

	if (step->slot.place != PLACE_TAIL) {
		at = step->slot.anchor_link_id ? find_link(end, step->slot.anchor_link_id)
					       : find_slot(end, step->slot.anchor);
		if (at == SIZE_MAX)
			return "the anchor is not in the chain";
		at += step->slot.place == PLACE_AFTER;
	}
	if (!slot.digest)
		return "there is no object";
	memcpy(slot.program, step->slot.program, sizeof(slot.program));
	CHECK(ARRAY_APPEND(end->chain, end->n_chain, slot) == 0);
	memmove(&end->chain[at + 1], &end->chain[at], (end->n_chain - 1 - at) * sizeof(slot));
	end->chain[at] = slot;
	return NULL;
}

static const char *apply_slot(struct sighted_end *end, const struct step *step)
{
	for (size_t i = 0; i < end->n_chain; i++) {
		struct slot *slot = &end->chain[i];

		if (slot->link_id != step->slot.link_id)
			continue;
		if (slot->foreign)
			return "the link is not metad's";
		if (step->kind == STEP_UPDATE)
			slot->digest = step->slot.digest;
		else
			REMOVE(end->chain, end->n_chain, i);
		return NULL;
	}
	return "there is no such link";
}

static const char *apply_address(struct sighted_end *end, const struct step *step)
{
	for (size_t i = 0; i < end->n_addresses; i++) {
		if (!prefix_equal(&end->addresses[i].prefix, &step->address.prefix))
			continue;
		if (step->kind == STEP_ADDRESS_ADD)
			return "the address exists";
		if (end->addresses[i].foreign)
			return "the address is not metad's";
		REMOVE(end->addresses, end->n_addresses, i);
		return NULL;
	}
	if (step->kind == STEP_ADDRESS_DEL)
		return "there is no such address";
	CHECK(ARRAY_APPEND(end->addresses, end->n_addresses, step->address) == 0);
	return NULL;
}

static const char *apply_route(struct sighted_end *end, const struct step *step)
{
	for (size_t i = 0; i < end->n_routes; i++) {
		if (!route_key_equal(&end->routes[i], &step->route))
			continue;
		if (step->kind == STEP_ROUTE_ADD)
			return "the route exists";
		REMOVE(end->routes, end->n_routes, i);
		return NULL;
	}
	if (step->kind == STEP_ROUTE_DEL)
		return "there is no such route";
	if (!end->attrs.up)
		return "the device is down";
	CHECK(ARRAY_APPEND(end->routes, end->n_routes, step->route) == 0);
	return NULL;
}

static const char *apply_neighbour(struct sighted_end *end, const struct step *step)
{
	for (size_t i = 0; i < end->n_neighbours; i++) {
		if (!ip_equal(&end->neighbours[i].ip, &step->neighbour.ip))
			continue;
		if (step->kind == STEP_NEIGHBOUR_ADD)
			return "the neighbour exists";
		REMOVE(end->neighbours, end->n_neighbours, i);
		return NULL;
	}
	if (step->kind == STEP_NEIGHBOUR_DEL)
		return "there is no such neighbour";
	CHECK(ARRAY_APPEND(end->neighbours, end->n_neighbours, step->neighbour) == 0);
	return NULL;
}

static void apply_attrs(struct attrs *attrs, const struct attrs *set)
{
	if (set->has & ATTR_MTU)
		attrs->mtu = set->mtu;
	if (set->has & ATTR_TXQUEUELEN)
		attrs->txqueuelen = set->txqueuelen;
	if (set->has & ATTR_LINKLOCAL)
		attrs->linklocal = set->linklocal;
	if (set->has & ATTR_MAC)
		memcpy(attrs->mac, set->mac, MAC_LEN);
	if (set->has & ATTR_NAME)
		memcpy(attrs->name, set->name, IFNAMSIZ);
	if (set->has & ATTR_UP)
		attrs->up = set->up;
	attrs->has |= set->has;
}

const char *model_apply(struct observed *observed, const struct task *task,
			const struct step *step)
{
	struct sighting *seen = observed_find(observed, task->name);
	struct sighted_end *end = &seen->end[step->side];

	switch (step->kind) {
	case STEP_REAP:
		seen->n_defunct = 0;
		return NULL;
	case STEP_CREATE:
		return apply_create(seen, task, step);
	case STEP_DOWN:
	case STEP_DETACH_FIRST:
	case STEP_DELETE:
	case STEP_ATTACH:
	case STEP_UPDATE:
	case STEP_DETACH:
	case STEP_ADDRESS_DEL:
	case STEP_ROUTE_DEL:
	case STEP_NEIGHBOUR_DEL:
	case STEP_SET:
	case STEP_SYSCTL:
	case STEP_ADDRESS_ADD:
	case STEP_POLICY:
	case STEP_UP:
	case STEP_ROUTE_ADD:
	case STEP_NEIGHBOUR_ADD:
		break;
	}
	if (seen->owner != OWNER_METAD)
		return "the device is not metad's";
	switch (step->kind) {
	case STEP_DOWN:
		seen->end[SIDE_PRIMARY].attrs.up = false;
		return NULL;
	case STEP_DELETE:
		return apply_delete(seen);
	case STEP_ATTACH:
		return apply_attach(end, step);
	case STEP_DETACH_FIRST:
	case STEP_UPDATE:
	case STEP_DETACH:
		return apply_slot(end, step);
	case STEP_ADDRESS_ADD:
	case STEP_ADDRESS_DEL:
		return apply_address(end, step);
	case STEP_ROUTE_ADD:
	case STEP_ROUTE_DEL:
		return apply_route(end, step);
	case STEP_NEIGHBOUR_ADD:
	case STEP_NEIGHBOUR_DEL:
		return apply_neighbour(end, step);
	case STEP_SET:
	case STEP_UP:
		apply_attrs(&end->attrs, &step->attrs);
		return NULL;
	case STEP_POLICY:
		if (!kind_has_policy(seen->kind))
			return "the kind has no policy";
		for (enum side side = 0; side < N_SIDES; side++)
			seen->end[side].policy = step->policy[side];
		return NULL;
	case STEP_SYSCTL:
	case STEP_REAP:
	case STEP_CREATE:
		return NULL;
	}
	return "an unknown step";
}

void model_look(const struct observed *world, bool all, char (*names)[IFNAMSIZ], size_t n_names,
		struct observed *ret)
{
	size_t kept = 0;

	model_copy_observed(world, ret);
	for (size_t i = 0; i < ret->n_sightings; i++) {
		bool asked = all;

		for (size_t j = 0; j < n_names; j++)
			asked |= strcmp(names[j], ret->sightings[i].name) == 0;
		if (asked)
			ret->sightings[kept++] = ret->sightings[i];
		else
			sighting_done(&ret->sightings[i]);
	}
	ret->n_sightings = kept;
}
