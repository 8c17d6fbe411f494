/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Frames made up for tests, built from the outside in. */

#include <stddef.h>
#include <stdint.h>

struct frame {
	uint8_t bytes[2048];
	size_t len;
};

/* Begins with an Ethernet header; type in host order. */
struct frame frame_start(uint16_t type);
void frame_vlan(struct frame *frame, uint16_t inner_type);
/* fragment: in units of 8 bytes. */
void frame_ipv4(struct frame *frame, const char *source, const char *destination,
		uint8_t protocol, uint16_t fragment, size_t payload);
void frame_ipv6(struct frame *frame, const char *source, const char *destination, uint8_t next);
/* An IPv6 extension header of 8 bytes; fragment: the offset field of a fragment header. */
void frame_extension(struct frame *frame, uint8_t next, uint16_t fragment);
void frame_ports(struct frame *frame, uint16_t source, uint16_t destination);
void frame_icmp(struct frame *frame, uint8_t type);
void frame_pad(struct frame *frame, size_t n);
