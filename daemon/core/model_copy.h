/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Deep copies of declared nouns: a file keeps its own while a snapshot of all files is in use. */

#include "core/model.h"

/* 0 or -ENOMEM with ret untouched. */
int pair_copy(const struct pair *pair, struct pair *ret);
int settings_copy(const struct settings *settings, struct settings *ret);
int program_copy(const struct program *program, struct program *ret);
