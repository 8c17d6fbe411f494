/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Templates and the namespaces that there are: who gets a pair, with which name and addresses, what
 * is said of those that cannot be had, and what a thousand at once cost.
 */
#include "unit/scene.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLOWER 20
#elif defined(__has_feature)
#define SLOWER (__has_feature(address_sanitizer) ? 20 : 1)
#else
#define SLOWER 1
#endif

/* ---- who gets what ---- */

static void test_bodies(void)
{
	AUTO(scene_done) struct scene scene = {};
	const struct pair *pair;

	scene_read_file(&scene,
		  "templates:\n"
		  "  t:\n"
		  "    match: {netns: 'pod-*'}\n"
		  "    name: 'm-{netns}'\n"
		  "    pool: p\n"
		  "    pair: {mode: l2, labels: {of: '{netns}'}, routes: [{to: '{ip}/32'}],\n"
		  "           peer: {name: '{name}', addresses: ['{ip}/29', '{ip6}']}}\n"
		  "pools: {p: {ipv4: 10.0.0.6, ipv6: 'fd00::5'}}\n");
	SCENE_EXPAND(&scene, "other", "pod-1");
	scene_expect_pairs(&scene, "m-pod-1 in pod-1: 10.0.0.6/29 fd00::5/128\n");
	scene_expect_conflicts(&scene, "");
	pair = &scene.pairs.items[0];
	CHECK(pair->mode == MODE_L2 && strcmp(pair->labels[0].value, "pod-1") == 0);
	CHECK(strcmp(pair->end[SIDE_PEER].attrs.name, "m-pod-1") == 0);
	CHECK(pair->end[SIDE_PRIMARY].routes[0].to.len == 32);
	CHECK(pair->at.line == 2 && pair->at.column == 3 && strcmp(pair->at.file, "t.yaml") == 0);
	CHECK(scene.leases.n == 2 && scene.leases.changed);
	CHECK(strcmp(scene.leases.items[0].owner, "t/pod-1") == 0);
}

static void test_pool_of_ipv6_alone(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: '{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip}'], routes: [{to: default, via: 'fe80::1', src: '{ip6}'}]}}}\n"
			  "pools: {p: {ipv6: 'fd00::5'}}\n");
	SCENE_EXPAND(&scene, "a");
	scene_expect_pairs(&scene, "a in a: fd00::5/128\n");
	CHECK(scene.leases.n == 1);
}

static void test_labels(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {labels: {app: web, tier: '!test'}}, name: 't-{netns}', pair: "
		  "{labels: {app: web}, peer: {name: t0}}}\n"
		  "  u: {match: {netns: '*', labels: {app: '!*'}}, name: 'u-{netns}', pair: {}}\n"
		  "pairs:\n"
		  "  p1: {labels: {app: web}, peer: {netns: a}}\n"
		  "  p2: {labels: {tier: front, app: x}, peer: {netns: a, name: eth1}}\n"
		  "  p3: {labels: {app: web}, peer: {netns: {path: /run/netns/b}}}\n"
		  "  p4: {labels: {tier: test}, peer: {netns: {path: /var/run/netns/b}}}\n"
		  "  p5: {labels: {app: web}, peer: {netns: {path: /var/run/netns/c}}}\n"
		  "  p6: {labels: {app: web}, peer: {netns: {path: /other/d}}}\n"
		  "  p7: {labels: {app: web}, peer: {netns: gone}}\n"
		  "  p8: {labels: {app: web}, peer: {netns: {path: /run/netns/sub/e}}}\n");
	/* Those that templates make do not count: else t's pair in a would be a reason for itself. */
	SCENE_EXPAND(&scene, "a", "b", "c", "d", "e");
	scene_expect_pairs(&scene, "t-a in a:\nt-c in c:\nu-d in d:\nu-e in e:\n");
	scene_expect_conflicts(&scene, "");
}

