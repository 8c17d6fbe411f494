/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_LOOK: joins links, addresses, routes, chains and pins into sightings. Changes nothing but
 * one thing: it gives each wanted namespace a number (RTM_NEWNSID), without which its events would
 * not reach the monitor. Worker thread.
 */
#include "kernel/chain.h"
#include "kernel/context.h"
#include "kernel/survey.h"
#include "kernel/sysctl.h"

#include <errno.h>
#include <stdio.h>

/* The peer's namespace is some other than the wanted one; which, nobody needs to know. */
#define NETNS_ELSEWHERE UINT64_MAX

/* Up to so many pairs are asked for one by one; more, and dumps of everything are cheaper. */
#define FEW 16

/* One look: what all its sightings have in common. */
struct look {
	struct kernel *kernel;
	const struct desired *desired;
	bool few;
	const char *claimed; /* a device that is looked at as if it were ours; NULL: none */
	struct survey host;
	struct chain_pins pins;
	struct observed observed;
	/* The namespace visited last: pairs that share one are often neighbours in the table. */
	const struct netns_ref *visited; /* borrowed from desired; NULL: none yet */
	struct netns netns;
	struct netlink *inside;
	int nsid;
	struct survey survey; /* of a few, only the devices of the pair at hand */
	struct diag absent;
};

static void look_leave(struct look *look)
{
	netns_done(&look->netns);
	netlink_free(look->inside);
	look->inside = NULL;
	survey_done(&look->survey);
	diag_done(&look->absent);
	look->visited = NULL;
	look->nsid = -1;
}

static void look_done(struct look *look)
{
	look_leave(look);
	survey_done(&look->host);
	chain_pins_done(&look->pins);
	observed_done(&look->observed);
}

static bool same_ref(const struct netns_ref *a, const struct netns_ref *b)
{
	return a && a->by == b->by && strcmp(a->text, b->text) == 0;
}

/* Opens the namespace unless it is the one visited last. Absence is no error. */
static int visit(struct look *look, const struct netns_ref *ref)
{
	struct netns netns = NETNS_NONE;
	int r;

	if (same_ref(look->visited, ref))
		return 0;
	look_leave(look);
	r = netns_open(ref, context_netns_dirs(look->desired), &netns, &look->absent);
	if (r == 0) {
		look->netns = netns;
		r = link_nsid(look->kernel->host, netns.fd, &look->nsid);
		if (r == 0)
			r = netlink_open(&look->netns, &look->inside);
		if (r == 0 && !look->few)
			r = survey_take(look->inside, &look->survey);
		if (r < 0)
			return r;
	}
	look->visited = ref;
	return r < 0 ? r : 0;
}

static bool is_ours(const struct look *look, const struct link *link)
{
	if (link && look->claimed && strcmp(link->name, look->claimed) == 0)
		return true;
	return link && link->kind != KIND_AUTO && link->has_kind &&
	       (link->group == LINK_GROUP_METAD || link->group == LINK_GROUP_DOOMED);
}

static int read_sysctls(struct look *look, const struct end *want, struct sighted_end *ret)
{
	int r = 0;

	if (!want->n_sysctls)
		return 0;
	r = netns_enter(&look->netns);
	if (r < 0)
		return r;
	for (size_t i = 0; i < want->n_sysctls && r == 0; i++) {
		struct sysctl sysctl = { .key = strdup(want->sysctls[i].key) };

		/* What cannot be read differs from what is wanted; writing it says why. */
		sysctl_read(sysctl.key ? sysctl.key : "", &sysctl.value);
		r = sysctl.key ? ARRAY_APPEND(ret->sysctls, ret->n_sysctls, sysctl) : -ENOMEM;
		if (r < 0) {
			free(sysctl.key);
			free(sysctl.value);
		}
	}
	netns_leave();
	return r;
}

/* The peer itself, and whoever else may have the name that is wanted for it. */
static int survey_peer(struct look *look, const struct pair *want, const struct link *primary)
{
	int r = 0;

	survey_done(&look->survey);
	if (is_ours(look, primary) && primary->peer_nsid == look->nsid)
		r = survey_add(&look->survey, look->inside, primary->peer_ifindex, NULL);
	if (r == 0)
		r = survey_add(&look->survey, look->inside, 0, want->end[SIDE_PEER].attrs.name);
	return r;
}

