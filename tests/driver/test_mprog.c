// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on the ends of a pair by BPF_PROG_ATTACH, BPF_PROG_DETACH and BPF_PROG_QUERY: what each
 * call answers, and the chain and the revision of both ends after it. Links are test_links.c's, but
 * for how they stand in the way here.
 */
#include <bpf/bpf.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "chain_pair.h"
#include "programs.h"
#include "rtnl.h"
#include "tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct rtnl rtnl;
static struct chains chains;

static const struct step first_steps[] = {
	{ "attach no program", -EBADF, .prog = BAD_FD },
	{ "attach an XDP program", -EINVAL, .prog = XDP_PROGRAM },
	{ "attach with an unknown flag", -EINVAL, .prog = 'a', .flags = 1 << 7 },
	{ "attach with BPF_F_ALLOW_MULTI", -EINVAL, .prog = 'a', .flags = BPF_F_ALLOW_MULTI },
	{ "attach with BPF_F_ALLOW_OVERRIDE", -EINVAL, .prog = 'a', .flags = BPF_F_ALLOW_OVERRIDE },
	{ "attach to an empty end at revision 2", -ESTALE, .prog = 'a', .revision = REVISION_NEXT },
	{ "attach to an empty end before a program", -ENOENT, .prog = 'a', .flags = BPF_F_BEFORE,
	  .relative = 'b' },
	{ "replace on an empty end", -ENOENT, .prog = 'a', .flags = BPF_F_REPLACE,
	  .replaced = 'b' },
	{ "attach first and last on an empty end", -ERANGE, .prog = 'a',
	  .flags = BPF_F_BEFORE | BPF_F_AFTER },
	{ "detach from an empty end", -ENOENT, .op = STEP_DETACH, .prog = 'a' },
	{ "detach the last of an empty end", -ENOENT, .op = STEP_DETACH },
	{ "detach the first of an empty end", -ENOENT, .op = STEP_DETACH, .flags = BPF_F_BEFORE },
	{ "attach to an empty end at revision 1", 0, "a", .prog = 'a', .revision = REVISION_RIGHT },
	{ "detach it", 0, "", STEP_DETACH, .prog = 'a' },
	{ "attach to an emptied end at revision 1", -ESTALE, .prog = 'a',
	  .revision = REVISION_LAST },
	{ "attach to an emptied end at its revision", 0, "a", .prog = 'a',
	  .revision = REVISION_RIGHT },
	{ "detach the last one", 0, "", STEP_DETACH },
	{ "attach first of none", 0, "a", .prog = 'a', .flags = BPF_F_BEFORE },
	{ "detach the first one", 0, "", STEP_DETACH, .flags = BPF_F_BEFORE },
	{ "attach last of none", 0, "a", .prog = 'a', .flags = BPF_F_AFTER },
	{ "detach the last one by AFTER", 0, "", STEP_DETACH, .flags = BPF_F_AFTER },
};