static void test_two_templates_of_one_namespace(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip}']}}}\n"
			  "  u: {match: {}, name: 'u-{netns}', pool: p, pair: {peer: {name: eth1, "
			  "addresses: ['{ip}']}}}\n"
			  "pools: {p: {ipv4: 10.0.0.0/31}}\n");
	SCENE_EXPAND(&scene, "a");
	CHECK(scene.pairs.n == 2 && !scene_find(&scene, "t-a")->blocked && !scene_find(&scene, "u-a")->blocked);
	CHECK(scene.leases.n == 2);
}

/* ---- what cannot be had ---- */

static void test_exhaustion(void)
{
	AUTO(scene_done) struct scene scene = {};
	struct ip ip;

	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: pods, pair: {peer: {addresses: "
		  "['{ip}'], programs: [acl]}}}\n"
		  "pools: {pods: {ipv4: 10.0.0.0/30}}\n");
	SCENE_EXPAND(&scene, "a", "b", "c");
	CHECK(scene.pairs.n == 3 && !scene.pairs.incomplete);
	CHECK(strcmp(scene_find(&scene, "t-c")->blocked,
		     "pool pods has no free address: 2 of 2 are in use") == 0);
	CHECK(scene_find(&scene, "t-c")->end[SIDE_PEER].n_uses == 0);
	ip = scene_find(&scene, "t-a")->end[SIDE_PEER].addresses[0].prefix.ip;
	SCENE_EXPAND(&scene, "b", "c");
	CHECK(ip_equal(&scene_find(&scene, "t-c")->end[SIDE_PEER].addresses[0].prefix.ip, &ip));
}

static void test_exhaustion_of_one_family(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: pods, pair: {peer: {addresses: "
		  "['{ip}', '{ip6}']}}}\n"
		  "pools: {pods: {ipv4: 10.0.0.0/24, ipv6: 'fd00::1'}}\n");
	SCENE_EXPAND(&scene, "a", "b");
	CHECK(strcmp(scene_find(&scene, "t-b")->blocked,
		     "pool pods has no free IPv6 address: 1 of 1 are in use") == 0);
}

static void test_pools_that_are_not_there(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: none, pair: {peer: {addresses: "
		  "['{ip}']}}}\n"
		  "  u: {match: {}, name: 'u-{netns}', pool: none, pair: {peer: {name: u}}}\n");
	SCENE_EXPAND(&scene, "a", "b");
	scene_expect_pairs(&scene, "t-a in a: no file declares pool none\n"
			     "t-b in b: no file declares pool none\nu-a in a:\nu-b in b:\n");
	scene_expect_conflicts(&scene, "t.yaml:2:3: template \"t\": no file declares pool \"none\"\n");
}

static void test_pool_of_another_file_without_ipv6(void)
{
	AUTO(scene_done) struct scene scene = {}, other = {};

	scene_read_file(&other, "pools: {p: {ipv4: 10.0.0.0/24}}");
	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip6}']}}}\n");
	scene.world.pools = other.pools;
	scene.world.n_pools = 1;
	SCENE_EXPAND(&scene, "a");
	scene_expect_pairs(&scene, "t-a in a: pool p has no IPv6 addresses\n");
	scene_expect_conflicts(&scene, "t.yaml:2:3: template \"t\": {ip6}: pool \"p\" has no IPv6 "
				 "addresses\n");
}

/* What was good with an example need not be so with every name. */
static void test_names_that_do_not_fit_a_body(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {addresses: [10.0.0.1], peer: "
			  "{name: '{netns}'}}}\n");
	SCENE_EXPAND(&scene, "fits", "is-far-too-long-for-that");
	CHECK(scene.pairs.n == 2 && !scene_find(&scene, "t-fits")->blocked);
	CHECK(strcmp(scene.pairs.items[scene.pairs.items[0].blocked ? 0 : 1].blocked,
		     "t.yaml:2:80: name: \"is-far-too-long-for-that\" has 24 bytes; a device's "
		     "name "
		     "has at most 15") == 0);
}

static void test_same_names(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {netns: a}, name: same, pair: {}}\n"
			  "  u: {match: {netns: b}, name: same, pair: {}}\n"
			  "  v: {match: {}, name: 'w{netns}', pair: {peer: {name: v}}}\n"
			  "pairs: {wb: {peer: {netns: x}}}\n");
	SCENE_EXPAND(&scene, "a", "b");
	scene_expect_pairs(&scene, "same in a:\nwa in a:\n");
	scene_expect_conflicts(
		&scene, "t.yaml:3:3: template \"u\": the device of namespace \"b\" would be called "
			"same, as that of namespace \"a\" (template \"t\"), which stays in force\n"
			"t.yaml:4:3: template \"v\": the device of namespace \"b\" would be called "
			"wb, as the pair that is declared at t.yaml:5:9, which stays in force\n");
}

