// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs attached to meta devices.
 *
 * bpf_mprog keeps a chain in a bundle with two halves: it builds the new order in one while packets
 * run through the other, so a half may be written again only after a grace period. A change here
 * takes a fresh copy of the bundle instead, is built in that, and published; the old bundle, and
 * the program that left with it, go away when a grace period has passed, and nobody waits for it
 * under RTNL.
 */
#include <linux/bpf_mprog.h>
#include <linux/filter.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/meta.h>

#include "internal.h"

/**
 * struct meta_chain - a bundle, and what goes with it
 * @bundle: bpf_mprog's
 * @left: a program that is not in the next bundle any more
 * @dying: all its programs leave, there is no next bundle
 * @work: frees this after a grace period
 */
struct meta_chain {
	struct bpf_mprog_bundle bundle;
	struct bpf_prog *left;
	struct bpf_mprog_entry *dying;
	struct rcu_work work;
};

struct meta_link {
	struct bpf_link link;
	struct meta_end *end;		/* RTNL; NULL: detached, or the device is gone */
	enum bpf_attach_type location;
};

static struct meta_chain *meta_chain(struct bpf_mprog_entry *entry)
{
	return container_of(entry->parent, struct meta_chain, bundle);
}

static struct meta_link *meta_link(const struct bpf_link *link)
{
	return container_of(link, struct meta_link, link);
}

/* ---- bundles ---- */

/* A bundle of its own with the same programs in the same order; an empty one when there is none. */
static struct bpf_mprog_entry *meta_chain_copy(const struct bpf_mprog_entry *entry)
{
	struct meta_chain *chain = kzalloc(sizeof(*chain), GFP_KERNEL_ACCOUNT);
	struct bpf_mprog_bundle *bundle;

	if (!chain)
		return NULL;
	bundle = &chain->bundle;
	bpf_mprog_bundle_init(bundle);
	if (entry) {
		memcpy(bundle->a.fp_items, entry->fp_items, sizeof(bundle->a.fp_items));
		memcpy(bundle->cp_items, entry->parent->cp_items, sizeof(bundle->cp_items));
		atomic64_set(&bundle->revision, atomic64_read(&entry->parent->revision));
		bundle->count = entry->parent->count;
	}
	return &bundle->a;
}

static void meta_chain_free(struct work_struct *work)
{
	struct meta_chain *chain = container_of(to_rcu_work(work), struct meta_chain, work);
	const struct bpf_mprog_fp *fp;
	struct bpf_prog *prog;

	if (chain->left)
		bpf_prog_put(chain->left);
	if (chain->dying)
		bpf_mprog_foreach_prog(chain->dying, fp, prog)
			bpf_prog_put(prog);
	kfree(chain);
}

static void meta_chain_retire(struct bpf_mprog_entry *entry)
{
	struct meta_chain *chain = meta_chain(entry);

	INIT_RCU_WORK(&chain->work, meta_chain_free);
	queue_rcu_work(system_unbound_wq, &chain->work);
}

static void meta_chain_publish(struct meta_end *end, struct bpf_mprog_entry *entry)
{
	end->chain = entry;
	rcu_assign_pointer(end->active, bpf_mprog_total(entry) ? entry : NULL);
}

/* ---- changes ---- */

static int meta_chain_attach(struct meta_end *end, struct bpf_prog *prog, struct bpf_link *link,
			     struct bpf_prog *replaced, u32 flags, u32 relative, u64 revision)
{
	struct bpf_mprog_entry *old = end->chain, *entry, *next;
	int err;

	entry = meta_chain_copy(old);
	if (!entry)
		return -ENOMEM;
	/* bpf_mprog lets go of it at once, and packets are still in the old bundle. */
	if (replaced)
		bpf_prog_inc(replaced);
	err = bpf_mprog_attach(entry, &next, prog, link, replaced, flags, relative, revision);
	if (err) {
		if (replaced)
			bpf_prog_put(replaced);
		kfree(meta_chain(entry));
		return err;
	}
	bpf_mprog_commit(entry);
	meta_chain_publish(end, next);
	if (old) {
		meta_chain(old)->left = replaced;
		meta_chain_retire(old);
	}
	return 0;
}

/*
 * Without memory for a copy: in the bundle's other half, which packets have left long ago, because
 * this waits. What has no memory left must still be able to let go.
 */
static int meta_chain_detach_waiting(struct meta_end *end, struct bpf_prog *prog,
				     struct bpf_link *link, u32 flags, u32 relative, u64 revision)
{
	struct bpf_mprog_entry *entry = end->chain, *next;
	int err;

