/* SPDX-License-Identifier: GPL-2.0-only */
/* several.bpf.c with a wider variable: what its instances before keep there does not fit. */
#define RUNS_TYPE long
#include "several.bpf.c"
