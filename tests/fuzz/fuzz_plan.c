/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as the dice that throw a configuration and a kernel: the laws of plan.h must hold. */
#include "fuzz/fuzz.h"
#include "unit/plan_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dice dice = { .bytes = bytes, .n_bytes = len };
	AUTO(desired_unrefp) struct desired *desired = model_random_desired(&dice);
	AUTO(observed_done) struct observed observed = {};

	model_random_observed(&dice, desired, &observed);
	plan_properties_check(desired, &observed);
	return 0;
}
