/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files on disk: which of them count, in which order, and what becomes of those that
 * cannot be read. Files are made in three directories below a temporary one.
 *
 * What UAPI.6 asks for, and where it is tested; "watch" is tests/netns/test_watch_config.c:
 *
 *   it works without any file in /etc            test_nothing, test_the_higher_directory_wins
 *   /etc is above /run is above /usr             test_standard_directories
 *   a file hides those of its name below         test_the_higher_directory_wins; watch: files
 *   an empty file or a link to /dev/null masks   test_masks; watch: masks_do_not_wake
 *   one suffix, so that backups do not count     test_names; watch: editors
 *   drop-ins are above their file                test_dropins_of_a_file; watch: dropins
 *   drop-ins are sorted by name, wherever        test_dropins_of_a_file
 *   of drop-ins of one name the higher counts    test_dropins_of_a_file
 *   a drop-in is masked for itself               test_dropins_of_a_file
 *   drop-ins of a masked file count              test_dropins_of_a_file, test_dropins_of_settings
 *   drop-ins have no drop-ins                    test_dropins_are_not_nested; watch: dropins_strangers
 *   drop-ins alone, of one common directory      test_sorted_by_name_over_all_directories
 *   later names are above earlier ones           tests/golden/config/laid-over*
 */
#include "files/dropin.h"
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static char top[] = "/tmp/mt-dropin-XXXXXX";
static const char *const dirs[] = { "high", "middle", "low" };
static struct diag why;

/* ---- making ---- */

static void make(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

static void clean(void)
{
	CHECK(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void end(void)
{
	clean();
	rmdir(top);
}

/* A clean set of directories for each test. */
static void begin(void)
{
	clean();
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *path = util_join(dirs[i], DROPIN_DIR);

		CHECK(mkdir(dirs[i], 0755) == 0 && mkdir(path, 0755) == 0);
	}
}

/* ---- reading ---- */

static void describe_part(FILE *out, const struct catalog_source *source, size_t i, bool first)
{
	const struct config_part *part = &source->parts[i];
	AUTO_FREE char *dir = strndup(part->path, strcspn(part->path, "/"));
	const char *name = strrchr(part->path, '/') + 1;
	AUTO_FREE char *below = NULL;

	CHECK(asprintf(&below, "/%s.d/", source->name) > 0);
	CHECK((strstr(part->path, "/" DROPIN_DIR "/") != NULL) == (source->kind == CONFIG_PAIRS));
	CHECK((part->bytes == NULL) == (part->error != 0));
	CHECK(!part->bytes || strlen(part->bytes) == part->len);
	fputs(first ? "" : " ", out);
	if (strstr(part->path, below))
		fprintf(out, "%s+", source->name);
	else
		CHECK(i == 0 && strcmp(name, source->name) == 0);
	fprintf(out, "%s/%s%s%s", dir, name, part->bytes ? "=" : "!",
		part->bytes ? part->bytes : strerrorname_np(-part->error));
}

/*
 * What is read as one line: "path=text" for content, "path!errno" for a fault, in order, with a
 * blank between them. pairs.d is left out of paths; a drop-in is "file+path".
 */
static const char *describe(const struct dropin_files *files)
{
	static char line[4096];
	FILE *out = fmemopen(line, sizeof(line), "w");

	CHECK(out);
	for (size_t i = 0; i < files->n; i++) {
		const struct catalog_source *source = &files->items[i];

		CHECK(source->n_parts > 0);
		for (size_t j = 0; j < source->n_parts; j++)
			describe_part(out, source, j, i == 0 && j == 0);
	}
	CHECK(fclose(out) == 0);
	return files->n ? line : "";
}

static bool reads(const char *wanted)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	const char *got;

	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &files, &why) == 0);
	got = describe(&files);
	if (strcmp(got, wanted) != 0)
		fprintf(stderr, "read: \"%s\"\n", got);
	return strcmp(got, wanted) == 0;
}

/* All there is as one line, each path with the one that hides it. */
static bool lists(const struct dropin_draft *draft, const char *wanted)
{
	AUTO(dropin_list_done) struct dropin_list list = {};
	char line[4096] = "";
	size_t used = 0;

	CHECK(dropin_list(dirs, ARRAY_SIZE(dirs), draft, draft != NULL, &list, &why) == 0);
	for (size_t i = 0; i < list.n; i++) {
		const struct dropin_entry *entry = &list.items[i];

		used += snprintf(line + used, sizeof(line) - used, "%s%s%s%s%s", i ? " " : "",
				 entry->path, entry->draft ? "*" : "",
				 entry->hidden_by ? "<" : "",
				 entry->hidden_by ? entry->hidden_by : "");
	}
	if (strcmp(line, wanted) != 0)
		fprintf(stderr, "listed: \"%s\"\n", line);
	return strcmp(line, wanted) == 0;
}

