/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Amendments of JOB_LOAD; see context.h. Each is made before the files are read and looked at
 * afterwards, so that what turns out to be wrong is gone again before anybody sees it in force.
 */
#include "core/amendment.h"
#include "core/template.h"
#include "files/atomic.h"
#include "files/dropin.h"
#include "kernel/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- places ---- */

/* 0 is the administrator's directory; the runtime directory may be anywhere. */
static size_t rank_of(const struct kernel_options *options, bool runtime)
{
	for (size_t i = 0; runtime && i < options->n_config_dirs; i++)
		if (strcmp(options->config_dirs[i], options->runtime_dir) == 0)
			return i;
	return 0;
}

static enum config_kind kind_of(const char *name)
{
	return strcmp(name, DROPIN_SETTINGS) == 0 ? CONFIG_SETTINGS : CONFIG_PAIRS;
}

static char *path_of(const struct kernel_options *options, bool runtime, const char *name)
{
	return dropin_path(options->config_dirs[rank_of(options, runtime)], kind_of(name), name, NULL);
}

static char *runtime_path(const struct kernel *kernel, const char *pair)
{
	AUTO_FREE char *name = amendment_file_name(pair);

	return name ? path_of(kernel->options, true, name) : NULL;
}

static char *pairs_dir(const struct kernel_options *options, bool runtime)
{
	return util_join(options->config_dirs[rank_of(options, runtime)], DROPIN_DIR);
}

static int make_dirs(const struct kernel_options *options, bool runtime)
{
	return dropin_make_dirs(options->config_dirs[rank_of(options, runtime)]);
}

static int fail_storage(struct amendment *amendment, const char *path, int error)
{
	amendment->error = error;
	if (error == -ENOMEM)
		return error;
	amendment_fail(amendment, AMEND_E_STORAGE, "%s: %s", path, strerror(-error));
	return 0;
}

/* ---- CREATE ---- */

static const struct template *find_template(const struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->n_files; i++) {
		const struct config *config = &catalog->files[i].config;

		for (size_t j = 0; catalog->files[i].in_force && j < config->n_templates; j++)
			if (strcmp(config->templates[j].name, name) == 0)
				return &config->templates[j];
	}
	return NULL;
}

/* A descriptor becomes what names it, and a process is meant as long as it is that one. */
static int find_netns(struct amendment *amendment, struct netns_dirs dirs)
{
	AUTO(netns_done) struct netns netns = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};
	struct netns_ref ref = {};
	bool by_fd = amendment->netns_fd >= 0;
	int r;

	if (!by_fd && !amendment->netns.text)
		return 0;
	r = by_fd ? netns_open_fd(amendment->netns_fd, &netns, &why)
		  : netns_open(&amendment->netns, dirs, &netns, &why);
	if (r == 0 && by_fd) {
		r = netns_find_ref(&netns, dirs, amendment->caller, &ref, &why);
		free(amendment->netns.text);
		amendment->netns = ref;
	}
	util_close(&amendment->netns_fd);
	if (r == 0 && amendment->netns.by == NETNS_BY_PID)
		amendment->netns.cookie = netns.cookie;
	if (r == -ENOMEM)
		return r;
	if (r)
		amendment_fail(amendment, AMEND_E_NETNS, "%s", why.text ? why.text : strerror(-r));
	return 0;
}

/* What {netns} of a template's name is; a path gives its last part. */
static const char *short_name(const struct netns_ref *ref)
{
	const char *slash = strrchr(ref->text, '/');

	return slash ? slash + 1 : ref->text;
}

/* By the template, where the amendment names no pair. */
static void name_pair(struct amendment *amendment, const struct catalog *catalog)
{
	const struct template *template = NULL;

	if (amendment->template) {
		template = find_template(catalog, amendment->template);
		if (!template) {
			amendment_fail(amendment, AMEND_E_TEMPLATE, "no file declares template \"%s\"",
				       amendment->template);
			return;
		}
	}
	if (amendment->pair[0])
		return;
	if (!template || !amendment->netns.text)
		amendment_fail(amendment, AMEND_E_DECLARATION, "a pair without a name needs a template "
			       "and a namespace that give it one");
	else
		template_device_name(&template->pattern, short_name(&amendment->netns),
				     amendment->pair);
}

