/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What outlives a reboot: the bytes come back as they were, and what is damaged is as if it were not
 * there. Everything happens below a temporary directory.
 */
#include "files/atomic.h"
#include "files/store.h"
#include "unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static char top[] = "/tmp/mt-store-XXXXXX";
static struct diag why;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void end(void)
{
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A source of the given parts: paths and texts by turns, up to NULL. */
static struct catalog_source source_of(enum config_kind kind, const char *name,
				       const char *const *words)
{
	struct catalog_source source = { .name = strdup(name), .kind = kind };

	for (; words[0]; words += 2) {
		struct config_part part = { .path = strdup(words[0]),
					    .bytes = strdup(words[1]),
					    .len = strlen(words[1]) };

		CHECK(ARRAY_APPEND(source.parts, source.n_parts, part) == 0);
	}
	return source;
}

static void write_source(enum config_kind kind, const char *name, const char *const *words)
{
	AUTO(catalog_source_done) struct catalog_source source = source_of(kind, name, words);

	CHECK(store_write("state", &source, &why) == 0 && !why.text);
}

static void expect(const struct dropin_files *files, size_t i, enum config_kind kind,
		   const char *name, const char *const *words)
{
	const struct catalog_source *source = &files->items[i];
	size_t n = 0;

	CHECK(source->kind == kind && strcmp(source->name, name) == 0);
	for (; words[0]; words += 2, n++) {
		CHECK(n < source->n_parts);
		CHECK(strcmp(source->parts[n].path, words[0]) == 0);
		CHECK(source->parts[n].len == strlen(words[1]));
		CHECK(strcmp(source->parts[n].bytes, words[1]) == 0);
	}
	CHECK(n == source->n_parts);
}

static const char *const one[] = { "/etc/metad/pairs.d/a.yaml", "pairs:\n  a b: \xc3\xa4\n", NULL };
static const char *const three[] = { "/etc/metad/metad.yaml", "", "/run/x y.yaml", "12 /no\n",
				     "/usr/lib/z.yaml", "no line feed", NULL };

static void test_round_trip(void)
{
	AUTO(dropin_files_done) struct dropin_files files = {}, again = {};

	CHECK(store_read("state", &files, &why) == 0 && files.n == 0);
	write_source(CONFIG_PAIRS, "a.yaml", one);
	/* The same name as the settings': another file. */
	write_source(CONFIG_PAIRS, "metad.yaml", one);
	write_source(CONFIG_SETTINGS, "metad.yaml", one);
	write_source(CONFIG_SETTINGS, "metad.yaml", three);
	CHECK(store_read("state", &files, &why) == 0 && files.n == 3);
	expect(&files, 0, CONFIG_SETTINGS, "metad.yaml", three);
	for (size_t i = 1; i < 3; i++)
		expect(&files, i, CONFIG_PAIRS, files.items[i].name, one);
	CHECK(strcmp(files.items[1].name, files.items[2].name) != 0);
	CHECK(store_read("state", &again, &why) == 0 && again.n == 3);
}

static void test_what_is_gone_is_forgotten(void)
{
	struct catalog_file kept = { .name = (char *)"metad.yaml", .kind = CONFIG_PAIRS };
	const struct catalog catalog = { .files = &kept, .n_files = 1 };
	AUTO(dropin_files_done) struct dropin_files files = {};

	CHECK(store_prune("state", &catalog, &why) == 0);
	CHECK(store_read("state", &files, &why) == 0 && files.n == 1);
	expect(&files, 0, CONFIG_PAIRS, "metad.yaml", one);
}

/* Each cut of a good entry but the last, and lengths that lie, are no entries. */
static void test_damage(void)
{
	static const char path[] = "state/last-good/pairs.d/metad.yaml";
	AUTO_FREE char *text = NULL;
	size_t len;
	static const char *const lies[] = {
		"metad last good content 2\n1 /a\nb", "metad last good content 1\n",
		"metad last good content 1\n9 /a\nb", "metad last good content 1\n-1 /a\nb",
		"metad last good content 1\n99999999999999999999999 /a\nb",
		"metad last good content 1\n1/a\nb",  "metad last good content 1\n /a\nb",
	};

	CHECK(util_read_file_at(AT_FDCWD, path, 1 << 20, &text, &len) == 0);
	for (size_t cut = 0; cut < len; cut++) {
		AUTO(dropin_files_done) struct dropin_files files = {};
		struct atomic_part part = { text, cut };

		CHECK(atomic_write(path, ATOMIC_PRIVATE, &part, 1) == 0);
		CHECK(store_read("state", &files, &why) == 0 && files.n == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		AUTO(dropin_files_done) struct dropin_files files = {};
		struct atomic_part part = { lies[i], strlen(lies[i]) };

		CHECK(atomic_write(path, ATOMIC_PRIVATE, &part, 1) == 0);
		CHECK(store_read("state", &files, &why) == 0 && files.n == 0);
	}
}

static void test_no_place(void)
{
	AUTO(catalog_source_done) struct catalog_source source =
		source_of(CONFIG_PAIRS, "a.yaml", one);
	int fd = open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	close(fd);
	CHECK(store_write("file", &source, &why) == -ENOTDIR);
	CHECK(strstr(why.file, "file/last-good") && strstr(why.text, "Not a directory"));
	diag_done(&why);
	CHECK(store_write("no/such", &source, &why) == -ENOENT);
	diag_done(&why);
}

/* Nothing of a file that could not be replaced is left. */
static void test_replaced_as_a_whole(void)
{
	struct atomic_part parts[] = { { "a", 1 }, { "", 0 }, { "bc", 2 } };
	AUTO_FREE char *text = NULL;
	struct dirent **names;
	struct stat st;
	size_t len;

	CHECK(mkdir("whole", 0755) == 0 && mkdir("whole/dir", 0755) == 0);
	CHECK(atomic_write("whole/file", ATOMIC_PRIVATE, parts, 3) == 0 && atomic_write("whole/file", ATOMIC_PRIVATE, parts, 3) == 0);
	CHECK(util_read_file_at(AT_FDCWD, "whole/file", 10, &text, &len) == 0);
	CHECK(strcmp(text, "abc") == 0);
	CHECK(stat("whole/file", &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(atomic_write("whole/dir", ATOMIC_PRIVATE, parts, 3) == -EISDIR);
	CHECK(scandir("whole", &names, NULL, alphasort) == 4);
	for (size_t i = 0; i < 4; i++)
		free(names[i]);
	free(names);
}

int main(void)
{
	umask(022);
	CHECK(mkdtemp(top) && chdir(top) == 0);
	atexit(end);
	test_round_trip();
	test_what_is_gone_is_forgotten();
	test_damage();
	test_no_place();
	test_replaced_as_a_whole();
	return 0;
}
