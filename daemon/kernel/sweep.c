/* SPDX-License-Identifier: GPL-2.0-only */
/* See sweep.h. Each place is listed by one function; what may be there besides stays. */
#include "kernel/sweep.h"

#include "core/lease.h"
#include "files/dropin.h"
#include "files/store.h"
#include "kernel/bpf.h"
#include "kernel/expedite.h"
#include "kernel/link.h"
#include "kernel/pin.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Taking a link out waits for a grace period; fewer are not worth a global knob. */
#define EXPEDITE_FROM 4

struct finding {
	const struct kernel_options *options;
	struct sweep *sweep;
};

const char *sweep_kind_name(enum sweep_kind kind)
{
	switch (kind) {
	case SWEEP_DEVICE:
		return "device";
	case SWEEP_LINK:
		return "link";
	case SWEEP_PROGRAM:
		return "program";
	case SWEEP_KNOB:
		return "knob";
	case SWEEP_FILE:
		return "file";
	}
	return "?";
}

void sweep_done(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->n; i++)
		free(sweep->items[i].name);
	free(sweep->items);
	diag_list_done(&sweep->notes);
	*sweep = (struct sweep){};
}

/* Takes name; NULL: there was no memory for it. */
static int add(struct finding *finding, enum sweep_kind kind, char *name, int ifindex)
{
	struct sweep_item item = { .kind = kind, .name = name, .ifindex = ifindex };
	int r = name ? ARRAY_APPEND(finding->sweep->items, finding->sweep->n, item) : -ENOMEM;

	if (r < 0)
		free(name);
	return r;
}

static void note(struct finding *finding, const char *path, const char *words)
{
	struct diag diag = {};

	diag_set(&diag, "%s: %s", path, words);
	diag_list_add(&finding->sweep->notes, &diag);
}

/* What cannot be looked at keeps nothing else from going. */
static int pass_over(struct finding *finding, const char *place, int error)
{
	note(finding, place, strerror(-error));
	finding->sweep->error = error;
	return 0;
}

/* ---- devices ---- */

static int on_link(void *ctx, const struct link *link)
{
	if (link->kind == KIND_AUTO || !link->has_kind ||
	    (link->group != LINK_GROUP_METAD && link->group != LINK_GROUP_DOOMED))
		return 0;
	return add(ctx, SWEEP_DEVICE, strdup(link->name), link->ifindex);
}

static int find_devices(struct finding *finding)
{
	AUTO(netlink_freep) struct netlink *netlink = NULL;
	int r = netlink_open(NULL, &netlink);

	if (r == 0)
		r = link_dump(netlink, on_link, finding);
	return r < 0 && r != -ENOMEM ? pass_over(finding, "devices", r) : r;
}

/* ---- directories ---- */

/* Calls fn for each name in dir. What is not there has none. */
static int each_name(struct finding *finding, const char *dir,
		     int (*fn)(struct finding *finding, const char *name, char *path))
{
	AUTO_CLOSE_DIR DIR *stream = dir ? opendir(dir) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return -ENOMEM;
	if (!stream && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!stream)
		return pass_over(finding, dir, -errno);
	while (r == 0 && (entry = readdir(stream))) {
		AUTO_FREE char *path = util_join(dir, entry->d_name);

		if (!path)
			return -ENOMEM;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = fn(finding, entry->d_name, path);
	}
	return r;
}

static int on_link_pin(struct finding *finding, const char *name, char *path)
{
	struct pin pin;

	if (pin_parse_link(name, &pin))
		return add(finding, SWEEP_LINK, strdup(path), 0);
	note(finding, path, "is not metad's, and stays");
	return 0;
}

static int on_program_pin(struct finding *finding, const char *name, char *path)
{
	char program[PROGRAM_NAME_SIZE];
	uint64_t digest;
	uint32_t id;

	if (pin_parse_program(name, program, &digest, &id))
		return add(finding, SWEEP_PROGRAM, strdup(path), 0);
	note(finding, path, "is not metad's, and stays");
	return 0;
}

static int on_pin_dir(struct finding *finding, const char *name, char *path)
{
	if (strcmp(name, PIN_LINKS) != 0 && strcmp(name, PIN_PROGRAMS) != 0)
		note(finding, path, "is not metad's, and stays");
	return 0;
}