static bool would_read(const struct dropin_draft *draft, const char *wanted)
{
	AUTO(dropin_list_done) struct dropin_list list = {};
	AUTO(dropin_files_done) struct dropin_files files = {};
	const char *got;

	CHECK(dropin_list(dirs, ARRAY_SIZE(dirs), draft, draft != NULL, &list, &why) == 0);
	CHECK(dropin_read_list(&list, &files) == 0);
	got = describe(&files);
	if (strcmp(got, wanted) != 0)
		fprintf(stderr, "would read: \"%s\"\n", got);
	return strcmp(got, wanted) == 0;
}

/* ---- the rules ---- */

static void test_standard_directories(void)
{
	static const char *const wanted[] = { "/etc/metad", "/run/metad", "/usr/local/lib/metad",
					      "/usr/lib/metad" };

	CHECK(ARRAY_SIZE(wanted) == DROPIN_N_STANDARD_DIRS);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		CHECK(strcmp(dropin_standard_dirs[i], wanted[i]) == 0);
}

static void test_nothing(void)
{
	AUTO(dropin_files_done) struct dropin_files files = {};

	CHECK(reads(""));
	CHECK(rmdir("high/" DROPIN_DIR) == 0 && rmdir("high") == 0);
	CHECK(rmdir("low/" DROPIN_DIR) == 0);
	make("low/" DROPIN_DIR, "a file");
	CHECK(reads(""));
	make("middle/pairs.d/a.yaml", "1");
	CHECK(reads("middle/a.yaml=1"));
	CHECK(dropin_read(NULL, 0, &files, &why) == 0 && files.n == 0);
}

static void test_sorted_by_name_over_all_directories(void)
{
	make("low/pairs.d/10-a.yaml", "1");
	make("high/pairs.d/20-b.yaml", "2");
	make("middle/pairs.d/15-c.yaml", "3");
	make("high/pairs.d/05-d.yaml", "4");
	make("low/pairs.d/99-e.yaml", "5");
	CHECK(reads("high/05-d.yaml=4 low/10-a.yaml=1 middle/15-c.yaml=3 high/20-b.yaml=2 "
		    "low/99-e.yaml=5"));
}

static void test_the_higher_directory_wins(void)
{
	make("high/pairs.d/a.yaml", "high");
	make("middle/pairs.d/a.yaml", "middle");
	make("low/pairs.d/a.yaml", "low");
	make("middle/pairs.d/b.yaml", "middle");
	make("low/pairs.d/b.yaml", "low");
	CHECK(reads("high/a.yaml=high middle/b.yaml=middle"));
	CHECK(unlink("high/pairs.d/a.yaml") == 0);
	CHECK(reads("middle/a.yaml=middle middle/b.yaml=middle"));
}

static void test_masks(void)
{
	make("low/pairs.d/a.yaml", "low");
	make("low/pairs.d/b.yaml", "low");
	make("low/pairs.d/c.yaml", "low");
	make("high/pairs.d/a.yaml", "");
	CHECK(symlink("/dev/null", "middle/pairs.d/b.yaml") == 0);
	CHECK(reads("low/c.yaml=low"));
	/* Over the mask somebody may decide otherwise. */
	make("high/pairs.d/b.yaml", "high");
	CHECK(reads("high/b.yaml=high low/c.yaml=low"));
	CHECK(symlink("/dev/null", "high/nothing") == 0);
	CHECK(symlink("../nothing", "high/pairs.d/c.yaml") == 0);
	CHECK(reads("high/b.yaml=high"));
	/* A comment is content. */
	make("high/pairs.d/a.yaml", "#");
	CHECK(reads("high/a.yaml=# high/b.yaml=high"));
}

static void test_names(void)
{
	static const char *const others[] = {
		"a.yaml~", "#a.yaml#", ".a.yaml.swp", ".a.yaml",    ".yaml",
		"a.yml",   "a.YAML",   "a.yaml.bak",  "a.yaml.new", "a.yaml.dpkg-old",
		"yaml",	   "4913",     "ayaml",	      "README",
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		AUTO_FREE char *path = util_join("high/" DROPIN_DIR, others[i]);

		make(path, "no");
		CHECK(!dropin_is_name(others[i]));
	}
	CHECK(reads(""));
	make("high/pairs.d/a.yaml", "1");
	make("high/pairs.d/a b.yaml", "2");
	make("high/pairs.d/a.b.yaml", "3");
	CHECK(reads("high/a b.yaml=2 high/a.b.yaml=3 high/a.yaml=1"));
	CHECK(dropin_is_name("a.yaml"));
}

