// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_bpf [CALLS [SEED]]: calls of the BPF system call about the programs and links of a pair's ends,
 * with anything in union bpf_attr: descriptors of other things, IDs of nobody, flags that contradict each
 * other, other devices, revisions of other times, more bytes than the kernel knows. What is refused
 * must leave both chains as they were, what is accepted must be one change of the end it names, and
 * no program may be kept in the end. The same seed makes the same calls.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "garble.h"
#include "programs.h"
#include "rtnl.h"
#include "tap.h"

enum { N_PROGS = 6, N_LINKS = 4, MAX_CHAIN = 64, MAX_ERRNO = 134, MAX_TOLD = 5 };

enum call {
	CALL_ATTACH,
	CALL_DETACH,
	CALL_QUERY,
	CALL_LINK,
	CALL_UPDATE,
	CALL_LINK_DETACH,
	N_CALLS
};

static const struct {
	const char *name;
	enum bpf_cmd cmd;
} calls[] = {
	[CALL_ATTACH] = { "attach", BPF_PROG_ATTACH },
	[CALL_DETACH] = { "detach", BPF_PROG_DETACH },
	[CALL_QUERY] = { "query", BPF_PROG_QUERY },
	[CALL_LINK] = { "link", BPF_LINK_CREATE },
	[CALL_UPDATE] = { "update", BPF_LINK_UPDATE },
	[CALL_LINK_DETACH] = { "link detach", BPF_LINK_DETACH },
};

struct chain {
	__u32 n, progs[MAX_CHAIN], links[MAX_CHAIN];
	__u64 revision;
};

static const enum bpf_attach_type ends[] = { BPF_NETKIT_PRIMARY, BPF_NETKIT_PEER };

struct stage {
	struct rtnl rtnl;
	struct chance chance;
	int primary, peer, other; /* indices; of another kind, the last */
	int progs[N_PROGS], xdp, map;
	__u32 prog_ids[N_PROGS];
	int links[N_LINKS]; /* -1: none */
	struct chain chains[2];
	unsigned int answers[N_CALLS][MAX_ERRNO];
	unsigned int n_faults;
};

