// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chains of programs as words, and steps that change them, as chain.h says.
 */
#include "chain.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs.h"
#include "tap.h"

enum { NO_SUCH = 999999999 };

static int program_for_xdp(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "driver_test", "GPL", insns, 2, NULL);
}

uint32_t prog_id_of(int prog_fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) ? 0 : info.id;
}

uint32_t link_id_of(int link_fd)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(link_fd, &info, &len) ? 0 : info.id;
}

bool prog_is_released(uint32_t prog_id)
{
	int fd;

	for (int i = 0; i < 100; i++) {
		fd = bpf_prog_get_fd_by_id(prog_id);
		if (fd < 0)
			return fd == -ENOENT;
		close(fd);
		usleep(100000);
	}
	return false;
}

static int index_of(char letter)
{
	return tolower(letter) - 'a';
}

void chains_renew(struct chains *chains, char letter)
{
	int fd = program_that_says(VERDICT_NEXT);

	if (fd < 0)
		bail_out("no program: %s", strerror(-fd));
	chains->progs[index_of(letter)] = fd;
	chains->prog_ids[index_of(letter)] = prog_id_of(fd);
}

void chains_init(struct chains *chains)
{
	*chains = (struct chains){
		.ends = { { .type = BPF_NETKIT_PRIMARY, .name = "primary" },
			  { .type = BPF_NETKIT_PEER, .name = "peer" } },
		.xdp = program_for_xdp(),
	};
	if (chains->xdp < 0)
		bail_out("no XDP program: %s", strerror(-chains->xdp));
	for (int i = 0; i < N_LETTERS; i++) {
		chains->links[i] = -1;
		chains_renew(chains, 'a' + i);
	}
}

void chains_begin(struct chains *chains, int ifindex)
{
	chains_close_links(chains);
	chains->ifindex = ifindex;
	for (int i = 0; i < 2; i++) {
		chains->ends[i].chain[0] = 0;
		chains->ends[i].revision = 1;
	}
}

void chains_close_links(struct chains *chains)
{
	for (int i = 0; i < N_LETTERS; i++) {
		if (chains->links[i] >= 0)
			close(chains->links[i]);
		chains->links[i] = -1;
		chains->link_ids[i] = 0;
	}
}

/* ---- reading ---- */

static char letter_of(const struct chains *chains, uint32_t prog_id, uint32_t link_id)
{
	char letter = '?';

	for (int i = 0; i < N_LETTERS; i++) {
		if (chains->prog_ids[i] == prog_id)
			letter = 'a' + i;
	}
	if (!link_id)
		return letter;
	for (int i = 0; i < N_LETTERS; i++) {
		if (chains->link_ids[i] == link_id)
			return toupper(letter);
	}
	return '?';
}

int chain_read(const struct chains *chains, enum bpf_attach_type type, char ret[CHAIN_MAX + 1],
	       uint64_t *ret_revision)
{
	__u32 prog_ids[CHAIN_MAX] = {}, link_ids[CHAIN_MAX] = {};
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = prog_ids, .link_ids = link_ids,
		    .prog_cnt = CHAIN_MAX);
	int err = bpf_prog_query_opts(chains->ifindex, type, &opts);

	if (err)
		return err;
	for (__u32 i = 0; i < opts.prog_cnt; i++)
		ret[i] = letter_of(chains, prog_ids[i], link_ids[i]);
	ret[opts.prog_cnt] = 0;
	*ret_revision = opts.revision;
	return 0;
}

/* netkit of Linux 6.12 says 1 of an end that has become empty. */
static uint64_t revision_told(const struct end *end)
{
	return end->chain[0] || is_meta() ? end->revision : 1;
}

static bool end_is_told(const struct chains *chains, const struct end *end, char *ret_got)
{
	char chain[CHAIN_MAX + 1];
	uint64_t revision = 0;
	int err = chain_read(chains, end->type, chain, &revision);

	if (!err && !strcmp(chain, end->chain) && revision == revision_told(end))
		return true;
	sprintf(ret_got, "the %s's chain: got %s \"%s\" revision %llu, wanted \"%s\" revision %llu",
		end->name, tap_errno_name(err), err ? "" : chain, (unsigned long long)revision,
		end->chain, (unsigned long long)revision_told(end));
	return false;
}

/* ---- steps ---- */

int chains_prog_fd(const struct chains *chains, char letter)
{
	switch (letter) {
	case 0:
		return 0;
	case BAD_FD:
		return NO_SUCH;
	case XDP_PROGRAM:
		return chains->xdp;
	default:
		return chains->progs[index_of(letter)];
	}
}

static int relative_fd(const struct chains *chains, char letter)
{
	return isupper(letter) ? chains->links[index_of(letter)] : chains_prog_fd(chains, letter);
}

static uint32_t relative_id(const struct chains *chains, char letter)
{
	if (letter == BAD_FD)
		return NO_SUCH;
	return isupper(letter) ? chains->link_ids[index_of(letter)]
			       : chains->prog_ids[index_of(letter)];
}