static void test_settings(void)
{
	make("low/metad.yaml", "low");
	make("low/pairs.d/a.yaml", "1");
	CHECK(reads("low/metad.yaml=low low/a.yaml=1"));
	make("middle/metad.yaml", "middle");
	CHECK(reads("middle/metad.yaml=middle low/a.yaml=1"));
	/* The same name in pairs.d is a drop-in and another file. */
	make("middle/pairs.d/metad.yaml", "2");
	CHECK(reads("middle/metad.yaml=middle low/a.yaml=1 middle/metad.yaml=2"));
	make("high/metad.yaml", "");
	CHECK(reads("low/a.yaml=1 middle/metad.yaml=2"));
	CHECK(unlink("high/metad.yaml") == 0);
	CHECK(symlink("nowhere", "high/metad.yaml") == 0);
	CHECK(reads("high/metad.yaml!ENOENT low/a.yaml=1 middle/metad.yaml=2"));
}

/* UAPI.6: drop-ins are read behind their file, wherever both live, in the order of their names. */
static void test_dropins_of_a_file(void)
{
	CHECK(mkdir("low/pairs.d/a.yaml.d", 0755) == 0 && mkdir("high/pairs.d/a.yaml.d", 0755) == 0);
	make("high/pairs.d/a.yaml", "main");
	make("low/pairs.d/a.yaml.d/10-x.yaml", "1");
	make("low/pairs.d/a.yaml.d/30-x.yaml", "3");
	make("high/pairs.d/a.yaml.d/20-x.yaml", "2");
	make("low/pairs.d/b.yaml", "b");
	CHECK(reads("high/a.yaml=main a.yaml+low/10-x.yaml=1 a.yaml+high/20-x.yaml=2 "
		    "a.yaml+low/30-x.yaml=3 low/b.yaml=b"));
	/* Of one name the higher directory's counts, and masks do what they do elsewhere. */
	make("high/pairs.d/a.yaml.d/10-x.yaml", "one");
	CHECK(symlink("/dev/null", "high/pairs.d/a.yaml.d/30-x.yaml") == 0);
	CHECK(reads("high/a.yaml=main a.yaml+high/10-x.yaml=one a.yaml+high/20-x.yaml=2 "
		    "low/b.yaml=b"));
	/* Those of a file that is masked, or is not there, are read all the same. */
	make("high/pairs.d/a.yaml", "");
	CHECK(reads("a.yaml+high/10-x.yaml=one a.yaml+high/20-x.yaml=2 low/b.yaml=b"));
	CHECK(unlink("high/pairs.d/a.yaml") == 0);
	CHECK(reads("a.yaml+high/10-x.yaml=one a.yaml+high/20-x.yaml=2 low/b.yaml=b"));
}

static void test_dropins_are_not_nested(void)
{
	CHECK(mkdir("low/pairs.d/a.yaml.d", 0755) == 0);
	CHECK(mkdir("low/pairs.d/a.yaml.d/sub", 0755) == 0);
	CHECK(mkdir("low/pairs.d/a.yaml.d/b.yaml.d", 0755) == 0);
	CHECK(mkdir("low/pairs.d/sub", 0755) == 0 && mkdir("low/pairs.d/.d", 0755) == 0);
	CHECK(mkdir("low/pairs.d/other.d", 0755) == 0);
	make("low/pairs.d/a.yaml", "1");
	make("low/pairs.d/a.yaml.d/note.txt", "no");
	make("low/pairs.d/a.yaml.d/sub/b.yaml", "no");
	make("low/pairs.d/a.yaml.d/b.yaml.d/c.yaml", "no");
	make("low/pairs.d/sub/b.yaml", "no");
	make("low/pairs.d/other.d/b.yaml", "no");
	CHECK(reads("low/a.yaml=1"));
	/* A directory that is none, and one whose content breaks. */
	make("low/pairs.d/b.yaml.d", "a file");
	CHECK(symlink("nowhere", "low/pairs.d/a.yaml.d/10.yaml") == 0);
	CHECK(reads("low/a.yaml=1 a.yaml+low/10.yaml!ENOENT"));
}

static void test_dropins_of_settings(void)
{
	CHECK(mkdir("high/metad.yaml.d", 0755) == 0);
	make("low/metad.yaml", "1");
	make("high/metad.yaml.d/10.yaml", "2");
	CHECK(reads("low/metad.yaml=1 metad.yaml+high/10.yaml=2"));
	CHECK(symlink("/dev/null", "high/metad.yaml") == 0);
	CHECK(reads("metad.yaml+high/10.yaml=2"));
}

