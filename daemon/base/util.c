/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few general helpers of util.h. A helper belongs here only when two floors need it and no
 * library in the distribution has it.
 */
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

void *util_grow(void *array, size_t n, size_t size)
{
	size_t room = n ? n * 2 : 4;

	/* Below four the first allocation still has room; above, only powers of two are full. */
	if (n && (n < 4 || (n & (n - 1))))
		return array;
	return reallocarray(array, room, size);
}

int util_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int util_parse_duration_ms(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "ms", 1 },	{ "s", 1000 },	  { "", 1000 },
		      { "min", 60000 }, { "m", 60000 },	  { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789");
	char number[24];
	uint64_t value;
	int r;

	if (!digits)
		return -EINVAL;
	if (digits >= sizeof(number))
		return -ERANGE;
	memcpy(number, text, digits);
	number[digits] = '\0';
	r = util_parse_u64(number, 0, UINT32_MAX, &value);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].name) != 0)
			continue;
		*ret_ms = value * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

uint64_t util_hash(uint64_t seed, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		seed = (seed ^ byte[i]) * 0x100000001b3ULL;
	return seed;
}

uint64_t util_hash_mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	hash *= 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 32);
}

int util_read_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	AUTO_CLOSE int fd = -1;
	AUTO_FREE char *data = NULL;
	size_t len = 0, room = 4096;
	struct stat st;

	/* A FIFO named like a drop-in must not make the reader wait for a writer. */
	fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return -EINVAL;
	if (st.st_size > 0)
		room = (size_t)st.st_size + 2;
	for (;;) {
		ssize_t n;
		char *more;

		if (len > max)
			return -EFBIG;
		more = !data || len + 1 >= room ? realloc(data, data ? (room *= 2) : room) : data;
		if (!more)
			return -ENOMEM;
		data = more;
		n = read(fd, data + len, room - len - 1);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += n;
	}
	data[len] = '\0';
	*ret = STEAL(data);
	*ret_len = len;
	return 0;
}

char *util_join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return NULL;
	return path;
}

uint64_t util_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool util_text_equal(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

int util_text_copy(const char *text, char **ret)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int util_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += MAX(n, 0);
		len -= MAX(n, 0);
	}
	return 0;
}

char *util_find_beside(const char *relative, const char *otherwise)
{
	AUTO_FREE char *path = NULL;
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *found;

	if (len <= 0 || !relative[0])
		return strdup(otherwise);
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	path = util_join(self, relative);
	if (!path)
		return NULL;
	found = realpath(path, NULL);
	return found ? found : strdup(otherwise);
}