static void check_free(struct amendment *amendment, const char *path,
		       const struct desired *before)
{
	const struct pair *pair = before ? desired_find_pair(before, amendment->pair) : NULL;

	bool there = access(path, F_OK) == 0;

	/* The file of one that was deleted a moment ago is gone, and has not been missed yet. */
	if (pair && !there && util_text_equal(pair->at.file, path))
		return;
	if (pair)
		amendment_fail(amendment, AMEND_E_EXISTS, "it is declared at %s:%u", pair->at.file,
			       pair->at.line);
	else if (there)
		amendment_fail(amendment, AMEND_E_EXISTS, "it is declared in %s", path);
}

static int write_pair(struct kernel *kernel, struct amendment *amendment, const char *path)
{
	AUTO_FREE char *text = NULL;
	struct atomic_part part = {};
	int r = amendment_text(amendment, &text, &part.len);

	if (r > 0)
		amendment_fail(amendment, r, NULL);
	if (r)
		return r < 0 ? r : 0;
	part.bytes = text;
	r = make_dirs(kernel->options, true);
	if (r == 0)
		r = atomic_write(path, ATOMIC_PUBLIC, &part, 1);
	amendment->made = r == 0;
	return r < 0 ? fail_storage(amendment, path, r) : 0;
}

static int create(struct kernel *kernel, struct job *job, struct amendment *amendment,
		  struct netns_dirs dirs)
{
	AUTO_FREE char *path = NULL;
	int r = find_netns(amendment, dirs);

	if (r == 0 && !amendment->fault)
		name_pair(amendment, &job->catalog);
	if (r < 0 || amendment->fault)
		return r;
	path = runtime_path(kernel, amendment->pair);
	if (!path)
		return -ENOMEM;
	check_free(amendment, path, job->desired);
	return amendment->fault ? 0 : write_pair(kernel, amendment, path);
}

/* ---- DELETE ---- */

static int delete(struct kernel *kernel, struct job *job, struct amendment *amendment)
{
	AUTO_FREE char *path = runtime_path(kernel, amendment->pair);
	const struct pair *pair = job->desired ? desired_find_pair(job->desired, amendment->pair)
					       : NULL;

	if (!path)
		return -ENOMEM;
	amendment->existed = unlink(path) == 0;
	if (!amendment->existed && errno != ENOENT && errno != ENOTDIR)
		return fail_storage(amendment, path, -errno);
	amendment->made = true;
	if (pair && strcmp(pair->at.file, path) != 0)
		amendment_fail(amendment, AMEND_E_NOT_RUNTIME, "%s:%u", pair->at.file, pair->at.line);
	return 0;
}

/* ---- trials ---- */

static void trial_done(struct kernel *kernel)
{
	struct amendment files = { .netns_fd = -1,
				   .files = kernel->trial.files,
				   .n_files = kernel->trial.n_files };

	amendment_done(&files);
	for (size_t i = 0; i < kernel->trial.n_before; i++)
		catalog_file_done(&kernel->trial.before[i]);
	free(kernel->trial.before);
	kernel->trial = (struct trial){};
}

/* What was in force of its files before is so again, until they are read. */
static int end_trial(struct kernel *kernel, struct catalog *catalog)
{
	struct trial *trial = &kernel->trial;
	int r = 0;

	while (trial->n_before && r == 0) {
		r = catalog_put_back(catalog, &trial->before[trial->n_before - 1]);
		trial->n_before -= r == 0;
	}
	if (r == 0)
		trial_done(kernel);
	return r;
}

void amend_done(struct kernel *kernel)
{
	trial_done(kernel);
}

static bool is_named_before(const struct amendment *amendment, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(amendment->files[i].name, amendment->files[j].name) == 0)
			return true;
	return false;
}

/* What is in force of the files, without which they are read as if they were new. */
static int take_before(struct trial *trial, struct catalog *catalog)
{
	int r = 0;

	trial->before = calloc(trial->n_files, sizeof(*trial->before));
	if (!trial->before)
		return -ENOMEM;
	for (size_t i = 0; i < trial->n_files && r == 0; i++) {
		const char *name = trial->files[i].name;

		r = catalog_take(catalog, kind_of(name), name, &trial->before[i]);
		trial->n_before += r == 0;
	}
	return r;
}