/* Two of many names that are the same in six bytes. */
static void test_names_cut_the_same(void)
{
	static char names[100000][20];
	static char cut[100000][IFNAMSIZ];
	const struct template_pattern pattern = { .room = 6 };
	AUTO(scene_done) struct scene scene = {};
	const char *two[2] = {};

	for (size_t i = 0; i < 100000 && !two[0]; i++) {
		snprintf(names[i], sizeof(names[i]), "container-%zu", i);
		template_device_name(&pattern, names[i], cut[i]);
		for (size_t j = 0; j < i && !two[0]; j++)
			if (memcmp(cut[i], cut[j], 8) == 0) {
				two[0] = names[strcmp(names[i], names[j]) < 0 ? i : j];
				two[1] = names[strcmp(names[i], names[j]) < 0 ? j : i];
			}
	}
	CHECK(two[0]);
	scene_read_file(&scene, "templates:\n  t: {match: {}, name: '{netns:6}', pair: {}}\n");
	scene_expand(&scene, two, 2);
	CHECK(scene.pairs.n == 1 && strcmp(scene.pairs.items[0].netns.text, two[0]) == 0);
	CHECK(scene.conflicts.n == 1 && strstr(scene.conflicts.items[0].text, two[0]) &&
	      strstr(scene.conflicts.items[0].text, two[1]));
}

static void test_same_peers(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {}}\n"
			  "  u: {match: {netns: a}, name: u, pair: {}}\n"
			  "pairs: {w: {peer: {netns: b}}}\n");
	SCENE_EXPAND(&scene, "a", "b", "c");
	scene_expect_pairs(&scene,
		     "t-a in a:\n"
		     "t-b in b: pair \"t-b\": namespace b already has a peer called eth0, of "
		     "pair \"w\" at t.yaml:4:9, which stays in force\n"
		     "t-c in c:\n"
		     "u in a: pair \"u\": namespace a already has a peer called eth0, of pair "
		     "\"t-a\" at t.yaml:2:3, which stays in force\n");
	scene_expect_conflicts(&scene, "");
	CHECK(!scene.pairs.incomplete);
}

/* What neither can have for a declared pair's sake gives no two pairs one name. */
static void test_same_names_of_blocked_pairs(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "pairs: {w: {peer: {netns: a}}}\n"
			  "templates:\n"
			  "  t: {match: {}, name: 'm-{netns}', pair: {}}\n"
			  "  u: {match: {}, name: 'm-{netns}', pair: {}}\n");
	SCENE_EXPAND(&scene, "a");
	CHECK(scene.pairs.n == 1 && scene_find(&scene, "m-a")->blocked);
	CHECK(scene.conflicts.n == 1 && scene.conflicts.items[0].line == 4);
}

