/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_DRAFT: a pair that somebody has made, as the declaration that would make it, in a file; see
 * context.h. Nothing of the pair is changed. What metad would do to a pair so declared is planned
 * before the file is written: nothing that the pair's owner or traffic would notice may be in it.
 */
#include "core/config_write.h"
#include "core/plan.h"
#include "files/atomic.h"
#include "files/dropin.h"
#include "kernel/handover.h"

#include <errno.h>
#include <stdio.h>

static const uint32_t sizes =
	ATTR_MTU | ATTR_TXQUEUELEN | ATTR_GSO_MAX_SIZE | ATTR_GRO_MAX_SIZE |
	ATTR_GSO_IPV4_MAX_SIZE | ATTR_GRO_IPV4_MAX_SIZE;

/* ---- the pair ---- */

static int unequal(struct hand *hand, const char *what, uint32_t primary, uint32_t peer)
{
	return hand_refuse(hand, HAND_UNFIT, "its ends differ in %s, %u and %u: a pair has one", what,
			   primary, peer);
}

/* What a declaration says once, of both ends. */
static int check_ends(struct handover *handover)
{
	const struct link *link = handover->link;
	const struct attrs *primary = &link[SIDE_PRIMARY].attrs, *peer = &link[SIDE_PEER].attrs;
	const struct {
		const char *what;
		uint32_t primary, peer;
	} numbers[] = {
		{ "mtu", primary->mtu, peer->mtu },
		{ "txqueuelen", primary->txqueuelen, peer->txqueuelen },
		{ "gso_max_size", primary->gso_max_size, peer->gso_max_size },
		{ "gro_max_size", primary->gro_max_size, peer->gro_max_size },
		{ "gso_ipv4_max_size", primary->gso_ipv4_max_size, peer->gso_ipv4_max_size },
		{ "gro_ipv4_max_size", primary->gro_ipv4_max_size, peer->gro_ipv4_max_size },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].primary != numbers[i].peer)
			return unequal(handover->hand, numbers[i].what, numbers[i].primary,
				       numbers[i].peer);
	if (link[SIDE_PRIMARY].noarp != link[SIDE_PEER].noarp)
		return hand_refuse(handover->hand, HAND_UNFIT,
				   "only one of its ends does without ARP: it is in no mode");
	if (!device_name_is_valid(link[SIDE_PRIMARY].name) ||
	    !device_name_is_valid(link[SIDE_PEER].name))
		return hand_refuse(handover->hand, HAND_UNFIT,
				   "a name of letters, digits, '_', '-' and '.' is needed at both ends");
	return 0;
}

static int fill_lists(const struct belongings *belongings, struct end *end)
{
	int r = 0;

	for (size_t i = 0; i < belongings->n && r == 0; i++) {
		const struct belonging *item = &belongings->items[i];

		switch (item->kind) {
		case BELONGING_ADDRESS:
			r = ARRAY_APPEND(end->addresses, end->n_addresses, item->address);
			break;
		case BELONGING_ROUTE:
			r = ARRAY_APPEND(end->routes, end->n_routes, item->route);
			break;
		case BELONGING_NEIGHBOUR:
			r = ARRAY_APPEND(end->neighbours, end->n_neighbours, item->neighbour);
			break;
		}
	}
	return r;
}

static int fill_pair(const struct handover *handover, struct pair *pair)
{
	const struct link *primary = &handover->link[SIDE_PRIMARY];
	int r = 0;

	memcpy(pair->name, primary->name, IFNAMSIZ);
	pair->kind = primary->kind;
	pair->mode = primary->mode;
	pair->headroom = primary->headroom;
	pair->tailroom = primary->tailroom;
	for (enum side side = 0; side < N_SIDES && r == 0; side++) {
		struct end *end = &pair->end[side];

		end->attrs = handover->link[side].attrs;
		end->attrs.has &= sizes | (pair->mode == MODE_L2 ? ATTR_MAC : 0);
		end->policy = primary->policy[side];
		end->scrub = primary->scrub[side];
		r = fill_lists(&handover->belongings[side], end);
	}
	return r;
}

