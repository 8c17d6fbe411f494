/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzz target as an ordinary test: each file of the corpus directories, by name, once as it is
 * and once cut at each of a few places. What ever went wrong stays in the corpus and cannot come
 * back.
 */
#include "base/util.h"
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX (1u << 20)
#define N_CUTS 64

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

static void replay(const char *bytes, size_t len)
{
	const uint8_t *data = (const uint8_t *)bytes;

	LLVMFuzzerTestOneInput(data, len);
	for (size_t i = 0; i < N_CUTS; i++)
		LLVMFuzzerTestOneInput(data, len * i / N_CUTS);
}

static int replay_file(int dir_fd, const char *name)
{
	AUTO_FREE char *bytes = NULL;
	size_t len;
	int r = util_read_file_at(dir_fd, name, FILE_MAX, &bytes, &len);

	/* The last line before a crash names the file. */
	fprintf(stderr, "%s\n", name);
	if (r == 0)
		replay(bytes, len);
	return r;
}

static int replay_dir(const char *path)
{
	AUTO_CLOSE int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries;
	int n = dir_fd < 0 ? -1 : scandir(path, &entries, is_file, alphasort);
	int r = n > 0 ? 0 : -ENOENT;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = replay_file(dir_fd, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return r;
}

int main(int argc, char **argv)
{
	int r = argc > 1 ? 0 : -EINVAL;

	for (int i = 1; i < argc && r == 0; i++)
		r = replay_dir(argv[i]);
	if (r < 0)
		fprintf(stderr, "%s DIRECTORY...: %s\n", argv[0], strerror(-r));
	return r < 0 ? 1 : 0;
}
