/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * without WHAT COMMAND…: runs a command as if on a machine that lacks something, by a seccomp filter:
 *   tcx    a kernel before 6.6, where programs of a tcx hook are an invalid argument
 *   bpf    a container that may not call bpf(2)
 *   netns  a sandbox that may not make network namespaces
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* Go on where it holds, or skip instructions. */
#define ONLY(test, value, skip) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, skip)
/* Skip instructions where it holds. */
#define UNLESS(test, value, skip) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, skip, 0)
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static const struct lack {
	const char *name;
	struct sock_filter code[7];
} lacks[] = {
	{ "tcx",
	  { LOAD(nr), ONLY(BPF_JEQ, SYS_bpf, 4), LOAD(args[0]), UNLESS(BPF_JEQ, BPF_PROG_QUERY, 1),
	    ONLY(BPF_JEQ, BPF_PROG_ATTACH, 1), FAIL(EINVAL), ALLOW } },
	{ "bpf", { LOAD(nr), ONLY(BPF_JEQ, SYS_bpf, 1), FAIL(EPERM), ALLOW } },
	{ "netns",
	  { LOAD(nr), ONLY(BPF_JEQ, SYS_unshare, 3), LOAD(args[0]), ONLY(BPF_JSET, CLONE_NEWNET, 1),
	    FAIL(EPERM), ALLOW } },
};

static const struct lack *find(const char *name)
{
	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if (strcmp(lacks[i].name, name) == 0)
			return &lacks[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct lack *lack = argc > 2 ? find(argv[1]) : NULL;
	struct sock_fprog filter = {};

	if (!lack) {
		fprintf(stderr, "usage: without tcx|bpf|netns COMMAND…\n");
		return 64;
	}
	filter.filter = (struct sock_filter *)lack->code;
	while (filter.filter[filter.len++].k != SECCOMP_RET_ALLOW)
		;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
		perror("without: seccomp");
		return 71;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
