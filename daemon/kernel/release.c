/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_RELEASE: a pair of metad's becomes nobody's, as it is; see context.h. The mark of ownership goes
 * first: from then on nothing of it is touched, and whatever ends this later leaves a pair that
 * works, and that can be released again to do the rest.
 */
#include "files/dropin.h"
#include "kernel/chain.h"
#include "kernel/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- pins ---- */

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int move_pin(struct kernel *kernel, struct hand *hand, const char *dir, const struct pin *pin)
{
	AUTO_FREE char *from = pin_link_path(objects_dir(kernel->objects), pin);
	AUTO_FREE char *to = pin_released_path(dir, pin);
	int r = from && to ? 0 : -ENOMEM;

	if (r == 0 && rename(from, to) < 0)
		r = -errno;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return hand_refuse(hand, HAND_FAILED, "%s cannot be moved to %s: %s",
				   from ? from : "?", to ? to : "?", strerror(-r));
	r = ARRAY_APPEND(hand->pins, hand->n_pins, to);
	if (r == 0)
		to = NULL;
	return r;
}

static int move_pins(struct kernel *kernel, struct hand *hand, const struct chain_pins *pins)
{
	AUTO_FREE char *all = util_join(kernel->options->bpffs, PIN_RELEASED);
	AUTO_FREE char *dir = all ? pin_released_dir(all, hand->name) : NULL;
	int r = 0;

	if (!chain_count_pins(pins, hand->name))
		return 0;
	r = dir ? make_dir(all) : -ENOMEM;
	if (r == 0)
		r = make_dir(dir);
	if (r < 0)
		return hand_refuse(hand, HAND_FAILED, "%s: %s", dir ? dir : "?", strerror(-r));
	for (size_t i = 0; i < pins->n && r == 0; i++)
		if (strcmp(pins->items[i].pair, hand->name) == 0)
			r = move_pin(kernel, hand, dir, &pins->items[i]);
	return r;
}

/* ---- the file ---- */

static bool is_in(const char *path, const char *config_dir)
{
	AUTO_FREE char *dir = util_join(config_dir, DROPIN_DIR "/");

	return dir && strncmp(path, dir, strlen(dir)) == 0 && !strchr(path + strlen(dir), '/');
}

static bool declares_only(const char *path, const char *bytes, size_t len, const char *pair)
{
	AUTO(diag_list_done) struct diag_list diags = {};
	AUTO(config_tree_done) struct node root = {};
	const struct node *pairs;

	if (config_tree_parse(path, bytes, len, &root, &diags) != 0)
		return false;
	if (root.kind != NODE_MAP || root.n_children != 2 ||
	    strcmp(root.children[0].text, "pairs") != 0)
		return false;
	pairs = &root.children[1];
	return pairs->kind == NODE_MAP && pairs->n_children == 2 &&
	       strcmp(pairs->children[0].text, pair) == 0;
}

/* A file that declares nothing else, and that came with the pair or goes with the next boot. */
static bool is_removable(const struct kernel *kernel, const struct catalog *in_force,
			 const char *path, const char *pair)
{
	const struct kernel_options *options = kernel->options;
	AUTO_FREE char *copy = strdup(path);
	AUTO_FREE char *bytes = NULL;
	const struct catalog_file *file =
		copy ? catalog_find(in_force, CONFIG_PAIRS, basename(copy)) : NULL;
	const char *runtime_dir = handover_runtime_dir(kernel);
	size_t len;

	if (!file || file->n_paths != 1 || strcmp(file->paths[0], path) != 0 ||
	    util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &bytes, &len) < 0)
		return false;
	if (!(runtime_dir && is_in(path, runtime_dir)) &&
	    (!is_in(path, options->config_dirs[0]) ||
	     strncmp(bytes, HAND_COMMENT, strlen(HAND_COMMENT)) != 0))
		return false;
	return declares_only(path, bytes, len, pair);
}

static int remove_file(const struct kernel *kernel, const struct job *job, const struct pair *want)
{
	struct hand *hand = job->hand;

	if (!want || !want->at.file ||
	    !is_removable(kernel, job->in_force, want->at.file, hand->name))
		return 0;
	if (unlink(want->at.file) < 0) {
		hand_note(hand, "%s cannot be removed: %s", want->at.file, strerror(errno));
		return 0;
	}
	return util_text_copy(want->at.file, &hand->file);
}

/* ---- the pair ---- */

/* The marks that are left do no harm, so that what cannot be done here is only told. */
static void give_back(struct handover *handover, const struct pair *want)
{
	struct hand *hand = handover->hand;
	int r = want ? handover_open_peer(handover, &want->netns) : HAND_NO_NETNS;

	for (enum side side = 0; side < N_SIDES; side++)
		if (r == 0 || side == SIDE_PRIMARY)
			belongings_read_ours(handover_netlink(handover, side),
					     handover->link[side].ifindex,
					     &handover->belongings[side]);
	if (r != 0 || handover_mark(handover, BELONGINGS_NOBODYS) != 0)
		hand_note(hand, "protocol %d stays on addresses and routes: %s", PROTOCOL_METAD,
			  hand->why.text ? hand->why.text : "nobody says where its peer is");
	hand->result = HAND_DONE;
	diag_done(&hand->why);
}

static bool is_ours(const struct link *link)
{
	return link->kind != KIND_AUTO && link->group == LINK_GROUP_METAD;
}

int release_run(struct kernel *kernel, struct job *job)
{
	AUTO(handover_done) struct handover handover = HANDOVER(kernel, job);
	AUTO(chain_pins_done) struct chain_pins pins = {};
	struct hand *hand = job->hand;
	const struct pair *want = desired_find_pair(job->desired, hand->name);
	int r = handover_find(&handover);

	if (r == 0)
		r = chain_pins_read(kernel->objects, &pins);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!is_ours(&handover.link[SIDE_PRIMARY]) && !chain_count_pins(&pins, hand->name)) {
		hand_refuse(hand, HAND_NOT_OURS, "device %s is not metad's", hand->name);
		return 0;
	}
	if (is_ours(&handover.link[SIDE_PRIMARY]))
		r = handover_set_group(&handover, 0);
	if (r == 0)
		r = move_pins(kernel, hand, &pins);
	if (r != 0)
		return r < 0 ? r : 0;
	give_back(&handover, want);
	return remove_file(kernel, job, want);
}
