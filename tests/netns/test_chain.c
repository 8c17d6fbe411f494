/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains on the running kernel, on both hooks of a veth's host end: places, programs of others
 * that keep theirs, updates in place, moves, what a restart finds, and what is left of a chain
 * that somebody took apart.
 */
#include "kernel/bpf.h"
#include "netns/chains.h"
#include "unit/test.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define N_FRAMES 50 /* more than IPv6 says by itself on a fresh device */

static struct program count, acl, pass, drop;

static uint32_t program_id(const struct chains_end *end, size_t i)
{
	return chains_slot(end, i).prog_id;
}

/* The first map that the program uses; 0: none. */
static uint32_t map_id(uint32_t prog_id)
{
	__u32 ids[8] = {}, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids) };
	AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(prog_id);

	CHECK(fd >= 0 && bpf_prog_get_info_by_fd(fd, &info, &len) == 0);
	return ids[0];
}

static void test_places(enum side side)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtplace", side), other = chains_other(&end);
	uint32_t first, third;

	CHECK(chains_read(&end, ""));
	first = chains_append(&end, &count);
	third = chains_append(&end, &acl);
	CHECK(chains_read(&end, "count acl"));
	CHECK(chains_attach(&end, &pass, PLACE_AFTER, "count", first, &why) == 0);
	CHECK(chains_attach(&end, &drop, PLACE_BEFORE, "acl", third, &why) == 0);
	CHECK(chains_read(&end, "count pass drop acl"));
	CHECK(chains_slot(&end, 0).link_id == first && chains_slot(&end, 3).link_id == third);
	CHECK(chains_read(&other, "") && chains_defunct(&end) == 0);
	/* The other side's chain is another one, which takes the same programs. */
	chains_append(&other, &count);
	CHECK(program_id(&other, 0) == program_id(&end, 0));
	CHECK(chains_detach(&end, "count", first) == 0);
	CHECK(chains_detach(&end, "count", first) == 0);
	CHECK(chains_read(&end, "pass drop acl") && chains_read(&other, "count"));
	chains_delete(&end);
}

static void test_foreign_programs_keep_their_places(enum side side)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtforeign", side);
	AUTO_CLOSE int before = chains_intrude(&end, "drop.o", PLACE_TAIL, 0), after = -1;
	uint32_t a, b;

	a = chains_append(&end, &count);
	CHECK(chains_read(&end, "(drop) count"));
	after = chains_intrude(&end, "pass.o", PLACE_TAIL, 0);
	end.revision = 0;
	CHECK(chains_attach(&end, &acl, PLACE_AFTER, "count", a, &why) == 0);
	CHECK(chains_read(&end, "(drop) count acl (pass)"));
	b = chains_slot(&end, 2).link_id;
	/* A move: the second instance is attached before the first link goes. */
	CHECK(chains_attach(&end, &count, PLACE_AFTER, "acl", b, &why) == 0);
	CHECK(chains_read(&end, "(drop) count acl count (pass)"));
	CHECK(chains_detach(&end, "count", a) == 0);
	CHECK(chains_read(&end, "(drop) acl count (pass)"));
	CHECK(chains_slot(&end, 0).foreign && chains_slot(&end, 0).digest == 0);
	CHECK(chains_detach(&end, "count", chains_slot(&end, 2).link_id) == 0);
	CHECK(chains_detach(&end, "acl", b) == 0);
	CHECK(chains_read(&end, "(drop) (pass)"));
	chains_delete(&end);
}

static void test_anchor_by_definition(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtanchor", SIDE_PEER), other = chains_other(&end);
	uint32_t anchor = chains_append(&end, &acl), gone;

	CHECK(chains_attach(&end, &count, PLACE_AFTER, "acl", anchor, &why) == 0);
	CHECK(chains_attach(&end, &count, PLACE_BEFORE, "acl", 0, &why) == 0);
	/* Of two links of a definition, the younger is where the other is going. */
	CHECK(chains_attach(&end, &pass, PLACE_AFTER, "count", 0, &why) == 0);
	CHECK(chains_read(&end, "count pass acl count"));
	gone = chains_slot(&end, 1).link_id;
	CHECK(chains_detach(&end, "pass", gone) == 0 && !why.text);
	CHECK(chains_attach(&end, &drop, PLACE_AFTER, "pass", gone, &why) == -ESTALE);
	CHECK(stage_says(&why, "pass is not in the chain any more"));
	diag_done(&why);
	CHECK(chains_attach(&end, &drop, PLACE_AFTER, "pass", 0, &why) == -ESTALE);
	CHECK(stage_says(&why, "pass is not in the chain any more"));
	diag_done(&why);
	/* Ours of the other side is no anchor here. */
	CHECK(chains_attach(&other, &drop, PLACE_AFTER, "count", 0, &why) == -ESTALE);
	CHECK(chains_read(&end, "count acl count") && chains_read(&other, ""));
	chains_delete(&end);
}

