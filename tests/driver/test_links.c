// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links to the ends of a pair by BPF_LINK_CREATE, BPF_LINK_UPDATE and BPF_LINK_DETACH: what each call
 * answers, and the chain and the revision of both ends after it. What a link says of itself, and what
 * becomes of it when its device or its descriptor goes, is test_link_life.c's; which devices take
 * links, and how links stand in the way of programs, test_mprog.c's.
 */
#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>

#include "chain_pair.h"
#include "rtnl.h"
#include "tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct rtnl rtnl;
static struct chains chains;

#define LINK(p) .op = STEP_LINK, .prog = (p)
#define UPDATE(l, p) .op = STEP_UPDATE, .link = (l), .prog = (p)

static const struct step first_steps[] = {
	{ "link no program", -EBADF, LINK(BAD_FD) },
	{ "link an XDP program", -EINVAL, LINK(XDP_PROGRAM) },
	{ "link with an unknown flag", -EINVAL, LINK('a'), .flags = 1 << 7 },
	{ "link with BPF_F_ALLOW_MULTI", -EINVAL, LINK('a'), .flags = BPF_F_ALLOW_MULTI },
	{ "link with REPLACE on an empty end", -ENOENT, LINK('a'), .flags = BPF_F_REPLACE },
	{ "link to an empty end at revision 2", -ESTALE, LINK('a'), .revision = REVISION_NEXT },
	{ "link before a program on an empty end", -ENOENT, LINK('a'), .flags = BPF_F_BEFORE,
	  .relative = 'b' },
	{ "link first and last on an empty end", -ERANGE, LINK('a'),
	  .flags = BPF_F_BEFORE | BPF_F_AFTER },
	{ "link a to an empty end at revision 1", 0, "A", LINK('a'), .revision = REVISION_RIGHT },
	{ "close it", 0, "", STEP_CLOSE, .link = 'a' },
	{ "link a to an emptied end at revision 1", -ESTALE, LINK('a'), .revision = REVISION_LAST },
	{ "link a to an emptied end at its revision", 0, "A", LINK('a'),
	  .revision = REVISION_RIGHT },
	{ "detach it", 0, "", STEP_LINK_DETACH, .link = 'a' },
	{ "close it, detached", 0, "", STEP_CLOSE, .link = 'a', .silent = true },
	{ "link a first of none", 0, "A", LINK('a'), .flags = BPF_F_BEFORE },
	{ "close the first", 0, "", STEP_CLOSE, .link = 'a' },
	{ "link a last of none", 0, "A", LINK('a'), .flags = BPF_F_AFTER },
	{ "close the last", 0, "", STEP_CLOSE, .link = 'a' },
};

