/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The entries of "pools:": ranges of addresses, less what is excluded. */

#include "core/config_reader.h"
#include "core/pool.h"

/* Reads one into ret, which is filled as far as it was understood; the caller owns it. */
void config_pool_read(struct reader_file *file, const struct node *key, struct pool *ret);