static const struct step place_steps[] = {
	{ "attach a", 0, "a", .prog = 'a' },
	{ "attach a twice", -EEXIST, .prog = 'a' },
	{ "attach a twice, first", -EEXIST, .prog = 'a', .flags = BPF_F_BEFORE },
	{ "attach b, at the last revision", -ESTALE, .prog = 'b', .revision = REVISION_LAST },
	{ "attach b, at the next revision", -ESTALE, .prog = 'b', .revision = REVISION_NEXT },
	{ "attach b, at the revision", 0, "ab", .prog = 'b', .revision = REVISION_RIGHT },
	{ "attach c before b", 0, "acb", .prog = 'c', .flags = BPF_F_BEFORE, .relative = 'b' },
	{ "attach d after a, by ID", 0, "adcb", .prog = 'd', .flags = BPF_F_AFTER | BPF_F_ID,
	  .relative = 'a' },
	{ "attach e first", 0, "eadcb", .prog = 'e', .flags = BPF_F_BEFORE },
	{ "attach f last", 0, "eadcbf", .prog = 'f', .flags = BPF_F_AFTER },
	{ "attach g before e, by ID", 0, "geadcbf", .prog = 'g', .flags = BPF_F_BEFORE | BPF_F_ID,
	  .relative = 'e' },
	{ "attach h both first and last", -ERANGE, .prog = 'h',
	  .flags = BPF_F_BEFORE | BPF_F_AFTER },
	{ "attach h both before and after a", -ERANGE, .prog = 'h',
	  .flags = BPF_F_BEFORE | BPF_F_AFTER, .relative = 'a' },
	{ "attach h relative to a, no place", -EINVAL, .prog = 'h', .relative = 'a' },
	{ "attach h relative to a's ID, no place", -EINVAL, .prog = 'h', .flags = BPF_F_ID,
	  .relative = 'a' },
	{ "attach h before h", -ENOENT, .prog = 'h', .flags = BPF_F_BEFORE, .relative = 'h' },
	{ "attach h after no descriptor", -EBADF, .prog = 'h', .flags = BPF_F_AFTER,
	  .relative = BAD_FD },
	{ "attach h after no ID", -ENOENT, .prog = 'h', .flags = BPF_F_AFTER | BPF_F_ID,
	  .relative = BAD_FD },
	{ "attach h before an XDP program", -EINVAL, .prog = 'h', .flags = BPF_F_BEFORE,
	  .relative = XDP_PROGRAM },
	{ "attach h before a link that is a program", -EINVAL, .prog = 'h',
	  .flags = BPF_F_BEFORE | BPF_F_LINK, .relative = 'a' },
	{ "attach h before no link", -EINVAL, .prog = 'h', .flags = BPF_F_BEFORE | BPF_F_LINK },
	{ "attach h before no link's ID", -ENOENT, .prog = 'h',
	  .flags = BPF_F_BEFORE | BPF_F_LINK | BPF_F_ID, .relative = BAD_FD },
	{ "attach h after f", 0, "geadcbfh", .prog = 'h', .flags = BPF_F_AFTER, .relative = 'f' },
};

/* From "abc". */
static const struct step replace_steps[] = {
	{ "attach a", 0, "a", .prog = 'a' },
	{ "attach b", 0, "ab", .prog = 'b' },
	{ "attach c", 0, "abc", .prog = 'c' },
	{ "replace b by d", 0, "adc", .prog = 'd', .flags = BPF_F_REPLACE, .replaced = 'b' },
	{ "replace b, which has left", -ENOENT, .prog = 'e', .flags = BPF_F_REPLACE,
	  .replaced = 'b' },
	{ "replace d by d", -EEXIST, .prog = 'd', .flags = BPF_F_REPLACE, .replaced = 'd' },
	{ "replace d by a", -EEXIST, .prog = 'a', .flags = BPF_F_REPLACE, .replaced = 'd' },
	{ "replace what is not given", -EINVAL, .prog = 'e', .flags = BPF_F_REPLACE },
	{ "replace no descriptor", -EBADF, .prog = 'e', .flags = BPF_F_REPLACE,
	  .replaced = BAD_FD },
	{ "replace an XDP program", -EINVAL, .prog = 'e', .flags = BPF_F_REPLACE,
	  .replaced = XDP_PROGRAM },
	{ "replace at the last revision", -ESTALE, .prog = 'e', .flags = BPF_F_REPLACE,
	  .replaced = 'd', .revision = REVISION_LAST },
	{ "replace at the revision", 0, "aec", .prog = 'e', .flags = BPF_F_REPLACE, .replaced = 'd',
	  .revision = REVISION_RIGHT },
	{ "replace e before c, where it is", 0, "afc", .prog = 'f',
	  .flags = BPF_F_REPLACE | BPF_F_BEFORE, .replaced = 'e', .relative = 'c' },
	{ "replace f after a, where it is", 0, "abc", .prog = 'b',
	  .flags = BPF_F_REPLACE | BPF_F_AFTER, .replaced = 'f', .relative = 'a' },
	{ "replace b before a, where it is not", -ERANGE, .prog = 'd',
	  .flags = BPF_F_REPLACE | BPF_F_BEFORE, .replaced = 'b', .relative = 'a' },
	{ "replace b after c, where it is not", -ERANGE, .prog = 'd',
	  .flags = BPF_F_REPLACE | BPF_F_AFTER, .replaced = 'b', .relative = 'c' },
	{ "replace the first", 0, "gbc", .prog = 'g', .flags = BPF_F_REPLACE, .replaced = 'a' },
	{ "replace the last", 0, "gbh", .prog = 'h', .flags = BPF_F_REPLACE, .replaced = 'c' },
};

