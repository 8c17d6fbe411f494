/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The laws of plan.h, checked on one pair of states. Exits with the broken law in words. Returns
 * the number of steps that were planned.
 */

#include "unit/model_kernel.h"

size_t plan_properties_check(struct desired *desired, const struct observed *observed);
