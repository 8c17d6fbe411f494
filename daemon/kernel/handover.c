/* SPDX-License-Identifier: GPL-2.0-only */
/* See handover.h. Changes nothing but what handover_mark and handover_set_group are asked for. */
#include "kernel/handover.h"

#include <errno.h>
#include <stdio.h>

void handover_done(struct handover *handover)
{
	for (enum side side = 0; side < N_SIDES; side++)
		belongings_done(&handover->belongings[side]);
	netlink_free(handover->inside);
	handover->inside = NULL;
	netns_done(&handover->netns);
}

struct netlink *handover_netlink(const struct handover *handover, enum side side)
{
	return side == SIDE_PEER ? handover->inside : handover->kernel->host;
}

const char *handover_runtime_dir(const struct kernel *kernel)
{
	const struct kernel_options *options = kernel->options;

	for (size_t i = 0; i < options->n_config_dirs; i++)
		if (strcmp(options->config_dirs[i], options->runtime_dir) == 0)
			return options->config_dirs[i];
	return NULL;
}

int handover_find(struct handover *handover)
{
	struct hand *hand = handover->hand;
	int r = link_get(handover->kernel->host, 0, hand->name, &handover->link[SIDE_PRIMARY]);

	if (r == -ENODEV)
		return hand_refuse(hand, HAND_NO_DEVICE, "there is no device %s", hand->name);
	/* An alternative name finds it, too, and is no pair's name. */
	if (r == 0 && strcmp(handover->link[SIDE_PRIMARY].name, hand->name) != 0)
		return hand_refuse(hand, HAND_NO_DEVICE, "%s is another name of device %s",
				   hand->name, handover->link[SIDE_PRIMARY].name);
	return r;
}

/* A pair that is made anew would not be a port again. */
static int check_master(struct handover *handover, enum side side)
{
	const struct link *link = &handover->link[side];
	struct link master = {};

	if (!link->master)
		return 0;
	if (link_get(handover_netlink(handover, side), link->master, NULL, &master) < 0)
		master.name[0] = '\0';
	return hand_refuse(handover->hand, HAND_UNFIT,
			   "%s is a port of %s, which no declaration says", link->name,
			   master.name[0] ? master.name : "another device");
}

int handover_check(struct handover *handover)
{
	struct hand *hand = handover->hand;
	const struct link *link = &handover->link[SIDE_PRIMARY];

	if (!link->has_kind || link->kind == KIND_AUTO)
		return hand_refuse(hand, HAND_NO_PAIR, "%s is not of kind meta, netkit or veth",
				   hand->name);
	if (link->group == LINK_GROUP_METAD || link->group == LINK_GROUP_DOOMED)
		return hand_refuse(hand, HAND_IS_OURS, "%s is metad's already", hand->name);
	if (link->is_peer)
		return hand_refuse(hand, HAND_UNFIT, "%s is the peer of a pair: name its primary",
				   hand->name);
	if (!link->peer_ifindex)
		return hand_refuse(hand, HAND_NO_PAIR, "%s has no peer", hand->name);
	return check_master(handover, SIDE_PRIMARY);
}

/* ---- the peer ---- */

static int take_peer(struct handover *handover, struct netns *netns)
{
	struct hand *hand = handover->hand;
	const struct link *primary = &handover->link[SIDE_PRIMARY];
	struct link *peer = &handover->link[SIDE_PEER];
	int r;

	netns_done(&handover->netns);
	handover->netns = *netns;
	*netns = NETNS_NONE;
	r = netlink_open(&handover->netns, &handover->inside);
	if (r == 0)
		r = link_get(handover->inside, primary->peer_ifindex, NULL, peer);
	if (r == 0 && (peer->kind != primary->kind || peer->peer_ifindex != primary->ifindex))
		r = -ENODEV;
	if (r == -ENODEV)
		return hand_refuse(hand, HAND_NO_NETNS, "the peer of %s has just gone", hand->name);
	return r < 0 ? r : check_master(handover, SIDE_PEER);
}

static bool is_peers(const struct handover *handover, const struct netns *netns)
{
	int nsid;

	return link_nsid_find(handover->kernel->host, netns->fd, &nsid) == 0 &&
	       nsid == handover->link[SIDE_PRIMARY].peer_nsid;
}