/* What can be had is not kept out by what cannot; the first reason is the one that is told. */
static void test_blocked_for_two_reasons(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 'a-{netns}', pool: none, pair: {peer: {addresses: "
		  "['{ip}']}}}\n"
		  "  u: {match: {}, name: 'b-{netns}', pair: {}}\n");
	SCENE_EXPAND(&scene, "x");
	scene_expect_pairs(&scene, "a-x in x: no file declares pool none\nb-x in x:\n");
}

static void test_same_addresses(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {peer: {addresses: "
			  "[10.0.0.1/24]}}}\n");
	SCENE_EXPAND(&scene, "a", "b");
	scene_expect_pairs(&scene,
		     "t-a in a: 10.0.0.1/24\n"
		     "t-b in b: pair \"t-b\": address 10.0.0.1 is already pair \"t-a\"'s, at "
		     "t.yaml:2:3, which stays in force\n");
	scene.world.addresses = CLAIM_ADDRESSES_ANY;
	SCENE_EXPAND(&scene, "a", "b");
	scene_expect_pairs(&scene, "t-a in a: 10.0.0.1/24\nt-b in b: 10.0.0.1/24\n");
}

static void test_too_many(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {}}\n"
			  "pairs: {w: {peer: {netns: x}}}\n");
	scene.world.max_pairs = 3;
	SCENE_EXPAND(&scene, "a", "b");
	CHECK(scene.pairs.n == 2 && !scene.pairs.incomplete);
	SCENE_EXPAND(&scene, "a", "b", "c", "d");
	CHECK(scene.pairs.n == 2 && scene.pairs.incomplete);
	scene_expect_conflicts(&scene,
			 "t.yaml:2:3: with those of templates there are more than 3 pairs; that of "
			 "namespace \"c\" and those after it are left out\n");
}

/* ---- addresses that somebody has ---- */

static void test_taken_addresses(void)
{
	AUTO(scene_done) struct scene scene = {};

	/* Of six addresses one is a declared peer's, one a declared primary's, two are the body's. */
	scene_read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {addresses: [10.0.0.1], "
		  "peer: {addresses: ['{ip}']}}}\n"
		  "  u: {name: 'u-{netns}', pair: {peer: {addresses: [10.0.0.2/29]}}}\n"
		  "pools: {p: {ipv4: 10.0.0.0/29}}\n"
		  "pairs: {w: {addresses: [10.0.0.3], peer: {netns: x, addresses: "
		  "[10.0.0.4/24]}}}\n");
	SCENE_EXPAND(&scene, "a", "b", "c");
	CHECK(scene.leases.n == 2);
	for (size_t i = 0; i < 2; i++)
		CHECK(scene.leases.items[i].ip.bytes[3] >= 5);
	CHECK(strcmp(scene_find(&scene, "t-c")->blocked,
		     "pool p has no free address: 6 of 6 are in use") == 0);
}

/* A file that breaks takes its pools with it; the leases wait for it. */
static void test_pools_of_a_broken_file(void)
{
	static const char text[] = "templates:\n"
				   "  t: {match: {}, name: 't-{netns}', pool: p, pair: {peer: "
				   "{addresses: ['{ip}']}}}\n"
				   "pools: {p: {ipv4: 10.0.0.0/16}}\n";
	AUTO(scene_done) struct scene scene = {};
	struct ip ip;

	scene_read_file(&scene, text);
	SCENE_EXPAND(&scene, "a");
	ip = scene.leases.items[0].ip;
	scene_read_file(&scene, "{}");
	scene.world.incomplete = true;
	SCENE_EXPAND(&scene, "a");
	CHECK(scene.leases.n == 1 && !scene.leases.items[0].released);
	scene_read_file(&scene, text);
	SCENE_EXPAND(&scene, "a");
	CHECK(ip_equal(&scene.leases.items[0].ip, &ip));
	scene_read_file(&scene, "{}");
	SCENE_EXPAND(&scene, "a");
	CHECK(scene.leases.n == 0);
}

/* ---- many ---- */

