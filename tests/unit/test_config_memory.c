/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading configuration while memory runs out: the n-th allocation fails, for every n. Either the
 * caller hears -ENOMEM and nothing has changed, or the result is whole. That nothing leaks and
 * nothing is freed twice is for the build with sanitizers to see.
 */
#include "core/catalog.h"
#include "core/template_expand.h"
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

static const char good[] =
	"programs:\n"
	"  p: {object: acl, program: f}\n"
	"pools:\n"
	"  q: {ipv4: [10.9.0.0/29, 10.9.1.0/29], exclude: 10.9.0.3, ipv6: 'fd00::/64'}\n"
	"templates:\n"
	"  t:\n"
	"    match: {netns: [\"pod-*\", \"!x\"], labels: {app: web}}\n"
	"    name: \"m-{netns:8}\"\n"
	"    pool: q\n"
	"    pair: {addresses: [10.9.0.1/32], peer: {addresses: [\"{ip}/32\"]}}\n"
	"  u: {name: \"u-{netns}\", pool: w, pair: {peer: {addresses: [\"{ip}/64\"]}}}\n"
	"pairs:\n"
	"  a:\n"
	"    addresses: [10.0.0.1/32, 10.0.0.2/32]\n"
	"    routes: [{to: default, via: 10.0.0.3}]\n"
	"    neighbours: [{ip: 10.0.0.3, mac: 02:00:00:00:00:01}]\n"
	"    programs: [p, count]\n"
	"    labels: {app: web, tier: front}\n"
	"    peer: {netns: x, sysctls: {net.ipv4.ip_forward: 1}}\n"
	"  b: {peer: {netns: {path: /x}}}\n"
	"  c: {peer: {netns: {pid: 7}}}\n";

/* Laid over the good one. */
static const char laid_over[] = "pairs:\n"
				"  b: ~\n"
				"  a: {peer: {netns: y, name: x}, mtu: 1400}\n"
				"  d: {peer: {netns: z}}\n";

static const char bad[] =
	"programs:\n"
	"  p: {objects: acl}\n"
	"pools:\n"
	"  q: {ipv4: 10.0.0.0/30, exclude: 10.0.0.1/24}\n"
	"  r: {ipv4: 10.0.0.0/30, exclude: 10.0.0.0/30}\n"
	"templates:\n"
	"  t: {name: m, pair: {peer: {name: \"{nme}\"}}}\n"
	"  u: {name: \"{netns}\", pool: q, pair: {peer: {addresses: [\"{ip}/33\"]}}}\n"
	"  v: {name: \"{netns}\", pool: w, pair: {peer: {addresses: [\"{ip}/129\"]}}}\n"
	"pairs:\n"
	"  a: {peer: {netns: x}}\n"
	"  b: {peer: {netns: x}, mtu: 1, colour: green, kind: vet}\n"
	"  b: {addresses: [10.0.0.1, 10.0.0.1]}\n";

static const char templates[] =
	"pools: {q: {ipv4: 10.9.0.0/30, ipv6: 'fd00::/64'}}\n"
	"templates:\n"
	"  t:\n"
	"    match: {netns: ['*'], labels: {app: web, tier: '!test'}}\n"
	"    name: 't-{netns:8}'\n"
	"    pool: q\n"
	"    pair: {addresses: [10.8.0.1/32], peer: {addresses: ['{ip}/32', '{ip6}']}}\n"
	"  u: {match: {netns: '!x'}, name: 'u-{netns}', pool: none, pair: {peer: {name: u, "
	"addresses: ['{ip}']}}}\n"
	"  v: {match: {}, name: 't-{netns:8}', pair: {peer: {name: eth7}}}\n"
	"pairs:\n"
	"  p1: {labels: {app: web}, peer: {netns: pod-1, name: eth9}}\n"
	"  p2: {labels: {app: web}, peer: {netns: pod-2, name: eth9}}\n"
	"  p3: {labels: {app: web}, peer: {netns: pod-3, name: eth9}}\n"
	"  p4: {labels: {app: web}, peer: {netns: x, name: eth0}}\n";

/* What is wrong with the whole: one diagnostic each. */
static const char *const refused[] = { "pairs: [", "a: *b", "a: \xff", "%TAG !a! b\n" };

static void parse_with_failures(const char *text, const char *over, int expected, size_t n_diags)
{
	const struct config_part parts[] = {
		{ .path = (char *)"a.yaml", .bytes = (char *)text, .len = strlen(text) },
		{ .path = (char *)"b.yaml", .bytes = (char *)over, .len = over ? strlen(over) : 0 },
	};
	size_t n_parts = over ? 2 : 1;

	for (size_t n = 1;; n++) {
		AUTO(config_done) struct config config = {};
		AUTO(diag_list_done) struct diag_list diags = {};
		bool ran_out;
		int r;

		countdown = n;
		r = config_parse(CONFIG_PAIRS, parts, n_parts, NULL, &config, &diags);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == expected || (r == -ENOMEM && ran_out));
		CHECK(r == 0 || (!config.pairs && !config.programs && !config.templates));
		CHECK(r < 0 || diags.n == n_diags);
		if (!ran_out)
			break;
	}
}

