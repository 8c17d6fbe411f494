/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The steps that bring one chain into its wanted order: what keeps its place is updated in place,
 * what is new or has moved is attached before what is old is detached, and what is not metad's is
 * never named, so it keeps its place among ours.
 */

#include "core/step.h"

struct chain_plan {
	struct step *steps; /* owned */
	size_t n_steps;
	/* A program that must be attached has no readable object: there are no steps then. */
	struct diag missing;
	struct diag stale; /* a program that cannot be had as it is declared now, and goes on as it was */
};

/* 0 or -ENOMEM. */
int chain_plan_make(const struct observed *observed, const struct end *want, enum side side,
		    enum kind kind, const struct sighted_end *seen, struct chain_plan *ret);
void chain_plan_done(struct chain_plan *plan);
void chain_plan_done_both(struct chain_plan (*plans)[N_SIDES]);
