/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stage's making and striking, and the small steps of its tests; see stage.h. A step that does
 * not go as a test expects ends the test with the place in here: the caller says more by checking.
 */
#include "netns/stage.h"

#include "unit/test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct stage stage = { .inside = NETNS_NONE };

bool stage_says(const struct diag *diag, const char *words)
{
	if (diag->text && strstr(diag->text, words))
		return true;
	fprintf(stderr, "said: %s\n", diag->text ? diag->text : "(nothing)");
	return false;
}

int stage_call(struct netlink *netlink, struct nl_msg *message)
{
	AUTO(diag_done) struct diag why = {};
	int r = netlink_call(netlink, message, &why);

	if (r < 0)
		fprintf(stderr, "(refused: %s)\n", why.text ? why.text : "no words");
	CHECK((r < 0) == (why.text != NULL));
	return r;
}

bool stage_refused(struct netlink *netlink, struct nl_msg *message, int error,
		   const char *words)
{
	AUTO(diag_done) struct diag why = {};
	int r = netlink_call(netlink, message, &why);

	if (r != error)
		fprintf(stderr, "answer: %d\n", r);
	return r == error && stage_says(&why, words);
}

pid_t stage_start_resident(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

void stage_end_resident(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

int stage_open_netns(enum netns_by by, const char *text, struct netns *ret,
		     struct diag *why)
{
	static const char *const dirs[] = { STAGE_DIR };
	char copy[128];
	struct netns_ref ref = { by, copy };

	snprintf(copy, sizeof(copy), "%s", text);
	return netns_open(&ref, (struct netns_dirs){ dirs, ARRAY_SIZE(dirs) }, ret, why);
}

struct pair stage_pair(const char *name, const char *peer_name, enum mode mode)
{
	struct pair pair = { .mode = mode };

	snprintf(pair.name, sizeof(pair.name), "%s", name);
	for (enum side side = 0; side < N_SIDES; side++)
		pair.end[side].attrs = (struct attrs){ .has = ATTR_NAME | ATTR_UP, .up = true };
	snprintf(pair.end[SIDE_PRIMARY].attrs.name, IFNAMSIZ, "%s", name);
	snprintf(pair.end[SIDE_PEER].attrs.name, IFNAMSIZ, "%s", peer_name);
	return pair;
}

struct netlink_result stage_create(const struct pair *pair)
{
	AUTO(netlink_batch_done) struct netlink_batch batch = {};
	struct netlink_result result;

	CHECK(netlink_batch_add(&batch, link_create(pair, KIND_VETH, stage.inside.fd)) == 0);
	CHECK(netlink_batch_run(stage.host, &batch, &result) == 0);
	CHECK(batch.n == 0);
	return result;
}

struct link stage_get(struct netlink *netlink, const char *name)
{
	struct link link;

	CHECK(link_get(netlink, 0, name, &link) == 0);
	return link;
}

void stage_delete(int ifindex)
{
	CHECK(stage_call(stage.host, link_set_group(ifindex, LINK_GROUP_DOOMED)) == 0);
	CHECK(stage_call(stage.host, link_delete_group(LINK_GROUP_DOOMED)) == 0);
}

static int count_link(void *ctx, const struct link *link)
{
	++*(size_t *)ctx;
	return 0;
}

size_t stage_count_links(struct netlink *netlink)
{
	size_t n = 0;

	CHECK(link_dump(netlink, count_link, &n) == 0);
	return n;
}

void stage_set(void)
{
	AUTO(diag_done) struct diag why = {};
	char pid[16];

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		SKIP("cannot make namespaces: %s", strerror(errno));
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", STAGE_DIR, "tmpfs", 0, NULL) == 0);
	stage.resident = stage_start_resident();
	snprintf(pid, sizeof(pid), "%d", stage.resident);
	CHECK(stage_open_netns(NETNS_BY_PID, pid, &stage.inside, &why) == 0);
	CHECK(netlink_open(NULL, &stage.host) == 0);
	CHECK(netlink_open(&stage.inside, &stage.in_netns) == 0);
}

void stage_strike(void)
{
	netlink_free(stage.host);
	netlink_free(stage.in_netns);
	netns_done(&stage.inside);
	stage_end_resident(stage.resident);
}
