/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a model's pair is what was wanted, and whether it lets anything through that it should
 * not. Written from the schema, not from plan.c: what both get wrong nobody would notice.
 */
#include "unit/model_kernel.h"

/* The k-th program of ours in the chain; NULL: there are fewer. */
static const struct slot *own_slot(const struct sighted_end *end, size_t k)
{
	for (size_t i = 0; i < end->n_chain; i++)
		if (!end->chain[i].foreign && k-- == 0)
			return &end->chain[i];
	return NULL;
}

static const char *chain_difference(const struct observed *observed, const struct end *want,
				    const struct sighting *seen, enum side side)
{
	const struct sighted_end *end = &seen->end[side];
	bool stand_in = !want->n_uses && want->policy == POLICY_DROP && seen->kind == KIND_VETH;
	size_t n = stand_in ? 1 : want->n_uses;

	for (size_t i = 0; i < n; i++) {
		const char *name = stand_in ? PROGRAM_POLICY_DROP : want->uses[i].program;
		const struct slot *slot = own_slot(end, i);
		uint64_t digest = observed_find_object(observed, name)->digest;

		if (!slot || strcmp(slot->program, name) != 0)
			return "chain";
		if (digest && slot->digest != digest)
			return "digest";
	}
	return own_slot(end, n) ? "an extra program" : NULL;
}

static const char *end_difference(const struct observed *observed, const struct end *want,
				  const struct sighting *seen, enum side side)
{
	const struct sighted_end *end = &seen->end[side];
	size_t n_own = 0;

	if (end->attrs.mtu != want->attrs.mtu || !end->attrs.up ||
	    end->attrs.linklocal != want->attrs.linklocal ||
	    strcmp(end->attrs.name, want->attrs.name) != 0)
		return "attributes";
	if ((want->attrs.has & end->attrs.has & ATTR_TXQUEUELEN) &&
	    end->attrs.txqueuelen != want->attrs.txqueuelen)
		return "txqueuelen";
	if (kind_has_policy(seen->kind) && end->policy != want->policy)
		return "policy";
	for (size_t i = 0; i < want->n_addresses; i++) {
		size_t j = 0;

		while (j < end->n_addresses &&
		       !prefix_equal(&end->addresses[j].prefix, &want->addresses[i].prefix))
			j++;
		if (j == end->n_addresses)
			return "a missing address";
		n_own += !end->addresses[j].foreign;
	}
	for (size_t i = 0; i < end->n_addresses; i++)
		n_own -= !end->addresses[i].foreign;
	if (n_own != 0)
		return "an extra address";
	if (end->n_routes != want->n_routes)
		return "number of routes";
	for (size_t i = 0; i < want->n_routes; i++) {
		size_t j = 0;

		while (j < end->n_routes && !route_equal(&end->routes[j], &want->routes[i]))
			j++;
		if (j == end->n_routes)
			return "a missing route";
	}
	if (end->n_neighbours != want->n_neighbours ||
	    (want->n_neighbours && !neighbour_equal(end->neighbours, want->neighbours)))
		return "neighbours";
	return chain_difference(observed, want, seen, side);
}

const char *model_difference(const struct observed *observed, const struct pair *want,
			     const struct sighting *seen)
{
	const char *difference;

	if (seen->owner != OWNER_METAD)
		return "no device";
	if (want->kind != KIND_AUTO && want->kind != seen->kind)
		return "kind";
	if (seen->kind == KIND_VETH && want->mode == MODE_L3 &&
	    memcmp(seen->end[SIDE_PRIMARY].attrs.mac, seen->end[SIDE_PEER].attrs.mac, MAC_LEN) != 0)
		return "two MAC addresses";
	if (want->mode != seen->mode || seen->netns != seen->wanted_netns)
		return "mode or namespace";
	difference = end_difference(observed, &want->end[SIDE_PRIMARY], seen, SIDE_PRIMARY);
	if (!difference)
		difference = end_difference(observed, &want->end[SIDE_PEER], seen, SIDE_PEER);
	return difference;
}

static bool is_attached(const struct sighted_end *end, const char *program)
{
	for (size_t i = 0; i < end->n_chain; i++)
		if (!end->chain[i].foreign && strcmp(end->chain[i].program, program) == 0)
			return true;
	return false;
}

bool model_leaks(const struct pair *want, const struct sighting *seen)
{
	if (seen->owner != OWNER_METAD || !seen->end[SIDE_PRIMARY].attrs.up ||
	    !seen->end[SIDE_PEER].attrs.up)
		return false;
	for (enum side side = 0; side < N_SIDES; side++) {
		const struct end *end = &want->end[side];

		for (size_t i = 0; i < end->n_uses; i++)
			if (!is_attached(&seen->end[side], end->uses[i].program))
				return true;
		if (!end->n_uses && end->policy == POLICY_DROP && seen->kind == KIND_VETH &&
		    !seen->end[side].n_chain)
			return true;
		if (!end->n_uses && end->policy == POLICY_DROP && kind_has_policy(seen->kind) &&
		    seen->end[side].policy != POLICY_DROP)
			return true;
	}
	return false;
}
