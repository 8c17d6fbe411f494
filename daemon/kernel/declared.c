/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JOB_LOAD and JOB_EXPAND: from files, the namespaces that there are, and what outlived the last run
 * to what is declared; see context.h.
 */
#include "files/atomic.h"
#include "files/store.h"
#include "kernel/bpf.h"
#include "kernel/context.h"
#include "kernel/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#define GROUP_BYTES 65536 /* of a group with all its members */
#define LEASES_BYTES_MAX (64u << 20)

/* ---- leases ---- */

static void note_leases(struct diag_list *list, const char *path, int error)
{
	struct diag why = { .file = strdup(path) };

	diag_set(&why, "addresses that were given out cannot be kept: %s", strerror(-error));
	diag_list_add(list, &why);
}

/* What cannot be understood is told, and may be given out anew. */
static int restore_leases(struct kernel *kernel, struct catalog *catalog)
{
	AUTO_FREE char *path = util_join(kernel->options->state_dir, LEASE_FILE);
	AUTO_FREE char *bytes = NULL;
	size_t len;
	int r = path ? util_read_file_at(AT_FDCWD, path, LEASES_BYTES_MAX, &bytes, &len) : -ENOMEM;

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == 0)
		return lease_parse(path, bytes, len, &kernel->leases, &catalog->troubles);
	if (r == -ENOMEM)
		return r;
	note_leases(&catalog->troubles, path, r);
	kernel->leases_unread = true;
	return 0;
}

static int keep_leases(struct kernel *kernel, struct desired *desired)
{
	AUTO_FREE char *path = util_join(kernel->options->state_dir, LEASE_FILE);
	AUTO_FREE char *text = NULL;
	struct atomic_part part = {};
	int r;

	/* Those that could not be read may be read another time. */
	if (kernel->leases_unread)
		return 0;
	r = path ? lease_write(&kernel->leases, &text, &part.len) : -ENOMEM;
	if (r < 0)
		return r;
	part.bytes = text;
	r = mkdir(kernel->options->state_dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
	if (r == 0)
		r = atomic_write(path, ATOMIC_PRIVATE, &part, 1);
	if (r < 0)
		note_leases(&desired->conflicts, path, r);
	kernel->leases.changed = r < 0;
	return 0;
}

/* ---- files ---- */

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
	r = restore_leases(kernel, catalog);
	kernel->restored = r == 0;
	return r;
}

/* What a broken file still has in force may be good only with the settings of before ("defaults:"). */
static bool needs_old_settings(const struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n_files; i++)
		if (catalog->files[i].kind == CONFIG_PAIRS && catalog->files[i].in_force &&
		    catalog->files[i].diags.n)
			return true;
	return false;
}

/* The last good content of what does not outlive a reboot would outlive it. */
static bool is_of_runtime(const struct kernel *kernel, const struct catalog_source *source)
{
	const char *dir = kernel->options->runtime_dir, *path = source->parts[0].path;

	return strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
}