static const struct step detach_steps[] = {
	{ "attach a", 0, "a", .prog = 'a' },
	{ "attach b", 0, "ab", .prog = 'b' },
	{ "attach c", 0, "abc", .prog = 'c' },
	{ "attach d", 0, "abcd", .prog = 'd' },
	{ "attach e", 0, "abcde", .prog = 'e' },
	{ "attach f", 0, "abcdef", .prog = 'f' },
	{ "attach g", 0, "abcdefg", .prog = 'g' },
	{ "detach what is not attached", -ENOENT, .op = STEP_DETACH, .prog = 'h' },
	{ "detach no descriptor", -EBADF, .op = STEP_DETACH, .prog = BAD_FD },
	{ "detach an XDP program", -EINVAL, .op = STEP_DETACH, .prog = XDP_PROGRAM },
	{ "detach with REPLACE", -EINVAL, .op = STEP_DETACH, .prog = 'a', .flags = BPF_F_REPLACE },
	{ "detach with an unknown flag", -EINVAL, .op = STEP_DETACH, .prog = 'a', .flags = 1 << 7 },
	{ "detach with BPF_F_ALLOW_MULTI", -EINVAL, .op = STEP_DETACH, .prog = 'a',
	  .flags = BPF_F_ALLOW_MULTI },
	{ "detach at the last revision", -ESTALE, .op = STEP_DETACH, .prog = 'a',
	  .revision = REVISION_LAST },
	{ "detach at the next revision", -ESTALE, .op = STEP_DETACH, .prog = 'a',
	  .revision = REVISION_NEXT },
	{ "detach b at the revision", 0, "acdefg", STEP_DETACH, .prog = 'b',
	  .revision = REVISION_RIGHT },
	{ "detach b again", -ENOENT, .op = STEP_DETACH, .prog = 'b' },
	{ "detach a after d, where it is not", -ERANGE, .op = STEP_DETACH, .prog = 'a',
	  .flags = BPF_F_AFTER, .relative = 'd' },
	{ "detach d before e, where it is", 0, "acefg", STEP_DETACH, .prog = 'd',
	  .flags = BPF_F_BEFORE, .relative = 'e' },
	{ "detach before c", 0, "cefg", STEP_DETACH, .flags = BPF_F_BEFORE, .relative = 'c' },
	{ "detach after c, by ID", 0, "cfg", STEP_DETACH, .flags = BPF_F_AFTER | BPF_F_ID,
	  .relative = 'c' },
	{ "detach before and after f", -ERANGE, .op = STEP_DETACH,
	  .flags = BPF_F_BEFORE | BPF_F_AFTER, .relative = 'f' },
	{ "detach relative to f, no place", -EINVAL, .op = STEP_DETACH, .relative = 'f' },
	{ "detach after what is not attached", -ENOENT, .op = STEP_DETACH, .flags = BPF_F_AFTER,
	  .relative = 'h' },
	{ "detach the last", 0, "cf", STEP_DETACH },
	{ "detach the first", 0, "f", STEP_DETACH, .flags = BPF_F_BEFORE },
	{ "detach the last by AFTER", 0, "", STEP_DETACH, .flags = BPF_F_AFTER },
};

/* Links among programs. */
static const struct step busy_steps[] = {
	{ "link with a", 0, "A", STEP_LINK, .prog = 'a' },
	{ "attach b", 0, "Ab", .prog = 'b' },
	{ "link with c", 0, "AbC", STEP_LINK, .prog = 'c' },
	{ "attach a link's program", -EEXIST, .prog = 'a' },
	{ "detach a link's program", -EBUSY, .op = STEP_DETACH, .prog = 'a' },
	{ "replace a link's program", -EBUSY, .prog = 'd', .flags = BPF_F_REPLACE,
	  .replaced = 'a' },
	{ "detach the last, which is a link's", -EBUSY, .op = STEP_DETACH },
	{ "detach the last by AFTER, which is a link's", -EBUSY, .op = STEP_DETACH,
	  .flags = BPF_F_AFTER },
	{ "detach the first, which is a link's", -EBUSY, .op = STEP_DETACH, .flags = BPF_F_BEFORE },
	{ "detach before b, which is a link's", -EBUSY, .op = STEP_DETACH, .flags = BPF_F_BEFORE,
	  .relative = 'b' },
	{ "attach d before a link", 0, "AbdC", .prog = 'd', .flags = BPF_F_BEFORE | BPF_F_LINK,
	  .relative = 'C' },
	{ "attach e after a link's ID", 0, "AebdC", .prog = 'e',
	  .flags = BPF_F_AFTER | BPF_F_LINK | BPF_F_ID, .relative = 'A' },
	{ "attach f before a link's program", 0, "fAebdC", .prog = 'f', .flags = BPF_F_BEFORE,
	  .relative = 'a' },
	{ "detach after a link", 0, "fAbdC", STEP_DETACH, .flags = BPF_F_AFTER | BPF_F_LINK,
	  .relative = 'A' },
	{ "detach between links", 0, "fAdC", STEP_DETACH, .prog = 'b' },
	{ "close a link", 0, "fdC", STEP_CLOSE, .link = 'a' },
	{ "detach d", 0, "fC", STEP_DETACH, .prog = 'd' },
	{ "close the last link", 0, "f", STEP_CLOSE, .link = 'c' },
	{ "detach f", 0, "", STEP_DETACH, .prog = 'f' },
};