static int look_at_peer(struct look *look, const struct pair *want, const struct link *primary,
			struct sighting *seen)
{
	const struct end *want_peer = &want->end[SIDE_PEER];
	const struct link *holder, *peer = NULL;
	int r = visit(look, &want->netns);

	if (r < 0)
		return r;
	seen->nsid = look->nsid;
	if (look->netns.fd < 0)
		return diag_copy(&look->absent, &seen->netns_why);
	seen->wanted_netns = look->netns.cookie;
	r = look->few ? survey_peer(look, want, primary) : 0;
	if (r < 0)
		return r;
	if (is_ours(look, primary)) {
		seen->netns = primary->peer_nsid == look->nsid ? look->netns.cookie
								: NETNS_ELSEWHERE;
		if (seen->netns == seen->wanted_netns)
			peer = survey_find(&look->survey, primary->peer_ifindex);
	}
	holder = survey_find_name(&look->survey, want_peer->attrs.name);
	seen->peer_name_taken = holder && holder != peer;
	if (!peer)
		return 0;
	r = survey_fill_end(&look->survey, peer, &seen->end[SIDE_PEER]);
	return r < 0 ? r : read_sysctls(look, want_peer, &seen->end[SIDE_PEER]);
}

static int look_at_chains(struct look *look, struct sighting *seen)
{
	for (enum side side = 0; side < N_SIDES; side++) {
		struct chain_hook hook = { seen->kind, side, seen->end[SIDE_PRIMARY].ifindex };
		unsigned int n_defunct = 0;
		int r = chain_look(look->kernel->objects, &look->pins, seen->name, &hook,
				   &seen->end[side], &n_defunct);

		if (r < 0)
			return r;
		seen->n_defunct += n_defunct;
	}
	return 0;
}

static int look_at_primary(struct look *look, const struct link *link, struct sighting *seen)
{
	int r;

	seen->kind = link->kind;
	seen->mode = link->mode;
	seen->reported = link->reported;
	seen->headroom = link->headroom;
	seen->tailroom = link->tailroom;
	r = survey_fill_end(&look->host, link, &seen->end[SIDE_PRIMARY]);
	if (r < 0)
		return r;
	seen->end[SIDE_PEER].policy = link->policy[1];
	seen->end[SIDE_PEER].scrub = link->scrub[1];
	return look_at_chains(look, seen);
}

static int look_at_pair(struct look *look, const char *name)
{
	const struct pair *want = desired_find_pair(look->desired, name);
	const struct link *link = survey_find_name(&look->host, name);
	AUTO(sighting_done) struct sighting seen = { .nsid = -1 };
	int r = 0;

	snprintf(seen.name, sizeof(seen.name), "%s", name);
	seen.owner = !link ? OWNER_NONE : is_ours(look, link) ? OWNER_METAD : OWNER_FOREIGN;
	if (seen.owner == OWNER_METAD)
		r = look_at_primary(look, link, &seen);
	else if (seen.owner == OWNER_FOREIGN)
		seen.n_defunct = chain_count_defunct(look->kernel->objects, &look->pins, name);
	else
		seen.n_defunct = chain_count_pins(&look->pins, name);
	/* Second, because the peer's own dump is nearer to the truth than what the primary says. */
	if (r == 0 && want)
		r = look_at_peer(look, want, link, &seen);
	if (r == 0)
		r = ARRAY_APPEND(look->observed.sightings, look->observed.n_sightings, seen);
	if (r == 0)
		memset(&seen, 0, sizeof(seen));
	return r;
}

static int look_at_objects(struct look *look)
{
	int r = 0;

	for (size_t i = 0; i < look->desired->n_programs && r == 0; i++) {
		struct object object = {};

		r = object_look(look->kernel->objects, &look->desired->programs[i], &object);
		if (r == 0)
			r = ARRAY_APPEND(look->observed.objects, look->observed.n_objects, object);
		if (r < 0)
			object_done(&object);
	}
	return r;
}