static const struct step place_steps[] = {
	{ "link a", 0, "A", LINK('a') },
	{ "link a twice", -EEXIST, LINK('a') },
	{ "link a twice, first", -EEXIST, LINK('a'), .flags = BPF_F_BEFORE },
	{ "link a with REPLACE", -EEXIST, LINK('a'), .flags = BPF_F_REPLACE },
	{ "link b with REPLACE", -ENOENT, LINK('b'), .flags = BPF_F_REPLACE },
	{ "link b with REPLACE, before a", -ENOENT, LINK('b'),
	  .flags = BPF_F_REPLACE | BPF_F_BEFORE, .relative = 'a' },
	{ "link b, at the last revision", -ESTALE, LINK('b'), .revision = REVISION_LAST },
	{ "link b, at the next revision", -ESTALE, LINK('b'), .revision = REVISION_NEXT },
	{ "link b, at the revision", 0, "AB", LINK('b'), .revision = REVISION_RIGHT },
	{ "link c before link B", 0, "ACB", LINK('c'), .flags = BPF_F_BEFORE | BPF_F_LINK,
	  .relative = 'B' },
	{ "link d after link A, by ID", 0, "ADCB", LINK('d'),
	  .flags = BPF_F_AFTER | BPF_F_LINK | BPF_F_ID, .relative = 'A' },
	{ "link e before program d", 0, "AEDCB", LINK('e'), .flags = BPF_F_BEFORE,
	  .relative = 'd' },
	{ "link f after program b, by ID", 0, "AEDCBF", LINK('f'), .flags = BPF_F_AFTER | BPF_F_ID,
	  .relative = 'b' },
	{ "link g first", 0, "GAEDCBF", LINK('g'), .flags = BPF_F_BEFORE },
	{ "link h both first and last", -ERANGE, LINK('h'), .flags = BPF_F_BEFORE | BPF_F_AFTER },
	{ "link h both before and after link A", -ERANGE, LINK('h'),
	  .flags = BPF_F_BEFORE | BPF_F_AFTER | BPF_F_LINK, .relative = 'A' },
	{ "link h relative to program a, no place", -EINVAL, LINK('h'), .relative = 'a' },
	{ "link h relative to program a's ID, no place", -EINVAL, LINK('h'), .flags = BPF_F_ID,
	  .relative = 'a' },
	{ "link h relative to link A, no place", -EINVAL, LINK('h'), .flags = BPF_F_LINK,
	  .relative = 'A' },
	{ "link h before h", -ENOENT, LINK('h'), .flags = BPF_F_BEFORE, .relative = 'h' },
	{ "link h after no descriptor", -EBADF, LINK('h'), .flags = BPF_F_AFTER,
	  .relative = BAD_FD },
	{ "link h after no ID", -ENOENT, LINK('h'), .flags = BPF_F_AFTER | BPF_F_ID,
	  .relative = BAD_FD },
	{ "link h before an XDP program", -EINVAL, LINK('h'), .flags = BPF_F_BEFORE,
	  .relative = XDP_PROGRAM },
	{ "link h before a link that is a program", -EINVAL, LINK('h'),
	  .flags = BPF_F_BEFORE | BPF_F_LINK, .relative = 'a' },
	{ "link h before a program that is a link", -EINVAL, LINK('h'), .flags = BPF_F_BEFORE,
	  .relative = 'A' },
	{ "link h before no link", -EINVAL, LINK('h'), .flags = BPF_F_BEFORE | BPF_F_LINK },
	{ "link h before no link's ID", -ENOENT, LINK('h'),
	  .flags = BPF_F_BEFORE | BPF_F_LINK | BPF_F_ID, .relative = BAD_FD },
	{ "link h last", 0, "GAEDCBFH", LINK('h'), .flags = BPF_F_AFTER },
	{ "close the one between", 0, "GAECBFH", STEP_CLOSE, .link = 'd' },
	{ "close the first", 0, "AECBFH", STEP_CLOSE, .link = 'g' },
	{ "detach the last", 0, "AECBF", STEP_LINK_DETACH, .link = 'h' },
	{ "link g before a link that is detached", -ENOENT, LINK('g'),
	  .flags = BPF_F_BEFORE | BPF_F_LINK, .relative = 'H' },
	{ "link g where the first was", 0, "GAECBF", LINK('g'), .flags = BPF_F_BEFORE,
	  .revision = REVISION_RIGHT },
};