int handover_open_peer(struct handover *handover, const struct netns_ref *ref)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};
	struct hand *hand = handover->hand;
	int r = netns_open(ref, handover->dirs, &netns, &why);

	if (r != 0)
		return hand_refuse(hand, HAND_NO_NETNS, "%s", why.text ? why.text : strerror(-r));
	if (!is_peers(handover, &netns))
		return hand_refuse(hand, HAND_NO_NETNS, "the peer of %s is not in namespace %s",
				   hand->name, ref->text);
	return take_peer(handover, &netns);
}

static int say_unknown(struct handover *handover)
{
	AUTO_FREE char *places = NULL;

	for (size_t i = 0; i < handover->dirs.n; i++) {
		AUTO_FREE char *before = places;

		if (asprintf(&places, "%s%s%s", before ? before : "", before ? ", " : "",
			     handover->dirs.paths[i]) < 0)
			places = NULL;
	}
	return hand_refuse(handover->hand, HAND_NO_NETNS,
			   "the peer of %s is in no namespace of %s: say which one it is in",
			   handover->hand->name, places ? places : "?");
}

static int find_by_fd(struct handover *handover, struct netns_ref *ret)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};
	struct hand *hand = handover->hand;
	struct netns_ref ref = {};
	int r = netns_open_fd(hand->netns_fd, &netns, &why);

	if (r == 0 && !is_peers(handover, &netns))
		return hand_refuse(hand, HAND_NO_NETNS, "the peer of %s is not in the namespace of "
				   "the file descriptor", hand->name);
	if (r == 0)
		r = netns_find_ref(&netns, handover->dirs, hand->caller, &ref, &why);
	if (r == -ENOMEM)
		return r;
	if (r != 0)
		return hand_refuse(hand, HAND_NO_NETNS, "%s", why.text ? why.text : strerror(-r));
	*ret = ref;
	return take_peer(handover, &netns);
}

static int find_by_name(struct handover *handover, struct netns_ref *ret)
{
	AUTO(netns_names_done) struct netns_names names = {};
	AUTO(diag_done) struct diag why = {};

	/* What could not be listed is just not found. */
	netns_list(handover->dirs, &names, &why);
	for (size_t i = 0; i < names.n; i++) {
		AUTO(netns_done) struct netns netns = NETNS_NONE;
		struct netns_ref ref = { .by = NETNS_BY_NAME, .text = names.items[i] };
		int r;

		if (netns_open(&ref, handover->dirs, &netns, &why) != 0 ||
		    !is_peers(handover, &netns))
			continue;
		r = take_peer(handover, &netns);
		if (r == 0)
			*ret = (struct netns_ref){ .by = NETNS_BY_NAME,
						   .text = STEAL(names.items[i]) };
		return r;
	}
	return say_unknown(handover);
}

int handover_find_peer(struct handover *handover, struct netns_ref *ret)
{
	struct hand *hand = handover->hand;
	int r;

	if (hand->netns_fd >= 0) {
		r = find_by_fd(handover, ret);
	} else if (hand->netns.text) {
		r = handover_open_peer(handover, &hand->netns);
		*ret = STEAL(hand->netns);
	} else {
		r = find_by_name(handover, ret);
	}
	/* Another process of that number later is not this one. */
	if (r == 0 && ret->by == NETNS_BY_PID)
		ret->cookie = handover->netns.cookie;
	return r;
}

/* ---- changes ---- */

int handover_mark(struct handover *handover, enum belongings_whose whose)
{
	AUTO(diag_done) struct diag why = {};
	int r = 0;

	for (enum side side = 0; side < N_SIDES && r == 0; side++)
		if (handover_netlink(handover, side))
			r = belongings_mark(handover_netlink(handover, side),
					    handover->link[side].ifindex,
					    &handover->belongings[side], whose, &why);
	if (r < 0 && why.text)
		return hand_refuse(handover->hand, HAND_FAILED, "%s", why.text);
	return r;
}

int handover_set_group(struct handover *handover, uint32_t group)
{
	AUTO(diag_done) struct diag why = {};
	struct hand *hand = handover->hand;
	int r = netlink_call(handover->kernel->host,
			     link_set_group(handover->link[SIDE_PRIMARY].ifindex, group), &why);

	if (r == -ENODEV)
		return hand_refuse(hand, HAND_NO_DEVICE, "device %s has just gone", hand->name);
	if (r < 0 && why.text)
		return hand_refuse(hand, HAND_FAILED, "%s", why.text);
	return r;
}
