/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What looking (observe.c) and changing (apply.c) share; owned by kernel.c. */

#include "core/amendment.h"
#include "files/dropin.h"
#include "kernel/kernel.h"
#include "kernel/netlink.h"
#include "kernel/netns.h"
#include "kernel/object.h"

/* Files that count as if they were there, until somebody confirms them. */
struct trial {
	uint64_t number; /* 0: there is none */
	struct amendment_file *files; /* owned */
	size_t n_files;
	bool runtime;
	struct catalog_file *before; /* owned; what was in force of each: what is broken has it from nowhere else */
	size_t n_before;
};

struct kernel {
	const struct kernel_options *options; /* borrowed */
	struct netlink *host; /* requests in the namespace metad runs in */
	struct objects *objects;
	struct kind_state kinds[N_KINDS];
	struct feature_state features[N_FEATURES]; /* as when the files were read last */
	struct leases leases; /* addresses that templates have been given */
	int64_t write_gid; /* as when the files were read last */
	bool leases_unread; /* there are others, and they are not to be overwritten */
	bool restored; /* the last good content has been read */
	struct trial trial;
	int statistics_fd; /* keeps BPF run statistics on; negative: off, perhaps an -errno */
};

static inline struct netns_dirs context_netns_dirs(const struct desired *desired)
{
	return (struct netns_dirs){ (const char *const *)desired->settings.netns_dirs,
				    desired->settings.n_netns_dirs };
}

/* JOB_LOAD and JOB_EXPAND: fill job->desired. 0, or -errno with job->why. */
int declared_load(struct kernel *kernel, struct job *job);
int declared_expand(struct kernel *kernel, struct job *job);

/*
 * The amendments of a JOB_LOAD: made before the files are read; then those that turn out to be wrong
 * are undone (false), and the files are to be read again. What came of each is noted in it.
 */
void amend_make(struct kernel *kernel, struct job *job, struct netns_dirs dirs);
bool amend_check(struct kernel *kernel, struct job *job, const struct desired *before);
/* The files on trial, borrowed until the next amendments; the array is the caller's. 0 or -ENOMEM. */
int amend_drafts(const struct kernel *kernel, struct dropin_draft **ret, size_t *ret_n);
void amend_done(struct kernel *kernel);

/* JOB_LOOK: fills job->observed. 0, or -errno with job->why. */
int observe_run(struct kernel *kernel, struct job *job);

/* JOB_MEASURE: fills what is known of job->meters. 0, or -errno with job->why. */
int measure_run(struct kernel *kernel, struct job *job);
/* One pair, whose device is taken for metad's, whosesoever it is. 0 or -errno. */
int observe_claimed(struct kernel *kernel, const struct desired *desired, const char *name,
		    struct observed *ret);

/* JOB_RUN: fills job->outcomes. 0, or -errno with job->why when nothing could be done at all. */
int apply_run(struct kernel *kernel, struct job *job);

/*
 * The device of job->hand: JOB_DRAFT writes the file that declares it, JOB_ADOPT takes over one that is
 * declared, and JOB_RELEASE gives one back. What came of it is in the hand. 0, or -errno for what has
 * no result of its own there.
 */
int adopt_draft(struct kernel *kernel, struct job *job);
int adopt_take(struct kernel *kernel, struct job *job);
int release_run(struct kernel *kernel, struct job *job);
/* A pair as it will be when it is metad's. */
struct handover;
int adopt_observe(struct kernel *kernel, const struct desired *desired,
		  const struct handover *handover, struct observed *ret);
