// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a pair: carrier and operational state, how each end names the other, moves between
 * network namespaces, and that both ends go whichever goes first, and however.
 */
#include "rows.h"
#include "tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* linux/if.h cannot be included next to net/if.h. */
enum { OPER_DOWN = 2, OPER_LOWERLAYERDOWN = 3, OPER_UP = 6 };

/* Two namespaces of each case's own, and where the ends are. */
struct stage {
	struct rtnl here, there;
	int here_fd, there_fd;
	struct rtnl *of_a, *of_b;
};

static void stage_open(struct stage *stage)
{
	netns_isolate();
	stage->here_fd = netns_current();
	stage->there_fd = netns_new();
	if (rtnl_open(&stage->here) || rtnl_open_in(&stage->there, stage->there_fd))
		bail_out("no netlink socket");
	stage->of_a = stage->of_b = &stage->here;
}

static void stage_close(struct stage *stage)
{
	rtnl_close(&stage->here);
	rtnl_close(&stage->there);
	close(stage->here_fd);
	close(stage->there_fd);
}

static void begin_pair(struct stage *stage, int mode, bool across)
{
	struct request request = { .ifindex = 500,
				   .peer_ifindex = 501,
				   .puts = { TOP_STR(IFLA_IFNAME, "a"), PEER_STR(IFLA_IFNAME, "b"),
					     DATA_U32(PAIR_MODE, mode) } };
	struct msg msg;
	int err;

	stage_open(stage);
	if (across) {
		request.puts[3] = (struct put)PEER_NETNS;
		stage->of_b = &stage->there;
	}
	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, stage->there_fd,
		      &request);
	err = rtnl_send(&stage->here, &msg);
	if (err)
		bail_out("no pair: %s", strerror(-err));
}

static struct link_state the_link(struct rtnl *rtnl, const char *name)
{
	struct link_state link = { 0 };
	int err = link_get(rtnl, name, &link);

	if (err)
		ok_err(err, 0, "there is a link %s", name);
	return link;
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

/* ---- carrier ---- */

struct expected {
	bool up, carrier;
	int operstate;
};

/* The core works out the operational state some time after the carrier. */
static void ok_state(const char *row, struct rtnl *rtnl, const char *name, struct expected want)
{
	struct link_state link = the_link(rtnl, name);

	ok_eq(!!(link.flags & IFF_UP), want.up, "%s: %s: up", row, name);
	ok_eq(link.carrier, want.carrier, "%s: %s: carrier", row, name);
	for (int i = 0; i < 250 && link.operstate != want.operstate; i++) {
		pause_briefly();
		link = the_link(rtnl, name);
	}
	ok_eq(link.operstate, want.operstate, "%s: %s: operational state", row, name);
	ok_eq(!!(link.flags & IFF_RUNNING), want.operstate == OPER_UP, "%s: %s: running", row,
	      name);
}

static const struct expected is_down = { false, false, OPER_DOWN };
static const struct expected is_up = { true, true, OPER_UP };

/* A lone end: whose peer's index leads to a device in its own namespace sees a lower layer down. */
static struct expected lone(bool across)
{
	return (struct expected){ true, false, across ? OPER_DOWN : OPER_LOWERLAYERDOWN };
}

static void ok_states(const char *prefix, const char *row, const struct stage *stage,
		      struct expected a, struct expected b)
{
	char name[100];

	snprintf(name, sizeof(name), "%s: %s", prefix, row);
	ok_state(name, stage->of_a, "a", a);
	ok_state(name, stage->of_b, "b", b);
}

static void case_carrier(int mode, bool across)
{
	struct stage stage;
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "L%d, %s", mode == MODE_L2 ? 2 : 3,
		 across ? "two namespaces" : "one namespace");
	begin_pair(&stage, mode, across);
	ok_states(prefix, "fresh", &stage, is_down, is_down);
	ok_err(set_up(stage.of_a, "a"), 0, "%s: a is set up", prefix);
	ok_states(prefix, "only a is up", &stage, lone(across), is_down);
	ok_err(set_up(stage.of_b, "b"), 0, "%s: b is set up", prefix);
	ok_states(prefix, "both are up", &stage, is_up, is_up);
	ok_err(set_down(stage.of_a, "a"), 0, "%s: a is set down", prefix);
	ok_states(prefix, "a was set down", &stage, is_down, lone(across));
	ok_err(set_up(stage.of_a, "a"), 0, "%s: a is set up", prefix);
	ok_states(prefix, "both are up again", &stage, is_up, is_up);
	ok_err(set_down(stage.of_b, "b"), 0, "%s: b is set down", prefix);
	ok_states(prefix, "b was set down", &stage, lone(across), is_down);
	ok_err(set_down(stage.of_a, "a"), 0, "%s: a is set down", prefix);
	ok_states(prefix, "both are down", &stage, is_down, is_down);
	ok_err(set_up(stage.of_b, "b"), 0, "%s: b is set up", prefix);
	ok_states(prefix, "only b is up", &stage, is_down, lone(across));
	stage_close(&stage);
}

