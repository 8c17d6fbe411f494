/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * acl: stateless rules by the remote address, protocol and port.
 *
 * Hook: tcx, primary, peer. Verdicts: NEXT for what is allowed, DROP for what is denied.
 *
 * The remote address is the destination of a packet, or its source with match_source set; the port
 * is the destination's in both cases. The longest prefix in rules4 or rules6 that holds the
 * address decides: its entries are tried in order and the first that fits gives the verdict; with
 * none that fits, or no prefix at all, default_verdict does. An entry fits when its protocol is 0
 * or the packet's and its port range holds the packet's port, or is 0 to 0. A later fragment has
 * no ports: only entries without a port fit it.
 *
 * ARP and the other protocols below IP go on (NEXT), and so does IPv6 neighbour discovery, without
 * which nothing else works. What claims to be IP but is cut off or malformed is dropped.
 *
 * Maps: rules4, rules6 (LPM tries; empty at first), verdicts (per-CPU array of struct counter: 0
 * allowed, 1 denied, 2 malformed). Cost: about 150 instructions and two lookups.
 */
#include "packet.h"

#define ENTRIES_MAX 8
#define PREFIXES_MAX 65536

#define ENTRY_UNUSED 0
#define ENTRY_ALLOW 1
#define ENTRY_DENY 2

struct acl_key4 {
	__u32 prefix_len;
	__u8 address[4];
};

struct acl_key6 {
	__u32 prefix_len;
	__u8 address[16];
};

struct acl_entry {
	__u8 action; /* ENTRY_…; the first unused one ends the list */
	__u8 protocol; /* 0: any */
	__u16 port_first, port_last; /* host order; both 0: any, and packets without ports */
};

struct acl_rule {
	struct acl_entry entries[ENTRIES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PREFIXES_MAX);
	__type(key, struct acl_key4);
	__type(value, struct acl_rule);
} rules4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PREFIXES_MAX);
	__type(key, struct acl_key6);
	__type(value, struct acl_rule);
} rules6 SEC(".maps");

enum { COUNT_ALLOWED, COUNT_DENIED, COUNT_MALFORMED, N_COUNTS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, N_COUNTS);
	__type(key, __u32);
	__type(value, struct counter);
} verdicts SEC(".maps");

const volatile __s32 default_verdict = VERDICT_NEXT;
const volatile __u8 match_source = 0;

static __always_inline int decide(struct __sk_buff *skb, int denied)
{
	counter_add(&verdicts, denied ? COUNT_DENIED : COUNT_ALLOWED, skb->len);
	return denied ? VERDICT_DROP : VERDICT_NEXT;
}

static __always_inline int entry_fits(const struct acl_entry *entry, const struct packet *packet)
{
	__u16 port = bpf_ntohs(packet->destination_port);

	if (entry->protocol && entry->protocol != packet->protocol)
		return 0;
	if (!entry->port_first && !entry->port_last)
		return 1;
	return !packet->is_later_fragment && packet_has_ports(packet->protocol) &&
	       port >= entry->port_first && port <= entry->port_last;
}

static __always_inline int is_denied(const struct acl_rule *rule, const struct packet *packet)
{
	for (int i = 0; rule && i < ENTRIES_MAX; i++) {
		const struct acl_entry *entry = &rule->entries[i];

		if (entry->action == ENTRY_UNUSED)
			break;
		if (entry_fits(entry, packet))
			return entry->action == ENTRY_DENY;
	}
	return default_verdict == VERDICT_DROP;
}

/* ICMPv6 types 133 to 137 (RFC 4861): solicitations, advertisements, redirect. */
static __always_inline int is_neighbour_discovery(const struct packet *packet)
{
	return packet->protocol == IPPROTO_ICMPV6 && !packet->is_later_fragment &&
	       packet->icmp_type >= 133 && packet->icmp_type <= 137;
}

SEC("tc")
int acl(struct __sk_buff *skb)
{
	struct packet packet = {};
	const __u8 *remote = match_source ? packet.source : packet.destination;
	struct acl_key4 key4 = { .prefix_len = 32 };
	struct acl_key6 key6 = { .prefix_len = 128 };

	switch (packet_read(skb, &packet)) {
	case PACKET_IPV4:
		__builtin_memcpy(key4.address, remote, sizeof(key4.address));
		return decide(skb, is_denied(bpf_map_lookup_elem(&rules4, &key4), &packet));
	case PACKET_IPV6:
		if (is_neighbour_discovery(&packet))
			return VERDICT_NEXT;
		__builtin_memcpy(key6.address, remote, sizeof(key6.address));
		return decide(skb, is_denied(bpf_map_lookup_elem(&rules6, &key6), &packet));
	case PACKET_OTHER:
		return VERDICT_NEXT;
	case PACKET_MALFORMED:
		break;
	}
	counter_add(&verdicts, COUNT_MALFORMED, skb->len);
	return VERDICT_DROP;
}

char LICENSE[] SEC("license") = "GPL";
