/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Why the kernel dropped a packet, in its own words: the drop monitor's alerts, which tell of every
 * packet that is dropped anywhere. It belongs to the namespace that the system began with.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drops {
	int fd;
	uint16_t family;
};

/* False, with the reason printed, where there is no drop monitor. */
bool drops_open(struct drops *drops);
void drops_close(struct drops *drops);
/* Waits for a frame with that serial number: whether one was dropped, and why. */
bool drops_reason(struct drops *drops, uint32_t serial, int timeout_ms, char *ret, size_t size);