static int begin_trial(struct kernel *kernel, struct catalog *catalog, struct amendment *amendment)
{
	int r;

	for (size_t i = 0; i < amendment->n_files; i++) {
		const char *name = amendment->files[i].name;

		if (!dropin_is_name(name) || strchr(name, '/') || strlen(name) > NAME_MAX)
			amendment_fail(amendment, AMEND_E_DECLARATION, "\"%s\" is not the name of a "
				       "file that counts: it ends in .yaml, begins with no dot and has "
				       "no slash in it", name);
		else if (is_named_before(amendment, i))
			amendment_fail(amendment, AMEND_E_DECLARATION, "%s is named twice", name);
	}
	if (!amendment->fault && kernel->trial.number)
		amendment_fail(amendment, AMEND_E_TRIAL, NULL);
	if (amendment->fault)
		return 0;
	kernel->trial = (struct trial){ .number = amendment->trial,
					.files = STEAL(amendment->files),
					.n_files = amendment->n_files,
					.runtime = amendment->runtime };
	amendment->n_files = 0;
	r = take_before(&kernel->trial, catalog);
	if (r < 0 && end_trial(kernel, catalog) < 0)
		trial_done(kernel);
	amendment->made = r == 0;
	return r;
}

int amend_drafts(const struct kernel *kernel, struct dropin_draft **ret, size_t *ret_n)
{
	const struct trial *trial = &kernel->trial;

	for (size_t i = 0; i < trial->n_files; i++) {
		const struct amendment_file *file = &trial->files[i];
		const struct dropin_draft draft = {
			.kind = kind_of(file->name),
			.name = file->name,
			.rank = rank_of(kernel->options, trial->runtime),
			.bytes = file->bytes,
			.len = file->len,
		};

		if (ARRAY_APPEND(*ret, *ret_n, draft) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_trial(const struct kernel *kernel, struct amendment *amendment)
{
	if (kernel->trial.number &&
	    (!amendment->trial || amendment->trial == kernel->trial.number))
		return true;
	amendment_fail(amendment, AMEND_E_NO_TRIAL, NULL);
	return false;
}

/* What a file was before it was written, to be put back. */
struct old_file {
	char *path; /* owned */
	char *bytes; /* owned; NULL: it was not there */
	size_t len;
};

static int put(const struct old_file *file, const char *bytes, size_t len)
{
	const struct atomic_part part = { .bytes = bytes, .len = len };
	struct stat st;
	mode_t mode = ATOMIC_PUBLIC;

	/* Of a mask, which is a link to /dev/null, it is no file's: everybody may write there. */
	if (stat(file->path, &st) == 0 && S_ISREG(st.st_mode))
		mode = st.st_mode & 0777;
	if (bytes)
		return atomic_write(file->path, mode, &part, 1);
	return unlink(file->path) < 0 && errno != ENOENT ? -errno : 0;
}

static int remember(const char *path, struct old_file *ret)
{
	int r = util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, &ret->bytes, &ret->len);

	if (r < 0 && r != -ENOENT)
		return r;
	ret->path = strdup(path);
	return ret->path ? 0 : -ENOMEM;
}

/* All of them, or none. */
static int write_trial(struct kernel *kernel, struct amendment *amendment)
{
	const struct trial *trial = &kernel->trial;
	AUTO_FREE struct old_file *old = calloc(trial->n_files + 1, sizeof(*old));
	AUTO_FREE char *path = NULL;
	size_t n = 0;
	int r = old ? make_dirs(kernel->options, trial->runtime) : -ENOMEM;

	if (r < 0)
		path = pairs_dir(kernel->options, trial->runtime);
	for (size_t i = 0; i < trial->n_files && r == 0; i++) {
		free(path);
		path = path_of(kernel->options, trial->runtime, trial->files[i].name);
		r = path ? remember(path, &old[n]) : -ENOMEM;
		if (r == 0)
			r = put(&old[n++], trial->files[i].bytes, trial->files[i].len);
	}
	for (size_t i = n; i > 0; i--) {
		if (r < 0)
			put(&old[i - 1], old[i - 1].bytes, old[i - 1].len);
		free(old[i - 1].path);
		free(old[i - 1].bytes);
	}
	if (r < 0)
		return fail_storage(amendment, path ? path : "", r);
	amendment->made = true;
	trial_done(kernel);
	return 0;
}

/* ---- all of them ---- */

static int make(struct kernel *kernel, struct job *job, struct amendment *amendment,
		struct netns_dirs dirs)
{
	int r;

	switch (amendment->kind) {
	case AMEND_CREATE:
		return create(kernel, job, amendment, dirs);
	case AMEND_DELETE:
		return delete(kernel, job, amendment);
	case AMEND_TRY:
		return begin_trial(kernel, &job->catalog, amendment);
	case AMEND_CONFIRM:
		return is_trial(kernel, amendment) ? write_trial(kernel, amendment) : 0;
	case AMEND_REVERT:
		if (!is_trial(kernel, amendment))
			return 0;
		r = end_trial(kernel, &job->catalog);
		amendment->made = r == 0;
		return r;
	}
	return 0;
}

void amend_make(struct kernel *kernel, struct job *job, struct netns_dirs dirs)
{
	for (size_t i = 0; i < job->n_amendments; i++) {
		struct amendment *amendment = job->amendments[i];
		int r = make(kernel, job, amendment, dirs);

		if (r == 0)
			continue;
		amendment->error = r;
		amendment_fail(amendment, AMEND_E_INTERNAL, "%s", strerror(-r));
	}
}

/* ---- afterwards ---- */

static void add_copy(struct amendment *amendment, const struct diag *diag)
{
	struct diag copy = {};

	if (diag_copy(diag, &copy) == 0)
		diag_list_add(&amendment->diags, &copy);
	amendment_fail(amendment, AMEND_E_DECLARATION, NULL);
}

/* Faults of a file, and conflicts in which it lost. */
static void check_file(const struct catalog *catalog, const struct desired *desired,
		       struct amendment *amendment, const char *name, const char *path)
{
	const struct catalog_file *file = catalog_find(catalog, kind_of(name), name);

	for (size_t i = 0; file && i < file->diags.n; i++)
		add_copy(amendment, &file->diags.items[i]);
	for (size_t i = 0; i < desired->conflicts.n; i++)
		if (util_text_equal(desired->conflicts.items[i].file, path))
			add_copy(amendment, &desired->conflicts.items[i]);
}

static bool shares_address(const struct pair *a, const struct pair *b)
{
	const struct end *x = &a->end[SIDE_PEER], *y = &b->end[SIDE_PEER];

	for (size_t i = 0; i < x->n_addresses; i++)
		for (size_t j = 0; j < y->n_addresses; j++)
			if (ip_equal(&x->addresses[i].prefix.ip, &y->addresses[j].prefix.ip))
				return true;
	return false;
}

/* Files are in force in the order of their names: a pair that is asked for takes nothing from others. */
static void check_others(const struct desired *before, const struct desired *desired,
			 const struct pair *pair, struct amendment *amendment)
{
	for (size_t i = 0; before && i < before->n_pairs; i++) {
		const struct pair *other = &before->pairs[i], *now;

		if (pair_compare_peer(other, pair) != 0 && !shares_address(other, pair))
			continue;
		now = desired_find_pair(desired, other->name);
		if (!now || (now->blocked && !other->blocked))
			amendment_fail(amendment, AMEND_E_DECLARATION,
				       "pair \"%s\", declared at %s:%u, has its address or its peer's name "
				       "already", other->name, other->at.file, other->at.line);
	}
}

static bool check_created(struct kernel *kernel, const struct job *job,
			  const struct desired *before, struct amendment *amendment)
{
	AUTO_FREE char *name = amendment_file_name(amendment->pair);
	AUTO_FREE char *path = runtime_path(kernel, amendment->pair);
	const struct pair *pair = desired_find_pair(job->desired, amendment->pair);

	if (!name || !path) {
		amendment_fail(amendment, AMEND_E_INTERNAL, "%s", strerror(ENOMEM));
		return false;
	}
	check_file(&job->catalog, job->desired, amendment, name, path);
	if (!amendment->fault && !pair && access(path, F_OK) != 0)
		amendment_fail(amendment, AMEND_E_NOT_CONVERGED, "it was deleted meanwhile");
	if (!amendment->fault && (!pair || strcmp(pair->at.file, path) != 0))
		amendment_fail(amendment, AMEND_E_EXISTS, "the file %s does not count", path);
	if (!amendment->fault)
		check_others(before, job->desired, pair, amendment);
	if (amendment->fault)
		unlink(path);
	return !amendment->fault;
}

static bool check_tried(struct kernel *kernel, struct job *job, struct amendment *amendment)
{
	const struct trial *trial = &kernel->trial;

	for (size_t i = 0; i < trial->n_files; i++) {
		const char *name = trial->files[i].name;
		AUTO_FREE char *path = path_of(kernel->options, trial->runtime, name);

		check_file(&job->catalog, job->desired, amendment, name, path);
	}
	if (amendment->fault && end_trial(kernel, &job->catalog) < 0)
		trial_done(kernel);
	return !amendment->fault;
}

bool amend_check(struct kernel *kernel, struct job *job, const struct desired *before)
{
	bool good = true;

	for (size_t i = 0; i < job->n_amendments; i++) {
		struct amendment *amendment = job->amendments[i];

		if (amendment->fault)
			continue;
		if (amendment->kind == AMEND_CREATE)
			good &= check_created(kernel, job, before, amendment);
		else if (amendment->kind == AMEND_TRY)
			good &= check_tried(kernel, job, amendment);
	}
	return good;
}