static int find_pins(struct finding *finding)
{
	const char *bpffs = finding->options->bpffs;
	AUTO_FREE char *dir = util_join(bpffs, "metad");
	AUTO_FREE char *links = dir ? util_join(dir, PIN_LINKS) : NULL;
	AUTO_FREE char *programs = dir ? util_join(dir, PIN_PROGRAMS) : NULL;
	struct statfs fs;
	int r;

	if (statfs(bpffs, &fs) < 0 || fs.f_type != BPF_FS_MAGIC) {
		note(finding, bpffs, "is no BPF file system: what was pinned there is not found");
		return 0;
	}
	r = each_name(finding, links, on_link_pin);
	if (r == 0)
		r = each_name(finding, programs, on_program_pin);
	return r == 0 ? each_name(finding, dir, on_pin_dir) : r;
}

/* What atomic_write had not given its name yet. */
static bool is_beginning(const char *name)
{
	return strncmp(name, ".metad-", 7) == 0 && strlen(name) == 13;
}

static bool is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int on_any_file(struct finding *finding, const char *name, char *path)
{
	return is_file(path) ? add(finding, SWEEP_FILE, strdup(path), 0) : 0;
}

static int on_state_file(struct finding *finding, const char *name, char *path)
{
	return strcmp(name, LEASE_FILE) == 0 || is_beginning(name) ? on_any_file(finding, name, path) : 0;
}

static int on_config_file(struct finding *finding, const char *name, char *path)
{
	return is_beginning(name) ? on_any_file(finding, name, path) : 0;
}

static int on_runtime_file(struct finding *finding, const char *name, char *path)
{
	return dropin_is_name(name) ? on_any_file(finding, name, path) : 0;
}

static int find_state(struct finding *finding)
{
	const char *dir = finding->options->state_dir;
	AUTO_FREE char *kept = util_join(dir, STORE_DIR);
	AUTO_FREE char *pairs = kept ? util_join(kept, DROPIN_DIR) : NULL;
	int r = each_name(finding, pairs, on_any_file);

	if (r == 0)
		r = each_name(finding, kept, on_any_file);
	return r == 0 ? each_name(finding, dir, on_state_file) : r;
}

/* Beginnings of files may be wherever files are written; whole ones are somebody's configuration. */
static int find_beginnings(struct finding *finding)
{
	const struct kernel_options *options = finding->options;
	int r = 0;

	for (size_t i = 0; i < options->n_config_dirs && r == 0; i++) {
		AUTO_FREE char *pairs = util_join(options->config_dirs[i], DROPIN_DIR);

		r = each_name(finding, options->config_dirs[i], on_config_file);
		if (r == 0)
			r = each_name(finding, pairs, on_config_file);
	}
	return r;
}

static int find_runtime(struct finding *finding)
{
	const char *dir = finding->options->runtime_dir;
	AUTO_FREE char *pairs = util_join(dir, DROPIN_DIR);
	AUTO_FREE char *marker = util_join(dir, EXPEDITE_MARKER);
	int r = marker ? 0 : -ENOMEM;

	if (r == 0 && access(marker, F_OK) == 0)
		r = add(finding, SWEEP_KNOB, strdup(marker), 0);
	return r == 0 ? each_name(finding, pairs, on_runtime_file) : r;
}

int sweep_find(const struct kernel_options *options, struct sweep *ret)
{
	AUTO(sweep_done) struct sweep sweep = {};
	struct finding finding = { .options = options, .sweep = &sweep };
	int r = find_devices(&finding);

	if (r == 0)
		r = find_pins(&finding);
	if (r == 0)
		r = find_runtime(&finding);
	if (r == 0)
		r = find_state(&finding);
	if (r == 0)
		r = find_beginnings(&finding);
	if (r == 0)
		*ret = STEAL(sweep);
	return r;
}

/* ---- removing ---- */