/* As Kubernetes mounts a ConfigMap: links through ..data, which is swapped as a whole. */
static void test_configmap(void)
{
	CHECK(mkdir("high/pairs.d/..1", 0755) == 0 && mkdir("high/pairs.d/..2", 0755) == 0);
	make("high/pairs.d/..1/a.yaml", "old");
	make("high/pairs.d/..2/a.yaml", "new");
	CHECK(symlink("..1", "high/pairs.d/..data") == 0);
	CHECK(symlink("..data/a.yaml", "high/pairs.d/a.yaml") == 0);
	CHECK(reads("high/a.yaml=old"));
	CHECK(symlink("..2", "high/pairs.d/..data_tmp") == 0);
	CHECK(rename("high/pairs.d/..data_tmp", "high/pairs.d/..data") == 0);
	CHECK(reads("high/a.yaml=new"));
}

/* A fault is reported, and never lets the lower file through. */
static void test_faults(void)
{
	static const char *const names[] = { "dir", "dangling", "loop", "fifo", "zero", "big" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "low/pairs.d/%s.yaml", names[i]);
		make(path, "low");
	}
	make("high/pairs.d/ok.yaml", "1");
	CHECK(mkdir("high/pairs.d/dir.yaml", 0755) == 0);
	CHECK(symlink("nowhere", "high/pairs.d/dangling.yaml") == 0);
	CHECK(symlink("loop.yaml", "high/pairs.d/loop.yaml") == 0);
	CHECK(mkfifo("high/pairs.d/fifo.yaml", 0600) == 0);
	CHECK(symlink("/dev/zero", "high/pairs.d/zero.yaml") == 0);
	make("high/pairs.d/big.yaml", "1");
	CHECK(truncate("high/pairs.d/big.yaml", 1L << 40) == 0);
	CHECK(reads("high/big.yaml!EFBIG high/dangling.yaml!ENOENT high/dir.yaml!EISDIR "
		    "high/fifo.yaml!EINVAL high/loop.yaml!ELOOP high/ok.yaml=1 "
		    "high/zero.yaml!EINVAL"));
}

static void test_sizes(void)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	AUTO(dropin_files_done) struct dropin_files more = {};

	make("high/pairs.d/a.yaml", "");
	CHECK(truncate("high/pairs.d/a.yaml", CONFIG_BYTES_MAX) == 0);
	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &files, &why) == 0);
	CHECK(files.n == 1 && files.items[0].parts->bytes && files.items[0].parts->len == CONFIG_BYTES_MAX);
	CHECK(truncate("high/pairs.d/a.yaml", CONFIG_BYTES_MAX + 1) == 0);
	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &more, &why) == 0);
	CHECK(more.n == 1 && !more.items[0].parts->bytes && more.items[0].parts->error == -EFBIG);
}

/* NUL bytes are the parser's to refuse; none may be lost on the way. */
static void test_bytes(void)
{
	AUTO(dropin_files_done) struct dropin_files files = {};
	FILE *file = fopen("low/pairs.d/a.yaml", "w");

	CHECK(file && fwrite("a\0b\xff", 1, 4, file) == 4 && fclose(file) == 0);
	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &files, &why) == 0);
	CHECK(files.n == 1 && files.items[0].parts->len == 4);
	CHECK(memcmp(files.items[0].parts->bytes, "a\0b\xff", 5) == 0);
}

/* A directory that cannot be listed must not pass for an empty one: its pairs would be deleted. */
static void test_unreadable_directory(void)
{
	struct dropin_files files = { .n = 4711 };

	make("low/pairs.d/a.yaml", "1");
	CHECK(rmdir("middle/pairs.d") == 0 && symlink("pairs.d", "middle/pairs.d") == 0);
	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &files, &why) == -ELOOP);
	CHECK(files.n == 4711 && !files.items);
	CHECK(strcmp(why.file, "middle/pairs.d") == 0 && strstr(why.text, "symbolic links"));
	diag_done(&why);
}

static void test_many(void)
{
	AUTO(dropin_files_done) struct dropin_files files = {};

	for (int i = 0; i < 2000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/pairs.d/%d.yaml", dirs[i % 3], i % 1500);
		make(path, "1");
	}
	CHECK(dropin_read(dirs, ARRAY_SIZE(dirs), &files, &why) == 0);
	CHECK(files.n == 1500);
	for (size_t i = 1; i < files.n; i++)
		CHECK(strcmp(files.items[i - 1].name, files.items[i].name) < 0);
}

