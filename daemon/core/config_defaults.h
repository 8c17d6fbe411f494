/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the settings say of every pair: read as a pair would be, and laid under each. */

#include "core/config.h"
#include "core/config_reader.h"

/* The value of "defaults:" into config. Faults are those a pair of nothing else would have. */
void config_defaults_read(struct reader_file *file, const struct node *value,
			  struct config *config);

/*
 * Lays the pairs of a file over defaults; what is said in both is the file's. The places of what
 * comes from the defaults refer to config's own copies of their paths. 0 or -ENOMEM.
 */
int config_defaults_apply(const struct node *defaults, struct config *config, struct node *root);