static const struct step update_steps[] = {
	{ "link a", 0, "A", LINK('a') },
	{ "attach b", 0, "Ab", .prog = 'b' },
	{ "link c", 0, "AbC", LINK('c') },
	{ "update a link to its program", 0, NULL, UPDATE('a', 'a'), .silent = true },
	{ "update it to its program, which it has to have", 0, NULL, UPDATE('a', 'a'),
	  .flags = BPF_F_REPLACE, .replaced = 'a', .silent = true },
	{ "update it to its program, but to have another", -EPERM, UPDATE('a', 'a'),
	  .flags = BPF_F_REPLACE, .replaced = 'd' },
	{ "update it to d", 0, "DbC", UPDATE('a', 'd') },
	{ "update it to e, to have a, which it had", -EPERM, UPDATE('a', 'e'),
	  .flags = BPF_F_REPLACE, .replaced = 'a' },
	{ "update it to e, to have d", 0, "EbC", UPDATE('a', 'e'), .flags = BPF_F_REPLACE,
	  .replaced = 'd' },
	{ "update it to f, to have e, no flag", -EINVAL, UPDATE('a', 'f'), .replaced = 'e' },
	{ "update it to f, to have no descriptor", -EBADF, UPDATE('a', 'f'), .flags = BPF_F_REPLACE,
	  .replaced = BAD_FD },
	{ "update it to f, to have an XDP program", -EPERM, UPDATE('a', 'f'),
	  .flags = BPF_F_REPLACE, .replaced = XDP_PROGRAM },
	{ "update it with BEFORE", -EINVAL, UPDATE('a', 'f'), .flags = BPF_F_BEFORE },
	{ "update it with an unknown flag", -EINVAL, UPDATE('a', 'f'), .flags = 1 << 7 },
	{ "update it to no program", -EBADF, UPDATE('a', BAD_FD) },
	{ "update it to an XDP program", -EINVAL, UPDATE('a', XDP_PROGRAM) },
	{ "update it to b, attached here", -EEXIST, UPDATE('a', 'b') },
	{ "update it to c, linked here", -EEXIST, UPDATE('a', 'c') },
	{ "update it to b, to have c", -EPERM, UPDATE('a', 'b'), .flags = BPF_F_REPLACE,
	  .replaced = 'c' },
	{ "update what is no link", -EBADF, UPDATE('g', 'f') },
	{ "update the last to f", 0, "EbF", UPDATE('c', 'f') },
	{ "update the last to a, which has left", 0, "EbA", UPDATE('c', 'a') },
	{ "attach c, which has left", 0, "EbAc", .prog = 'c' },
	{ "update the first to h", 0, "HbAc", UPDATE('a', 'h') },
	{ "detach the first", 0, "bAc", STEP_LINK_DETACH, .link = 'a' },
	{ "detach it again", 0, NULL, STEP_LINK_DETACH, .link = 'a', .silent = true },
	{ "update it, detached", -ENOLINK, UPDATE('a', 'g') },
	{ "update it, detached, to its program", -ENOLINK, UPDATE('a', 'h') },
	{ "update it, detached, to have another", -ENOLINK, UPDATE('a', 'g'),
	  .flags = BPF_F_REPLACE, .replaced = 'g' },
	{ "update it, detached, to an XDP program", -ENOLINK, UPDATE('a', XDP_PROGRAM) },
	{ "attach its program", 0, "bAch", .prog = 'h' },
	{ "detach it once more", 0, NULL, STEP_LINK_DETACH, .link = 'a', .silent = true },
	{ "close it", 0, NULL, STEP_CLOSE, .link = 'a', .silent = true },
	{ "link a, which a link has", -EEXIST, LINK('a') },
	{ "close the other link", 0, "bch", STEP_CLOSE, .link = 'c' },
};

/* ---- one end and the other ---- */

static void test_other_end(struct end *end, struct end *other)
{
	static const struct step here[] = { { "link a", 0, "A", LINK('a') } };
	static const struct step there[] = {
		{ "link b", 0, "B", LINK('b') },
		{ "link c before a link of the other end", -ENOENT, LINK('c'),
		  .flags = BPF_F_BEFORE | BPF_F_LINK, .relative = 'A' },
		{ "link c after a program of the other end", -ENOENT, LINK('c'),
		  .flags = BPF_F_AFTER, .relative = 'a' },
		{ "update to the other end's program", 0, "A", UPDATE('b', 'a') },
		{ "close it", 0, "", STEP_CLOSE, .link = 'b' },
	};

	begin_pair(&rtnl, &chains);
	chains_run(&chains, end, here, N(here));
	chains_run(&chains, other, there, N(there));
}

/* ---- the same program ever again ---- */

enum { UPDATES = 100 };