static void test_revision(void)
{
	AUTO(diag_done) struct diag why = {};
	AUTO(chains_sight_done) struct chains_sight sight = {};
	struct chains_end end = chains_make("mtrevision", SIDE_PRIMARY);
	AUTO_CLOSE int foreign = -1;
	uint32_t id;

	sight = chains_look(&end);
	end.revision = sight.seen.revision;
	CHECK(end.revision == 1);
	id = chains_append(&end, &count);
	chains_append(&end, &acl);
	CHECK(chains_update(&end, &count, id, &why) == 0);
	chains_append(&end, &drop);
	/* What somebody does between two steps is not taken for our own. */
	foreign = chains_intrude(&end, "pass.o", PLACE_TAIL, 0);
	CHECK(chains_attach(&end, &pass, PLACE_TAIL, NULL, 0, &why) == -ESTALE);
	CHECK(stage_says(&why, "the chain has changed since it was looked at"));
	diag_done(&why);
	CHECK(chains_detach(&end, "count", id) == 0);
	CHECK(chains_attach(&end, &pass, PLACE_TAIL, NULL, 0, &why) == -ESTALE);
	CHECK(chains_read(&end, "acl drop (pass)"));
	chains_delete(&end);
}

/* The kernel forgets the revision of a chain that has become empty. */
static void test_revision_of_emptied_chain(void)
{
	struct chains_end end = chains_make("mtempty", SIDE_PEER);
	uint32_t id;

	end.revision = 1;
	id = chains_append(&end, &count);
	CHECK(chains_detach(&end, "count", id) == 0 && chains_read(&end, ""));
	chains_append(&end, &count);
	CHECK(chains_read(&end, "count"));
	chains_delete(&end);
}

static void test_update_in_place(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtupdate", SIDE_PEER);
	AUTO_FREE char *from = util_join(chains.shipped, "count.o");
	struct program moving = chains_program("moving", chains_copy(from, "moving.o", 0), NULL);
	struct slot before, after;
	uint32_t id, map;

	chains_append(&end, &acl);
	id = chains_append(&end, &moving);
	chains_append(&end, &pass);
	before = chains_slot(&end, 1);
	map = map_id(before.prog_id);
	CHECK(before.link_id == id && before.digest == chains_digest(&moving));
	chains_copy(from, "moving.o", 1);
	CHECK(chains_digest(&moving) != before.digest);
	CHECK(chains_update(&end, &moving, id, &why) == 0);
	CHECK(chains_read(&end, "acl moving pass"));
	after = chains_slot(&end, 1);
	CHECK(after.link_id == id && after.prog_id != before.prog_id);
	CHECK(after.digest == chains_digest(&moving));
	CHECK(map && map_id(after.prog_id) == map);
	CHECK(access(chains_pin(&end, "moving", id), F_OK) == 0 && chains_defunct(&end) == 0);
	/* Back to the content of before: its instance is still there. */
	chains_copy(from, "moving.o", 0);
	CHECK(chains_update(&end, &moving, id, &why) == 0);
	CHECK(program_id(&end, 1) == before.prog_id);
	CHECK(chains_update(&end, &moving, id + 1000, &why) == -ESTALE);
	CHECK(stage_says(&why, "moving is not in the chain any more"));
	chains_delete(&end);
}

static void test_update_of_a_detached_link(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtgone", SIDE_PEER);
	uint32_t id = chains_append(&end, &count);
	AUTO_CLOSE int fd = -1;

	CHECK(bpf_open_pin(chains_pin(&end, "count", id), &fd) == 0);
	CHECK(bpf_link_take_out(fd) == 0);
	CHECK(chains_update(&end, &count, id, &why) == -ESTALE);
	CHECK(stage_says(&why, "count is not in the chain any more"));
	chains_delete(&end);
}

