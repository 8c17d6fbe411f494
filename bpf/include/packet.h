/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * From an Ethernet frame to addresses, protocol and ports. Every read is bpf_skb_load_bytes(), so
 * that data in fragments of the buffer is read as well and nothing depends on what is linear.
 */

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "metad.h"

#define VLAN_MAX 2 /* tags that are read over: 802.1ad around 802.1Q */
#define EXTENSIONS_MAX 8 /* IPv6 extension headers that are walked */

enum packet_kind {
	PACKET_IPV4,
	PACKET_IPV6,
	PACKET_OTHER, /* ARP and everything that is not IP */
	PACKET_MALFORMED, /* says IP, but is cut off, lies about its length, or nests too deep */
};

struct packet {
	__u8 source[16], destination[16]; /* IPv4 in the first four bytes */
	__u8 protocol; /* behind all extension headers */
	__u8 icmp_type; /* ICMP and ICMPv6; 0 otherwise */
	__u8 is_later_fragment; /* no transport header in here: ports are 0 */
	__be16 source_port, destination_port; /* TCP, UDP, UDP-Lite, SCTP, DCCP; 0 otherwise */
};

struct vlan {
	__be16 tci;
	__be16 protocol;
};

static __always_inline int packet_has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_UDPLITE || protocol == IPPROTO_DCCP;
}

/* The transport header at offset; 0 or -1 when it is cut off. */
static __always_inline int packet_read_transport(struct __sk_buff *skb, __u32 offset,
						 struct packet *packet)
{
	__be16 ports[2];

	if (packet->is_later_fragment)
		return 0;
	if (packet_has_ports(packet->protocol)) {
		if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)) < 0)
			return -1;
		packet->source_port = ports[0];
		packet->destination_port = ports[1];
	} else if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, offset, &packet->icmp_type, 1) < 0)
			return -1;
	}
	return 0;
}

static __always_inline enum packet_kind packet_read_ipv4(struct __sk_buff *skb, __u32 offset,
							 struct packet *packet)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) < 0 || ip.version != 4 || ip.ihl < 5 ||
	    bpf_ntohs(ip.tot_len) < ip.ihl * 4 || offset + ip.ihl * 4 > skb->len)
		return PACKET_MALFORMED;
	__builtin_memcpy(packet->source, &ip.saddr, 4);
	__builtin_memcpy(packet->destination, &ip.daddr, 4);
	packet->protocol = ip.protocol;
	packet->is_later_fragment = (ip.frag_off & bpf_htons(0x1fff)) != 0;
	if (packet_read_transport(skb, offset + ip.ihl * 4, packet) < 0)
		return PACKET_MALFORMED;
	return PACKET_IPV4;
}

struct extension {
	__u8 next;
	__u8 len; /* RFC 8200: in units of 8 bytes, the first not counted; AH: of 4, minus 2 */
	__be16 fragment; /* of a fragment header only: offset in the upper 13 bits */
};

/* One extension header; 1: there was one, 0: the protocol is reached, -1: cut off. */
static __always_inline int packet_skip_extension(struct __sk_buff *skb, __u32 *offset,
						 struct packet *packet)
{
	struct extension header;
	__u32 len;

	switch (packet->protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
		break;
	default:
		return 0;
	}
	if (bpf_skb_load_bytes(skb, *offset, &header, sizeof(header)) < 0)
		return -1;
	len = (header.len + 1) * 8;
	if (packet->protocol == IPPROTO_AH)
		len = (header.len + 2) * 4;
	if (packet->protocol == IPPROTO_FRAGMENT) {
		len = 8;
		packet->is_later_fragment |= (header.fragment & bpf_htons(0xfff8)) != 0;
	}
	packet->protocol = header.next;
	*offset += len;
	/* Behind the header of a later fragment comes data, whatever the number says. */
	return packet->is_later_fragment ? 0 : 1;
}

static __always_inline enum packet_kind packet_read_ipv6(struct __sk_buff *skb, __u32 offset,
							 struct packet *packet)
{
	struct ipv6hdr ip;
	int more = 1;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) < 0 || ip.version != 6)
		return PACKET_MALFORMED;
	__builtin_memcpy(packet->source, &ip.saddr, 16);
	__builtin_memcpy(packet->destination, &ip.daddr, 16);
	packet->protocol = ip.nexthdr;
	offset += sizeof(ip);
	for (int i = 0; i < EXTENSIONS_MAX && more > 0; i++)
		more = packet_skip_extension(skb, &offset, packet);
	if (more != 0 || packet_read_transport(skb, offset, packet) < 0)
		return PACKET_MALFORMED;
	return PACKET_IPV6;
}

static __always_inline enum packet_kind packet_read(struct __sk_buff *skb, struct packet *packet)
{
	__u32 offset = ETH_HLEN;
	struct vlan vlan;
	__be16 protocol;

	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &protocol,
			       sizeof(protocol)) < 0)
		return PACKET_MALFORMED;
	for (int i = 0; i < VLAN_MAX; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (bpf_skb_load_bytes(skb, offset, &vlan, sizeof(vlan)) < 0)
			return PACKET_MALFORMED;
		protocol = vlan.protocol;
		offset += sizeof(vlan);
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return packet_read_ipv4(skb, offset, packet);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return packet_read_ipv6(skb, offset, packet);
	if (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD))
		return PACKET_MALFORMED;
	return PACKET_OTHER;
}
