/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A change of one file: what would come of it before it is made, and what metad says after. */

#include "client/target.h"

struct change {
	struct outlook before, after;
	struct diag_list faults; /* what is only wrong after */
};

/* draft must outlive it. 0 or an exit code, which has been explained. */
int change_look(const struct cli *cli, const struct dropin_draft *draft, struct change *ret);
void change_done(struct change *change);

/* Prints the faults, with their lines, as --json asks. */
void change_print_faults(const struct cli *cli, const struct change *change);

/* A file that another one of its name hides says nothing. 0 or an exit code, explained. */
int change_check_counts(const struct cli *cli, const struct target *target);

/*
 * After it is made: metad, if it runs, has seen it by itself; this waits until it has read it, and
 * prints what it says. about: what --json prints, with "diagnostics" added; taken. Returns the exit
 * code: as of metactl reload, but 0 where no metad runs.
 */
int change_tell(const struct cli *cli, json_t *about);