/* Asks the same of each device that is still to go; a device that is gone is as wanted. */
static void ask_devices(struct netlink *netlink, struct sweep *sweep,
			struct nl_msg *(*request)(int ifindex))
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	AUTO_FREE struct netlink_result *results = calloc(sweep->n + 1, sizeof(*results));
	size_t n = 0;
	int r = results ? 0 : -ENOMEM;

	for (size_t i = 0; i < sweep->n && r == 0; i++)
		if (sweep->items[i].kind == SWEEP_DEVICE)
			r = netlink_batch_add(&batch, request(sweep->items[i].ifindex));
	if (r == 0)
		r = netlink_batch_run(netlink, &batch, results);
	for (size_t i = 0; i < sweep->n; i++) {
		struct sweep_item *item = &sweep->items[i];
		int error = r;

		if (item->kind != SWEEP_DEVICE)
			continue;
		if (results) {
			error = r < 0 ? r : results[n].error;
			netlink_result_done(&results[n++]);
		}
		if (error && error != -ENODEV && !item->error)
			item->error = error;
	}
}

static struct nl_msg *down_request(int ifindex)
{
	static const struct attrs down = { .has = ATTR_UP, .up = false };

	return link_set(ifindex, &down);
}

static struct nl_msg *doom_request(int ifindex)
{
	return link_set_group(ifindex, LINK_GROUP_DOOMED);
}

/* Out of its chain at once; without its pin only after a while. */
static void take_out(const char *path)
{
	AUTO_CLOSE int link_fd = -1;

	if (bpf_open_pin(path, &link_fd) == 0)
		bpf_link_take_out(link_fd);
}

static void remove_paths(struct sweep *sweep, enum sweep_kind kind)
{
	for (size_t i = 0; i < sweep->n; i++) {
		struct sweep_item *item = &sweep->items[i];

		if (item->kind != kind)
			continue;
		if (kind == SWEEP_LINK)
			take_out(item->name);
		if (unlink(item->name) < 0 && errno != ENOENT)
			item->error = -errno;
	}
}

static size_t count(const struct sweep *sweep, enum sweep_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < sweep->n; i++)
		n += sweep->items[i].kind == kind;
	return n;
}

static void remove_links(const struct kernel_options *options, struct sweep *sweep)
{
	bool expedited = count(sweep, SWEEP_LINK) >= EXPEDITE_FROM &&
			 expedite_begin(options->runtime_dir);

	remove_paths(sweep, SWEEP_LINK);
	if (expedited)
		expedite_end(options->runtime_dir);
}

static void delete_devices(struct netlink *netlink, struct sweep *sweep)
{
	AUTO(diag_done) struct diag why = {};
	int r;

	ask_devices(netlink, sweep, doom_request);
	r = netlink_call(netlink, link_delete_group(LINK_GROUP_DOOMED), &why);
	for (size_t i = 0; i < sweep->n; i++)
		if (sweep->items[i].kind == SWEEP_DEVICE && !sweep->items[i].error && r < 0 &&
		    r != -ENODEV)
			sweep->items[i].error = r;
}

static void remove_dir(const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);

	/* One that is not there, or has what is not metad's, stays as it is. */
	if (path)
		rmdir(path);
}

static void remove_dirs(const struct kernel_options *options)
{
	remove_dir(options->bpffs, "metad/" PIN_LINKS);
	remove_dir(options->bpffs, "metad/" PIN_PROGRAMS);
	remove_dir(options->bpffs, "metad");
	remove_dir(options->state_dir, STORE_DIR "/" DROPIN_DIR);
	remove_dir(options->state_dir, STORE_DIR);
}

void sweep_run(const struct kernel_options *options, struct sweep *sweep)
{
	AUTO(netlink_freep) struct netlink *netlink = NULL;
	int r = count(sweep, SWEEP_DEVICE) ? netlink_open(NULL, &netlink) : 0;

	if (count(sweep, SWEEP_KNOB))
		expedite_recover(options->runtime_dir);
	for (size_t i = 0; i < sweep->n && r < 0; i++)
		if (sweep->items[i].kind == SWEEP_DEVICE)
			sweep->items[i].error = r;
	if (netlink)
		ask_devices(netlink, sweep, down_request);
	remove_links(options, sweep);
	if (netlink)
		delete_devices(netlink, sweep);
	remove_paths(sweep, SWEEP_PROGRAM);
	remove_paths(sweep, SWEEP_FILE);
	remove_dirs(options);
	for (size_t i = 0; i < sweep->n; i++)
		if (sweep->items[i].kind == SWEEP_KNOB && access(sweep->items[i].name, F_OK) == 0)
			sweep->items[i].error = -EBUSY;
}
