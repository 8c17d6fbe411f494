/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What is to become of one pair, before any step: kept, made, made anew, waited for, left alone. */

#include "core/plan.h"

/* The planning of one pair; everything in it is borrowed. */
struct planner {
	const struct desired *desired;
	const struct observed *observed;
	const struct pair *want; /* NULL: nobody declares it */
	const struct sighting *seen;
	struct task *task;
	bool must_create, must_delete;
};

/*
 * For a declared pair: resolves its kind and fills must_create and must_delete. Where nothing can be
 * done it fills the task's verdict and why, and returns false.
 */
bool plan_fate_decide(struct planner *p);

/* A pair that asks for what its kind cannot do works all the same, and says so. */
void plan_fate_note_limits(const struct planner *p);
void plan_fate_add_limit(const struct planner *p, const struct diag *limit); /* text NULL: none */
