// SPDX-License-Identifier: GPL-2.0-only
/*
 * storm [SECONDS [SEED]]: everything at once. Workers in three network namespaces create, delete, move,
 * change and bring up pairs of the same few names, attach, replace, detach and query programs and
 * links on whichever they meet, and destroy namespaces with ends inside, while packets are sent
 * through all of them on every CPU. Nothing an operation answers is wrong here; what counts is that
 * the kernel reports nothing (the machine's harness watches its log), and that at the end nothing is
 * left: no device, no program.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"
#include "rtnl.h"
#include "tap.h"

enum { N_NAMES = 6, N_SPACES = 3, N_WORKERS = 6, N_SENDERS = 2, N_PROGRAMS = 8, N_LINKS = 12 };

enum { N_OPS = 17 };

/* Written by all processes. */
struct tally {
	unsigned long tried[N_OPS], done[N_OPS], sent, refused;
};

struct worker {
	struct rtnl rtnl;
	unsigned int seed;
	int links[N_LINKS];
};

static struct tally *tally;
static int spaces[N_SPACES], programs[N_PROGRAMS];
static time_t deadline;

static unsigned int any(struct worker *worker, unsigned int n)
{
	return rand_r(&worker->seed) % n;
}

static const char *any_name(struct worker *worker)
{
	static char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "s%u%c", any(worker, N_NAMES), any(worker, 2) ? 'a' : 'b');
	return name;
}

static int any_ifindex(struct worker *worker)
{
	return if_nametoindex(any_name(worker));
}

static enum bpf_attach_type any_end(struct worker *worker)
{
	return any(worker, 2) ? BPF_NETKIT_PRIMARY : BPF_NETKIT_PEER;
}

static int any_program(struct worker *worker)
{
	return programs[any(worker, N_PROGRAMS)];
}

/* ---- devices ---- */

static int create(struct worker *worker, int peer_netns)
{
	static const int policies[] = { POLICY_PASS, POLICY_DROP };
	char name[IFNAMSIZ], peer[IFNAMSIZ];
	struct pair_want want;
	unsigned int n = any(worker, N_NAMES);

	snprintf(name, sizeof(name), "s%ua", n);
	snprintf(peer, sizeof(peer), "s%ub", n);
	want = pair_want(test_kind(), name, peer);
	want.mode = any(worker, 2);
	want.policy = policies[any(worker, 2)];
	want.peer_policy = policies[any(worker, 2)];
	want.scrub = any(worker, 2);
	want.peer_netns_fd = peer_netns;
	return make_pair(&worker->rtnl, &want);
}

static int change(struct worker *worker)
{
	struct linkinfo nests;
	struct msg msg;

	msg_link(&msg, RTM_NEWLINK, 0, 0);
	put_str(&msg, IFLA_IFNAME, any_name(worker));
	nests = linkinfo_begin(&msg, test_kind());
	put_u32(&msg, PAIR_POLICY, any(worker, 2) ? POLICY_DROP : POLICY_PASS);
	put_u32(&msg, PAIR_PEER_POLICY, any(worker, 2) ? POLICY_DROP : POLICY_PASS);
	linkinfo_end(&msg, nests);
	return rtnl_send(&worker->rtnl, &msg);
}

static int set_mtu(struct worker *worker)
{
	struct msg msg;

	msg_link(&msg, RTM_NEWLINK, 0, 0);
	put_str(&msg, IFLA_IFNAME, any_name(worker));
	put_u32(&msg, IFLA_MTU, 68 + any(worker, 9000));
	return rtnl_send(&worker->rtnl, &msg);
}

static int create_somewhere(struct worker *worker)
{
	return create(worker, any(worker, 2) ? spaces[any(worker, N_SPACES)] : -1);
}

static int delete_any(struct worker *worker)
{
	return del_link(&worker->rtnl, any_name(worker));
}

static int move_any(struct worker *worker)
{
	return set_netns(&worker->rtnl, any_name(worker), spaces[any(worker, N_SPACES)]);
}

static int set_any_up(struct worker *worker)
{
	return set_up(&worker->rtnl, any_name(worker));
}

static int set_any_down(struct worker *worker)
{
	return set_down(&worker->rtnl, any_name(worker));
}

static int dump(struct worker *worker)
{
	struct link_state link;

	return link_get(&worker->rtnl, any_name(worker), &link);
}

