/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The keys of metad.yaml. */

#include "core/config.h"
#include "core/config_reader.h"

/* Reads into config->settings and config->defaults. */
void config_settings_read(struct reader_file *file, const struct node *root,
			  struct config *config);
