/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only file that knows libbpf. What libbpf prints is kept while a program is loaded, because
 * its own complaints (a missing map, a bad relocation) are often better than the errno.
 */
#include "kernel/bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define LOG_SIZE (4u << 20) /* what the verifier may write */
#define DETAIL_SIZE (64u << 10) /* what people get of it: its end */

static enum bpf_attach_type attach_type(enum bpf_hook hook)
{
	switch (hook) {
	case BPF_HOOK_TCX_INGRESS:
		return BPF_TCX_INGRESS;
	case BPF_HOOK_TCX_EGRESS:
		return BPF_TCX_EGRESS;
	case BPF_HOOK_PRIMARY:
		return BPF_NETKIT_PRIMARY;
	case BPF_HOOK_PEER:
		return BPF_NETKIT_PEER;
	}
	return BPF_TCX_INGRESS;
}

/* ---- chains ---- */

/* Of a device's own (netkit, meta), not of tcx. */
static bool is_device_hook(enum bpf_hook hook)
{
	return hook == BPF_HOOK_PRIMARY || hook == BPF_HOOK_PEER;
}

int bpf_chain_query(int ifindex, enum bpf_hook hook, struct bpf_chain *ret)
{
	__u32 prog_ids[CHAIN_MAX + 1] = {}, link_ids[CHAIN_MAX + 1] = {};
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = prog_ids, .link_ids = link_ids,
		    .count = CHAIN_MAX + 1);
	int r = bpf_prog_query_opts(ifindex, attach_type(hook), &opts);

	if (r < 0)
		return r;
	/* netkit reads 1 for an empty chain, whatever the next change has to expect. */
	ret->revision = opts.count || !is_device_hook(hook) ? opts.revision : 0;
	ret->n = opts.count;
	for (size_t i = 0; i < ret->n; i++)
		ret->entries[i] = (struct bpf_entry){ prog_ids[i], link_ids[i] };
	return 0;
}

static int link_facts(int link_fd, struct bpf_link_info *ret)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int r = bpf_link_get_info_by_fd(link_fd, &info, &len);

	if (r < 0)
		return r;
	*ret = info;
	return 0;
}

int bpf_chain_attach(int prog_fd, int ifindex, enum bpf_hook hook,
		     const struct bpf_position *position, int *ret_link_fd, uint32_t *ret_link_id)
{
	AUTO_CLOSE int fd = -1;
	struct bpf_link_info info;
	__u32 flags = 0, anchor = 0;
	int r;

	if (position->place != PLACE_TAIL) {
		flags = BPF_F_LINK | BPF_F_ID;
		flags |= position->place == PLACE_AFTER ? BPF_F_AFTER : BPF_F_BEFORE;
		anchor = position->anchor_link_id;
	}
	/* The kernel reads tcx and netkit options from the same place of the request. */
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags, .tcx.relative_id = anchor,
		    .tcx.expected_revision = position->revision);
	if (is_device_hook(hook)) {
		opts.netkit.relative_id = anchor;
		opts.netkit.expected_revision = position->revision;
	}
	fd = bpf_link_create(prog_fd, ifindex, attach_type(hook), &opts);
	if (fd < 0)
		return fd;
	r = link_facts(fd, &info);
	if (r < 0)
		return r;
	*ret_link_id = info.id;
	*ret_link_fd = STEAL_FD(fd);
	return 0;
}

int bpf_link_replace(int link_fd, int prog_fd)
{
	return bpf_link_update(link_fd, prog_fd, NULL);
}

int bpf_link_take_out(int link_fd)
{
	return bpf_link_detach(link_fd);
}

int bpf_link_ifindex(int link_fd, int *ret_ifindex)
{
	struct bpf_link_info info;
	int r = link_facts(link_fd, &info);

	if (r < 0)
		return r;
	*ret_ifindex = info.type == BPF_LINK_TYPE_NETKIT ? info.netkit.ifindex : info.tcx.ifindex;
	return 0;
}

int bpf_pin(int fd, const char *path)
{
	return bpf_obj_pin(fd, path);
}

int bpf_open_pin(const char *path, int *ret_fd)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* ---- programs ---- */

int bpf_program_describe(int prog_fd, struct bpf_program_facts *ret)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int r = bpf_prog_get_info_by_fd(prog_fd, &info, &len);

	if (r < 0)
		return r;
	ret->id = info.id;
	ret->run_count = info.run_cnt;
	ret->run_time_ns = info.run_time_ns;
	snprintf(ret->name, sizeof(ret->name), "%s", info.name);
	return 0;
}

int bpf_program_describe_id(uint32_t id, struct bpf_program_facts *ret)
{
	AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);

	return fd < 0 ? fd : bpf_program_describe(fd, ret);
}

int bpf_statistics_fd(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}

/* ---- loading ---- */

/* Loading happens on one thread at a time; another thread's libbpf messages are not this load's. */
static _Thread_local struct diag *heard;

static int hear(enum libbpf_print_level level, const char *format, va_list args)
{
	AUTO_FREE char *line = NULL;
	size_t len;

	if (!heard || level != LIBBPF_WARN || vasprintf(&line, format, args) < 0)
		return 0;
	len = strlen(line);
	while (len && line[len - 1] == '\n')
		line[--len] = '\0';
	/* The first complaint is the cause, later ones its consequences. */
	if (!heard->text && strncmp(line, "libbpf: ", 8) == 0)
		diag_set(heard, "%s", line + 8);
	return 0;
}

static void add_name(struct diag *names, const char *name)
{
	if (names->text)
		diag_set(names, "%s, %s", names->text, name);
	else
		diag_set(names, "%s", name);
}

