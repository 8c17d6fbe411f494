/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The lists of an end: addresses, routes, neighbours and sysctls. */

#include "core/config_reader.h"

/* What a route has without being told so. */
#define CONFIG_TABLE_MAIN 254 /* RT_TABLE_MAIN, linux/rtnetlink.h */
#define CONFIG_METRIC_IPV6 1024 /* IP6_RT_PRIO_USER, linux/ipv6_route.h; 0 for IPv4 */

void config_addresses_read(struct reader_file *file, const struct node *list, struct end *end);
void config_routes_read(struct reader_file *file, const struct node *list, struct end *end);
void config_neighbours_read(struct reader_file *file, const struct node *list, struct end *end);
void config_sysctls_read(struct reader_file *file, const struct node *map, struct end *end);