/* ---- what is asked of which device ---- */

static void try_target(const char *name, int ifindex, int wanted)
{
	static const struct step attach = { .prog = 'a' };
	static const struct step detach = { .op = STEP_DETACH, .prog = 'a' };
	static const struct step link = { .op = STEP_LINK, .prog = 'a' };
	char chain[CHAIN_MAX + 1];
	uint64_t revision;
	int before = chains.ifindex;

	chains.ifindex = ifindex;
	for (struct end *end = chains.ends; end < chains.ends + 2; end++) {
		ok_err(chains_call(&chains, end, &attach), wanted, "attach to %s, as %s", name,
		       end->name);
		ok_err(chains_call(&chains, end, &detach), wanted, "detach from %s, as %s", name,
		       end->name);
		ok_err(chains_call(&chains, end, &link), wanted, "link to %s, as %s", name,
		       end->name);
		ok_err(chain_read(&chains, end->type, chain, &revision), wanted, "query %s, as %s",
		       name, end->name);
	}
	chains.ifindex = before;
}

static void test_targets(void)
{
	struct pair_want want = pair_want("veth", "v0", NULL);
	int away = netns_new(), home = netns_current(), err;

	begin_pair(&rtnl, &chains);
	err = make_pair(&rtnl, &want);
	if (err)
		bail_out("no veth: %s", strerror(-err));
	try_target("a veth", ifindex_of(&rtnl, "v0"), -ENXIO);
	try_target("loopback", ifindex_of(&rtnl, "lo"), -ENXIO);
	try_target("no device", 99999, -ENODEV);
	try_target("index 0", 0, -ENODEV);
	try_target("the peer", ifindex_of(&rtnl, "b"), -EACCES);
	del_link(&rtnl, "v0");
	netns_enter(away);
	try_target("a primary of another namespace", chains.ifindex, -ENODEV);
	netns_enter(home);
	err = set_netns(&rtnl, "b", away);
	if (err)
		bail_out("the peer does not move: %s", strerror(-err));
	netns_enter(away);
	{
		struct rtnl there;
		struct link_state link;

		err = rtnl_open(&there);
		if (!err)
			err = link_get(&there, "b", &link);
		if (err)
			bail_out("no peer there: %s", strerror(-err));
		try_target("the peer from its namespace", link.ifindex, -EACCES);
		rtnl_close(&there);
	}
	netns_enter(home);
	close(away);
	close(home);
}

/* ---- queries ---- */

static int query(const struct end *end, __u32 flags, __u32 count, __u32 *ret_ids, __u32 *ret_count)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .query_flags = flags, .prog_cnt = count,
		    .prog_ids = ret_ids);
	int err = bpf_prog_query_opts(chains.ifindex, end->type, &opts);

	*ret_count = opts.prog_cnt;
	return err;
}

