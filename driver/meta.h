/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF system call asks of meta devices, and who answers: meta for its own devices, netkit
 * for its own. The two share attach types and the link type; its operations tell whose a device is.
 */
#ifndef __NET_META_H
#define __NET_META_H

#include <linux/bpf.h>
#include <linux/indirect_call_wrapper.h>
#include <net/netkit.h>

#ifdef CONFIG_META
/*
 * Each returns -ENXIO, before any effect, for a device that is there and is not a meta device: only
 * then is it netkit's turn. The program's reference passes to the device when the result is 0.
 */
int meta_prog_attach(const union bpf_attr *attr, struct bpf_prog *prog);
int meta_prog_detach(const union bpf_attr *attr, struct bpf_prog *prog);
int meta_prog_query(const union bpf_attr *attr, union bpf_attr __user *uattr);
int meta_link_attach(const union bpf_attr *attr, struct bpf_prog *prog);
INDIRECT_CALLABLE_DECLARE(struct net_device *meta_peer_dev(struct net_device *dev));

#define meta_or_netkit(op, ...)						\
({									\
	int __ret = meta_##op(__VA_ARGS__);				\
									\
	if (IS_ENABLED(CONFIG_NETKIT) && __ret == -ENXIO)		\
		__ret = netkit_##op(__VA_ARGS__);			\
	__ret;								\
})
#else
#define meta_or_netkit(op, ...)	netkit_##op(__VA_ARGS__)

static inline struct net_device *meta_peer_dev(struct net_device *dev)
{
	return NULL;
}
#endif /* CONFIG_META */
#endif /* __NET_META_H */
