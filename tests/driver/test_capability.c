// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may do what: requests by owners of other user namespaces, and by nobody in particular. A
 * peer must not be put where its creator has no say, and nothing is made before that is known.
 */
#include "rows.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A user namespace and the network namespace that it owns. */
struct realm {
	int user_fd, net_fd;
	pid_t pid; /* of the process that is in both */
	struct rtnl rtnl; /* of the initial user namespace's root, there */
};

static int open_namespace(pid_t pid, const char *which)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bail_out("%s: %m", path);
	return fd;
}

static void realm_open(struct realm *realm)
{
	realm->pid = fork();
	if (!realm->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(realm->pid, NULL, WUNTRACED) < 0 || kill(realm->pid, 0) < 0)
		bail_out("no user namespace can be made");
	realm->user_fd = open_namespace(realm->pid, "user");
	realm->net_fd = open_namespace(realm->pid, "net");
	if (rtnl_open_in(&realm->rtnl, realm->net_fd))
		bail_out("no netlink socket");
}

static void realm_close(struct realm *realm)
{
	kill(realm->pid, SIGKILL);
	waitpid(realm->pid, NULL, 0);
	rtnl_close(&realm->rtnl);
	close(realm->user_fd);
	close(realm->net_fd);
}

/* ---- asking as somebody else ---- */

struct answer {
	int err;
	char words[sizeof(((struct rtnl *)0)->extack)];
};

static struct answer ask_in_child(const struct realm *as, const struct msg *msg)
{
	struct answer answer = { .err = -ECHILD };
	struct rtnl rtnl;

	if (as && (setns(as->user_fd, CLONE_NEWUSER) < 0 || setns(as->net_fd, CLONE_NEWNET) < 0))
		return answer;
	/* Nobody: root's capabilities go with its user ID. */
	if (!as && setresuid(65534, 65534, 65534) < 0)
		return answer;
	answer.err = rtnl_open(&rtnl);
	if (answer.err)
		return answer;
	answer.err = rtnl_send(&rtnl, msg);
	memcpy(answer.words, rtnl.extack, sizeof(answer.words));
	return answer;
}

/* As the root of a realm, in its network namespace; or, without one, as nobody here. */
static struct answer ask(const struct realm *as, const struct msg *msg)
{
	struct answer answer = { .err = -EPIPE };
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		bail_out("pipe: %m");
	child = fork();
	if (!child) {
		answer = ask_in_child(as, msg);
		_exit(write(ends[1], &answer, sizeof(answer)) != sizeof(answer));
	}
	close(ends[1]);
	if (read(ends[0], &answer, sizeof(answer)) != sizeof(answer))
		answer.err = -EPIPE;
	close(ends[0]);
	waitpid(child, NULL, 0);
	return answer;
}

/* ---- creation ---- */

struct stage {
	struct rtnl here;
	int here_fd;
	struct realm realms[2];
};

static int n_links(struct stage *stage)
{
	return link_count(&stage->here) + link_count(&stage->realms[0].rtnl) +
	       link_count(&stage->realms[1].rtnl);
}

static void remove_all(struct stage *stage)
{
	del_links(&stage->here, test_kind());
	del_links(&stage->realms[0].rtnl, test_kind());
	del_links(&stage->realms[1].rtnl, test_kind());
}

static const struct realm *const nobody;

static void ok_create(const char *row, struct stage *stage, const struct realm *as, int netns_fd,
		      const struct request *request, int wanted, bool by_core)
{
	int before = n_links(stage);
	struct answer answer;
	struct msg msg;

	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, netns_fd, request);
	answer = ask(as, &msg);
	ok_err(answer.err, wanted, "%s", row);
	if (answer.err && is_meta() && !by_core)
		ok(answer.words[0], "%s: in words: %s", row, answer.words);
	ok_eq(n_links(stage) - before, answer.err ? 0 : 2, "%s: new links", row);
	remove_all(stage);
	ok_eq(n_links(stage), before, "%s: links at the end", row);
}