static int copy_probed(struct look *look)
{
	for (enum kind kind = 0; kind < N_KINDS; kind++) {
		const struct kind_state *from = &look->kernel->kinds[kind];
		char *why = from->why ? strdup(from->why) : NULL;

		if (from->why && !why)
			return -ENOMEM;
		look->observed.kinds[kind] = (struct kind_state){ from->usable, why };
	}
	return features_copy(look->kernel->features, look->observed.features);
}

/* Ours that nobody declares, and pairs of which nothing but pins is left. */
static int look_at_leftovers(struct look *look)
{
	int r = 0;

	for (size_t i = 0; i < look->host.n_links && r == 0; i++) {
		const struct link *link = &look->host.links[i];

		if (is_ours(look, link) && !desired_find_pair(look->desired, link->name))
			r = look_at_pair(look, link->name);
	}
	for (size_t i = 0; i < look->pins.n && r == 0; i++) {
		const char *name = look->pins.items[i].pair;

		if ((i == 0 || strcmp(look->pins.items[i - 1].pair, name) != 0) &&
		    !desired_find_pair(look->desired, name) &&
		    !is_ours(look, survey_find_name(&look->host, name)))
			r = look_at_pair(look, name);
	}
	return r;
}

/* A full look is the moment to forget program instances that no link runs. */
static int reap_objects(struct look *look)
{
	AUTO_FREE uint32_t *used = NULL;
	size_t n_used = 0;
	int r = 0;

	for (size_t i = 0; i < look->observed.n_sightings; i++)
		for (enum side side = 0; side < N_SIDES; side++) {
			const struct sighted_end *end = &look->observed.sightings[i].end[side];

			for (size_t j = 0; j < end->n_chain && r == 0; j++)
				r = ARRAY_APPEND(used, n_used, end->chain[j].prog_id);
		}
	if (r < 0)
		return r;
	return objects_reap(look->kernel->objects, used, n_used, look->observed.objects,
			    look->observed.n_objects);
}

static int survey_host(struct look *look, const struct job *job)
{
	struct netlink *host = look->kernel->host;
	int r = 0;

	look->few = !job->all && job->n_names <= FEW;
	if (!look->few)
		return survey_take(host, &look->host);
	for (size_t i = 0; i < job->n_names && r == 0; i++)
		r = survey_add(&look->host, host, 0, job->names[i]);
	return r;
}

int observe_run(struct kernel *kernel, struct job *job)
{
	AUTO(look_done) struct look look = {
		.kernel = kernel, .desired = job->desired, .netns = NETNS_NONE, .nsid = -1
	};
	int r = survey_host(&look, job);

	if (r == 0)
		r = chain_pins_read(kernel->objects, &look.pins);
	if (r == 0)
		r = copy_probed(&look);
	if (r == 0)
		r = look_at_objects(&look);
	for (size_t i = 0; job->all && i < look.desired->n_pairs && r == 0; i++)
		r = look_at_pair(&look, look.desired->pairs[i].name);
	for (size_t i = 0; !job->all && i < job->n_names && r == 0; i++)
		r = look_at_pair(&look, job->names[i]);
	if (r == 0 && job->all)
		r = look_at_leftovers(&look);
	if (r == 0 && job->all)
		r = reap_objects(&look);
	if (r < 0) {
		diag_set(&job->why, "%s", strerror(-r));
		return r;
	}
	observed_sort(&look.observed);
	job->observed = STEAL(look.observed);
	return 0;
}

int observe_claimed(struct kernel *kernel, const struct desired *desired, const char *name,
		    struct observed *ret)
{
	AUTO(look_done) struct look look = {
		.kernel = kernel, .desired = desired, .netns = NETNS_NONE, .nsid = -1,
		.few = true, .claimed = name
	};
	int r = survey_add(&look.host, kernel->host, 0, name);

	if (r == 0)
		r = chain_pins_read(kernel->objects, &look.pins);
	if (r == 0)
		r = copy_probed(&look);
	if (r == 0)
		r = look_at_objects(&look);
	if (r == 0)
		r = look_at_pair(&look, name);
	if (r == 0)
		*ret = STEAL(look.observed);
	return r;
}
