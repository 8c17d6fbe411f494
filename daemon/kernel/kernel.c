/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real backend: opens, probes, and sends each job to where it is done. The order of the probes
 * is the order of the complaints: first what every kind needs, then the kinds.
 */
#include "kernel/bpf.h"
#include "kernel/chain.h"
#include "kernel/context.h"
#include "kernel/expedite.h"
#include "kernel/link.h"

#include <errno.h>

static int probe_kind(struct kernel *kernel, enum kind kind)
{
	AUTO(diag_done) struct diag why = {};
	int r = link_probe(kernel->host, kind, &why);

	if (r == 0)
		r = chain_probe(kind, &why);
	if (r == 0) {
		kernel->kinds[kind].usable = true;
		return 0;
	}
	kernel->kinds[kind].why = why.text ? STEAL(why.text) : strdup(strerror(-r));
	return r;
}

static int probe_kinds(struct kernel *kernel, struct diag *why)
{
	const struct kind_state *kinds = kernel->kinds;
	bool any = false;

	for (enum kind kind = KIND_META; kind < N_KINDS; kind++) {
		int r = probe_kind(kernel, kind);

		if (r == -EPERM) {
			diag_set(why, "CAP_NET_ADMIN and CAP_BPF are needed: %s",
				 kinds[kind].why ? kinds[kind].why : strerror(-r));
			return KERNEL_E_PERMISSION;
		}
		any |= r == 0;
	}
	if (any)
		return 0;
	diag_set(why, "no kind of device works on this kernel: meta: %s; netkit: %s; veth: %s",
		 kinds[KIND_META].why, kinds[KIND_NETKIT].why, kinds[KIND_VETH].why);
	return KERNEL_E_UNABLE;
}

static int open_objects(struct kernel *kernel, struct diag *why)
{
	const struct kernel_options *options = kernel->options;
	int r = objects_new(options->bpffs, options->shipped_dir, &kernel->objects, why);

	if (r == -ENOENT || r == -ENOTDIR || r == -EINVAL)
		return KERNEL_E_BPFFS;
	return r == -EPERM || r == -EACCES ? KERNEL_E_PERMISSION : r;
}

int kernel_new(const struct kernel_options *options, struct kernel **ret, struct diag *why)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	int r;

	if (!kernel)
		return -ENOMEM;
	kernel->options = options;
	kernel->statistics_fd = -1;
	kernel->write_gid = -1;
	expedite_recover(options->runtime_dir);
	r = netlink_open(NULL, &kernel->host);
	if (r < 0)
		diag_set(why, "cannot open a netlink socket: %s", strerror(-r));
	if (r == 0)
		r = open_objects(kernel, why);
	if (r == 0)
		r = probe_kinds(kernel, why);
	if (r) {
		kernel_free(kernel);
		return r;
	}
	*ret = kernel;
	return 0;
}

void kernel_free(struct kernel *kernel)
{
	if (!kernel)
		return;
	for (enum kind kind = 0; kind < N_KINDS; kind++)
		free(kernel->kinds[kind].why);
	features_done(kernel->features);
	leases_done(&kernel->leases);
	amend_done(kernel);
	objects_free(kernel->objects);
	netlink_free(kernel->host);
	util_close(&kernel->statistics_fd);
	free(kernel);
}

/* The loopback device is the first of every namespace. */
static int ping(struct kernel *kernel, struct job *job)
{
	struct link loopback;
	int r = link_get(kernel->host, 1, NULL, &loopback);

	if (r < 0)
		diag_set(&job->why, "the kernel does not say what the loopback device is: %s", strerror(-r));
	return r;
}

void kernel_do(struct kernel *kernel, struct job *job)
{
	switch (job->kind) {
	case JOB_LOAD:
		job->error = declared_load(kernel, job);
		break;
	case JOB_EXPAND:
		job->error = declared_expand(kernel, job);
		break;
	case JOB_LOOK:
		job->error = observe_run(kernel, job);
		break;
	case JOB_RUN:
		job->error = apply_run(kernel, job);
		break;
	case JOB_MEASURE:
		job->error = measure_run(kernel, job);
		break;
	case JOB_DRAFT:
		job->error = adopt_draft(kernel, job);
		break;
	case JOB_ADOPT:
		job->error = adopt_take(kernel, job);
		break;
	case JOB_RELEASE:
		job->error = release_run(kernel, job);
		break;
	case JOB_PING:
		job->error = ping(kernel, job);
		break;
	}
}
