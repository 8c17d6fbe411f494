/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The configuration of the directories as it is, or as it would be with one file changed: its
 * files, what is wrong with them, the pairs that they declare. Needs no metad; what a broken file
 * said when it was good is not known here.
 */

#include "client/metactl.h"
#include "files/dropin.h"

struct outlook {
	struct dropin_list list;
	struct dropin_files files;
	struct catalog catalog;
	struct desired *desired; /* owned */
};

/* draft, NULL for none, must outlive it. 0 or an exit code, which has been explained. */
int outlook_make(const struct cli *cli, const struct dropin_draft *draft, struct outlook *ret);
void outlook_done(struct outlook *outlook);

/* What is wrong in after and not in before, whatever line or directory it has moved to. 0 or -ENOMEM. */
int outlook_new_faults(const struct cli *cli, const struct outlook *before,
		       const struct outlook *after, struct diag_list *ret);

/* Calls fn with the name of each pair that only the first declares. */
void outlook_each_only(const struct outlook *outlook, const struct outlook *other,
		       void (*fn)(void *ctx, const char *pair), void *ctx);
