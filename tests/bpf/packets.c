/* SPDX-License-Identifier: GPL-2.0-only */
/* See packets.h. Checksums stay zero: the programs under test do not look at them. */
#include "bpf/packets.h"

#include <arpa/inet.h>
#include <string.h>

static void put(struct frame *frame, const void *bytes, size_t n)
{
	memcpy(frame->bytes + frame->len, bytes, n);
	frame->len += n;
}

static void put16(struct frame *frame, uint16_t value)
{
	uint16_t big = htons(value);

	put(frame, &big, sizeof(big));
}

struct frame frame_start(uint16_t type)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	struct frame frame = {};

	put(&frame, macs, sizeof(macs));
	put16(&frame, type);
	return frame;
}

void frame_vlan(struct frame *frame, uint16_t inner_type)
{
	put16(frame, 7);
	put16(frame, inner_type);
}

static void put_address(struct frame *frame, int family, const char *text)
{
	uint8_t bytes[16];

	inet_pton(family, text, bytes);
	put(frame, bytes, family == AF_INET ? 4 : 16);
}

void frame_ipv4(struct frame *frame, const char *source, const char *destination,
		uint8_t protocol, uint16_t fragment, size_t payload)
{
	const uint8_t start[] = { 0x45, 0 }, ttl_protocol[] = { 64, protocol };

	put(frame, start, sizeof(start));
	put16(frame, 20 + payload);
	put16(frame, 0);
	put16(frame, fragment);
	put(frame, ttl_protocol, sizeof(ttl_protocol));
	put16(frame, 0);
	put_address(frame, AF_INET, source);
	put_address(frame, AF_INET, destination);
}

void frame_ipv6(struct frame *frame, const char *source, const char *destination, uint8_t next)
{
	const uint8_t start[] = { 0x60, 0, 0, 0, 0, 64, next, 64 };

	put(frame, start, sizeof(start));
	put_address(frame, AF_INET6, source);
	put_address(frame, AF_INET6, destination);
}

void frame_extension(struct frame *frame, uint8_t next, uint16_t fragment)
{
	const uint8_t start[] = { next, 0 };

	put(frame, start, sizeof(start));
	put16(frame, fragment << 3);
	frame_pad(frame, 4);
}

void frame_ports(struct frame *frame, uint16_t source, uint16_t destination)
{
	put16(frame, source);
	put16(frame, destination);
	frame_pad(frame, 16);
}

void frame_icmp(struct frame *frame, uint8_t type)
{
	put(frame, &type, 1);
	frame_pad(frame, 31);
}

void frame_pad(struct frame *frame, size_t n)
{
	memset(frame->bytes + frame->len, 0, n);
	frame->len += n;
}
