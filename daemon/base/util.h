/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What C forgot: cleanup by scope, hand-over of ownership, growing arrays, strict parsing of
 * numbers. Nothing here knows what metad is for.
 *
 * The error law of the whole tree: 0 is success, -errno is unexpected and is forwarded unchanged,
 * a positive value is one of the called module's documented outcomes and is handled by the caller.
 * Out-parameters come last, are named ret…, and are untouched on failure.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* AUTO(pair_done) struct pair p = {}: runs pair_done(&p) when p leaves its scope. */
#define AUTO(fn) __attribute__((cleanup(fn)))

static inline void util_free(void *p)
{
	free(*(void **)p);
}

static inline void util_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void util_close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define AUTO_FREE AUTO(util_free)
#define AUTO_CLOSE AUTO(util_close)
#define AUTO_CLOSE_DIR AUTO(util_close_dir)

/* Hands over what a variable owns and leaves it empty, so that its cleanup finds nothing. */
#define STEAL(x)                                                                                   \
	({                                                                                         \
		__typeof__(x) stolen_ = (x);                                                       \
		memset(&(x), 0, sizeof(x));                                                        \
		stolen_;                                                                           \
	})
#define STEAL_FD(fd)                                                                               \
	({                                                                                         \
		int stolen_fd_ = (fd);                                                             \
		(fd) = -1;                                                                         \
		stolen_fd_;                                                                        \
	})

/*
 * Makes room for one more element in an array of n elements that was grown only by this function
 * (room is implied by n: powers of two). Returns the array, moved perhaps, or NULL when out of
 * memory; the old array stays valid then.
 */
void *util_grow(void *array, size_t n, size_t size);

/* Appends item to the array p of n elements. 0 or -ENOMEM. */
#define ARRAY_APPEND(p, n, item)                                                                   \
	({                                                                                         \
		__typeof__(p) grown_ = util_grow((p), (n), sizeof(*(p)));                          \
		if (grown_) {                                                                      \
			(p) = grown_;                                                              \
			(p)[(n)++] = (item);                                                       \
		}                                                                                  \
		grown_ ? 0 : -12 /* ENOMEM */;                                                     \
	})

/* Whole-string decimal number within [min, max]. 0, -EINVAL or -ERANGE. */
int util_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* Duration: "250ms", "2s", "5min", "1h"; a bare number counts seconds. 0, -EINVAL or -ERANGE. */
int util_parse_duration_ms(const char *text, uint64_t *ret_ms);

/* 64-bit FNV-1a over len bytes, chained from seed (UTIL_HASH_START at first). Not for secrets. */
#define UTIL_HASH_START 0xcbf29ce484222325ULL
uint64_t util_hash(uint64_t seed, const void *data, size_t len);

/* Spreads what a hash has of its last bytes over all of its bits: for those who take a part of it. */
uint64_t util_hash_mix(uint64_t hash);

/* The whole file, NUL-terminated behind its len bytes; owned by the caller. -EFBIG above max. */
int util_read_file_at(int dir_fd, const char *path, size_t max, char **ret, size_t *ret_len);

/* "/a/b" from "/a" and "b"; owned by the caller, NULL when out of memory. */
char *util_join(const char *dir, const char *name);

/* Monotonic milliseconds. */
uint64_t util_now_ms(void);

/* Texts that may be NULL: whether they are the same, and a copy that the caller owns (0 or -ENOMEM). */
bool util_text_equal(const char *a, const char *b);
int util_text_copy(const char *text, char **ret);

/* All of it, however many writes it takes. 0 or -errno. */
int util_write_all(int fd, const void *bytes, size_t len);

/*
 * A file or directory of the same installation: where relative leads to from the directory of the
 * running program, if it is there, so that an installed tree can be moved as a whole; else where it
 * was meant to be. relative may be empty. Owned by the caller; NULL: no memory.
 */
char *util_find_beside(const char *relative, const char *otherwise);
