/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The one function of a fuzz target: libFuzzer calls it, and so does replay.c. Returns 0. */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