static void test_move_needs_second_instance(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtmove", SIDE_PRIMARY);
	uint32_t old = chains_append(&end, &count), map = map_id(program_id(&end, 0));

	chains_append(&end, &acl);
	CHECK(chains_attach(&end, &count, PLACE_AFTER, "acl", 0, &why) == 0);
	CHECK(chains_read(&end, "count acl count"));
	CHECK(program_id(&end, 0) != program_id(&end, 2));
	CHECK(chains_slot(&end, 0).digest == chains_slot(&end, 2).digest);
	CHECK(map && map_id(program_id(&end, 2)) == map);
	CHECK(chains_detach(&end, "count", old) == 0);
	CHECK(chains_read(&end, "acl count") && chains_defunct(&end) == 0);
	chains_delete(&end);
}

static void test_restart(void)
{
	/* A name with dots is one that bpffs refuses. */
	struct chains_end end = chains_make("mt.100.a", SIDE_PEER), other = chains_other(&end);
	size_t n_links = chains_count(PIN_LINKS), n_programs;
	struct slot before[2], after;

	chains_append(&end, &count);
	chains_append(&end, &acl);
	chains_append(&other, &count);
	CHECK(chains_count(PIN_LINKS) == n_links + 3);
	n_programs = chains_count(PIN_PROGRAMS);
	before[0] = chains_slot(&end, 0);
	before[1] = chains_slot(&end, 1);
	chains_restart();
	CHECK(chains_read(&end, "count acl") && chains_read(&other, "count"));
	for (size_t i = 0; i < 2; i++) {
		after = chains_slot(&end, i);
		CHECK(after.prog_id == before[i].prog_id && after.link_id == before[i].link_id);
		CHECK(after.digest == before[i].digest && after.digest);
	}
	/* What is wanted next finds its program as well. */
	chains_append(&other, &acl);
	CHECK(program_id(&other, 1) == before[1].prog_id);
	CHECK(chains_count(PIN_PROGRAMS) == n_programs);
	chains_delete(&end);
}

static void test_pin_removed_by_hand(void)
{
	struct chains_end end = chains_make("mtunpinned", SIDE_PRIMARY);
	uint32_t id = chains_append(&end, &count);

	chains_append(&end, &acl);
	CHECK(unlink(chains_pin(&end, "count", id)) == 0);
	/* The kernel detaches a little later; until then the link is nobody's. */
	for (size_t i = 0; i < 1000 && chains_length(&end) > 1; i++) {
		CHECK(chains_defunct(&end) == 0);
		usleep(5000);
	}
	CHECK(chains_read(&end, "acl") && chains_defunct(&end) == 0);
	chains_delete(&end);
}

static void test_detached_by_hand(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtdetached", SIDE_PRIMARY), other = chains_other(&end);
	AUTO_CLOSE int fd = -1;
	uint32_t id = chains_append(&end, &count);
	size_t n_links;

	chains_append(&end, &acl);
	chains_append(&other, &acl);
	CHECK(bpf_open_pin(chains_pin(&end, "count", id), &fd) == 0);
	CHECK(bpf_link_take_out(fd) == 0);
	CHECK(chains_read(&end, "acl"));
	CHECK(chains_defunct(&end) == 1 && chains_defunct(&other) == 0);
	n_links = chains_count(PIN_LINKS);
	CHECK(chains_reap(end.pair, &why) == 0);
	CHECK(chains_count(PIN_LINKS) == n_links - 1);
	CHECK(chains_read(&end, "acl") && chains_read(&other, "acl"));
	CHECK(chains_defunct(&end) == 0);
	chains_delete(&end);
}

/* A link that cannot be looked at now may well be alive. */
static void test_reap_of_what_cannot_be_opened(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtmode", SIDE_PEER);
	uint32_t id = chains_append(&end, &count);

	CHECK(chmod(chains_pin(&end, "count", id), 0) == 0);
	chains_override_modes(false);
	CHECK(chains_reap(end.pair, &why) == -EACCES);
	chains_override_modes(true);
	CHECK(stage_says(&why, "mtmode:peer:count:"));
	CHECK(chains_read(&end, "count"));
	chains_delete(&end);
}

