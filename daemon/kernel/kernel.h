/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The engine's backend on the real kernel. kernel_do carries out one job from begin to end and
 * blocks as long as the kernel does; the worker calls it on its own thread.
 */

#include "engine/backend.h"

struct kernel_options {
	const char *const *config_dirs; /* highest precedence first; borrowed, as all here */
	size_t n_config_dirs;
	const char *runtime_dir;
	const char *state_dir; /* keeps what outlives a reboot; made when needed; NULL: nothing is kept */
	const char *netns_dir;
	const char *bpffs;
	const char *shipped_dir; /* of program objects */
};

enum {
	KERNEL_E_BPFFS = 1, /* there is no BPF file system where it should be */
	KERNEL_E_PERMISSION, /* a capability is missing */
	KERNEL_E_UNABLE, /* no kind of device works on this kernel */
};

struct kernel;

/*
 * Opens what every job needs and finds out which kinds work, by doing. options are borrowed until
 * kernel_free. 0, KERNEL_E_… or -errno, all with why.
 */
int kernel_new(const struct kernel_options *options, struct kernel **ret, struct diag *why);
void kernel_free(struct kernel *kernel);

/* Fills what job asks for; job->error and why on failure. Worker thread only. */
void kernel_do(struct kernel *kernel, struct job *job);
