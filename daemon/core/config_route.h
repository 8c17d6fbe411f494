/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The lists of an end: addresses, routes, neighbours and sysctls. */

#include "core/config_reader.h"

void config_addresses_read(struct reader_file *file, const struct node *list, struct end *end);
void config_routes_read(struct reader_file *file, const struct node *list, struct end *end);
void config_neighbours_read(struct reader_file *file, const struct node *list, struct end *end);
void config_sysctls_read(struct reader_file *file, const struct node *map, struct end *end);
