/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User space's side of meta devices: rtnetlink attributes in IFLA_INFO_DATA of kind "meta",
 * verdicts of programs, and attach types.
 *
 * Numbers are those of netkit (linux/if_link.h, linux/bpf.h), so that whatever speaks to netkit and
 * lets the kind be chosen speaks to meta. HEADROOM, TAILROOM and PAIRING have the numbers that
 * netkit gave them after Linux 6.12.
 */
#ifndef _UAPI_LINUX_IF_META_H
#define _UAPI_LINUX_IF_META_H

/*
 * Attributes in IFLA_INFO_DATA. PEER_* are relative to the device that is asked. An attribute that
 * is not listed here is refused with -EINVAL.
 *
 * PEER_INFO	struct ifinfomsg followed by IFLA_* attributes: the peer's name, flags, index,
 *		namespace (PID or descriptor), MTU, address... Without it the attributes of the
 *		request serve the peer too, but for name and address. Creation only, not dumped.
 * PRIMARY	u8: 1 on the primary, 0 on the peer. Dumped only.
 * POLICY	u32, META_PASS or META_DROP: what becomes of packets while no program is attached.
 * PEER_POLICY	u32: the same for the other end.
 * MODE		u32, enum meta_mode. Creation only.
 * SCRUB	u32, enum meta_scrub: for packets that this end sends to another namespace. Creation
 *		only.
 * PEER_SCRUB	u32: the same for the other end.
 * HEADROOM	u16, bytes, at most META_ROOM_MAX, for both ends. Creation only.
 * TAILROOM	u16, bytes, at most META_ROOM_MAX, for both ends. Creation only.
 * PAIRING	u32, enum meta_pairing. Creation only.
 * LOCK		u32, META_LOCK_*: what of the peer only the primary's side decides.
 *
 * LOCK is meta's own, and so is every number from 40 on: out of the way of what netkit may learn.
 */
enum {
	IFLA_META_UNSPEC,
	IFLA_META_PEER_INFO,
	IFLA_META_PRIMARY,
	IFLA_META_POLICY,
	IFLA_META_PEER_POLICY,
	IFLA_META_MODE,
	IFLA_META_SCRUB,
	IFLA_META_PEER_SCRUB,
	IFLA_META_HEADROOM,
	IFLA_META_TAILROOM,
	IFLA_META_PAIRING,
	IFLA_META_LOCK = 40,
	__IFLA_META_MAX,
};

#define IFLA_META_MAX	(__IFLA_META_MAX - 1)

#define META_ROOM_MAX	4096

enum meta_mode {
	META_L2,	/* Ethernet addresses and neighbour resolution, like any Ethernet device */
	META_L3,	/* no neighbours, no addresses; the default */
};

/* Before programs run, mark and priority of a packet that changes its network namespace */
enum meta_scrub {
	META_SCRUB_NONE,	/* are kept */
	META_SCRUB_DEFAULT,	/* become 0 */
};

enum meta_pairing {
	META_PAIR,
	META_SINGLE,	/* one device; what its programs pass, it receives itself */
};

/* Bits: what the peer is refused with -EPERM */
enum meta_lock {
	META_LOCK_MTU		= 1,	/* to change the MTU: it is the primary's and follows it */
	META_LOCK_ADDRESS	= 2,	/* to change the Ethernet address */
};

/* Verdicts. Any other value drops the packet. */
enum meta_action {
	META_NEXT	= -1,	/* the next program decides; after the last one as META_PASS */
	META_PASS	= 0,
	META_DROP	= 2,
	META_REDIRECT	= 7,	/* to where a redirect helper said */
};

/* Attach types: programs for what the primary sends and for what the peer sends, both attached
 * through the primary's interface index, in the primary's network namespace.
 */
#define BPF_META_PRIMARY	BPF_NETKIT_PRIMARY
#define BPF_META_PEER		BPF_NETKIT_PEER

#endif /* _UAPI_LINUX_IF_META_H */