/* ---- a catalog ---- */

struct source_list {
	struct config_part parts[3];
	struct catalog_source items[3];
};

/* Filled in place: the sources point to their parts. */
static void sources_of(struct source_list *list, const char *a, const char *b)
{
	*list = (struct source_list){
		.parts = { { .path = (char *)"/a.yaml", .bytes = (char *)a, .len = strlen(a) },
			   { .path = (char *)"/b.yaml", .bytes = (char *)b, .len = strlen(b) },
			   { .path = (char *)"/c.yaml", .error = -EACCES } },
		.items = { { .name = (char *)"a.yaml" },
			   { .name = (char *)"b.yaml" },
			   { .name = (char *)"c.yaml" } },
	};
	for (size_t i = 0; i < 3; i++) {
		list->items[i].parts = &list->parts[i];
		list->items[i].n_parts = 1;
	}
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
	struct source_list before, after;

	sources_of(&before, good, good);
	sources_of(&after, bad, "");
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
	AUTO(catalog_done) struct catalog catalog = {};
	struct source_list list;

	sources_of(&list, good, good);
	CHECK(catalog_update(&catalog, list.items, 3) == 0);
	for (size_t n = 1;; n++) {
		AUTO(desired_unrefp) struct desired *desired = NULL;
		bool ran_out;
		int r;

		countdown = n;
		r = catalog_join(&catalog, NULL, &desired);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == 0 || (r == -ENOMEM && ran_out && !desired));
		expect_before(&catalog);
		if (r == 0)
			CHECK(desired->n_pairs == 3 && desired->n_programs == 3 &&
			      desired->conflicts.n == 7);
		if (!ran_out)
			break;
	}
}

/* ---- templates ---- */

static void expand_with_failures(void)
{
	static const char *const namespaces[] = { "pod-1", "pod-2", "pod-3", "x" };
	const struct config_part part = { .path = (char *)"a.yaml",
					  .bytes = (char *)templates,
					  .len = strlen(templates) };
	AUTO(config_done) struct config config = {};
	AUTO(leases_done) struct leases before = {};
	AUTO(diag_list_done) struct diag_list diags = {};
	struct template_world world = { .namespaces = namespaces, .n_namespaces = 1 };
	AUTO(template_pairs_done) struct template_pairs first = {};
	struct conflicts said = { .list = &diags };
	const struct template *all[3];
	const struct pool *pool;

	CHECK(config_parse(CONFIG_PAIRS, &part, 1, NULL, &config, &diags) == 0);
	for (size_t i = 0; i < config.n_templates; i++)
		all[i] = &config.templates[i];
	pool = &config.pools[0];
	world.templates = all;
	world.n_templates = config.n_templates;
	world.pools = &pool;
	world.n_pools = 1;
	world.declared = config.pairs;
	world.n_declared = config.n_pairs;
	world.max_pairs = 20;
	CHECK(template_expand(&world, &before, &first, &said) == 0 && before.n == 2);
	world.namespaces = namespaces + 1;
	world.n_namespaces = 3;
	for (size_t n = 1;; n++) {
		AUTO(leases_done) struct leases leases = {};
		AUTO(template_pairs_done) struct template_pairs pairs = {};
		AUTO(diag_list_done) struct diag_list list = {};
		struct conflicts conflicts = { .list = &list };
		bool ran_out;
		int r;

		CHECK(leases_copy(&before, &leases) == 0);
		countdown = n;
		r = template_expand(&world, &leases, &pairs, &conflicts);
		ran_out = countdown == 0;
		countdown = 0;
		CHECK(r == 0 || (r == -ENOMEM && ran_out && !pairs.items));
		if (r < 0)
			CHECK(leases.n == 2 && !leases.items[0].released);
		else
			CHECK(leases.n == 6 && pairs.n == 5 && conflicts.n == 4);
		if (!ran_out)
			break;
	}
}

int main(void)
{
	parse_with_failures(good, NULL, 0, 0);
	parse_with_failures(good, laid_over, 0, 0);
	parse_with_failures(bad, NULL, CONFIG_E_INVALID, 13);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		parse_with_failures(refused[i], NULL, CONFIG_E_INVALID, 1);
	update_with_failures();
	join_with_failures();
	expand_with_failures();
	return 0;
}
