// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the kernel's own test of netkit, in place of the kernel's test_progs: has what the test asks
 * of that, and calls the test's functions one after the other, each in a process, a network namespace
 * and a directory of named namespaces of its own. Not built with the tree: see the script selftest.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the test calls ---- */

static unsigned int n_failed_checks;

void test__fail(void);
void test__skip(void);
int write_sysctl(const char *sysctl, const char *value);

void test__fail(void)
{
	n_failed_checks++;
}

enum { EXIT_OF_SKIPPED = 77 };

void test__skip(void)
{
	fflush(NULL);
	_exit(EXIT_OF_SKIPPED);
}

int write_sysctl(const char *sysctl, const char *value)
{
	int fd = open(sysctl, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(value);
	bool written;

	if (fd < 0)
		return -1;
	written = write(fd, value, len) == len;
	close(fd);
	return written ? 0 : -1;
}

/* ---- the tests ---- */

#define TEST(name) void serial_test_##name(void);
#include "tests.h"
#undef TEST

static const struct test {
	const char *name;
	void (*run)(void);
} tests[] = {
#define TEST(name) { #name, serial_test_##name },
#include "tests.h"
#undef TEST
};

enum result { PASSED, FAILED, SKIPPED, N_RESULTS };

/* The test names a namespace "foo" and sysctls of the namespace it is in. */
static bool isolate(void)
{
	return !unshare(CLONE_NEWNET | CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       (!mkdir("/run/netns", 0755) || errno == EEXIST) &&
	       !mount("netns", "/run/netns", "tmpfs", 0, NULL) && !system("ip link set lo up");
}

__attribute__((noreturn)) static void run_in_child(const struct test *test, FILE *said)
{
	if (!isolate()) {
		perror("no namespaces for the test");
		_exit(1);
	}
	if (dup2(fileno(said), 1) < 0 || dup2(fileno(said), 2) < 0)
		_exit(1);
	test->run();
	fflush(NULL);
	_exit(n_failed_checks != 0);
}

/* A check says ":PASS:" or ":FAIL:". Counts the first, and shows everything when asked to. */
static unsigned int read_said(FILE *said, bool show)
{
	unsigned int n_passed = 0;
	char line[1024];

	rewind(said);
	while (fgets(line, sizeof(line), said)) {
		n_passed += strstr(line, ":PASS:") != NULL;
		if (show)
			printf("  | %s", line);
	}
	return n_passed;
}

/* A test that has checked nothing has not passed. */
static enum result run(const struct test *test, unsigned int *n_checks)
{
	FILE *said = tmpfile();
	enum result result;
	unsigned int n;
	int status;
	pid_t child;

	fflush(NULL);
	if (!said || (child = fork()) < 0) {
		perror("no process for the test");
		return FAILED;
	}
	if (!child)
		run_in_child(test, said);
	waitpid(child, &status, 0);
	result = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OF_SKIPPED ? SKIPPED : FAILED;
	n = read_said(said, status && result == FAILED);
	if (!status && n)
		result = PASSED;
	fclose(said);
	*n_checks += n;
	printf("%s - %s, %u checks hold\n",
	       result == PASSED	  ? "ok"
	       : result == FAILED ? "not ok"
				  : "skipped",
	       test->name, n);
	return result;
}

int main(void)
{
	unsigned int counts[N_RESULTS] = {}, n_checks = 0;

	for (const struct test *test = tests; test < tests + sizeof(tests) / sizeof(*tests); test++)
		counts[run(test, &n_checks)]++;
	printf("# selftest: %u passed, %u failed, %u skipped, of %u checks\n", counts[PASSED],
	       counts[FAILED], counts[SKIPPED], n_checks);
	return counts[FAILED] || counts[SKIPPED] || !counts[PASSED];
}
