/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Program definitions in the kernel: each object is loaded once per content and pinned as
 * <bpffs>/metad/programs/<definition>:<digest>:<program id>, so that a restart finds what every
 * link runs without loading anything. Only the worker thread calls this.
 */

#include "core/model.h"

struct objects; /* the pins, what is loaded, and what was refused */

/* bpffs: the mount (checked by statfs); shipped_dir: where objects named without '/' live as
 * NAME.o. Makes <bpffs>/metad. 0, or -errno with why (-ENOTDIR, -ENOENT, -EINVAL: no bpffs). */
int objects_new(const char *bpffs, const char *shipped_dir, struct objects **ret, struct diag *why);
void objects_free(struct objects *objects); /* takes NULL */
/* Makes the directories for pins again, should they be gone. */
int objects_make_dirs(struct objects *objects);
const char *objects_dir(const struct objects *objects); /* <bpffs>/metad; borrowed */

/* Reads the file and hashes it with the function's name; cached by device, inode, size and mtime.
 * Fills ret->digest, or ret->why. 0 or -ENOMEM. */
int object_look(struct objects *objects, const struct program *program, struct object *ret);

/*
 * A program of the definition whose id is not among avoid[n_avoid] (the kernel takes a program only
 * once per chain; a move needs a second instance): pinned already, or loaded now, with the maps of
 * the youngest instance of the same definition where they are compatible, so that counters survive
 * updates and moves. A digest other than the file's is -ESTALE. A refusal by the verifier is
 * remembered for that digest and returned with its log in why->detail.
 */
int object_program_fd(struct objects *objects, const struct program *program, uint64_t digest,
		      const uint32_t *avoid, size_t n_avoid, int *ret_fd, uint32_t *ret_id,
		      struct diag *why);

/* Of which definition and content a program id is; false: not one of ours. */
bool object_identify(struct objects *objects, uint32_t prog_id,
		     char ret_program[static PROGRAM_NAME_SIZE], uint64_t *ret_digest);

/* Unpins instances that no link uses and that are not of a definition's newest content (keep).
 * Called rarely: at a full look. */
int objects_reap(struct objects *objects, const uint32_t *used_ids, size_t n_used,
		 const struct object *keep, size_t n_keep);
