// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of links: what a link says of itself, which is where its device is now; what remains of it
 * when its device is gone, however that went; who keeps it; and what happens when both go at once.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "chain.h"
#include "programs.h"
#include "rtnl.h"
#include "tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct rtnl rtnl;
static struct chains chains;

static const struct step link_a = { .op = STEP_LINK, .prog = 'a' };
static const struct step attach_b = { .prog = 'b' };

static int ifindex_in(struct rtnl *there, const char *name)
{
	struct link_state link;
	int err = link_get(there, name, &link);

	if (err)
		bail_out("no %s: %s", name, strerror(-err));
	return link.ifindex;
}

/* The peer is in that namespace, or in the own one: -1. */
static void begin_pair(int peer_netns)
{
	struct pair_want want = pair_want(test_kind(), "a", "b");
	int err;

	want.peer_netns_fd = peer_netns;
	del_link(&rtnl, "a");
	err = make_pair(&rtnl, &want);
	if (err)
		bail_out("no pair of kind %s: %s", test_kind(), strerror(-err));
	chains_begin(&chains, ifindex_in(&rtnl, "a"));
}

static void must(int err, const char *what)
{
	if (err < 0)
		bail_out("%s: %s", what, strerror(-err));
}

/* Things that end a grace period later, or by a kernel thread. */
static bool soon(bool (*holds)(const void *ctx), const void *ctx)
{
	for (int i = 0; i < 200; i++) {
		if (holds(ctx))
			return true;
		usleep(50000);
	}
	return false;
}

/* ---- what a link says ---- */

static struct bpf_link_info info_of(int link_fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(link_fd, &info, &len);

	must(err, "a link without info");
	return info;
}

