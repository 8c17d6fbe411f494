/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Datagrams of a few words, by IPv4 and IPv6: which it is the address says.
 */

#include <stdbool.h>
#include <stdint.h>

/* Bound to that address, in that namespace. Exits when there can be none. */
int udp_socket(int netns, const char *address, uint16_t port);
void udp_send(int fd, const char *address, uint16_t port, const char *text);
/* Whether it comes in time, and is what comes first. */
bool udp_receives(int fd, const char *text, int timeout_ms);