__attribute__((format(printf, 2, 3))) static void fault(struct stage *stage, const char *format,
							...)
{
	va_list args;

	if (stage->n_faults++ >= MAX_TOLD)
		return;
	printf("not so: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* ---- what is asked ---- */

static bool percent(struct stage *stage, unsigned int n)
{
	return chance_percent(&stage->chance, n);
}

static __u32 below(struct stage *stage, __u32 n)
{
	return chance_below(&stage->chance, n);
}

/* Mostly one of the programs, else anything that has a descriptor or has not. */
static __u32 any_fd(struct stage *stage)
{
	const int others[] = { 0, -1, 999, stage->xdp, stage->map, stage->rtnl.fd };

	if (percent(stage, 80))
		return stage->progs[below(stage, N_PROGS)];
	if (percent(stage, 30))
		return stage->links[below(stage, N_LINKS)];
	return others[below(stage, 6)];
}

static __u32 any_link_fd(struct stage *stage)
{
	return percent(stage, 90) ? stage->links[below(stage, N_LINKS)] : (int)any_fd(stage);
}

static __u32 any_id(struct stage *stage)
{
	const struct chain *chain = &stage->chains[below(stage, 2)];

	if (percent(stage, 40))
		return stage->prog_ids[below(stage, N_PROGS)];
	if (chain->n && percent(stage, 70))
		return chain->links[below(stage, chain->n)];
	return percent(stage, 50) ? below(stage, 4) : 999999999;
}

static __u32 any_ifindex(struct stage *stage)
{
	const int others[] = { 0, -1, 1, 99999, stage->peer, stage->other };

	return percent(stage, 92) ? stage->primary : others[below(stage, 6)];
}

static __u32 any_type(struct stage *stage)
{
	if (percent(stage, 97))
		return ends[below(stage, 2)];
	return percent(stage, 50) ? BPF_TCX_INGRESS : below(stage, 70);
}

static __u32 any_flags(struct stage *stage)
{
	static const __u32 usual[] = { BPF_F_BEFORE, BPF_F_AFTER, BPF_F_REPLACE,
				       BPF_F_BEFORE | BPF_F_ID, BPF_F_AFTER | BPF_F_LINK };

	if (percent(stage, 50))
		return 0;
	return percent(stage, 70) ? usual[below(stage, 5)] : below(stage, 1 << 8);
}

static __u64 any_revision(struct stage *stage)
{
	__u64 revision = stage->chains[below(stage, 2)].revision;

	return percent(stage, 70) ? 0 : revision - below(stage, 2);
}

static __u32 any_relative(struct stage *stage, __u32 flags)
{
	if (!(flags & (BPF_F_BEFORE | BPF_F_AFTER)) && percent(stage, 90))
		return 0;
	if (flags & BPF_F_ID)
		return any_id(stage);
	return flags & BPF_F_LINK ? any_link_fd(stage) : any_fd(stage);
}

static void fill_prog(struct stage *stage, union bpf_attr *attr)
{
	attr->target_ifindex = any_ifindex(stage);
	attr->attach_bpf_fd = any_fd(stage);
	attr->attach_type = any_type(stage);
	attr->attach_flags = any_flags(stage);
	if (attr->attach_flags & BPF_F_REPLACE || percent(stage, 3))
		attr->replace_bpf_fd = any_fd(stage);
	attr->relative_fd = any_relative(stage, attr->attach_flags);
	attr->expected_revision = any_revision(stage);
}

static void fill_query(struct stage *stage, union bpf_attr *attr, __u32 *ids)
{
	attr->query.target_ifindex = any_ifindex(stage);
	attr->query.attach_type = any_type(stage);
	attr->query.query_flags = percent(stage, 10) ? below(stage, 4) : 0;
	attr->query.attach_flags = percent(stage, 5) ? below(stage, 4) : 0;
	attr->query.prog_ids = percent(stage, 90) ? (__u64)(uintptr_t)ids : below(stage, 4096);
	attr->query.link_ids = percent(stage, 50) ? (__u64)(uintptr_t)ids : 0;
	attr->query.prog_attach_flags = percent(stage, 5) ? (__u64)(uintptr_t)ids : 0;
	attr->query.prog_cnt = below(stage, MAX_CHAIN + 1);
}

static void fill_link(struct stage *stage, union bpf_attr *attr)
{
	attr->link_create.prog_fd = any_fd(stage);
	attr->link_create.target_ifindex = any_ifindex(stage);
	attr->link_create.attach_type = any_type(stage);
	attr->link_create.flags = any_flags(stage);
	attr->link_create.netkit.relative_fd = any_relative(stage, attr->link_create.flags);
	attr->link_create.netkit.expected_revision = any_revision(stage);
}

static void fill_update(struct stage *stage, union bpf_attr *attr)
{
	attr->link_update.link_fd = any_link_fd(stage);
	attr->link_update.new_prog_fd = any_fd(stage);
	attr->link_update.flags = percent(stage, 80) ? 0 : any_flags(stage);
	if (attr->link_update.flags & BPF_F_REPLACE || percent(stage, 3))
		attr->link_update.old_prog_fd = any_fd(stage);
}

static void fill(struct stage *stage, enum call call, union bpf_attr *attr, __u32 *ids)
{
	switch (call) {
	case CALL_ATTACH:
	case CALL_DETACH:
		fill_prog(stage, attr);
		if (call == CALL_DETACH && percent(stage, 30))
			attr->attach_bpf_fd = 0;
		break;
	case CALL_QUERY:
		fill_query(stage, attr, ids);
		break;
	case CALL_LINK:
		fill_link(stage, attr);
		break;
	case CALL_UPDATE:
		fill_update(stage, attr);
		break;
	case CALL_LINK_DETACH:
		attr->link_detach.link_fd = any_link_fd(stage);
		break;
	case N_CALLS:
		break;
	}
}

/* ---- what came of it ---- */

static void read_chains(struct stage *stage, struct chain ret[2])
{
	for (int i = 0; i < 2; i++) {
		LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ret[i].progs,
			    .link_ids = ret[i].links, .prog_cnt = MAX_CHAIN);
		int err;

		memset(&ret[i], 0, sizeof(ret[i]));
		err = bpf_prog_query_opts(stage->primary, ends[i], &opts);
		if (err)
			fault(stage, "a query is refused: %s", tap_errno_name(err));
		ret[i].n = opts.prog_cnt;
		ret[i].revision = opts.revision;
	}
}

static bool may_change(enum call call, const union bpf_attr *attr, int end)
{
	switch (call) {
	case CALL_ATTACH:
	case CALL_DETACH:
		return attr->attach_type == ends[end];
	case CALL_LINK:
		return attr->link_create.attach_type == ends[end];
	case CALL_UPDATE:
	case CALL_LINK_DETACH:
		return true;
	case CALL_QUERY:
	case N_CALLS:
		break;
	}
	return false;
}

static void check_chains(struct stage *stage, enum call call, const union bpf_attr *attr, int err)
{
	struct chain now[2];
	__u64 changes = 0;

	read_chains(stage, now);
	for (int i = 0; i < 2; i++) {
		const struct chain *before = &stage->chains[i];
		bool same = !memcmp(before, &now[i], sizeof(now[i]));

		/* netkit of Linux 6.12 says 1 of an end that has become empty. */
		if (!is_meta() && (!now[i].n || !before->n))
			continue;
		if (!same && (err || !may_change(call, attr, i)))
			fault(stage, "%s, %s, changed end %d", calls[call].name,
			      tap_errno_name(err), i);
		if (!same && now[i].revision != before->revision + 1)
			fault(stage, "%s made revision %llu of %llu", calls[call].name,
			      (unsigned long long)now[i].revision,
			      (unsigned long long)before->revision);
		changes += !same;
	}
	if (changes > 1)
		fault(stage, "%s changed both ends", calls[call].name);
	memcpy(stage->chains, now, sizeof(now));
}

/* The new link takes the place of another one, which is closed: that changes a chain of its own. */
static void keep_link(struct stage *stage, int fd)
{
	int *place = &stage->links[below(stage, N_LINKS)];

	if (*place >= 0)
		close(*place);
	*place = fd;
	read_chains(stage, stage->chains);
}

static void run_one(struct stage *stage)
{
	/* Links are to live for some calls. */
	enum call call = below(stage, N_CALLS - !percent(stage, 20));
	__u32 ids[MAX_CHAIN] = {};
	struct {
		union bpf_attr attr;
		unsigned char more[64];
	} given = {}, sent;
	size_t size = sizeof(given.attr);
	unsigned char *place;
	int ret;

	fill(stage, call, &given.attr, ids);
	/* Fewer bytes than a call needs, or more than the kernel knows, or some that are not its. */
	if (percent(stage, 4))
		size = below(stage, sizeof(given));
	if (percent(stage, 4)) {
		place = (unsigned char *)&given + below(stage, sizeof(given));
		*place = below(stage, 256);
	}
	sent = given;
	ret = syscall(SYS_bpf, calls[call].cmd, &sent, size);
	if (ret < 0)
		ret = -errno;
	stage->answers[call][ret < 0 ? -ret : 0]++;
	check_chains(stage, call, &given.attr, ret < 0 ? ret : 0);
	if (ret >= 0 && call == CALL_LINK)
		keep_link(stage, ret);
	else if (call != CALL_QUERY && percent(stage, 2))
		keep_link(stage, -1);
}

/* ---- the stage ---- */

static void must(int err, const char *what)
{
	if (err < 0)
		bail_out("%s: %s", what, strerror(-err));
}

static int ifindex_of(struct stage *stage, const char *name)
{
	struct link_state link;

	must(link_get(&stage->rtnl, name, &link), name);
	return link.ifindex;
}

static void begin(struct stage *stage)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct pair_want want = pair_want(test_kind(), "a", "b"),
			 veth = pair_want("veth", "v", "w");

	netns_isolate();
	must(rtnl_open(&stage->rtnl), "no rtnetlink");
	must(make_pair(&stage->rtnl, &want), "no pair");
	must(make_pair(&stage->rtnl, &veth), "no veth");
	stage->primary = ifindex_of(stage, "a");
	stage->peer = ifindex_of(stage, "b");
	stage->other = ifindex_of(stage, "v");
	stage->xdp = bpf_prog_load(BPF_PROG_TYPE_XDP, "fuzz_bpf", "GPL", insns, 2, NULL);
	must(stage->xdp, "no XDP program");
	stage->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "fuzz_bpf", 4, 4, 1, NULL);
	must(stage->map, "no map");
	for (int i = 0; i < N_LINKS; i++)
		stage->links[i] = -1;
	for (int i = 0; i < N_PROGS; i++) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		stage->progs[i] = program_that_says(VERDICT_NEXT);
		must(stage->progs[i], "no program");
		must(bpf_obj_get_info_by_fd(stage->progs[i], &info, &len), "no program's ID");
		stage->prog_ids[i] = info.id;
	}
	read_chains(stage, stage->chains);
}