static void test_device_deleted(void)
{
	AUTO(chain_pins_done) struct chain_pins pins = {}, left = {};
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("eth0.100", SIDE_PRIMARY), other = chains_other(&end);
	/* Their names differ from the pair's by what escaping could get wrong. */
	struct chains_end near = chains_make("eth0.10", SIDE_PRIMARY);

	chains_append(&end, &count);
	chains_append(&end, &acl);
	chains_append(&other, &acl);
	chains_append(&near, &acl);
	stage_delete(end.hook.primary_ifindex);
	CHECK(chain_pins_read(chains.objects, &pins) == 0);
	CHECK(chain_count_pins(&pins, "eth0.100") == 3 && chain_count_pins(&pins, "eth0.10") == 1);
	CHECK(chain_count_pins(&pins, "eth0") == 0);
	/* The device went between the dump and the look. */
	CHECK(chains_read(&end, "") && chains_defunct(&end) == 2 && chains_defunct(&other) == 1);
	CHECK(chains_reap("eth0.100", &why) == 0);
	CHECK(chain_pins_read(chains.objects, &left) == 0);
	CHECK(chain_count_pins(&left, "eth0.100") == 0 && chain_count_pins(&left, "eth0.10") == 1);
	CHECK(chains_read(&near, "acl"));
	chains_delete(&near);
}

static void test_full_chain(void)
{
	AUTO(diag_done) struct diag why = {};
	struct chains_end end = chains_make("mtfull", SIDE_PRIMARY);
	struct program many;
	char name[16];

	for (size_t i = 0; i < CHAIN_MAX + 1; i++) {
		snprintf(name, sizeof(name), "many-%zu", i);
		many = chains_program(name, "pass", NULL);
		CHECK(chains_attach(&end, &many, PLACE_TAIL, NULL, 0, &why) == 0);
	}
	CHECK(chains_slot(&end, CHAIN_MAX).link_id);
	CHECK(chains_attach(&end, &count, PLACE_TAIL, NULL, 0, &why) == -ERANGE);
	CHECK(stage_says(&why, "the chain is full"));
	chains_delete(&end);
}

static void set_up(struct netlink *netlink, const char *name)
{
	struct attrs attrs = { .has = ATTR_UP, .up = true };

	CHECK(stage_call(netlink, link_set(stage_get(netlink, name).ifindex, &attrs)) == 0);
}

/* What leaves the host runs the primary's chain, and its run counts are seen. */
static void test_traffic_and_statistics(void)
{
	AUTO_CLOSE int statistics = bpf_statistics_fd();
	AUTO_CLOSE int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct chains_end end = chains_make("mttraffic", SIDE_PRIMARY), other = chains_other(&end);
	AUTO(chains_sight_done) struct chains_sight sight = {};
	struct program mine = chains_program("mine", "count", NULL);
	struct program theirs = chains_program("theirs", "count", NULL);
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = end.hook.primary_ifindex };
	const char frame[64] = { [12] = ETH_P_LOOPBACK >> 8, ETH_P_LOOPBACK & 0xff };

	CHECK(statistics >= 0 && packets >= 0);
	chains_append(&end, &mine);
	chains_append(&other, &theirs);
	set_up(stage.in_netns, "mttraffic");
	set_up(stage.host, "mttraffic");
	sight = chains_look(&end);
	for (size_t i = 0; i < N_FRAMES; i++)
		CHECK(sendto(packets, frame, sizeof(frame), 0, (void *)&to, sizeof(to)) ==
		      sizeof(frame));
	CHECK(chains_slot(&end, 0).run_count >= sight.seen.chain[0].run_count + N_FRAMES);
	CHECK(chains_slot(&end, 0).run_time_ns > 0);
	CHECK(strcmp(chains_slot(&end, 0).kernel_name, "count") == 0);
	chain_refresh(sight.seen.chain, sight.seen.n_chain);
	CHECK(sight.seen.chain[0].run_count >= N_FRAMES);
	CHECK(chains_slot(&other, 0).run_count < N_FRAMES);
	chains_delete(&end);
}

int main(void)
{
	chains_set();
	count = chains_program("count", "count", NULL);
	acl = chains_program("acl", "acl", "acl");
	pass = chains_program("pass", "pass", NULL);
	drop = chains_program("drop", "drop", NULL);
	for (enum side side = 0; side < N_SIDES; side++) {
		test_places(side);
		test_foreign_programs_keep_their_places(side);
	}
	test_anchor_by_definition();
	test_revision();
	test_revision_of_emptied_chain();
	test_update_in_place();
	test_update_of_a_detached_link();
	test_move_needs_second_instance();
	test_restart();
	test_pin_removed_by_hand();
	test_detached_by_hand();
	test_reap_of_what_cannot_be_opened();
	test_device_deleted();
	test_full_chain();
	test_traffic_and_statistics();
	chains_strike();
	return 0;
}
