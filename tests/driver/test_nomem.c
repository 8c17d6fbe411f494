// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nomem: every operation of the driver with its first, second, … memory allocation failing, until
 * one runs with all of them succeeding. What fails must fail with -ENOMEM and leave nothing behind;
 * taking programs off must succeed all the same, because nobody can be asked to try again. Needs a
 * kernel with failslab (driver/debug.config); its log tells about leaks.
 */
#include <fcntl.h>
#include <unistd.h>

#include "programs.h"
#include "rtnl.h"
#include "tap.h"

enum { MOST_ALLOCATIONS = 2000 };

struct stage {
	struct rtnl rtnl;
	int ifindex, first, second, link;
};

struct operation {
	const char *name;
	void (*prepare)(struct stage *stage);
	int (*run)(struct stage *stage);
	/* Whether all is as it was before, or as after success. */
	bool (*holds)(struct stage *stage, int result);
	void (*undo)(struct stage *stage);
	bool may_not_fail;
};

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return written;
}

/* ---- the fault ---- */

static int fail_nth_fd;

static void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth_fd, text, len, 0) != len)
		bail_out("fail-nth: %m");
}

/* Whether the allocation that was to fail was reached. */
static bool has_failed(void)
{
	char text[16] = "";

	if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) < 0)
		bail_out("fail-nth: %m");
	return atoi(text) == 0;
}

/* ---- the operations ---- */

static void no_undo(struct stage *stage)
{
	(void)stage;
}

static void make(struct stage *stage)
{
	struct pair_want want = pair_want(test_kind(), "nm-a", "nm-b");
	int err = make_pair(&stage->rtnl, &want);

	if (err)
		bail_out("making a pair: %s", tap_errno_name(err));
	stage->ifindex = if_nametoindex("nm-a");
}

static void unmake(struct stage *stage)
{
	del_link(&stage->rtnl, "nm-a");
}

static int count(struct stage *stage)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	if (bpf_prog_query_opts(stage->ifindex, BPF_NETKIT_PRIMARY, &opts))
		bail_out("query: %m");
	return opts.count;
}

static void make_with_program(struct stage *stage)
{
	make(stage);
	if (bpf_prog_attach_opts(stage->first, stage->ifindex, BPF_NETKIT_PRIMARY, NULL))
		bail_out("attach: %m");
}

static void make_with_link(struct stage *stage)
{
	make(stage);
	stage->link = bpf_link_create(stage->first, stage->ifindex, BPF_NETKIT_PRIMARY, NULL);
	if (stage->link < 0)
		bail_out("link: %m");
}

static int run_create(struct stage *stage)
{
	struct pair_want want = pair_want(test_kind(), "nm-a", "nm-b");

	return make_pair(&stage->rtnl, &want);
}

static bool holds_create(struct stage *stage, int result)
{
	(void)stage;
	return !!if_nametoindex("nm-a") == !result && !!if_nametoindex("nm-b") == !result;
}

static int run_attach(struct stage *stage)
{
	return bpf_prog_attach_opts(stage->second, stage->ifindex, BPF_NETKIT_PRIMARY, NULL);
}

static bool holds_attach(struct stage *stage, int result)
{
	return count(stage) == (result ? 1 : 2);
}

static int run_detach(struct stage *stage)
{
	return bpf_prog_detach_opts(stage->first, stage->ifindex, BPF_NETKIT_PRIMARY, NULL);
}

static bool holds_detach(struct stage *stage, int result)
{
	return count(stage) == (result ? 1 : 0);
}

static int run_link(struct stage *stage)
{
	stage->link = bpf_link_create(stage->second, stage->ifindex, BPF_NETKIT_PRIMARY, NULL);
	return stage->link < 0 ? stage->link : 0;
}

static void close_link(struct stage *stage)
{
	if (stage->link >= 0)
		close(stage->link);
	stage->link = -1;
	unmake(stage);
}

static int run_link_detach(struct stage *stage)
{
	return bpf_link_detach(stage->link);
}

/* The program leaves with the last descriptor, on the way out of close(). */
static int run_link_close(struct stage *stage)
{
	int ret = close(stage->link);

	stage->link = -1;
	return ret;
}

static int run_delete(struct stage *stage)
{
	return del_link(&stage->rtnl, "nm-b");
}

static bool holds_delete(struct stage *stage, int result)
{
	(void)stage;
	return !!if_nametoindex("nm-a") == !!result;
}

static const struct operation operations[] = {
	{ "create", no_undo, run_create, holds_create, unmake, false },
	{ "attach", make_with_program, run_attach, holds_attach, unmake, false },
	{ "detach", make_with_program, run_detach, holds_detach, unmake, true },
	{ "link create", make_with_program, run_link, holds_attach, close_link, false },
	{ "link detach", make_with_link, run_link_detach, holds_detach, close_link, true },
	{ "link close", make_with_link, run_link_close, holds_detach, close_link, true },
	{ "delete", make_with_program, run_delete, holds_delete, unmake, false },
};

/*
 * -ENOMEM of netlink's own buffers is told as -ENOBUFS, and a device in sysfs that got no memory for
 * its name as -EINVAL.
 */
static bool is_no_memory(const struct stage *stage, int err)
{
	return err == -ENOMEM || err == -ENOBUFS ||
	       (err == -EINVAL && !strncmp(stage->rtnl.extack, "Cannot register", 15));
}

/* What could not be answered for want of a buffer was done, or was not, but as a whole. */
static bool holds(const struct operation *operation, struct stage *stage, int err)
{
	return operation->holds(stage, err) || (err == -ENOBUFS && operation->holds(stage, 0));
}

static void sweep(struct stage *stage, const struct operation *operation)
{
	unsigned int n, n_failed = 0;
	bool reached = true;
	int err;

	for (n = 1; reached && n < MOST_ALLOCATIONS; n++) {
		operation->prepare(stage);
		fail_nth(n);
		err = operation->run(stage);
		reached = has_failed();
		fail_nth(0);
		n_failed += !!err;
		if (err && (operation->may_not_fail || !is_no_memory(stage, err)))
			ok(false, "%s: allocation %u: %s %s", operation->name, n,
			   tap_errno_name(err), stage->rtnl.extack);
		if (!holds(operation, stage, err))
			ok(false, "%s: allocation %u left it half done (%s)", operation->name, n,
			   tap_errno_name(err));
		operation->undo(stage);
	}
	ok(!reached && n > 1, "%s: %u allocations, %u of their failures told", operation->name,
	   n - 2, n_failed);
}

int main(void)
{
	struct stage stage = { .link = -1 };

	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth_fd < 0 || !write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N")) {
		printf("skipped: this kernel cannot make allocations fail (CONFIG_FAILSLAB)\n");
		return 77;
	}
	netns_isolate();
	stage.first = program_that_says(VERDICT_PASS);
	stage.second = program_that_says(VERDICT_NEXT);
	if (stage.first < 0 || stage.second < 0 || rtnl_open(&stage.rtnl))
		bail_out("programs and a socket: %m");
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		sweep(&stage, &operations[i]);
	rtnl_close(&stage.rtnl);
	return tap_done();
}