static struct bpf_program *choose_program(struct bpf_object *object, const char *function,
					  struct diag *why)
{
	struct bpf_program *program, *found = NULL;
	AUTO(diag_done) struct diag names = {};
	size_t n = 0;

	bpf_object__for_each_program(program, object) {
		const char *name = bpf_program__name(program);

		bpf_program__set_autoload(program, false);
		add_name(&names, name);
		n++;
		if (!function || strcmp(name, function) == 0)
			found = program;
	}
	if (n == 0)
		diag_set(why, "the object has no program");
	else if (!function && n > 1)
		diag_set(why, "the object has more than one program, name one: %s", names.text);
	else if (!found)
		diag_set(why, "the object has no program \"%s\"; it has: %s", function, names.text);
	else
		return found;
	return NULL;
}

/*
 * Maps that hold state; what the object initialises anew is not shared. Nor are tables of programs:
 * libbpf writes them at each load, and the instance before would call into the new one.
 */
static bool keeps_state(const struct bpf_map *map)
{
	if (bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY)
		return false;
	return !bpf_map__is_internal(map) || strstr(bpf_map__name(map), ".bss");
}

static bool map_fits(const struct bpf_map *map, const struct bpf_map_info *info)
{
	return strncmp(bpf_map__name(map), info->name, BPF_OBJ_NAME_LEN - 1) == 0 &&
	       bpf_map__type(map) == info->type && bpf_map__key_size(map) == info->key_size &&
	       bpf_map__value_size(map) == info->value_size &&
	       bpf_map__max_entries(map) == info->max_entries &&
	       bpf_map__map_flags(map) == info->map_flags;
}

static int share_map(struct bpf_object *object, int map_fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct bpf_map *map;
	int r = bpf_map_get_info_by_fd(map_fd, &info, &len);

	if (r < 0)
		return r;
	bpf_object__for_each_map(map, object)
		if (keeps_state(map) && map_fits(map, &info))
			return bpf_map__reuse_fd(map, map_fd);
	return 0;
}

/* So that counters and tables survive when another instance takes over. */
static int share_maps(struct bpf_object *object, uint32_t like_id)
{
	__u32 ids[64] = {}, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids) };
	AUTO_CLOSE int like_fd = bpf_prog_get_fd_by_id(like_id);
	int r = like_fd < 0 ? like_fd : bpf_prog_get_info_by_fd(like_fd, &info, &len);

	if (r == -ENOENT)
		return 0;
	for (__u32 i = 0; r == 0 && i < MIN(info.nr_map_ids, ARRAY_SIZE(ids)); i++) {
		AUTO_CLOSE int map_fd = bpf_map_get_fd_by_id(ids[i]);

		r = map_fd < 0 ? map_fd : share_map(object, map_fd);
	}
	return r;
}

/* The verifier's last word: the line before its statistics. */
static void say_refusal(const char *log, const char *name, struct diag *why)
{
	const char *end = strstr(log, "\nprocessed "), *start;
	size_t len = strlen(log);

	if (!end)
		end = log + len;
	while (end > log && end[-1] == '\n')
		end--;
	for (start = end; start > log && start[-1] != '\n'; start--)
		;
	diag_set(why, "the verifier refused program %s: %.*s", name, (int)(end - start), start);
	free(why->detail);
	why->detail = strdup(log + (len > DETAIL_SIZE ? len - DETAIL_SIZE : 0));
}

/* What libbpf says then is about kernels and limits. */
static void say_failure(const char *log, const char *name, int error, struct diag *complaint,
			struct diag *why)
{
	if (log[0])
		say_refusal(log, name, why);
	else if (error == -EPERM)
		diag_set(why, "loading programs is not permitted (CAP_BPF, CAP_NET_ADMIN)");
	else if (complaint->text)
		diag_set(why, "%s", complaint->text);
	else
		diag_set(why, "program %s cannot be loaded: %s", name, strerror(-error));
}

static int load_chosen(struct bpf_object *object, struct bpf_program *program, uint32_t like_id,
		       char *log, int *ret_fd, struct diag *why)
{
	AUTO(diag_done) struct diag complaint = {};
	int r = 0;

	if (bpf_program__type(program) != BPF_PROG_TYPE_SCHED_CLS) {
		diag_set(why, "program %s is not of type sched_cls (section \"tc\")",
			 bpf_program__name(program));
		return -EPROTOTYPE;
	}
	bpf_program__set_autoload(program, true);
	bpf_program__set_expected_attach_type(program, 0);
	heard = &complaint;
	if (like_id)
		r = share_maps(object, like_id);
	if (r == 0)
		r = bpf_object__load(object);
	heard = NULL;
	if (r < 0) {
		say_failure(log, bpf_program__name(program), r, &complaint, why);
		return r;
	}
	r = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3);
	if (r < 0)
		return -errno;
	*ret_fd = r;
	return 0;
}

int bpf_program_load_file(const char *path, const char *function, uint32_t like_id, int *ret_fd,
			  struct diag *why)
{
	AUTO_FREE char *log = calloc(1, LOG_SIZE);
	AUTO(diag_done) struct diag complaint = {};
	struct bpf_program *program;
	struct bpf_object *object;
	int r;

	if (!log)
		return -ENOMEM;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log, .kernel_log_size = LOG_SIZE);
	libbpf_set_print(hear);
	heard = &complaint;
	object = bpf_object__open_file(path, &opts);
	heard = NULL;
	if (!object) {
		r = -errno;
		diag_set(why, "%s: %s", path, complaint.text ? complaint.text : strerror(-r));
		return r;
	}
	program = choose_program(object, function, why);
	r = program ? load_chosen(object, program, like_id, log, ret_fd, why) : -ENOENT;
	if (r < 0)
		diag_prefix(why, "%s", path);
	bpf_object__close(object);
	return r;
}
