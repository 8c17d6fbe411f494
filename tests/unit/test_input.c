/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that come with messages: which message each belongs to, however the bytes arrive, and
 * that none stays behind.
 */
#include "front/input.h"
#include "unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- both ends ---- */

static int sender, receiver;
static struct input input;

static void begin(void)
{
	int both[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
	sender = both[0];
	receiver = both[1];
	input = (struct input){};
}

static void end(void)
{
	input_done(&input);
	close(receiver);
	close(sender);
}

/* n descriptors that are all of one file, so that they can be known again. */
static void send_with(const char *bytes, size_t len, int n, int fd)
{
	int fds[64];
	char control[CMSG_SPACE(sizeof(fds))] = {};
	struct iovec vector = { (void *)bytes, len };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (int i = 0; i < n; i++)
		fds[i] = fd;
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	CHECK(sendmsg(sender, &header, 0) == (ssize_t)len);
}

static void send_plain(const char *bytes, size_t len)
{
	CHECK(write(sender, bytes, len) == (ssize_t)len);
}

#define MESSAGE(text) text "\0", sizeof(text)

/* The next message is of that text, and came with n descriptors. */
static void expect(const char *name, size_t n, bool overflow)
{
	AUTO(frame_json_unref) json_t *message = NULL;
	AUTO(fds_done) struct fds fds = {};
	int r = FRAME_E_NONE;

	for (int i = 0; i < 1000 && r == FRAME_E_NONE; i++) {
		CHECK(input_read(&input, receiver, true) == 0);
		r = input_next(&input, &message, &fds);
	}
	CHECK(r == 0);
	CHECK(strcmp(json_string_value(json_object_get(message, "m")), name) == 0);
	if (fds.n != n || fds.overflow != overflow) {
		fprintf(stderr, "%s came with %zu descriptors%s\n", name, fds.n,
			fds.overflow ? " and more" : "");
		abort();
	}
}

static size_t count_open(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* They are closed by another thread. */
static void expect_open(size_t n)
{
	for (int i = 0; i < 500 && count_open() != n; i++)
		usleep(10000);
	CHECK(count_open() == n);
}

/* ---- cases ---- */

static void test_each_with_its_own(int fd)
{
	begin();
	send_plain(MESSAGE("{\"m\": \"a\"}"));
	send_plain(MESSAGE("{\"m\": \"b\"}"));
	send_with(MESSAGE("{\"m\": \"c\"}"), 2, fd);
	send_plain(MESSAGE("{\"m\": \"d\"}"));
	send_with(MESSAGE("{\"m\": \"e\"}"), 1, fd);
	send_with(MESSAGE("{\"m\": \"f\"}"), 3, fd);
	/* Two messages at once: they belong to the first byte. */
	send_with(MESSAGE("{\"m\": \"g\"}\0{\"m\": \"h\"}"), 1, fd);
	expect("a", 0, false);
	expect("b", 0, false);
	expect("c", 2, false);
	expect("d", 0, false);
	expect("e", 1, false);
	expect("f", 3, false);
	expect("g", 1, false);
	expect("h", 0, false);
	end();
}

static void test_in_pieces(int fd)
{
	static const char text[] = "{\"m\": \"a\"}";

	for (size_t i = 0; i < sizeof(text); i++) {
		begin();
		if (i)
			send_plain(text, i);
		send_with(text + i, 1, 1, fd);
		if (i + 1 < sizeof(text))
			send_with(text + i + 1, sizeof(text) - i - 1, 1, fd);
		send_plain(MESSAGE("{\"m\": \"b\"}"));
		expect("a", i + 1 < sizeof(text) ? 2 : 1, false);
		expect("b", 0, false);
		end();
	}
}

static void test_too_many(int fd)
{
	begin();
	send_with(MESSAGE("{\"m\": \"a\"}"), FDS_MAX, fd);
	send_with(MESSAGE("{\"m\": \"b\"}"), FDS_MAX + 1, fd);
	send_with("{\"m\":", 5, FDS_MAX, fd);
	send_with(MESSAGE(" \"c\"}"), 1, fd);
	send_plain(MESSAGE("{\"m\": \"d\"}"));
	expect("a", FDS_MAX, false);
	expect("b", FDS_MAX, true);
	expect("c", FDS_MAX, true);
	expect("d", 0, false);
	end();
}

static void test_hangup(int fd)
{
	begin();
	send_with("{\"m\":", 5, 4, fd);
	close(sender);
	sender = -1;
	for (int i = 0; i < 3; i++)
		CHECK(input_read(&input, receiver, true) == 0);
	CHECK(input.ended && input.fds.n == 4);
	end();
	begin();
	send_with("{\"m\":", 5, 4, fd);
	end();
}

static void test_taken(void)
{
	struct fds fds = {};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), taken;

	fds_add(&fds, fd);
	CHECK(fds_take(&fds, -1) == -1 && fds_take(&fds, 1) == -1 &&
	      fds_take(&fds, INT64_MAX) == -1);
	taken = fds_take(&fds, 0);
	CHECK(taken == fd && fds_take(&fds, 0) == -1);
	fds_done(&fds);
	CHECK(fcntl(taken, F_GETFD) >= 0);
	CHECK(!fds_is_netns(taken));
	close(taken);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	CHECK(fds_is_netns(fd));
	close(fd);
	fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	CHECK(!fds_is_netns(fd));
	close(fd);
	/* One that nothing can be done with is of no use, either. */
	fd = open("/proc/self/ns/net", O_PATH | O_CLOEXEC);
	CHECK(!fds_is_netns(fd));
	close(fd);
}

/* ---- a file that takes its time to be closed ---- */

/* A connection whose peer does not read, and which is told to wait for that. */
static int lingering(int listener, const struct sockaddr_in *address)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 100 };
	static char bytes[65536];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	CHECK(accept(listener, NULL, NULL) >= 0);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	return fd;
}

static void linger(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);
	uint64_t begin_ms;

	CHECK(ioctl(listener, SIOCSIFFLAGS, &lo) == 0);
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0 &&
	      listen(listener, 64) == 0);
	CHECK(!fds_is_clogged());
	begin_ms = util_now_ms();
	for (int i = 0; i < 40; i++) {
		AUTO(fds_done) struct fds fds = {};

		fds_add(&fds, lingering(listener, &address));
	}
	CHECK(util_now_ms() - begin_ms < 5000);
	CHECK(fds_is_clogged());
	/* Now what comes from anybody is dropped by the kernel, and known to have been there. */
	begin();
	send_with(MESSAGE("{\"m\": \"a\"}"), 1, listener);
	CHECK(input_read(&input, receiver, false) == 0);
	CHECK(input.fds.n == 0 && input.fds.overflow);
	_exit(0);
}

static void test_lingering(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(77);
		linger();
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		puts("# no namespaces here: closing that takes long was not tried");
	else
		CHECK(WEXITSTATUS(status) == 0);
}

int main(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = count_open();

	test_lingering();
	test_each_with_its_own(fd);
	test_in_pieces(fd);
	test_too_many(fd);
	test_hangup(fd);
	test_taken();
	expect_open(n);
	return 0;
}
