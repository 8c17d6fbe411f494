/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the running kernel was built with, from /proc/config.gz or where distributions keep it. */

#include "base/util.h"

struct kernel_config {
	char *text; /* owned; NULL: it is not known */
	char *path; /* owned; where it is from */
};

/* release: uname's. 0, also when it is found nowhere, or -ENOMEM. */
int kernel_config_read(const char *release, struct kernel_config *ret);
void kernel_config_done(struct kernel_config *config);

enum kernel_option { OPTION_UNKNOWN, OPTION_OFF, OPTION_MODULE, OPTION_ON };
/* name without "CONFIG_". */
enum kernel_option kernel_config_get(const struct kernel_config *config, const char *name);

/* Whether a module of that name ("veth") is loaded, or there to be loaded. */
bool kernel_has_module(const char *release, const char *name);