/* The first state of a fresh pair comes from no change of carrier. */
static void case_peer_first(int mode)
{
	struct stage stage;

	begin_pair(&stage, mode, false);
	ok_err(set_up(stage.of_b, "b"), 0, "b is set up first");
	ok_states(mode == MODE_L2 ? "L2" : "L3", "fresh, only b is up", &stage, is_down,
		  lone(false));
	stage_close(&stage);
}

/* ---- who is whose peer ---- */

static void ok_names_peer(const char *row, const struct link_state *link,
			  const struct link_state *peer, bool across)
{
	ok(link->has_link, "%s: %s has IFLA_LINK", row, link->name);
	ok_eq(link->link, peer->ifindex, "%s: %s: IFLA_LINK", row, link->name);
	ok_eq(link->has_link_netnsid, across, "%s: %s has IFLA_LINK_NETNSID", row, link->name);
	if (across)
		ok(link->link_netnsid >= 0, "%s: %s: IFLA_LINK_NETNSID is %d", row, link->name,
		   link->link_netnsid);
}

static void ok_pair(const char *row, const struct stage *stage)
{
	struct link_state a = the_link(stage->of_a, "a"), b = the_link(stage->of_b, "b");
	bool across = stage->of_a != stage->of_b;

	ok_names_peer(row, &a, &b, across);
	ok_names_peer(row, &b, &a, across);
	ok_eq(a.data[PAIR_PRIMARY], 1, "%s: a is the primary", row);
	ok_eq(b.data[PAIR_PRIMARY], 0, "%s: b is the peer", row);
}

/* Whether the ends, wherever they are, still are a pair that carries. */
static void ok_works(const char *row, const struct stage *stage)
{
	ok_err(set_up(stage->of_a, "a"), 0, "%s: a is set up", row);
	ok_err(set_up(stage->of_b, "b"), 0, "%s: b is set up", row);
	ok_states(row, "both are up", stage, is_up, is_up);
}

static void move(const char *row, struct stage *stage, const char *name, bool to_there)
{
	struct rtnl **of = *name == 'a' ? &stage->of_a : &stage->of_b;

	ok_err(set_netns(*of, name, to_there ? stage->there_fd : stage->here_fd), 0, "%s: %s moves",
	       row, name);
	*of = to_there ? &stage->there : &stage->here;
}

static void case_move(const char *first, const char *second)
{
	struct rtnl **of_first, **of_second;
	struct stage stage;
	char row[64];

	snprintf(row, sizeof(row), "%s moves, then %s", first, second);
	begin_pair(&stage, MODE_L3, false);
	of_first = *first == 'a' ? &stage.of_a : &stage.of_b;
	of_second = *first == 'a' ? &stage.of_b : &stage.of_a;
	ok_pair("before", &stage);
	ok_works(row, &stage);
	move(row, &stage, first, true);
	ok_state("the one that moved", *of_first, first, is_down);
	ok_state("the one that stayed", *of_second, *first == 'a' ? "b" : "a", lone(true));
	ok_pair("across", &stage);
	ok_works("across", &stage);
	move(row, &stage, second, *first != *second);
	ok_pair("in one again", &stage);
	ok_works("in one again", &stage);
	ok_err(del_link(stage.of_a, "a"), 0, "%s: deletion", row);
	ok_eq(link_count(&stage.here) + link_count(&stage.there), 2, "%s: both are gone", row);
	stage_close(&stage);
}

/* Equal numbers must not make one end look like its own peer. */
static void case_equal_indices(void)
{
	struct stage stage;
	struct msg msg;

	stage_open(&stage);
	stage.of_b = &stage.there;
	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, stage.there_fd,
		      &(struct request){ .ifindex = 500,
					 .peer_ifindex = 500,
					 .puts = { TOP_STR(IFLA_IFNAME, "a"),
						   PEER_STR(IFLA_IFNAME, "b"), PEER_NETNS } });
	ok_err(rtnl_send(&stage.here, &msg), 0, "equal indices");
	ok_pair("equal indices", &stage);
	ok_works("equal indices", &stage);
	stage_close(&stage);
}