/* Let go of too often, a program would be freed under the link; too seldom, it would stay for ever. */
static void test_references(const struct end *end)
{
	static const struct step link_a = { LINK('a') };
	uint32_t id = chains.prog_ids[0];
	int err = 0;

	begin_pair(&rtnl, &chains);
	chains_call(&chains, end, &link_a);
	for (int i = 0; !err && i < UPDATES; i++)
		err = bpf_link_update(chains.links[0], chains.progs[0], NULL);
	ok_err(err, 0, "%s, update to the same program %d times", end->name, UPDATES);
	close(chains.progs[0]);
	chains.progs[0] = bpf_prog_get_fd_by_id(id);
	ok(chains.progs[0] >= 0, "%s, the link keeps its program", end->name);
	for (int i = 0; !err && i < 2 * UPDATES; i++)
		err = bpf_link_update(chains.links[0], chains.progs[i % 2], NULL);
	ok_err(err, 0, "%s, update to it and another %d times", end->name, UPDATES);
	close(chains.progs[0]);
	ok(prog_is_released(id), "%s, the one that has left is let go of", end->name);
	chains_renew(&chains, 'a');
}

/* A program that was refused is nobody's. */
static void test_refused(struct end *end)
{
	static const struct step steps[] = {
		{ "link a", 0, "A", LINK('a') },
		{ "link b, at the next revision", -ESTALE, LINK('b'), .revision = REVISION_NEXT },
		{ "update to b, to have c", -EPERM, UPDATE('a', 'b'), .flags = BPF_F_REPLACE,
		  .replaced = 'c' },
		{ "attach b", 0, "Ab", .prog = 'b' },
		{ "update to b", -EEXIST, UPDATE('a', 'b') },
		{ "detach b", 0, "A", STEP_DETACH, .prog = 'b' },
		{ "detach the link", 0, "", STEP_LINK_DETACH, .link = 'a' },
		{ "update it to b", -ENOLINK, UPDATE('a', 'b') },
	};
	uint32_t id = chains.prog_ids[1];

	begin_pair(&rtnl, &chains);
	chains_run(&chains, end, steps, N(steps));
	close(chains.progs[1]);
	ok(prog_is_released(id), "%s, b is let go of", end->name);
	chains_renew(&chains, 'b');
}

/* ---- who may ---- */

/* Whoever has got the descriptors of program and link may use them; to find a link takes more. */
static void test_privilege(struct end *end, enum caller caller)
{
	static const struct step link_a[] = { { "link a", 0, "A", LINK('a') } };
	static const struct step link_b = { LINK('b') };
	static const struct step update = { UPDATE('a', 'c') };
	static const struct step find = { .op = STEP_FIND, .link = 'a' };
	static const struct step detach = { .op = STEP_LINK_DETACH, .link = 'a' };
	const char *who = caller_name(caller);
	char chain[CHAIN_MAX + 1];
	uint64_t revision;

	begin_pair(&rtnl, &chains);
	chains_run(&chains, end, link_a, N(link_a));
	ok_err(chains_call_as(&chains, end, &link_b, caller), 0,
	       "%s, %s links a program it has got", end->name, who);
	ok_err(chain_read(&chains, end->type, chain, &revision), 0, "%s, the chain", end->name);
	ok(!strcmp(chain, "A"), "%s, with its process the link is gone: \"%s\"", end->name, chain);
	ok_err(chains_call_as(&chains, end, &update, caller), 0, "%s, %s updates a link it has got",
	       end->name, who);
	ok_err(chains_call_as(&chains, end, &find, caller), -EPERM, "%s, %s finds a link by its ID",
	       end->name, who);
	ok_err(chains_call(&chains, end, &find), 0, "%s, root finds it", end->name);
	ok_err(chains_call_as(&chains, end, &detach, caller), 0,
	       "%s, %s detaches a link it has got", end->name, who);
	ok_err(chain_read(&chains, end->type, chain, &revision), 0, "%s, the chain", end->name);
	ok(!strcmp(chain, ""), "%s, nothing is left of it: \"%s\"", end->name, chain);
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
	run_on_both(&rtnl, &chains, update_steps, N(update_steps));
	for (int i = 0; i < 2; i++) {
		test_other_end(&chains.ends[i], &chains.ends[!i]);
		test_references(&chains.ends[i]);
		test_refused(&chains.ends[i]);
		test_privilege(&chains.ends[i], CALLER_NOBODY);
		test_privilege(&chains.ends[i], CALLER_OTHER_ROOT);
	}
	chains_close_links(&chains);
	return tap_done();
}