/* Deletes the devices; a program that is kept after that is kept by a reference that was lost. */
static unsigned int end(struct stage *stage)
{
	unsigned int n_left = 0;
	int fd;

	for (int i = 0; i < N_LINKS; i++) {
		if (stage->links[i] >= 0)
			close(stage->links[i]);
	}
	/* Loopback stays, and with it what was attached to it as to any device. */
	while (!bpf_prog_detach_opts(0, 1, BPF_TCX_INGRESS, NULL) ||
	       !bpf_prog_detach_opts(0, 1, BPF_TCX_EGRESS, NULL))
		;
	must(del_link(&stage->rtnl, "a"), "the pair is not deleted");
	must(del_link(&stage->rtnl, "v"), "the veth is not deleted");
	for (int i = 0; i < N_PROGS; i++)
		close(stage->progs[i]);
	for (int i = 0; i < N_PROGS; i++) {
		for (int tries = 0; (fd = bpf_prog_get_fd_by_id(stage->prog_ids[i])) >= 0;
		     tries++) {
			close(fd);
			if (tries == 100) {
				n_left++;
				break;
			}
			usleep(100000);
		}
	}
	return n_left;
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000;
	unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct stage stage = { .chance = { seed } };

	begin(&stage);
	printf("# seed %llu\n", seed);
	for (unsigned long i = 0; i < n; i++)
		run_one(&stage);
	for (int call = 0; call < N_CALLS; call++) {
		unsigned int n_refused = 0;

		printf("# %s:", calls[call].name);
		for (int err = 0; err < MAX_ERRNO; err++) {
			n_refused += err ? stage.answers[call][err] : 0;
			if (stage.answers[call][err])
				printf(" %s %u", err ? tap_errno_name(err) + 1 : "accepted",
				       stage.answers[call][err]);
		}
		printf("\n");
		ok(stage.answers[call][0], "%s was accepted", calls[call].name);
		ok(n_refused, "%s was refused", calls[call].name);
	}
	ok_eq(stage.n_faults, 0, "calls do what they say, and nothing else, exceptions");
	ok_eq(end(&stage), 0, "programs that stay");
	return tap_done();
}
