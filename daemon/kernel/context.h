/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What looking (observe.c) and changing (apply.c) share; owned by kernel.c. */

#include "kernel/kernel.h"
#include "kernel/netlink.h"
#include "kernel/netns.h"
#include "kernel/object.h"

struct kernel {
	const struct kernel_options *options; /* borrowed */
	struct netlink *host; /* requests in the namespace metad runs in */
	struct objects *objects;
	struct kind_state kinds[N_KINDS];
	struct leases leases; /* addresses that templates have been given */
	int64_t write_gid; /* as when the files were read last */
	bool leases_unread; /* there are others, and they are not to be overwritten */
	bool restored; /* the last good content has been read */
	int statistics_fd; /* keeps BPF run statistics on; -1: off */
};

static inline struct netns_dirs context_netns_dirs(const struct desired *desired)
{
	return (struct netns_dirs){ (const char *const *)desired->settings.netns_dirs,
				    desired->settings.n_netns_dirs };
}

/* JOB_LOAD and JOB_EXPAND: fill job->desired. 0, or -errno with job->why. */
int declared_load(struct kernel *kernel, struct job *job);
int declared_expand(struct kernel *kernel, struct job *job);

/* JOB_LOOK: fills job->observed. 0, or -errno with job->why. */
int observe_run(struct kernel *kernel, struct job *job);

/* JOB_RUN: fills job->outcomes. 0, or -errno with job->why when nothing could be done at all. */
int apply_run(struct kernel *kernel, struct job *job);