	err = bpf_mprog_detach(entry, &next, prog, link, flags, relative, revision);
	if (err)
		return err;
	meta_chain_publish(end, next);
	synchronize_rcu();
	bpf_mprog_commit(entry);
	return 0;
}

static int meta_chain_detach(struct meta_end *end, struct bpf_prog *prog, struct bpf_link *link,
			     u32 flags, u32 relative, u64 revision)
{
	struct bpf_mprog_entry *old = end->chain, *entry, *next;
	int err;

	if (!old || !bpf_mprog_total(old))
		return -ENOENT;
	entry = meta_chain_copy(old);
	if (!entry)
		return meta_chain_detach_waiting(end, prog, link, flags, relative, revision);
	err = bpf_mprog_detach(entry, &next, prog, link, flags, relative, revision);
	if (err) {
		kfree(meta_chain(entry));
		return err;
	}
	/* The reference that the bundle gives up is the old one's until packets have left it. A
	 * link keeps its own, and may let go of it at once.
	 */
	if (link)
		bpf_prog_inc(prog);
	meta_chain(old)->left = link ? prog : entry->parent->ref;
	entry->parent->ref = NULL;
	bpf_mprog_commit(entry);
	meta_chain_publish(end, next);
	meta_chain_retire(old);
	return 0;
}

/**
 * meta_chain_release - lets go of all programs of a device that goes
 * @end: the device's
 *
 * Links stay with whoever holds them, and say that they belong to no device.
 */
void meta_chain_release(struct meta_end *end)
{
	struct bpf_mprog_entry *entry = end->chain;
	const struct bpf_mprog_fp *fp;
	const struct bpf_mprog_cp *cp;
	struct bpf_tuple tuple;

	ASSERT_RTNL();
	if (!entry)
		return;
	end->chain = NULL;
	RCU_INIT_POINTER(end->active, NULL);
	bpf_mprog_foreach_tuple(entry, fp, cp, tuple) {
		if (tuple.link) {
			meta_link(tuple.link)->end = NULL;
			bpf_prog_inc(tuple.prog);
		}
	}
	meta_chain(entry)->dying = entry;
	meta_chain_retire(entry);
}

/* ---- the BPF system call ---- */

/* The end that programs of this type belong to, by the primary's index in the own namespace. */
static struct meta_end *meta_end_of(u32 ifindex, enum bpf_attach_type type)
{
	struct net_device *dev, *peer;

	ASSERT_RTNL();
	dev = __dev_get_by_index(current->nsproxy->net_ns, ifindex);
	if (!dev)
		return ERR_PTR(-ENODEV);
	if (!netif_is_meta(dev))
		return ERR_PTR(-ENXIO);
	if (!meta_end(dev)->primary)
		return ERR_PTR(-EACCES);
	switch (type) {
	case BPF_META_PRIMARY:
		return meta_end(dev);
	case BPF_META_PEER:
		if (meta_end(dev)->single)
			return ERR_PTR(-EOPNOTSUPP);
		peer = meta_peer_rtnl(dev);
		return peer ? meta_end(peer) : ERR_PTR(-ENODEV);
	default:
		return ERR_PTR(-EINVAL);
	}
}

int meta_prog_attach(const union bpf_attr *attr, struct bpf_prog *prog)
{
	struct bpf_prog *replaced = NULL;
	struct meta_end *end;
	int ret;

	rtnl_lock();
	end = meta_end_of(attr->target_ifindex, attr->attach_type);
	if (IS_ERR(end)) {
		ret = PTR_ERR(end);
		goto unlock;
	}
	if (attr->attach_flags & BPF_F_REPLACE) {
		replaced = bpf_prog_get_type(attr->replace_bpf_fd, prog->type);
		if (IS_ERR(replaced)) {
			ret = PTR_ERR(replaced);
			goto unlock;
		}
	}
	ret = meta_chain_attach(end, prog, NULL, replaced, attr->attach_flags, attr->relative_fd,
				attr->expected_revision);
	if (replaced)
		bpf_prog_put(replaced);
unlock:
	rtnl_unlock();
	return ret;
}

int meta_prog_detach(const union bpf_attr *attr, struct bpf_prog *prog)
{
	struct meta_end *end;
	int ret;

	rtnl_lock();
	end = meta_end_of(attr->target_ifindex, attr->attach_type);
	if (IS_ERR(end))
		ret = PTR_ERR(end);
	else
		ret = meta_chain_detach(end, prog, NULL, attr->attach_flags, attr->relative_fd,
					attr->expected_revision);
	rtnl_unlock();
	return ret;
}