static const char pods[] =
	"templates:\n"
	"  pod:\n"
	"    match: {netns: ['*', '!x-*'], labels: {app: '!db'}}\n"
	"    name: 'm-{netns:8}'\n"
	"    pool: pods\n"
	"    pair: {mode: l3, addresses: [10.88.0.1/32], routes: [{to: '{ip}/32'}],\n"
	"           peer: {policy: drop, addresses: ['{ip}/32', '{ip6}/128'],\n"
	"                  routes: [{to: default, via: 169.254.1.1, onlink: true}],\n"
	"                  programs: [web-acl]}}\n"
	"pools: {pods: {ipv4: 10.88.0.0/16, ipv6: 'fd00:88::/64'}}\n";

static double milliseconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC * 1e3;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void test_many(size_t n, double max_ms)
{
	AUTO(scene_done) struct scene scene = {};
	char(*names)[48] = calloc(n, sizeof(*names));
	const char **namespaces = calloc(n, sizeof(*namespaces));
	double start, best = 1e9;

	CHECK(names && namespaces);
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "cni-%08zx-5e1f-4b1c-8a7d-0123456789ab",
			 i * 7919);
		namespaces[i] = names[i];
	}
	qsort(namespaces, n, sizeof(*namespaces), compare_texts);
	scene_read_file(&scene, pods);
	scene.world.max_pairs = PAIRS_MAX;
	/* The least of three: others use this machine too. */
	for (size_t i = 0; i < 3; i++) {
		leases_done(&scene.leases);
		start = milliseconds();
		scene_expand(&scene, namespaces, n);
		best = MIN(best, milliseconds() - start);
	}
	printf("%zu namespaces: %.1f ms\n", n, best);
	CHECK(scene.pairs.n == n && scene.conflicts.n == 0 && scene.leases.n == 2 * n);
	for (size_t i = 0; i < n; i++)
		CHECK(!scene.pairs.items[i].blocked);
	CHECK(best < max_ms * SLOWER);
	free(names);
	free(namespaces);
}

/* Namespaces that come and go: who stays, keeps name and addresses; nobody shares any. */
static void test_random(void)
{
	AUTO(scene_done) struct scene scene = {};
	static const char *const all[] = {
		"a", "a-name-that-is-cut", "b", "c", "d", "e", "x-1", "y", "z"
	};
	struct ip had[ARRAY_SIZE(all)] = {};
	uint64_t random = 7;

	scene_read_file(&scene, pods);
	for (size_t round = 0; round < 2000; round++) {
		const char *there[ARRAY_SIZE(all)];
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			if (random >> 63)
				there[n++] = all[i];
		}
		scene_expand(&scene, there, n);
		CHECK(scene.conflicts.n == 0);
		for (size_t i = 0; i < scene.pairs.n; i++) {
			const struct pair *pair = &scene.pairs.items[i];
			const struct ip *ip = &pair->end[SIDE_PEER].addresses[0].prefix.ip;
			size_t which = 0;

			while (strcmp(all[which], pair->netns.text) != 0)
				which++;
			CHECK(!pair->blocked && (!had[which].family || ip_equal(ip, &had[which])));
			had[which] = *ip;
			for (size_t j = 0; j < ARRAY_SIZE(all); j++)
				CHECK(j == which || !ip_equal(ip, &had[j]));
		}
	}
}

int main(void)
{
	test_bodies();
	test_pool_of_ipv6_alone();
	test_labels();
	test_two_templates_of_one_namespace();
	test_exhaustion();
	test_exhaustion_of_one_family();
	test_pools_that_are_not_there();
	test_pool_of_another_file_without_ipv6();
	test_names_that_do_not_fit_a_body();
	test_same_names();
	test_names_cut_the_same();
	test_same_peers();
	test_same_names_of_blocked_pairs();
	test_blocked_for_two_reasons();
	test_same_addresses();
	test_too_many();
	test_taken_addresses();
	test_pools_of_a_broken_file();
	test_random();
	test_many(1000, 20);
	test_many(10000, 250);
	return 0;
}
