/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Everything else that changes by itself: configuration directories, names of namespaces (inotify
 * for the name, the mount table for the mount that follows it, pidfds for processes), pins in
 * bpffs. Main thread.
 *
 * Two descriptors: the mount table announces a change as an exceptional condition and forgets it
 * with the first poll, so it cannot be hidden behind another descriptor.
 */

#include "core/model.h"

enum watch_kind {
	WATCH_CONFIG, /* read the configuration again; name NULL */
	/*
	 * A namespace may have appeared, gone or changed. name: in one of the directories of names, or else
	 * a path or the digits of a pid that the configuration gives; NULL: any.
	 */
	WATCH_NETNS,
	WATCH_PIN, /* a link's pin went; name: the pair, NULL: any */
};

struct watch_options {
	const char *const *config_dirs; /* each with metad.yaml and pairs.d/; may not exist yet */
	size_t n_config_dirs;
	const char *links_dir; /* <bpffs>/metad/links */
};

struct watch;
int watch_new(const struct watch_options *options, struct watch **ret);
void watch_free(struct watch *watch);
int watch_fd(const struct watch *watch); /* readable when there is something to drain */
int watch_mounts_fd(const struct watch *watch); /* exceptional when mounts have changed */

/*
 * Which namespaces the configuration names: names are followed in the directories of its settings,
 * processes by pidfd, paths by their parent directory and by what is mounted on them. Replaces the set of before; called after each load and
 * before what was loaded is looked at. 0, or -errno when not all can be followed.
 */
int watch_follow(struct watch *watch, const struct desired *desired);

/*
 * on_change for each thing that happened, alike ones of one call joined where that is cheap. After
 * -errno something may have gone unseen.
 */
typedef void (*watch_fn)(void *ctx, enum watch_kind kind, const char *name);
int watch_drain(struct watch *watch, watch_fn on_change, void *ctx);
int watch_drain_mounts(struct watch *watch, watch_fn on_change, void *ctx);