static void test_queries(const struct end *end)
{
	static const struct step attach[] = { { .prog = 'a' }, { .prog = 'b' }, { .prog = 'c' } };
	__u32 ids[4] = {}, count = 77;
	union bpf_attr raw = {};

	ok_err(query(end, 0, 4, ids, &count), 0, "%s, query an empty end", end->name);
	ok_eq(count, 0, "%s, its count", end->name);
	for (size_t i = 0; i < N(attach); i++)
		chains_call(&chains, end, &attach[i]);
	ok_err(query(end, 0, 2, ids, &count), -ENOSPC, "%s, query 3 into 2", end->name);
	ok_eq(count, 3, "%s, its count", end->name);
	ok(ids[0] == chains.prog_ids[0] && ids[1] == chains.prog_ids[1] && !ids[2],
	   "%s, what fitted, and no more: %u %u %u", end->name, ids[0], ids[1], ids[2]);
	ok_err(query(end, 0, 0, ids, &count), 0, "%s, query without room", end->name);
	ok_eq(count, 3, "%s, its count", end->name);
	ok_err(query(end, 0, 4, ids, &count), 0, "%s, query with room", end->name);
	ok_eq(count, 3, "%s, its count", end->name);
	ok_err(query(end, BPF_F_QUERY_EFFECTIVE, 4, ids, &count), -EINVAL,
	       "%s, query with BPF_F_QUERY_EFFECTIVE", end->name);
	raw.query.target_ifindex = chains.ifindex;
	raw.query.attach_type = end->type;
	raw.query.attach_flags = BPF_F_BEFORE;
	/* The library does not send them. */
	ok_err(syscall(SYS_bpf, BPF_PROG_QUERY, &raw, sizeof(raw)) < 0 ? -errno : 0, -EINVAL,
	       "%s, query with attach_flags", end->name);
}

/* ---- the 64th program ---- */

/* What a chain of 63 answers: 0 when the query shows these programs in this order. */
static bool chain_is(const struct end *end, const uint32_t wanted[CHAIN_MAX], __u32 n)
{
	__u32 ids[CHAIN_MAX] = {}, count;

	return !query(end, 0, CHAIN_MAX, ids, &count) && count == n &&
	       !memcmp(ids, wanted, n * sizeof(ids[0]));
}

static void test_full(const struct end *end)
{
	const struct step last = { .prog = 'a' }, first = { .prog = 'a', .flags = BPF_F_BEFORE };
	const struct step link = { .op = STEP_LINK, .prog = 'a' };
	const struct step detach = { .op = STEP_DETACH };
	const struct step detach_a = { .op = STEP_DETACH, .prog = 'a' };
	int fds[CHAIN_MAX - 1], err = 0;
	uint32_t ids[CHAIN_MAX];
	LIBBPF_OPTS(bpf_prog_attach_opts, replace, .flags = BPF_F_REPLACE);

	for (int i = 0; i < CHAIN_MAX - 1; i++) {
		fds[i] = program_that_says(VERDICT_NEXT);
		ids[i] = prog_id_of(fds[i]);
		if (!err)
			err = bpf_prog_attach_opts(fds[i], chains.ifindex, end->type, NULL);
	}
	ok_err(err, 0, "%s, 63 programs", end->name);
	ok(chain_is(end, ids, 63), "%s, all 63 in their order", end->name);
	ok_err(chains_call(&chains, end, &last), -ERANGE, "%s, the 64th", end->name);
	ok_err(chains_call(&chains, end, &first), -ERANGE, "%s, the 64th as the first", end->name);
	ok_err(chains_call(&chains, end, &link), -ERANGE, "%s, the 64th by link", end->name);
	ok(chain_is(end, ids, 63), "%s, still those 63", end->name);
	replace.replace_prog_fd = fds[62];
	ok_err(bpf_prog_attach_opts(chains.progs[0], chains.ifindex, end->type, &replace), 0,
	       "%s, replace the 63rd", end->name);
	ids[62] = chains.prog_ids[0];
	ok(chain_is(end, ids, 63), "%s, it is replaced", end->name);
	/* bpf_mprog's: the place behind a full chain is none. */
	ok_err(chains_call(&chains, end, &detach), -ERANGE, "%s, detach the last of 63, unnamed",
	       end->name);
	ok_err(chains_call(&chains, end, &detach_a), 0, "%s, detach it by name", end->name);
	ok_err(chains_call(&chains, end, &first), 0, "%s, then one more as the first", end->name);
	memmove(ids + 1, ids, 62 * sizeof(ids[0]));
	ids[0] = chains.prog_ids[0];
	ok(chain_is(end, ids, 63), "%s, with the others behind it", end->name);
	for (int i = 0; i < CHAIN_MAX - 1; i++)
		close(fds[i]);
}

/* ---- who may ---- */

/* Debian's kernels check a detach without a program since 6.12.96; meta brings the check along. */
static bool detach_is_checked(void)
{
	struct utsname name;
	int major = 0, minor = 0, patch = 0;

	uname(&name);
	/* "#1 SMP Debian 6.12.95-1 (2026-07-04)", or the release when it has three numbers. */
	if (is_meta() || sscanf(name.release, "%d.%d.%d", &major, &minor, &patch) != 3)
		return true;
	return major > 6 || minor > 12 || patch >= 96;
}