/* A namespace that dies with the end of a pair in it, and with packets on their way. */
static int destroy_netns(struct worker *worker)
{
	int netns = netns_new(), err;

	if (netns < 0)
		return netns;
	err = create(worker, netns);
	set_up(&worker->rtnl, any_name(worker));
	close(netns);
	return err;
}

/* ---- programs ---- */

static int attach(struct worker *worker)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts);

	if (any(worker, 2)) {
		opts.flags = any(worker, 2) ? BPF_F_BEFORE : BPF_F_AFTER;
		opts.relative_fd = any(worker, 2) ? any_program(worker) : 0;
	}
	return bpf_prog_attach_opts(any_program(worker), any_ifindex(worker), any_end(worker),
				    &opts);
}

/* One that is attached, if it still is when its turn comes. */
static int replace(struct worker *worker)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_REPLACE);
	enum bpf_attach_type end = any_end(worker);
	int ifindex = any_ifindex(worker), err;
	__u32 ids[64];

	query.prog_ids = ids;
	query.count = 64;
	err = bpf_prog_query_opts(ifindex, end, &query);
	if (err || !query.count)
		return err ? err : -ENOENT;
	opts.replace_prog_fd = bpf_prog_get_fd_by_id(ids[any(worker, query.count)]);
	if (opts.replace_prog_fd < 0)
		return opts.replace_prog_fd;
	err = bpf_prog_attach_opts(any_program(worker), ifindex, end, &opts);
	close(opts.replace_prog_fd);
	return err;
}

static int detach(struct worker *worker)
{
	LIBBPF_OPTS(bpf_prog_detach_opts, opts);
	int program = any(worker, 2) ? any_program(worker) : 0;

	return bpf_prog_detach_opts(program, any_ifindex(worker), any_end(worker), &opts);
}

static int query(struct worker *worker)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);
	__u32 ids[64];

	opts.prog_ids = ids;
	opts.count = 64;
	return bpf_prog_query_opts(any_ifindex(worker), any_end(worker), &opts);
}

static int *any_link(struct worker *worker)
{
	return &worker->links[any(worker, N_LINKS)];
}

static int close_link(int *link)
{
	if (*link < 0)
		return -ENOENT;
	close(*link);
	*link = -1;
	return 0;
}

static int create_link(struct worker *worker)
{
	int *link = any_link(worker);

	close_link(link);
	*link = bpf_link_create(any_program(worker), any_ifindex(worker), any_end(worker), NULL);
	return *link < 0 ? *link : 0;
}

static int update_link(struct worker *worker)
{
	int link = *any_link(worker);

	return link < 0 ? -ENOENT : bpf_link_update(link, any_program(worker), NULL);
}

static int detach_link(struct worker *worker)
{
	int link = *any_link(worker);

	return link < 0 ? -ENOENT : bpf_link_detach(link);
}

static int close_any_link(struct worker *worker)
{
	return close_link(any_link(worker));
}

/* ---- what a worker chooses from ---- */

static const struct operation {
	const char *name;
	int (*run)(struct worker *worker);
	bool rare; /* so that there is something left to work on, and time */
} operations[N_OPS] = {
	{ "create", create_somewhere },
	{ "delete", delete_any, .rare = true },
	{ "move", move_any, .rare = true },
	{ "change", change },
	{ "up", set_any_up },
	{ "down", set_any_down, .rare = true },
	{ "mtu", set_mtu },
	{ "dump", dump },
	{ "netns destroyed", destroy_netns, .rare = true },
	{ "attach", attach },
	{ "replace", replace },
	{ "detach", detach },
	{ "query", query },
	{ "link", create_link },
	{ "link update", update_link },
	{ "link detach", detach_link },
	{ "link close", close_any_link },
};

static unsigned int any_operation(struct worker *worker)
{
	unsigned int op = any(worker, N_OPS);

	return operations[op].rare && any(worker, 3) ? any(worker, N_OPS) : op;
}

/* ---- processes ---- */

