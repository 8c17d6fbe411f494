/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* metad's command line, and what its exit codes mean (sysexits.h, printed by systemctl). */

#include <stdbool.h>
#include <stddef.h>

#define EXIT_CODE_USAGE 64 /* EX_USAGE: a wrong option */
#define EXIT_CODE_UNABLE 69 /* EX_UNAVAILABLE: no kind of device works on this kernel */
#define EXIT_CODE_INTERNAL 71 /* EX_OSERR: the system refused something basic */
#define EXIT_CODE_BPFFS 72 /* EX_OSFILE: no BPF file system */
#define EXIT_CODE_PERMISSION 77 /* EX_NOPERM: a capability is missing */
#define EXIT_CODE_CONFIG 78 /* EX_CONFIG: a configuration directory that was named is missing */

#define OPTIONS_DIRS_MAX 16

struct options {
	const char *config_dirs[OPTIONS_DIRS_MAX + 1]; /* highest precedence first; runtime_dir is one */
	size_t n_config_dirs;
	const char *runtime_dir, *state_dir, *bpffs, *netns_dir;
	char *socket; /* owned */
	int log_priority;
	bool cleanup; /* take everything back, instead of running */
	bool dry_run; /* only with it: say what would go */
};

/*
 * 0: go on; else -1 and *ret_exit is what to exit with (0 after --help and --version). Complains
 * to standard error itself. The strings are argv's.
 */
int options_parse(int argc, char **argv, struct options *ret, int *ret_exit);