static uint64_t revision_given(const struct end *end, enum step_revision revision)
{
	switch (revision) {
	case REVISION_ANY:
		break;
	case REVISION_RIGHT:
		return end->revision;
	case REVISION_NEXT:
		return end->revision + 1;
	case REVISION_LAST:
		return end->revision - 1;
	}
	return 0;
}

static int call_attach(struct chains *chains, const struct end *end, const struct step *step)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = step->flags,
		    .replace_prog_fd = chains_prog_fd(chains, step->replaced),
		    .expected_revision = revision_given(end, step->revision));

	if (step->flags & BPF_F_ID)
		opts.relative_id = relative_id(chains, step->relative);
	else
		opts.relative_fd = relative_fd(chains, step->relative);
	return bpf_prog_attach_opts(chains_prog_fd(chains, step->prog), chains->ifindex, end->type,
				    &opts);
}

static int call_detach(struct chains *chains, const struct end *end, const struct step *step)
{
	LIBBPF_OPTS(bpf_prog_detach_opts, opts, .flags = step->flags,
		    .expected_revision = revision_given(end, step->revision));

	if (step->flags & BPF_F_ID)
		opts.relative_id = relative_id(chains, step->relative);
	else
		opts.relative_fd = relative_fd(chains, step->relative);
	return bpf_prog_detach_opts(chains_prog_fd(chains, step->prog), chains->ifindex, end->type,
				    &opts);
}

static int call_link(struct chains *chains, const struct end *end, const struct step *step)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = step->flags,
		    .netkit.expected_revision = revision_given(end, step->revision));
	int fd, i = index_of(step->prog);

	if (step->flags & BPF_F_ID)
		opts.netkit.relative_id = relative_id(chains, step->relative);
	else
		opts.netkit.relative_fd = relative_fd(chains, step->relative);
	fd = bpf_link_create(chains_prog_fd(chains, step->prog), chains->ifindex, end->type, &opts);
	if (fd < 0)
		return fd;
	chains->links[i] = fd;
	chains->link_ids[i] = link_id_of(fd);
	return 0;
}

static int call_update(struct chains *chains, const struct step *step)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = step->flags,
		    .old_prog_fd = chains_prog_fd(chains, step->replaced));

	return bpf_link_update(chains->links[index_of(step->link)],
			       chains_prog_fd(chains, step->prog), &opts);
}

int chains_call(struct chains *chains, const struct end *end, const struct step *step)
{
	int i = index_of(step->link), err;

	switch (step->op) {
	case STEP_ATTACH:
		return call_attach(chains, end, step);
	case STEP_DETACH:
		return call_detach(chains, end, step);
	case STEP_LINK:
		return call_link(chains, end, step);
	case STEP_UPDATE:
		return call_update(chains, step);
	case STEP_LINK_DETACH:
		return bpf_link_detach(chains->links[i]);
	case STEP_FIND:
		err = bpf_link_get_fd_by_id(chains->link_ids[i]);
		if (err < 0)
			return err;
		close(err);
		return 0;
	case STEP_CLOSE:
		err = close(chains->links[i]) ? -errno : 0;
		chains->links[i] = -1;
		chains->link_ids[i] = 0;
		return err;
	}
	return -ENOSYS;
}

/* ---- without privilege ---- */

const char *caller_name(enum caller caller)
{
	return caller == CALLER_NOBODY ? "nobody" : "root of a user namespace";
}

static int drop_privilege(enum caller caller)
{
	return caller == CALLER_NOBODY ? setresuid(65534, 65534, 65534) : unshare(CLONE_NEWUSER);
}

int chains_call_as(struct chains *chains, const struct end *end, const struct step *step,
		   enum caller caller)
{
	char chain[CHAIN_MAX + 1];
	int pipes[2], ret = -EIO;
	uint64_t revision;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC) || (child = fork()) < 0)
		bail_out("no child: %m");
	if (!child) {
		if (drop_privilege(caller))
			_exit(1);
		ret = step ? chains_call(chains, end, step)
			   : chain_read(chains, end->type, chain, &revision);
		_exit(write(pipes[1], &ret, sizeof(ret)) != sizeof(ret));
	}
	close(pipes[1]);
	if (read(pipes[0], &ret, sizeof(ret)) != sizeof(ret))
		bail_out("no privilege was dropped");
	close(pipes[0]);
	waitpid(child, NULL, 0);
	return ret;
}

/* ---- a step and what is left of it ---- */

bool chains_step(struct chains *chains, struct end *end, const struct step *step,
		 char ret_result[STEP_RESULT_MAX])
{
	int err = chains_call(chains, end, step), n;

	if (!step->wanted && step->chain)
		strcpy(end->chain, step->chain);
	if (!step->wanted && !step->silent)
		end->revision++;
	if (err != step->wanted) {
		sprintf(ret_result, "got %s, wanted %s", tap_errno_name(err),
			tap_errno_name(step->wanted));
		return false;
	}
	n = sprintf(ret_result, "%s, but ", tap_errno_name(err));
	for (int i = 0; i < 2; i++) {
		if (!end_is_told(chains, &chains->ends[i], ret_result + n))
			return false;
	}
	sprintf(ret_result, "%s, \"%s\" at revision %llu", tap_errno_name(err), end->chain,
		(unsigned long long)end->revision);
	return true;
}