/* Looks at everything that a declaration says. */
static int look(struct handover *handover, struct pair *pair)
{
	struct hand *hand = handover->hand;
	int r = handover_find(handover);

	if (r == 0)
		r = handover_check(handover);
	if (r == 0)
		r = handover_find_peer(handover, &pair->netns);
	if (r == 0)
		r = check_ends(handover);
	for (enum side side = 0; side < N_SIDES && r == 0; side++) {
		size_t n_before = hand->notes.n;

		r = belongings_read_by_hand(handover_netlink(handover, side),
					    handover->link[side].ifindex,
					    &handover->belongings[side], &hand->notes);
		for (size_t i = n_before; i < hand->notes.n; i++)
			diag_prefix(&hand->notes.items[i], "%s", side_name(side));
	}
	return r == 0 ? fill_pair(handover, pair) : r;
}

/* ---- what would be done to it ---- */

static int copy_dirs(const struct settings *from, struct settings *to)
{
	int r = 0;

	for (size_t i = 0; i < from->n_netns_dirs && r == 0; i++) {
		char *dir = strdup(from->netns_dirs[i]);

		r = dir ? ARRAY_APPEND(to->netns_dirs, to->n_netns_dirs, dir) : -ENOMEM;
		if (r < 0)
			free(dir);
	}
	return r;
}

/* Reads what was written, as it will be read, with the defaults of the settings. */
static int declare(const struct job *job, struct desired **ret)
{
	AUTO(desired_unrefp) struct desired *desired = desired_new();
	AUTO(diag_list_done) struct diag_list diags = {};
	AUTO(config_done) struct config config = {};
	const struct config_part part = { .path = job->hand->file, .bytes = job->hand->content,
					  .len = strlen(job->hand->content) };
	int r = desired ? config_parse(CONFIG_PAIRS, &part, 1, catalog_defaults(job->in_force),
				       &config, &diags)
			: -ENOMEM;

	if (r > 0)
		return hand_refuse(job->hand, HAND_UNFIT, "%s",
				   diags.n && diags.items[0].text ? diags.items[0].text : "?");
	if (r == 0)
		r = copy_dirs(&job->desired->settings, &desired->settings);
	if (r < 0)
		return r;
	desired->pairs = STEAL(config.pairs);
	desired->n_pairs = STEAL(config.n_pairs);
	*ret = STEAL(desired);
	return 0;
}

/* A step that changes nothing of what is said by whoever made the pair, or only adds to it. */
static bool is_harmless(const struct step *step)
{
	return step->kind == STEP_UP || step->kind == STEP_SYSCTL ||
	       (step->kind == STEP_SET && step->attrs.has == ATTR_LINKLOCAL);
}

static int judge_steps(struct hand *hand, const struct task *task)
{
	char text[STEP_TEXT_SIZE];

	if (task->verdict != VERDICT_READY && task->verdict != VERDICT_CHANGE)
		return hand_refuse(hand, HAND_UNFIT, "%s", task->why.text ? task->why.text : "?");
	for (size_t i = 0; i < task->n_steps; i++) {
		const struct step *step = &task->steps[i];

		step_text(step, text);
		if (!is_harmless(step))
			return hand_refuse(hand, HAND_UNFIT, "metad would have to change it: %s: %s",
					   side_name(step->side), text);
		hand_note(hand, "%s: metad will %s", side_name(step->side), text);
	}
	return 0;
}

static void note_programs(struct hand *hand, const struct sighting *seen)
{
	for (enum side side = 0; side < N_SIDES; side++)
		for (size_t i = 0; i < seen->end[side].n_chain; i++)
			hand_note(hand, "%s: program %s (%u) stays somebody else's, in its place",
				  side_name(side), seen->end[side].chain[i].kernel_name,
				  seen->end[side].chain[i].prog_id);
}

static int judge(struct kernel *kernel, const struct job *job, const struct handover *handover)
{
	AUTO(desired_unrefp) struct desired *desired = NULL;
	AUTO(observed_done) struct observed observed = {};
	AUTO(plan_done) struct plan plan = {};
	int r = declare(job, &desired);

	if (r == 0)
		r = adopt_observe(kernel, desired, handover, &observed);
	if (r == 0)
		r = plan_make(desired, &observed, &plan);
	if (r == 0)
		r = judge_steps(job->hand, &plan.tasks[0]);
	if (r == 0)
		note_programs(job->hand, &observed.sightings[0]);
	return r;
}

