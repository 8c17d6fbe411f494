/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real backend: opens, probes, and sends each job to where it is done. The order of the probes
 * is the order of the complaints: first what every kind needs, then the kinds.
 */
#include "kernel/bpf.h"
#include "kernel/chain.h"
#include "files/store.h"
#include "kernel/context.h"
#include "kernel/expedite.h"
#include "kernel/link.h"

#include <errno.h>
#include <grp.h>

#define GROUP_BYTES 65536 /* of a group with all its members */

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
	objects_free(kernel->objects);
	netlink_free(kernel->host);
	util_close(&kernel->statistics_fd);
	free(kernel);
}

/* Run statistics cost every program on the machine some nanoseconds a run: only while wanted. */
static void follow_settings(struct kernel *kernel, const struct settings *settings)
{
	if (settings->statistics && kernel->statistics_fd < 0)
		kernel->statistics_fd = bpf_statistics_fd();
	if (!settings->statistics && kernel->statistics_fd >= 0) {
		util_close(&kernel->statistics_fd);
		kernel->statistics_fd = -1;
	}
}

/* ---- configuration ---- */

static void note_trouble(struct catalog *catalog, struct diag *why)
{
	/* Without memory for it, it is not told: what it is about has happened all the same. */
	diag_list_add(&catalog->troubles, why);
}

/* Once: what was in force when metad last ran, for files that are broken by now. */
static int restore(struct kernel *kernel, struct catalog *catalog)
{
	AUTO(dropin_files_done) struct dropin_files kept = {};
	AUTO(diag_done) struct diag why = {};
	int r;

	if (kernel->restored || !kernel->options->state_dir)
		return 0;
	r = store_read(kernel->options->state_dir, &kept, &why);
	if (r == 0)
		r = catalog_update(catalog, kept.items, kept.n);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		note_trouble(catalog, &why);
	for (size_t i = 0; i < catalog->n_files; i++)
		catalog->files[i].kept = catalog->files[i].in_force;
	kernel->restored = true;
	return 0;
}

/* What is good now is what will be restored. A file that is broken leaves what was kept of it. */
static void keep(const struct kernel *kernel, struct catalog *catalog,
		 const struct dropin_files *files)
{
	const char *dir = kernel->options->state_dir;
	struct diag why = {};
	int r = 0;

	if (!dir)
		return;
	for (size_t i = 0; i < files->n && r == 0; i++) {
		const struct catalog_source *source = &files->items[i];
		struct catalog_file *file = catalog_find(catalog, source->kind, source->name);

		if (file->kept || file->diags.n)
			continue;
		r = store_write(dir, source, &why);
		file->kept = r == 0;
	}
	if (r == 0)
		r = store_prune(dir, catalog, &why);
	if (r < 0)
		note_trouble(catalog, &why);
}

/* Files as they are now; where a directory cannot be read, they are as they were. */
static int read_files(struct kernel *kernel, struct catalog *catalog)
{
	const struct kernel_options *options = kernel->options;
	AUTO(dropin_files_done) struct dropin_files files = {};
	struct diag why = {};
	int r = dropin_read(options->config_dirs, options->n_config_dirs, &files, &why);

	diag_list_done(&catalog->troubles);
	catalog->unread = r < 0;
	if (r < 0) {
		note_trouble(catalog, &why);
		return r == -ENOMEM ? r : 0;
	}
	r = catalog_update(catalog, files.items, files.n);
	if (r == 0)
		keep(kernel, catalog, &files);
	return r;
}

/* What the settings leave to the command line. */
static int complete_settings(const struct kernel *kernel, struct settings *settings)
{
	char *dir;
	int r;

	if (settings->n_netns_dirs)
		return 0;
	dir = strdup(kernel->options->netns_dir);
	r = dir ? ARRAY_APPEND(settings->netns_dirs, settings->n_netns_dirs, dir) : -ENOMEM;
	if (r < 0)
		free(dir);
	return r;
}

/* Groups may come from the network: not a thing for the thread that must not wait. */
static int find_group(struct catalog *catalog, struct desired *desired)
{
	const struct settings *settings = &desired->settings;
	const char *name = settings->group ? settings->group : "metad";
	struct group group, *found = NULL;
	AUTO_FREE char *buffer = malloc(GROUP_BYTES);
	struct diag why = {};
	int error;

	if (!name[0])
		return 0;
	if (!buffer)
		return -ENOMEM;
	error = getgrnam_r(name, &group, buffer, GROUP_BYTES, &found);
	if (found)
		desired->write_gid = found->gr_gid;
	if (found || !settings->group || diag_copy(&settings->group_at, &why) < 0)
		return 0;
	diag_set(&why, "group: there is no group \"%s\": %s", name,
		 error ? strerror(error) : "only root may change things");
	note_trouble(catalog, &why);
	return 0;
}

static int load(struct kernel *kernel, struct job *job)
{
	int r = restore(kernel, &job->catalog);

	if (r == 0)
		r = read_files(kernel, &job->catalog);
	if (r == 0)
		r = catalog_join(&job->catalog, &job->desired);
	if (r == 0)
		r = complete_settings(kernel, &job->desired->settings);
	if (r == 0)
		r = find_group(&job->catalog, job->desired);
	if (r == 0)
		kernel->write_gid = job->desired->write_gid;
	if (r < 0)
		diag_set(&job->why, "%s", strerror(-r));
	else
		follow_settings(kernel, &job->desired->settings);
	return r;
}

static int expand(struct kernel *kernel, struct job *job)
{
	int r = catalog_join(job->in_force, &job->desired);

	if (r == 0)
		r = complete_settings(kernel, &job->desired->settings);
	if (r < 0)
		diag_set(&job->why, "%s", strerror(-r));
	else
		job->desired->write_gid = kernel->write_gid;
	return r;
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
		job->error = load(kernel, job);
		break;
	case JOB_EXPAND:
		job->error = expand(kernel, job);
		break;
	case JOB_LOOK:
		job->error = observe_run(kernel, job);
		break;
	case JOB_RUN:
		job->error = apply_run(kernel, job);
		break;
	case JOB_PING:
		job->error = ping(kernel, job);
		break;
	}
}