/* What does not count is listed, behind what counts instead. */
static void test_listing(void)
{
	CHECK(mkdir("low/pairs.d/a.yaml.d", 0755) == 0 && mkdir("high/pairs.d/a.yaml.d", 0755) == 0);
	make("low/metad.yaml", "low");
	make("high/pairs.d/a.yaml", "");
	make("middle/pairs.d/a.yaml", "middle");
	make("low/pairs.d/a.yaml", "low");
	make("low/pairs.d/a.yaml.d/10.yaml", "1");
	make("high/pairs.d/a.yaml.d/10.yaml", "2");
	CHECK(symlink("nowhere", "high/metad.yaml") == 0);
	CHECK(lists(NULL, "high/metad.yaml low/metad.yaml<high/metad.yaml high/pairs.d/a.yaml "
			  "middle/pairs.d/a.yaml<high/pairs.d/a.yaml "
			  "low/pairs.d/a.yaml<high/pairs.d/a.yaml high/pairs.d/a.yaml.d/10.yaml "
			  "low/pairs.d/a.yaml.d/10.yaml<high/pairs.d/a.yaml.d/10.yaml"));
}

/* A file as it would be, with nothing on disk that is touched. */
static void test_drafts(void)
{
	struct dropin_draft draft = { .kind = CONFIG_PAIRS, .name = "a.yaml", .bytes = "new", .len = 3 };

	make("low/pairs.d/a.yaml", "low");
	CHECK(would_read(&draft, "high/a.yaml=new"));
	CHECK(lists(&draft, "high/pairs.d/a.yaml* low/pairs.d/a.yaml<high/pairs.d/a.yaml"));
	draft.rank = 2;
	CHECK(would_read(&draft, "low/a.yaml=new"));
	make("middle/pairs.d/a.yaml", "middle");
	CHECK(would_read(&draft, "middle/a.yaml=middle"));
	draft.rank = 1;
	CHECK(would_read(&draft, "middle/a.yaml=new"));
	draft.len = 0;
	CHECK(would_read(&draft, ""));
	draft.bytes = NULL;
	CHECK(would_read(&draft, "low/a.yaml=low"));
	/* Of something that is not there at all, not even its directory. */
	draft = (struct dropin_draft){ CONFIG_PAIRS, "a.yaml", "10.yaml", 0, "1", 1 };
	CHECK(would_read(&draft, "middle/a.yaml=middle a.yaml+high/10.yaml=1"));
	draft = (struct dropin_draft){ CONFIG_SETTINGS, "metad.yaml", "10.yaml", 1, "1", 1 };
	CHECK(would_read(&draft, "metad.yaml+middle/10.yaml=1 middle/a.yaml=middle"));
	draft = (struct dropin_draft){ CONFIG_SETTINGS, "metad.yaml", NULL, 1, "2", 1 };
	CHECK(would_read(&draft, "middle/metad.yaml=2 middle/a.yaml=middle"));
	draft.bytes = NULL;
	CHECK(would_read(&draft, "middle/a.yaml=middle"));
	CHECK(reads("middle/a.yaml=middle"));
}

/* The same name again and again, so that the list shrinks and grows at each of its sizes. */
static void test_drafts_of_lists_of_any_length(void)
{
	for (int i = 0; i < 70; i++) {
		struct dropin_draft draft = { .name = "00.yaml", .bytes = "new", .len = 3 };
		AUTO(dropin_list_done) struct dropin_list list = {};
		char path[64];

		snprintf(path, sizeof(path), "high/pairs.d/%02d.yaml", i);
		make(path, "1");
		CHECK(dropin_list(dirs, ARRAY_SIZE(dirs), &draft, 1, &list, &why) == 0);
		CHECK(list.n == (size_t)i + 1 && list.items[0].draft == &draft);
	}
}

int main(void)
{
	static void (*const tests[])(void) = {
		test_standard_directories,
		test_nothing,
		test_sorted_by_name_over_all_directories,
		test_the_higher_directory_wins,
		test_masks,
		test_names,
		test_settings,
		test_dropins_of_a_file,
		test_dropins_are_not_nested,
		test_dropins_of_settings,
		test_configmap,
		test_faults,
		test_sizes,
		test_bytes,
		test_unreadable_directory,
		test_many,
		test_listing,
		test_drafts,
		test_drafts_of_lists_of_any_length,
	};

	CHECK(mkdtemp(top) && chdir(top) == 0 && atexit(end) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		begin();
		tests[i]();
	}
	return 0;
}