/* As /proc tells it: a line "NAME:\tVALUE". */
static bool fdinfo_has(int fd, const char *name, const char *value)
{
	char path[64], line[256], wanted[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(wanted, sizeof(wanted), "%s:\t%s\n", name, value);
	file = fopen(path, "re");
	if (!file)
		bail_out("%s: %m", path);
	while (fgets(line, sizeof(line), file))
		found = found || !strcmp(line, wanted);
	fclose(file);
	return found;
}

static void ok_fdinfo(const char *row, int fd, const char *name, const char *value)
{
	ok(fdinfo_has(fd, name, value), "%s, fdinfo: %s %s", row, name, value);
}

/* All that a link says, in both ways. */
static void ok_told(const char *row, int fd, const struct end *end, int ifindex, uint32_t prog_id)
{
	struct bpf_link_info info = info_of(fd);
	char text[64];

	ok_eq(info.type, BPF_LINK_TYPE_NETKIT, "%s, type", row);
	ok_eq(info.netkit.ifindex, ifindex, "%s, ifindex", row);
	ok_eq(info.netkit.attach_type, end->type, "%s, attach type", row);
	ok_eq(info.prog_id, prog_id, "%s, program", row);
	ok_fdinfo(row, fd, "link_type", "netkit");
	snprintf(text, sizeof(text), "%d", ifindex);
	ok_fdinfo(row, fd, "ifindex", text);
	snprintf(text, sizeof(text), "%d (%s)", end->type,
		 end->type == BPF_NETKIT_PRIMARY ? "primary" : "peer");
	ok_fdinfo(row, fd, "attach_type", text);
	snprintf(text, sizeof(text), "%u", info.id);
	ok_fdinfo(row, fd, "link_id", text);
	snprintf(text, sizeof(text), "%u", prog_id);
	ok_fdinfo(row, fd, "prog_id", text);
}

static void test_told(const struct end *end)
{
	const char *device = end->type == BPF_NETKIT_PRIMARY ? "a" : "b";
	char row[64];

	begin_pair(-1);
	must(chains_call(&chains, end, &link_a), "no link");
	snprintf(row, sizeof(row), "%s, a link", end->name);
	ok_told(row, chains.links[0], end, ifindex_in(&rtnl, device), chains.prog_ids[0]);
	must(bpf_link_update(chains.links[0], chains.progs[2], NULL), "no update");
	snprintf(row, sizeof(row), "%s, a link that was updated", end->name);
	ok_told(row, chains.links[0], end, ifindex_in(&rtnl, device), chains.prog_ids[2]);
	must(bpf_link_detach(chains.links[0]), "no detach");
	snprintf(row, sizeof(row), "%s, a link that was detached", end->name);
	ok_told(row, chains.links[0], end, 0, chains.prog_ids[2]);
}

/* The index of a peer is the one it has where it is. */
static void test_told_of_peer_away(void)
{
	const struct end *primary = &chains.ends[0], *peer = &chains.ends[1];
	static const struct step link_c = { .op = STEP_LINK, .prog = 'c' };
	int away = netns_new(), ifindex;
	struct rtnl there;

	must(rtnl_open_in(&there, away), "no netlink socket");
	begin_pair(away);
	ifindex = ifindex_in(&there, "b");
	must(chains_call(&chains, peer, &link_a), "no link");
	must(chains_call(&chains, primary, &link_c), "no link");
	ok(ifindex != chains.ifindex, "the ends have indices %d and %d", chains.ifindex, ifindex);
	ok_told("peer away", chains.links[0], peer, ifindex, chains.prog_ids[0]);
	ok_told("primary of a peer away", chains.links[2], primary, chains.ifindex,
		chains.prog_ids[2]);

	begin_pair(-1);
	must(chains_call(&chains, peer, &link_a), "no link");
	must(set_netns(&rtnl, "b", away), "the peer does not move");
	ok_told("peer that moved", chains.links[0], peer, ifindex_in(&there, "b"),
		chains.prog_ids[0]);
	rtnl_close(&there);
	close(away);
}

/* ---- the end of the device ---- */

enum ending { DELETE_PRIMARY, DELETE_PEER, END_PEERS_NAMESPACE, END_PRIMARYS_NAMESPACE };

static const char *const endings[] = {
	[DELETE_PRIMARY] = "the primary is deleted",
	[DELETE_PEER] = "the peer is deleted",
	[END_PEERS_NAMESPACE] = "the peer's namespace ends",
	[END_PRIMARYS_NAMESPACE] = "the primary's namespace ends",
};

static bool has_no_device(const void *ctx)
{
	return !info_of(*(const int *)ctx).netkit.ifindex;
}

/* A pair with a link on the end and a program behind it, and then no pair. */
static void end_device(const struct end *end, enum ending ending)
{
	int home = netns_current(), away = netns_new();
	struct rtnl keep = rtnl;

	del_link(&rtnl, "a");
	if (ending == END_PRIMARYS_NAMESPACE) {
		must(rtnl_open_in(&rtnl, away), "no netlink socket");
		netns_enter(away);
	}
	begin_pair(ending == END_PEERS_NAMESPACE      ? away
		   : ending == END_PRIMARYS_NAMESPACE ? home
						      : -1);
	must(chains_call(&chains, end, &link_a), "no link");
	must(chains_call(&chains, end, &attach_b), "no program");
	if (ending == DELETE_PRIMARY || ending == DELETE_PEER)
		must(del_link(&rtnl, ending == DELETE_PRIMARY ? "a" : "b"), "no deletion");
	if (ending == END_PRIMARYS_NAMESPACE) {
		netns_enter(home);
		rtnl_close(&rtnl);
		rtnl = keep;
	}
	close(away);
	close(home);
}

static void test_end(const struct end *end, enum ending ending)
{
	uint32_t id = chains.prog_ids[0], other = chains.prog_ids[1], link_id;
	char row[128], chain[CHAIN_MAX + 1];
	uint64_t revision;

	end_device(end, ending);
	snprintf(row, sizeof(row), "%s, %s", end->name, endings[ending]);
	if (ending == DELETE_PRIMARY || ending == DELETE_PEER)
		ok(has_no_device(&chains.links[0]), "%s: at once, the link has no device", row);
	else
		ok(soon(has_no_device, &chains.links[0]), "%s: the link has no device", row);
	ok_told(row, chains.links[0], end, 0, id);
	ok_err(bpf_link_update(chains.links[0], chains.progs[2], NULL), -ENOLINK, "%s: update",
	       row);
	ok_err(bpf_link_update(chains.links[0], chains.progs[0], NULL), -ENOLINK,
	       "%s: update to the same", row);
	ok_err(bpf_link_detach(chains.links[0]), 0, "%s: detach", row);
	ok_err(bpf_link_detach(chains.links[0]), 0, "%s: detach again", row);
	ok_err(bpf_link_update(chains.links[0], chains.progs[2], NULL), -ENOLINK,
	       "%s: update after that", row);
	ok_err(chain_read(&chains, end->type, chain, &revision), -ENODEV, "%s: query", row);
	close(chains.progs[0]);
	close(chains.progs[1]);
	ok(prog_is_released(other), "%s: the program beside it is let go of", row);
	chains.progs[0] = bpf_prog_get_fd_by_id(id);
	ok(chains.progs[0] >= 0, "%s: the link keeps its program", row);
	close(chains.progs[0]);
	link_id = chains.link_ids[0];
	chains_close_links(&chains);
	ok(prog_is_released(id), "%s: which is let go of with it", row);
	ok_err(bpf_link_get_fd_by_id(link_id), -ENOENT, "%s: the link is gone", row);
	chains_renew(&chains, 'a');
	chains_renew(&chains, 'b');
}

/* ---- who keeps a link ---- */

struct watched {
	const struct end *end;
	const char *chain;
};

static bool chain_is(const void *ctx)
{
	const struct watched *watched = ctx;
	char chain[CHAIN_MAX + 1];
	uint64_t revision;

	return !chain_read(&chains, watched->end->type, chain, &revision) &&
	       !strcmp(chain, watched->chain);
}

static void ok_chain(const char *row, const struct end *end, const char *chain)
{
	const struct watched watched = { end, chain };

	ok(chain_is(&watched), "%s, %s: \"%s\"", end->name, row, chain);
}

static void ok_chain_soon(const char *row, const struct end *end, const char *chain)
{
	const struct watched watched = { end, chain };

	ok(soon(chain_is, &watched), "%s, %s: \"%s\"", end->name, row, chain);
}

static void close_link(void)
{
	close(chains.links[0]);
	chains.links[0] = -1;
}

/* The descriptor that is left is the last of several. */
static void test_descriptors(const struct end *end)
{
	int copy, found;

	begin_pair(-1);
	must(chains_call(&chains, end, &link_a), "no link");
	copy = fcntl(chains.links[0], F_DUPFD_CLOEXEC, 0);
	found = bpf_link_get_fd_by_id(chains.link_ids[0]);
	must(found, "no link by its ID");
	close_link();
	ok_chain("one of three descriptors is closed", end, "A");
	close(copy);
	ok_chain("two are closed", end, "A");
	close(found);
	ok_chain("all are closed", end, "");
}

static void test_pins(const struct end *end, const char *bpffs)
{
	char path[64];
	int fd;

	begin_pair(-1);
	snprintf(path, sizeof(path), "%s/link", bpffs);
	must(chains_call(&chains, end, &link_a), "no link");
	ok_err(bpf_obj_pin(chains.links[0], path), 0, "%s, a link is pinned", end->name);
	close_link();
	ok_chain("its descriptor is closed", end, "A");
	fd = bpf_obj_get(path);
	ok(fd >= 0 && link_id_of(fd) == chains.link_ids[0], "%s, it is opened again", end->name);
	ok_err(bpf_link_update(fd, chains.progs[1], NULL), 0, "%s, and updated", end->name);
	ok_chain("to another program", end, "B");
	unlink(path);
	usleep(200000);
	ok_chain("without a pin, with a descriptor", end, "B");
	close(fd);
	ok_chain("with neither", end, "");

	must(chains_call(&chains, end, &link_a), "no link");
	must(bpf_obj_pin(chains.links[0], path), "no pin");
	close_link();
	ok_chain("another one is pinned", end, "A");
	unlink(path);
	ok_chain_soon("its pin was all it had", end, "");
}

/* A pin outlives the device, and a file system its pins. */
static void test_pins_alone(const struct end *end, const char *bpffs)
{
	char path[64];
	int fd;

	begin_pair(-1);
	snprintf(path, sizeof(path), "%s/link", bpffs);
	must(chains_call(&chains, end, &link_a), "no link");
	must(bpf_obj_pin(chains.links[0], path), "no pin");
	close_link();
	must(del_link(&rtnl, "a"), "no deletion");
	fd = bpf_obj_get(path);
	ok(fd >= 0, "%s, a pinned link without a device is opened", end->name);
	ok_told("a pinned link without a device", fd, end, 0, chains.prog_ids[0]);
	ok_err(bpf_link_update(fd, chains.progs[1], NULL), -ENOLINK, "%s, and not updated",
	       end->name);
	close(fd);
	unlink(path);

	begin_pair(-1);
	must(chains_call(&chains, end, &link_a), "no link");
	must(bpf_obj_pin(chains.links[0], path), "no pin");
	close_link();
	must(umount(bpffs) ? -errno : 0, "umount");
	ok_chain_soon("the file system of its pin is gone", end, "");
	must(mount("bpf", bpffs, "bpf", 0, NULL) ? -errno : 0, "no bpffs");
}

/* ---- both at once ---- */

enum { RACES = 15 };

enum racer { RACE_CLOSE, RACE_DETACH, RACE_UPDATE, N_RACERS };

static const char *const racers[] = {
	[RACE_CLOSE] = "closed",
	[RACE_DETACH] = "detached",
	[RACE_UPDATE] = "updated",
};

struct race {
	enum racer racer;
	int fd, prog;
	unsigned int delay_us;
	pthread_barrier_t start;
};

static void *run_racer(void *ctx)
{
	struct race *race = ctx;
	int err = 0;

	pthread_barrier_wait(&race->start);
	usleep(race->delay_us);
	switch (race->racer) {
	case RACE_CLOSE:
		break;
	case RACE_DETACH:
		err = bpf_link_detach(race->fd);
		break;
	case RACE_UPDATE:
		for (int i = 0; !err && i < 1000; i++)
			err = bpf_link_update(race->fd, race->prog, NULL);
		if (err == -ENOLINK)
			err = 0;
		break;
	case N_RACERS:
		break;
	}
	close(race->fd);
	return (void *)(intptr_t)err;
}

/* A program that is a link's only, so that it tells whether the link has let go of it. */
static int link_own_program(const struct end *end, uint32_t *ret_prog_id)
{
	int prog = program_that_says(VERDICT_NEXT), link;

	must(prog, "no program");
	*ret_prog_id = prog_id_of(prog);
	link = bpf_link_create(prog, chains.ifindex, end->type, NULL);
	must(link, "no link");
	close(prog);
	return link;
}

static void test_race(enum racer racer, const char *deleted)
{
	struct race races[2] = {};
	int n_left = 0, failed = 0;
	uint32_t ids[2];

	for (int i = 0; i < RACES; i++) {
		pthread_t threads[2];
		void *err;

		begin_pair(-1);
		for (int k = 0; k < 2; k++) {
			races[k] = (struct race){
				.racer = racer,
				.fd = link_own_program(&chains.ends[k], &ids[k]),
				.prog = chains.progs[0],
				.delay_us = i * 150,
			};
			pthread_barrier_init(&races[k].start, NULL, 2);
			must(-pthread_create(&threads[k], NULL, run_racer, &races[k]), "no thread");
		}
		for (int k = 0; k < 2; k++)
			pthread_barrier_wait(&races[k].start);
		failed += del_link(&rtnl, deleted) != 0;
		for (int k = 0; k < 2; k++) {
			pthread_join(threads[k], &err);
			failed += err != NULL;
			pthread_barrier_destroy(&races[k].start);
			n_left += !prog_is_released(ids[k]);
		}
	}
	ok_eq(failed, 0, "links are %s while %s is deleted, calls that fail", racers[racer],
	      deleted);
	ok_eq(n_left, 0, "links are %s while %s is deleted, programs that stay", racers[racer],
	      deleted);
}

/* ---- */

static void run_with_bpffs(void (*test)(const struct end *end, const char *bpffs))
{
	char path[] = "/tmp/metad-test-links-XXXXXX";

	/* What is mounted here is nobody else's. */
	must(unshare(CLONE_NEWNS) ? -errno : 0, "no mount namespace");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ? -errno : 0, "no private mounts");
	if (!mkdtemp(path))
		bail_out("%s: %m", path);
	must(mount("bpf", path, "bpf", 0, NULL) ? -errno : 0, "no bpffs");
	for (int i = 0; i < 2; i++)
		test(&chains.ends[i], path);
	must(umount(path) ? -errno : 0, "umount");
	rmdir(path);
}

int main(void)
{
	netns_isolate();
	must(rtnl_open(&rtnl), "no rtnetlink");
	chains_init(&chains);
	for (const struct end *end = chains.ends; end < chains.ends + 2; end++) {
		test_told(end);
		for (size_t i = 0; i < N(endings); i++)
			test_end(end, i);
		test_descriptors(end);
	}
	test_told_of_peer_away();
	run_with_bpffs(test_pins);
	run_with_bpffs(test_pins_alone);
	for (enum racer racer = 0; racer < N_RACERS; racer++) {
		test_race(racer, "a");
		test_race(racer, "b");
	}
	return tap_done();
}