static void case_create(struct stage *stage)
{
	static const struct request plain = { .puts = { TOP_STR(IFLA_IFNAME, "a") } };
	static const struct request peer = { .puts = { TOP_STR(IFLA_IFNAME, "a"), PEER_NETNS } };
	static const struct request both = { .puts = { TOP_STR(IFLA_IFNAME, "a"), TOP_NETNS } };
	static const struct request primary = { .peer = true,
						.puts = { TOP_STR(IFLA_IFNAME, "a"), TOP_NETNS } };
	/* netkit of Linux 6.12 does not ask for the creator's say over the peer's namespace. */
	int wanted = is_meta() ? -EPERM : 0;
	struct realm *one = &stage->realms[0], *other = &stage->realms[1];
	struct request by_pid = { .puts = { TOP_STR(IFLA_IFNAME, "a"),
					    PEER_U32(IFLA_NET_NS_PID, other->pid) } };

	ok_create("nobody makes a pair", stage, nobody, -1, &plain, -EPERM, true);
	ok_create("a realm's owner makes a pair there", stage, one, -1, &plain, 0, false);
	ok_create("... with the peer in its own namespace, named", stage, one, one->net_fd, &peer,
		  0, false);
	ok_create("... with the peer in another realm", stage, one, other->net_fd, &peer, wanted,
		  false);
	ok_create("... with the peer in another realm, by process", stage, one, -1, &by_pid, wanted,
		  false);
	by_pid.puts[1].value = getpid();
	ok_create("... with the peer in the initial realm", stage, one, stage->here_fd, &peer,
		  wanted, false);
	ok_create("... with the peer in the initial realm, by process", stage, one, -1, &by_pid,
		  wanted, false);
	ok_create("... with both ends in another realm", stage, one, other->net_fd, &both, -EPERM,
		  true);
	ok_create("... with the primary in another realm", stage, one, other->net_fd, &primary,
		  -EPERM, true);
}

/* Root of the initial user namespace has a say in all of them. */
static void case_create_as_root(struct stage *stage)
{
	struct request request = { .puts = { TOP_STR(IFLA_IFNAME, "a"), PEER_NETNS } };
	struct msg msg;
	int before = n_links(stage);

	request_build(&msg, test_kind(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
		      stage->realms[0].net_fd, &request);
	ok_err(rtnl_send(&stage->here, &msg), 0, "root puts a peer into a realm");
	ok_eq(link_count(&stage->realms[0].rtnl), 2, "it is there");
	remove_all(stage);
	ok_eq(n_links(stage), before, "and gone");
}

/* ---- a container with a peer in it ---- */

static void change_peer(struct msg *msg, int ifindex, const struct request *request)
{
	struct request named = *request;

	named.ifindex = ifindex;
	request_build(msg, test_kind(), RTM_NEWLINK, 0, -1, &named);
}

static void case_container(struct stage *stage)
{
	static const struct request policy = { .puts = {
						       DATA_U32(PAIR_PEER_POLICY, POLICY_PASS) } };
	struct pair_want want = pair_want(test_kind(), "a", "b");
	struct realm *realm = &stage->realms[0];
	struct link_state primary, peer;
	struct answer answer;
	struct msg msg;

	want.policy = want.peer_policy = POLICY_DROP;
	want.peer_netns_fd = realm->net_fd;
	ok_err(make_pair(&stage->here, &want), 0, "a pair with its peer in a container");
	if (link_get(&realm->rtnl, "b", &peer))
		bail_out("no peer");
	change_peer(&msg, peer.ifindex, &policy);
	answer = ask(realm, &msg);
	ok_err(answer.err, -EACCES, "the container's owner changes a policy through the peer");
	if (is_meta())
		ok(answer.words[0], "in words: %s", answer.words);
	msg_link(&msg, RTM_NEWLINK, 0, peer.ifindex);
	put_u32(&msg, IFLA_NET_NS_FD, stage->here_fd);
	ok_err(ask(realm, &msg).err, -EPERM, "... moves it to the host");
	msg_link(&msg, RTM_NEWLINK, 0, peer.ifindex);
	put_u32(&msg, IFLA_NET_NS_FD, stage->realms[1].net_fd);
	ok_err(ask(realm, &msg).err, -EPERM, "... moves it to another container");
	if (link_get(&stage->here, "a", &primary) || link_get(&realm->rtnl, "b", &peer))
		bail_out("a pair is gone");
	ok(primary.data[PAIR_POLICY] == POLICY_DROP && peer.data[PAIR_POLICY] == POLICY_DROP,
	   "nothing has changed");
	msg_link(&msg, RTM_NEWLINK, 0, peer.ifindex);
	msg_ifinfo(&msg)->ifi_flags = msg_ifinfo(&msg)->ifi_change = IFF_UP;
	ok_err(ask(realm, &msg).err, 0, "... sets it up");
	msg_link(&msg, RTM_DELLINK, 0, primary.ifindex);
	ok_err(ask(nobody, &msg).err, -EPERM, "nobody deletes the primary");
	msg_link(&msg, RTM_DELLINK, 0, peer.ifindex);
	ok_err(ask(realm, &msg).err, 0, "the container's owner deletes the peer");
	ok_eq(link_count(&stage->here), 1, "both ends are gone");
}

/* ---- */

int main(void)
{
	struct stage stage;

	netns_isolate();
	stage.here_fd = netns_current();
	if (rtnl_open(&stage.here))
		bail_out("no netlink socket");
	realm_open(&stage.realms[0]);
	realm_open(&stage.realms[1]);
	case_create(&stage);
	case_create_as_root(&stage);
	case_container(&stage);
	realm_close(&stage.realms[0]);
	realm_close(&stage.realms[1]);
	return tap_done();
}