/* ---- the end of a pair ---- */

static void case_delete(bool across, const char *name)
{
	const char *where = across ? "two namespaces" : "one namespace";
	struct stage stage;

	begin_pair(&stage, MODE_L3, across);
	ok_works(where, &stage);
	ok_err(del_link(*name == 'a' ? stage.of_a : stage.of_b, name), 0, "%s: deletion of %s",
	       where, name);
	ok_eq(link_count(&stage.here), 1, "%s: deletion of %s: links here", where, name);
	ok_eq(link_count(&stage.there), 1, "%s: deletion of %s: links there", where, name);
	stage_close(&stage);
}

/* A namespace goes when nobody holds it, and its devices some time later. */
static void case_namespace_goes(const char *name, bool up)
{
	bool a_stays = *name == 'b';
	struct stage stage;
	int n;

	begin_pair(&stage, MODE_L3, false);
	move("to its own namespace", &stage, name, true);
	if (up)
		ok_works("across", &stage);
	ok_eq(link_count(&stage.here), 2, "one end is here");
	rtnl_close(&stage.there);
	close(stage.there_fd);
	for (int i = 0; i < 1500 && (n = link_count(&stage.here)) != 1; i++)
		pause_briefly();
	ok_eq(n, 1, "the namespace of %s goes%s: links that are left of %s's", name,
	      up ? ", up" : "", a_stays ? "a" : "b");
	rtnl_close(&stage.here);
	close(stage.here_fd);
}

/* The same by a process's end: nothing but the process was in the namespace. */
static void case_process_goes(void)
{
	struct request request = { .puts = { TOP_STR(IFLA_IFNAME, "a"),
					     PEER_U32(IFLA_NET_NS_PID, 0) } };
	struct stage stage;
	struct msg msg;
	pid_t child;
	int n = 0;

	stage_open(&stage);
	child = fork();
	if (!child) {
		netns_isolate();
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, WUNTRACED);
	request.puts[1].value = child;
	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, -1, &request);
	ok_err(rtnl_send(&stage.here, &msg), 0, "a peer in a process's namespace");
	ok_eq(link_count(&stage.here), 2, "the primary is here");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int i = 0; i < 1500 && (n = link_count(&stage.here)) != 1; i++)
		pause_briefly();
	ok_eq(n, 1, "the process goes, and both ends with it");
	stage_close(&stage);
}

/* ---- IPv6 ---- */

/* The link-local address that the kernel has given to a device of the namespace one is in. */
static bool link_local(const char *name, char ret[33])
{
	char line[128], address[33], device[20];
	FILE *file = fopen("/proc/net/if_inet6", "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%32s %*s %*s %*s %*s %19s", address, device) == 2 &&
		    !strcmp(device, name) && !strncmp(address, "fe80", 4)) {
			strcpy(ret, address);
			found = true;
		}
	}
	if (file)
		fclose(file);
	return found;
}

static void ok_link_local(const char *name, const char *wanted)
{
	char address[33] = "none";

	for (int i = 0; i < 250 && !link_local(name, address); i++)
		pause_briefly();
	ok(!strcmp(address, wanted), "L3: %s's link-local address: got %s, wanted %s", name,
	   address, wanted);
}

static void case_link_local(void)
{
	const char *both = "fe80000000000000020000fffe000000";
	struct stage stage;

	if (access("/proc/net/if_inet6", F_OK) < 0) {
		tap_skip("the kernel has no IPv6");
		return;
	}
	begin_pair(&stage, MODE_L3, false);
	ok_works("L3", &stage);
	ok_link_local("a", is_meta() ? "fe80000000000000000000fffe000000" : both);
	ok_link_local("b", is_meta() ? "fe80000000000000000000ffff000000" : both);
	stage_close(&stage);
}

int main(void)
{
	for (int way = 0; way < 4; way++)
		case_carrier(way & 1 ? MODE_L2 : MODE_L3, way & 2);
	case_peer_first(MODE_L2);
	case_peer_first(MODE_L3);
	case_move("a", "b");
	case_move("b", "a");
	case_move("a", "a");
	case_move("b", "b");
	case_equal_indices();
	for (int way = 0; way < 4; way++)
		case_delete(way & 1, way & 2 ? "b" : "a");
	for (int way = 0; way < 4; way++)
		case_namespace_goes(way & 1 ? "b" : "a", way & 2);
	case_process_goes();
	case_link_local();
	return tap_done();
}
