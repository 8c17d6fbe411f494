/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading configuration while memory runs out: the n-th allocation fails, for every n. Either the
 * caller hears -ENOMEM and nothing has changed, or the result is whole. That nothing leaks and
 * nothing is freed twice is for the build with sanitizers to see.
 */
#include "core/catalog.h"
#include "unit/test.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- allocators that fail on demand; the linker puts them before the C library's ---- */

static size_t countdown; /* 0: none fails */

static bool fails(void)
{
	return countdown && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret, const char *format, va_list args);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret, const char *format, va_list args);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
	return fails() ? -1 : __real_vasprintf(ret, format, args);
}

/* ---- parsing ---- */

static const char good[] = "programs:\n"
			   "  p: {object: acl, program: f}\n"
			   "pairs:\n"
			   "  a:\n"
			   "    addresses: [10.0.0.1/32, 10.0.0.2/32]\n"
			   "    routes: [{to: default, via: 10.0.0.3}]\n"
			   "    neighbours: [{ip: 10.0.0.3, mac: 02:00:00:00:00:01}]\n"
			   "    programs: [p, count]\n"
			   "    peer: {netns: x, sysctls: {net.ipv4.ip_forward: 1}}\n"
			   "  b: {peer: {netns: {path: /x}}}\n"
			   "  c: {peer: {netns: {pid: 7}}}\n";

static const char bad[] = "programs:\n"
			  "  p: {objects: acl}\n"
			  "pairs:\n"
			  "  a: {peer: {netns: x}}\n"
			  "  b: {peer: {netns: x}, mtu: 1, colour: green, kind: vet}\n"
			  "  b: {addresses: [10.0.0.1, 10.0.0.1]}\n";

/* What is wrong with the whole: one diagnostic each. */
static const char *const refused[] = { "pairs: [", "a: *b", "a: \xff", "%TAG !a! b\n" };

static void parse_with_failures(const char *text, int expected, size_t n_diags)
{
	for (size_t n = 1;; n++) {
		AUTO(config_done) struct config config = {};
		AUTO(diag_list_done) struct diag_list diags = {};
		bool ran_out;
		int r;

		countdown = n;
		r = config_parse(CONFIG_PAIRS, "a.yaml", text, strlen(text), &config, &diags);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == expected || (r == -ENOMEM && ran_out));
		CHECK(r == 0 || (!config.pairs && !config.programs));
		CHECK(r < 0 || diags.n == n_diags);
		if (!ran_out)
			break;
	}
}

/* ---- a catalog ---- */

struct source_list {
	struct catalog_source items[3];
};

static struct source_list sources_of(const char *a, const char *b)
{
	struct source_list list = { .items = {
					    { .name = (char *)"a.yaml",
					      .path = (char *)"/a.yaml",
					      .bytes = (char *)a },
					    { .name = (char *)"b.yaml",
					      .path = (char *)"/b.yaml",
					      .bytes = (char *)b },
					    { .name = (char *)"c.yaml",
					      .path = (char *)"/c.yaml",
					      .error = -EACCES },
				    } };

	for (size_t i = 0; i < 2; i++)
		list.items[i].len = strlen(list.items[i].bytes);
	return list;
}

static void expect_before(struct catalog *catalog)
{
	CHECK(catalog->n_files == 3);
	CHECK(catalog->files[0].in_force && catalog->files[0].config.n_pairs == 3);
	CHECK(catalog->files[1].in_force && catalog->files[1].config.n_pairs == 3);
	CHECK(!catalog->files[2].in_force);
}

static void update_with_failures(void)
{
	const struct source_list before = sources_of(good, good), after = sources_of(bad, "");

	for (size_t n = 1;; n++) {
		AUTO(catalog_done) struct catalog catalog = {};
		bool ran_out;
		int r;

		CHECK(catalog_update(&catalog, before.items, 3) == 0);
		countdown = n;
		r = catalog_update(&catalog, after.items, 3);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == 0 || (r == -ENOMEM && ran_out));
		if (r < 0)
			expect_before(&catalog);
		else
			CHECK(catalog.files[0].config.n_pairs == 3 &&
			      !catalog.files[1].config.n_pairs);
		if (!ran_out)
			break;
	}
}

static void join_with_failures(void)
{
	const struct source_list list = sources_of(good, good);
	AUTO(catalog_done) struct catalog catalog = {};

	CHECK(catalog_update(&catalog, list.items, 3) == 0);
	for (size_t n = 1;; n++) {
		AUTO(desired_unrefp) struct desired *desired = NULL;
		bool ran_out;
		int r;

		countdown = n;
		r = catalog_join(&catalog, &desired);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == 0 || (r == -ENOMEM && ran_out && !desired));
		expect_before(&catalog);
		if (r == 0)
			CHECK(desired->n_pairs == 3 && desired->n_programs == 3 &&
			      catalog.conflicts.n == 4);
		if (!ran_out)
			break;
	}
}

int main(void)
{
	parse_with_failures(good, 0, 0);
	parse_with_failures(bad, CONFIG_E_INVALID, 8);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		parse_with_failures(refused[i], CONFIG_E_INVALID, 1);
	update_with_failures();
	join_with_failures();
	return 0;
}