/* What is good now is what will be restored. A file that is broken leaves what was kept of it. */
static void keep(const struct kernel *kernel, struct catalog *catalog,
		 const struct dropin_files *files)
{
	const char *dir = kernel->options->state_dir;
	struct diag why = {};
	int r = 0;

	/* What is on trial is not good yet. */
	if (!dir || kernel->trial.number)
		return;
	for (size_t i = 0; i < files->n && r == 0; i++) {
		const struct catalog_source *source = &files->items[i];
		struct catalog_file *file = catalog_find(catalog, source->kind, source->name);

		if (file->kept || file->diags.n || is_of_runtime(kernel, source) ||
		    (source->kind == CONFIG_SETTINGS && needs_old_settings(catalog)))
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
	AUTO(dropin_list_done) struct dropin_list list = {};
	AUTO_FREE struct dropin_draft *drafts = NULL;
	struct diag why = {};
	size_t n_drafts = 0;
	int r = amend_drafts(kernel, &drafts, &n_drafts);

	if (r == 0)
		r = dropin_list(options->config_dirs, options->n_config_dirs, drafts, n_drafts, &list,
				&why);
	if (r == 0)
		r = dropin_read_list(&list, &files);
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

/* ---- settings ---- */

/* Run statistics cost every program on the machine some nanoseconds a run: only while wanted. */
static void follow_statistics(struct kernel *kernel, bool wanted)
{
	if (wanted && kernel->statistics_fd < 0)
		kernel->statistics_fd = bpf_statistics_fd();
	if (!wanted && kernel->statistics_fd >= 0) {
		util_close(&kernel->statistics_fd);
		kernel->statistics_fd = -1;
	}
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

/* ---- what is declared ---- */

static struct netns_dirs dirs_of(const struct kernel *kernel, const struct settings *settings)
{
	if (settings && settings->n_netns_dirs)
		return (struct netns_dirs){ (const char *const *)settings->netns_dirs,
					    settings->n_netns_dirs };
	return (struct netns_dirs){ &kernel->options->netns_dir, 1 };
}

/* Pairs of namespaces that could not be listed may exist: none is to be taken for unwanted. */
static void note_unlisted(struct desired *desired, struct diag *why)
{
	desired->incomplete = true;
	diag_list_add(&desired->conflicts, why);
}

/* Without a place to keep leases nothing is declared that needs them: only a cleanup has none. */
static int join(struct kernel *kernel, const struct catalog *catalog, struct desired **ret)
{
	struct netns_dirs dirs = dirs_of(kernel, catalog_settings(catalog));
	AUTO(netns_names_done) struct netns_names names = {};
	struct catalog_world world = { .leases = &kernel->leases,
				       .netns_dirs = dirs.paths,
				       .n_netns_dirs = dirs.n };
	struct diag why = {};
	int r, listed;

	if (!kernel->options->state_dir)
		return catalog_join(catalog, NULL, ret);
	listed = netns_list(dirs, &names, &why);
	world.namespaces = (const char *const *)names.items;
	world.n_namespaces = names.n;
	r = catalog_join(catalog, &world, ret);
	if (r == 0 && listed < 0)
		note_unlisted(*ret, &why);
	else
		diag_done(&why);
	return r == 0 && kernel->leases.changed ? keep_leases(kernel, *ret) : r;
}

static int declare(struct kernel *kernel, const struct catalog *catalog, struct desired **ret,
		   struct diag *why)
{
	int r = join(kernel, catalog, ret);

	if (r == 0)
		r = complete_settings(kernel, &(*ret)->settings);
	if (r < 0)
		diag_set(why, "%s", strerror(-r));
	return r;
}

/* job->desired is that of before until there is another. */
static int read_declared(struct kernel *kernel, struct job *job)
{
	struct desired *desired = NULL;
	int r = read_files(kernel, &job->catalog);

	if (r == 0)
		r = declare(kernel, &job->catalog, &desired, &job->why);
	if (r < 0)
		return r;
	desired_unref(job->desired);
	job->desired = desired;
	return 0;
}

int declared_load(struct kernel *kernel, struct job *job)
{
	AUTO(desired_unrefp) struct desired *before = job->desired ? desired_ref(job->desired) : NULL;
	int r;

	diag_list_done(&job->catalog.troubles);
	job->catalog.changed = false;
	job->catalog.only_pairs_changed = true;
	r = restore(kernel, &job->catalog);
	if (r == 0)
		amend_make(kernel, job, dirs_of(kernel, catalog_settings(&job->catalog)));
	if (r == 0)
		r = read_declared(kernel, job);
	/* Without what was wrong there is one reading more. */
	if (r == 0 && !amend_check(kernel, job, before)) {
		diag_list_done(&job->catalog.troubles);
		r = read_declared(kernel, job);
	}
	if (r == 0)
		r = find_group(&job->catalog, job->desired);
	if (r < 0)
		return r;
	kernel->write_gid = job->desired->write_gid;
	follow_statistics(kernel, job->desired->settings.statistics);
	probe_features(kernel, &job->desired->settings);
	return 0;
}

int declared_expand(struct kernel *kernel, struct job *job)
{
	int r = declare(kernel, job->in_force, &job->desired, &job->why);

	if (r == 0)
		job->desired->write_gid = kernel->write_gid;
	return r;
}