static void test_privilege(struct end *end)
{
	static const struct step detach_a = { .op = STEP_DETACH, .prog = 'a' };
	static const struct step detach_last = { .op = STEP_DETACH };
	static const struct step detach_first = { .op = STEP_DETACH, .flags = BPF_F_BEFORE };
	static const struct step put_back[] = { { "attach a", 0, "a", .prog = 'a' } };
	int wanted = detach_is_checked() ? -EPERM : 0;

	for (enum caller caller = CALLER_NOBODY; caller <= CALLER_OTHER_ROOT; caller++) {
		const char *who = caller_name(caller);

		begin_pair(&rtnl, &chains);
		chains_run(&chains, end, put_back, 1);
		ok_err(chains_call_as(&chains, end, NULL, caller), -EPERM, "%s, %s queries",
		       end->name, who);
		ok_err(chains_call_as(&chains, end, &detach_last, caller), wanted,
		       "%s, %s detaches the last one", end->name, who);
		if (!wanted)
			chains_call(&chains, end, put_back);
		ok_err(chains_call_as(&chains, end, &detach_first, caller), wanted,
		       "%s, %s detaches the first one", end->name, who);
		if (!wanted)
			chains_call(&chains, end, put_back);
		ok_err(chains_call_as(&chains, end, &detach_a, caller), 0,
		       "%s, %s detaches a program it has got", end->name, who);
	}
}

/* ---- the end of a device ---- */

static uint32_t attach_and_forget(const struct end *end)
{
	int fd = program_that_says(VERDICT_NEXT), err;
	uint32_t id = prog_id_of(fd);

	err = bpf_prog_attach_opts(fd, chains.ifindex, end->type, NULL);
	if (err)
		bail_out("a program is not attached: %s", strerror(-err));
	close(fd);
	return id;
}

static void test_release(const struct end *end)
{
	static const struct step detach = { .op = STEP_DETACH };
	static const struct step attach = { .prog = 'a' };
	LIBBPF_OPTS(bpf_prog_attach_opts, replace, .flags = BPF_F_REPLACE);
	uint32_t id;
	int fd;

	begin_pair(&rtnl, &chains);
	id = attach_and_forget(end);
	fd = bpf_prog_get_fd_by_id(id);
	ok(fd >= 0, "%s, an attached program lives by itself", end->name);
	close(fd);
	chains_call(&chains, end, &detach);
	ok(prog_is_released(id), "%s, a detached program is let go of", end->name);

	id = attach_and_forget(end);
	replace.replace_prog_fd = bpf_prog_get_fd_by_id(id);
	bpf_prog_attach_opts(chains.progs[1], chains.ifindex, end->type, &replace);
	close(replace.replace_prog_fd);
	ok(prog_is_released(id), "%s, a replaced program is let go of", end->name);

	id = attach_and_forget(end);
	chains_call(&chains, end, &attach);
	ok_err(del_link(&rtnl, "a"), 0, "%s, delete the device", end->name);
	ok(prog_is_released(id), "%s, a program is let go of with its device", end->name);
	ok_err(chains_call(&chains, end, &attach), -ENODEV, "%s, attach to a deleted device",
	       end->name);
}

int main(void)
{
	int err;

	netns_isolate();
	err = rtnl_open(&rtnl);
	if (err)
		bail_out("no rtnetlink: %s", strerror(-err));
	chains_init(&chains);
	run_on_both(&rtnl, &chains, first_steps, N(first_steps));
	run_on_both(&rtnl, &chains, place_steps, N(place_steps));
	run_on_both(&rtnl, &chains, replace_steps, N(replace_steps));
	run_on_both(&rtnl, &chains, detach_steps, N(detach_steps));
	run_on_both(&rtnl, &chains, busy_steps, N(busy_steps));
	test_targets();
	for (int i = 0; i < 2; i++) {
		begin_pair(&rtnl, &chains);
		test_queries(&chains.ends[i]);
		begin_pair(&rtnl, &chains);
		test_full(&chains.ends[i]);
		test_privilege(&chains.ends[i]);
		test_release(&chains.ends[i]);
	}
	chains_close_links(&chains);
	return tap_done();
}