int meta_prog_query(const union bpf_attr *attr, union bpf_attr __user *uattr)
{
	struct meta_end *end;
	int ret;

	rtnl_lock();
	end = meta_end_of(attr->query.target_ifindex, attr->query.attach_type);
	if (IS_ERR(end))
		ret = PTR_ERR(end);
	else
		ret = bpf_mprog_query(attr, uattr, end->chain);
	rtnl_unlock();
	return ret;
}

/* ---- links ---- */

static void meta_link_release(struct bpf_link *link)
{
	struct meta_link *mine = meta_link(link);

	rtnl_lock();
	if (mine->end) {
		WARN_ON_ONCE(meta_chain_detach(mine->end, link->prog, link, 0, 0, 0));
		mine->end = NULL;
	}
	rtnl_unlock();
}

static int meta_link_detach(struct bpf_link *link)
{
	meta_link_release(link);
	return 0;
}

static void meta_link_dealloc(struct bpf_link *link)
{
	kfree(meta_link(link));
}

/* The reference to @prog becomes the link's, which gives up its own. */
static int meta_link_update(struct bpf_link *link, struct bpf_prog *prog,
			    struct bpf_prog *expected)
{
	struct meta_link *mine = meta_link(link);
	int ret = 0;

	rtnl_lock();
	if (!mine->end) {
		ret = -ENOLINK;
	} else if (expected && link->prog != expected) {
		ret = -EPERM;
	} else if (link->prog == prog) {
		bpf_prog_put(prog);
	} else {
		/* Named by its ID too, because that makes bpf_mprog compare program types. */
		ret = meta_chain_attach(mine->end, prog, link, link->prog,
					BPF_F_REPLACE | BPF_F_ID, link->prog->aux->id, 0);
		if (!ret)
			bpf_prog_put(xchg(&link->prog, prog));
	}
	rtnl_unlock();
	return ret;
}

static u32 meta_link_ifindex(const struct bpf_link *link)
{
	const struct meta_link *mine = meta_link(link);
	u32 ifindex;

	rtnl_lock();
	ifindex = mine->end ? mine->end->dev->ifindex : 0;
	rtnl_unlock();
	return ifindex;
}

static void meta_link_fdinfo(const struct bpf_link *link, struct seq_file *seq)
{
	enum bpf_attach_type location = meta_link(link)->location;

	seq_printf(seq, "ifindex:\t%u\n", meta_link_ifindex(link));
	seq_printf(seq, "attach_type:\t%u (%s)\n", location,
		   location == BPF_META_PRIMARY ? "primary" : "peer");
}

static int meta_link_fill_info(const struct bpf_link *link, struct bpf_link_info *info)
{
	info->netkit.ifindex = meta_link_ifindex(link);
	info->netkit.attach_type = meta_link(link)->location;
	return 0;
}

static const struct bpf_link_ops meta_link_ops = {
	.release	= meta_link_release,
	.detach		= meta_link_detach,
	.dealloc	= meta_link_dealloc,
	.update_prog	= meta_link_update,
	.show_fdinfo	= meta_link_fdinfo,
	.fill_link_info	= meta_link_fill_info,
};

static int meta_link_create(struct meta_end *end, const union bpf_attr *attr, struct bpf_prog *prog)
{
	struct bpf_link_primer primer;
	struct meta_link *mine;
	int err;

	mine = kzalloc(sizeof(*mine), GFP_KERNEL_ACCOUNT);
	if (!mine)
		return -ENOMEM;
	/* netkit's link type, so that every tool prints it */
	bpf_link_init(&mine->link, BPF_LINK_TYPE_NETKIT, &meta_link_ops, prog);
	mine->location = attr->link_create.attach_type;
	err = bpf_link_prime(&mine->link, &primer);
	if (err) {
		kfree(mine);
		return err;
	}
	err = meta_chain_attach(end, prog, &mine->link, NULL, attr->link_create.flags,
				attr->link_create.netkit.relative_fd,
				attr->link_create.netkit.expected_revision);
	if (err) {
		bpf_link_cleanup(&primer);
		return err;
	}
	mine->end = end;
	return bpf_link_settle(&primer);
}

int meta_link_attach(const union bpf_attr *attr, struct bpf_prog *prog)
{
	struct meta_end *end;
	int ret;

	rtnl_lock();
	end = meta_end_of(attr->link_create.target_ifindex, attr->link_create.attach_type);
	if (IS_ERR(end))
		ret = PTR_ERR(end);
	else
		ret = meta_link_create(end, attr, prog);
	rtnl_unlock();
	return ret;
}