/* ---- the file ---- */

/* NULL: there is none. */
static const char *choose_dir(const struct kernel *kernel, const struct hand *hand)
{
	return hand->runtime ? handover_runtime_dir(kernel) : kernel->options->config_dirs[0];
}

static int choose_file(const struct kernel *kernel, const struct catalog *in_force, struct hand *hand)
{
	const char *dir = choose_dir(kernel, hand);
	char name[IFNAMSIZ + sizeof(".yaml")];
	const struct catalog_file *other;

	snprintf(name, sizeof(name), "%s.yaml", hand->name);
	if (!dropin_is_name(name))
		return hand_refuse(hand, HAND_UNFIT, "%s would not count as a file's name", name);
	if (!dir)
		return hand_refuse(hand, HAND_UNFIT, "%s is not among the configuration directories",
				   kernel->options->runtime_dir);
	other = catalog_find(in_force, CONFIG_PAIRS, name);
	if (other)
		return hand_refuse(hand, HAND_UNFIT,
				   "there is a file %s already, which does not declare it",
				   other->n_paths ? other->paths[0] : name);
	hand->file = dropin_path(dir, CONFIG_PAIRS, name, NULL);
	return hand->file ? 0 : -ENOMEM;
}

static int write_text(const struct pair *pair, const struct node *defaults, struct hand *hand)
{
	AUTO_FREE char *comment = NULL;
	size_t len;

	if (asprintf(&comment, HAND_COMMENT "\"metactl release %s\" gives it back.\n", pair->name) < 0) {
		comment = NULL;
		return -ENOMEM;
	}
	return config_write_pair(pair, defaults, comment, &hand->content, &len);
}

static int save(const struct kernel *kernel, struct hand *hand)
{
	struct atomic_part part = { hand->content, strlen(hand->content) };
	int r = dropin_make_dirs(choose_dir(kernel, hand));

	if (r == 0 && access(hand->file, F_OK) == 0)
		r = -EEXIST;
	if (r == 0)
		r = atomic_write(hand->file, ATOMIC_PUBLIC, &part, 1);
	hand->wrote = r == 0;
	if (r == -EROFS || r == -EACCES || r == -EPERM)
		return hand_refuse(hand, HAND_READ_ONLY, "%s cannot be written: %s%s", hand->file,
				   strerror(-r),
				   hand->runtime ? "" : "; it can be declared until the next boot");
	if (r < 0)
		return hand_refuse(hand, HAND_FAILED, "%s: %s", hand->file, strerror(-r));
	return 0;
}

static int check_undeclared(const struct job *job)
{
	const struct pair *pair = desired_find_pair(job->desired, job->hand->name);

	if (!pair)
		return 0;
	return hand_refuse(job->hand, HAND_UNFIT, "it is declared already, in %s",
			   pair->at.file ? pair->at.file : "?");
}

int adopt_draft(struct kernel *kernel, struct job *job)
{
	AUTO(handover_done) struct handover handover = HANDOVER(kernel, job);
	AUTO(pair_done) struct pair pair = {};
	struct hand *hand = job->hand;
	int r = check_undeclared(job);

	if (r == 0)
		r = look(&handover, &pair);
	if (r == 0)
		r = choose_file(kernel, job->in_force, hand);
	if (r == 0)
		r = write_text(&pair, catalog_defaults(job->in_force), hand);
	if (r == 0)
		r = judge(kernel, job, &handover);
	if (r == 0 && handover.link[SIDE_PRIMARY].group)
		hand_note(hand, "its link group %u becomes metad's",
			  handover.link[SIDE_PRIMARY].group);
	if (r == 0 && !hand->dry_run)
		r = save(kernel, hand);
	/* Here, because closing somebody else's file may take as long as its owner likes. */
	util_close(&hand->netns_fd);
	hand->netns_fd = -1;
	return r < 0 ? r : 0;
}