static void __attribute__((noreturn)) work(int number, unsigned int seed)
{
	struct worker worker = { .seed = seed + number };
	unsigned int op;

	netns_enter(spaces[number % N_SPACES]);
	if (rtnl_open(&worker.rtnl))
		_exit(1);
	for (int i = 0; i < N_LINKS; i++)
		worker.links[i] = -1;
	while (time(NULL) < deadline) {
		op = any_operation(&worker);
		__atomic_fetch_add(&tally->tried[op], 1, __ATOMIC_RELAXED);
		if (operations[op].run(&worker) == 0)
			__atomic_fetch_add(&tally->done[op], 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

static void __attribute__((noreturn)) send_packets(int number, unsigned int seed)
{
	struct worker worker = { .seed = seed + 100 + number };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	unsigned char frame[1400] = { [12] = 0x88, [13] = 0xb5 };
	cpu_set_t cpu;
	int fd;

	CPU_ZERO(&cpu);
	CPU_SET(number % sysconf(_SC_NPROCESSORS_ONLN), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	/* They never rest, and operations are to happen among their packets. */
	setpriority(PRIO_PROCESS, 0, 10);
	netns_enter(spaces[number % N_SPACES]);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	while (fd >= 0 && time(NULL) < deadline) {
		to.sll_ifindex = any_ifindex(&worker);
		if (sendto(fd, frame, 14 + any(&worker, 1300), 0, (struct sockaddr *)&to,
			   sizeof(to)) > 0)
			__atomic_fetch_add(&tally->sent, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&tally->refused, 1, __ATOMIC_RELAXED);
	}
	_exit(fd < 0);
}

static pid_t start(void (*body)(int number, unsigned int seed), int number, unsigned int seed)
{
	pid_t pid = fork();

	if (pid < 0)
		bail_out("fork: %m");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(number, seed);
	}
	return pid;
}

/* ---- what is left ---- */

static void remove_all(void)
{
	char name[IFNAMSIZ];
	struct rtnl rtnl;

	for (int space = 0; space < N_SPACES; space++) {
		if (rtnl_open_in(&rtnl, spaces[space]))
			bail_out("rtnetlink: %m");
		for (int i = 0; i < N_NAMES * 2; i++) {
			snprintf(name, sizeof(name), "s%d%c", i / 2, i % 2 ? 'b' : 'a');
			del_link(&rtnl, name);
		}
		/* Loopback. */
		ok_eq(link_count(&rtnl), 1, "devices left in namespace %d", space);
		rtnl_close(&rtnl);
	}
}

static int count_programs(void)
{
	struct bpf_prog_info info;
	__u32 id = 0, len;
	int n = 0, fd;

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (!bpf_prog_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, "driver_test"))
			n++;
		close(fd);
	}
	return n;
}

/* Programs go when a grace period has passed since the last device with them went. */
static void check_programs_gone(void)
{
	int left = -1;

	for (int i = 0; i < N_PROGRAMS; i++)
		close(programs[i]);
	for (int i = 0; i < 1000 && left; i++) {
		left = count_programs();
		usleep(left ? 10000 : 0);
	}
	ok_eq(left, 0, "programs left");
}

int main(int argc, char **argv)
{
	static const int verdicts[] = { VERDICT_NEXT, VERDICT_PASS, VERDICT_DROP,
					VERDICT_REDIRECT };
	long seconds = argc > 1 ? atol(argv[1]) : 60;
	unsigned int seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	pid_t children[N_WORKERS + N_SENDERS];
	unsigned long n_done = 0;
	int status, bad = 0;

	netns_isolate();
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		bail_out("mmap: %m");
	for (int i = 0; i < N_SPACES; i++)
		spaces[i] = netns_new();
	for (int i = 0; i < N_PROGRAMS; i++) {
		programs[i] = program_that_says(verdicts[i % 4]);
		if (programs[i] < 0)
			bail_out("a program: %m");
	}
	deadline = time(NULL) + seconds;
	for (int i = 0; i < N_WORKERS; i++)
		children[i] = start(work, i, seed);
	for (int i = 0; i < N_SENDERS; i++)
		children[N_WORKERS + i] = start(send_packets, i, seed);
	for (int i = 0; i < N_WORKERS + N_SENDERS; i++) {
		waitpid(children[i], &status, 0);
		bad += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	ok_eq(bad, 0, "processes that ended badly (seed %u, %ld s)", seed, seconds);
	for (int op = 0; op < N_OPS; op++) {
		n_done += tally->done[op];
		ok(tally->done[op] > 0, "%s: %lu done of %lu tried", operations[op].name,
		   tally->done[op], tally->tried[op]);
	}
	printf("# seed %u, %ld s: %lu operations done, %lu packets sent, %lu refused\n", seed,
	       seconds, n_done, tally->sent, tally->refused);
	ok(tally->sent > 0, "packets: %lu sent, %lu refused", tally->sent, tally->refused);
	remove_all();
	check_programs_gone();
	return tap_done();
}
