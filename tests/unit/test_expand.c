/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Templates and the namespaces that there are: who gets a pair, with which name and addresses, what
 * is said of those that cannot be had, and what a thousand at once cost.
 */
#include "core/config.h"
#include "core/template_expand.h"
#include "unit/test.h"

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

/* A file, and what comes of it. */
struct scene {
	struct config config;
	const struct template *templates[8];
	const struct pool *pools[8];
	struct template_world world;
	struct leases leases;
	struct template_pairs pairs;
	struct diag_list conflicts;
};

static void scene_done(struct scene *scene)
{
	config_done(&scene->config);
	leases_done(&scene->leases);
	template_pairs_done(&scene->pairs);
	diag_list_done(&scene->conflicts);
}

static void read_file(struct scene *scene, const char *text)
{
	const struct config_part part = { .path = (char *)"t.yaml",
					  .bytes = (char *)text,
					  .len = strlen(text) };
	AUTO(diag_list_done) struct diag_list diags = {};
	static const char *const dirs[] = { "/run/netns", "/var/run/netns" };
	struct config *config = &scene->config;

	config_done(config);
	CHECK(config_parse(CONFIG_PAIRS, &part, 1, NULL, config, &diags) == 0);
	CHECK(config->n_templates <= 8 && config->n_pools <= 8);
	for (size_t i = 0; i < config->n_templates; i++)
		scene->templates[i] = &config->templates[i];
	for (size_t i = 0; i < config->n_pools; i++)
		scene->pools[i] = &config->pools[i];
	scene->world = (struct template_world){
		.templates = scene->templates,
		.n_templates = config->n_templates,
		.pools = scene->pools,
		.n_pools = config->n_pools,
		.netns_dirs = dirs,
		.n_netns_dirs = 2,
		.declared = config->pairs,
		.n_declared = config->n_pairs,
		.max_pairs = 1000,
	};
}

static void expand(struct scene *scene, const char *const *namespaces, size_t n)
{
	struct conflicts conflicts = { .list = &scene->conflicts };

	template_pairs_done(&scene->pairs);
	diag_list_done(&scene->conflicts);
	scene->world.namespaces = namespaces;
	scene->world.n_namespaces = n;
	CHECK(template_expand(&scene->world, &scene->leases, &scene->pairs, &conflicts) == 0);
	CHECK(conflicts_finish(&conflicts) == 0);
	for (size_t i = 0; i < scene->pairs.n; i++) {
		const struct pair *pair = &scene->pairs.items[i];

		CHECK(!i || strcmp(pair[-1].name, pair->name) < 0);
		CHECK(strcmp(pair->name, pair->end[SIDE_PRIMARY].attrs.name) == 0);
		CHECK(device_name_is_valid(pair->name) &&
		      device_name_is_valid(pair->end[SIDE_PEER].attrs.name));
		CHECK(pair->netns.text && pair->at.file && pair->template[0] && !pair->overrides);
		CHECK(!pair->blocked || !pair->end[SIDE_PEER].n_addresses);
	}
}

#define EXPAND(scene, ...)                                                                         \
	expand(scene, (const char *const[]){ __VA_ARGS__ },                                        \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static const struct pair *find(const struct scene *scene, const char *name)
{
	for (size_t i = 0; i < scene->pairs.n; i++)
		if (strcmp(scene->pairs.items[i].name, name) == 0)
			return &scene->pairs.items[i];
	return NULL;
}

/* All pairs in words: name, namespace, and the peer's addresses or why it is blocked. */
static void expect_pairs(const struct scene *scene, const char *expected)
{
	char words[2048] = "", ip[IP_TEXT_SIZE];

	for (size_t i = 0; i < scene->pairs.n; i++) {
		const struct pair *pair = &scene->pairs.items[i];
		const struct end *peer = &pair->end[SIDE_PEER];
		size_t len = strlen(words);

		snprintf(words + len, sizeof(words) - len, "%s in %s:", pair->name,
			 pair->netns.text);
		for (size_t j = 0; j < peer->n_addresses; j++)
			strcat(strcat(words, " "), prefix_text(&peer->addresses[j].prefix, ip));
		if (pair->blocked)
			strcat(strcat(words, " "), pair->blocked);
		strcat(words, "\n");
	}
	if (strcmp(words, expected) != 0)
		fprintf(stderr, "there are:\n%s", words);
	CHECK(strcmp(words, expected) == 0);
}

static void expect_conflicts(const struct scene *scene, const char *expected)
{
	char words[4096] = "";

	for (size_t i = 0; i < scene->conflicts.n; i++) {
		AUTO_FREE char *line = diag_text(&scene->conflicts.items[i]);

		strcat(strcat(words, line), "\n");
	}
	if (strcmp(words, expected) != 0)
		fprintf(stderr, "said:\n%s", words);
	CHECK(strcmp(words, expected) == 0);
}

/* ---- who gets what ---- */

static void test_bodies(void)
{
	AUTO(scene_done) struct scene scene = {};
	const struct pair *pair;

	read_file(&scene,
		  "templates:\n"
		  "  t:\n"
		  "    match: {netns: 'pod-*'}\n"
		  "    name: 'm-{netns}'\n"
		  "    pool: p\n"
		  "    pair: {mode: l2, labels: {of: '{netns}'}, routes: [{to: '{ip}/32'}],\n"
		  "           peer: {name: '{name}', addresses: ['{ip}/29', '{ip6}']}}\n"
		  "pools: {p: {ipv4: 10.0.0.6, ipv6: 'fd00::5'}}\n");
	EXPAND(&scene, "other", "pod-1");
	expect_pairs(&scene, "m-pod-1 in pod-1: 10.0.0.6/29 fd00::5/128\n");
	expect_conflicts(&scene, "");
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

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: '{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip}'], routes: [{to: default, via: 'fe80::1', src: '{ip6}'}]}}}\n"
			  "pools: {p: {ipv6: 'fd00::5'}}\n");
	EXPAND(&scene, "a");
	expect_pairs(&scene, "a in a: fd00::5/128\n");
	CHECK(scene.leases.n == 1);
}

static void test_labels(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene,
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
	EXPAND(&scene, "a", "b", "c", "d", "e");
	expect_pairs(&scene, "t-a in a:\nt-c in c:\nu-d in d:\nu-e in e:\n");
	expect_conflicts(&scene, "");
}

static void test_two_templates_of_one_namespace(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip}']}}}\n"
			  "  u: {match: {}, name: 'u-{netns}', pool: p, pair: {peer: {name: eth1, "
			  "addresses: ['{ip}']}}}\n"
			  "pools: {p: {ipv4: 10.0.0.0/31}}\n");
	EXPAND(&scene, "a");
	CHECK(scene.pairs.n == 2 && !find(&scene, "t-a")->blocked && !find(&scene, "u-a")->blocked);
	CHECK(scene.leases.n == 2);
}

/* ---- pairs that are laid over a template ---- */

#define OVER_TEMPLATES                                                                             \
	"templates:\n"                                                                             \
	"  t: {match: {netns: 'pod-*'}, name: 't-{netns}', pool: p, pair: {mode: l2, mtu: 9000,\n" \
	"      labels: {of: '{netns}', name: '{name}'}, programs: [count],\n"                      \
	"      peer: {addresses: ['{ip}/24'], programs: [acl], sysctls: {net.ipv4.ip_forward: 1}}}}\n" \
	"pools: {p: {ipv4: 10.0.0.0/29}}\n"

static void test_over(void)
{
	AUTO(scene_done) struct scene scene = {};
	const struct pair *pair;

	read_file(&scene,
		  OVER_TEMPLATES
		  "pairs:\n"
		  "  web0: {template: t, mtu: 1400, mac: 02:00:00:00:00:01, labels: {of: ~},\n"
		  "         peer: {netns: {path: /proc/7/ns/net}, programs: [acl, drop],\n"
		  "                sysctls: {net.ipv4.ip_forward: ~}}}\n"
		  "  web1: {template: t, peer: {netns: {pid: 77, cookie: 9}, addresses: [10.0.0.2/24]}}\n"
		  "  plain: {peer: {netns: a}}\n");
	EXPAND(&scene, "pod-1");
	expect_pairs(&scene, "t-pod-1 in pod-1: 10.0.0.3/24\n"
			     "web0 in /proc/7/ns/net: 10.0.0.4/24\n"
			     "web1 in 77: 10.0.0.2/24\n");
	expect_conflicts(&scene, "");
	pair = find(&scene, "web0");
	CHECK(pair->mode == MODE_L2 && pair->end[SIDE_PRIMARY].attrs.mtu == 1400);
	CHECK(pair->end[SIDE_PRIMARY].attrs.has & ATTR_MAC);
	CHECK(pair->end[SIDE_PRIMARY].n_uses == 1 && pair->end[SIDE_PEER].n_uses == 2);
	CHECK(!pair->end[SIDE_PEER].n_sysctls);
	CHECK(pair->n_labels == 1 && strcmp(pair->labels[0].value, "web0") == 0);
	CHECK(pair->at.line == 7 && strcmp(pair->template, "t") == 0);
	pair = find(&scene, "web1");
	CHECK(pair->netns.by == NETNS_BY_PID && pair->netns.cookie == 9);
	CHECK(strcmp(pair->labels[1].value, "77") == 0);
	/* Who says its address needs none of the pool. */
	CHECK(scene.leases.n == 2 && strcmp(scene.leases.items[0].owner, "=web0//proc/7/ns/net") == 0);
}

static void test_over_that_cannot_be_had(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, OVER_TEMPLATES
		  "pairs:\n"
		  "  a: {template: other, peer: {netns: a, addresses: [10.1.0.1/24]}}\n"
		  "  b: {template: t, mode: l3, mac: 02:00:00:00:00:01, peer: {netns: b}}\n"
		  "  c: {template: t, peer: {netns: c, addresses: [10.1.0.1/24]}}\n"
		  "  d: {template: t, peer: {netns: c, name: eth1, addresses: [10.9.0.1/24]}}\n"
		  "  e: {peer: {netns: e, addresses: [10.9.0.1/24]}}\n"
		  "  t-pod-1: {template: t, peer: {netns: pod-2, name: eth7, addresses: [10.2.0.1/24]}}\n");
	EXPAND(&scene, "pod-1");
	expect_pairs(&scene,
		     "a in a: no file declares template other\n"
		     "b in b: t.yaml:8:35: mac: a pair in mode l3 has no MAC addresses; write \"mode: "
		     "l2\" to set one\n"
		     "c in c: 10.1.0.1/24\n"
		     "d in c: pair \"d\": address 10.9.0.1 is already pair \"e\"'s, at "
		     "t.yaml:11:3, which stays in force\n"
		     "t-pod-1 in pod-2: 10.2.0.1/24\n");
	expect_conflicts(&scene,
			 "t.yaml:2:3: template \"t\": the device of namespace \"pod-1\" would be called "
			 "t-pod-1, as the pair that is declared at t.yaml:12:3, which stays in force\n");
}

/* ---- what cannot be had ---- */

static void test_exhaustion(void)
{
	AUTO(scene_done) struct scene scene = {};
	struct ip ip;

	read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: pods, pair: {peer: {addresses: "
		  "['{ip}'], programs: [acl]}}}\n"
		  "pools: {pods: {ipv4: 10.0.0.0/30}}\n");
	EXPAND(&scene, "a", "b", "c");
	CHECK(scene.pairs.n == 3 && !scene.pairs.incomplete);
	CHECK(strcmp(find(&scene, "t-c")->blocked,
		     "pool pods has no free address: 2 of 2 are in use") == 0);
	CHECK(find(&scene, "t-c")->end[SIDE_PEER].n_uses == 0);
	ip = find(&scene, "t-a")->end[SIDE_PEER].addresses[0].prefix.ip;
	EXPAND(&scene, "b", "c");
	CHECK(ip_equal(&find(&scene, "t-c")->end[SIDE_PEER].addresses[0].prefix.ip, &ip));
}

static void test_exhaustion_of_one_family(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: pods, pair: {peer: {addresses: "
		  "['{ip}', '{ip6}']}}}\n"
		  "pools: {pods: {ipv4: 10.0.0.0/24, ipv6: 'fd00::1'}}\n");
	EXPAND(&scene, "a", "b");
	CHECK(strcmp(find(&scene, "t-b")->blocked,
		     "pool pods has no free IPv6 address: 1 of 1 are in use") == 0);
}

static void test_pools_that_are_not_there(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: none, pair: {peer: {addresses: "
		  "['{ip}']}}}\n"
		  "  u: {match: {}, name: 'u-{netns}', pool: none, pair: {peer: {name: u}}}\n");
	EXPAND(&scene, "a", "b");
	expect_pairs(&scene, "t-a in a: no file declares pool none\n"
			     "t-b in b: no file declares pool none\nu-a in a:\nu-b in b:\n");
	expect_conflicts(&scene, "t.yaml:2:3: template \"t\": no file declares pool \"none\"\n");
}

static void test_pool_of_another_file_without_ipv6(void)
{
	AUTO(scene_done) struct scene scene = {}, other = {};

	read_file(&other, "pools: {p: {ipv4: 10.0.0.0/24}}");
	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {peer: {addresses: "
			  "['{ip6}']}}}\n");
	scene.world.pools = other.pools;
	scene.world.n_pools = 1;
	EXPAND(&scene, "a");
	expect_pairs(&scene, "t-a in a: pool p has no IPv6 addresses\n");
	expect_conflicts(&scene, "t.yaml:2:3: template \"t\": {ip6}: pool \"p\" has no IPv6 "
				 "addresses\n");
}

/* What was good with an example need not be so with every name. */
static void test_names_that_do_not_fit_a_body(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {addresses: [10.0.0.1], peer: "
			  "{name: '{netns}'}}}\n");
	EXPAND(&scene, "fits", "is-far-too-long-for-that");
	CHECK(scene.pairs.n == 2 && !find(&scene, "t-fits")->blocked);
	CHECK(strcmp(scene.pairs.items[scene.pairs.items[0].blocked ? 0 : 1].blocked,
		     "t.yaml:2:80: name: \"is-far-too-long-for-that\" has 24 bytes; a device's "
		     "name "
		     "has at most 15") == 0);
}

static void test_same_names(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {netns: a}, name: same, pair: {}}\n"
			  "  u: {match: {netns: b}, name: same, pair: {}}\n"
			  "  v: {match: {}, name: 'w{netns}', pair: {peer: {name: v}}}\n"
			  "pairs: {wb: {peer: {netns: x}}}\n");
	EXPAND(&scene, "a", "b");
	expect_pairs(&scene, "same in a:\nwa in a:\n");
	expect_conflicts(
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
	read_file(&scene, "templates:\n  t: {match: {}, name: '{netns:6}', pair: {}}\n");
	expand(&scene, two, 2);
	CHECK(scene.pairs.n == 1 && strcmp(scene.pairs.items[0].netns.text, two[0]) == 0);
	CHECK(scene.conflicts.n == 1 && strstr(scene.conflicts.items[0].text, two[0]) &&
	      strstr(scene.conflicts.items[0].text, two[1]));
}

static void test_same_peers(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {}}\n"
			  "  u: {match: {netns: a}, name: u, pair: {}}\n"
			  "pairs: {w: {peer: {netns: b}}}\n");
	EXPAND(&scene, "a", "b", "c");
	expect_pairs(&scene,
		     "t-a in a:\n"
		     "t-b in b: pair \"t-b\": namespace b already has a peer called eth0, of "
		     "pair \"w\" at t.yaml:4:9, which stays in force\n"
		     "t-c in c:\n"
		     "u in a: pair \"u\": namespace a already has a peer called eth0, of pair "
		     "\"t-a\" at t.yaml:2:3, which stays in force\n");
	expect_conflicts(&scene, "");
	CHECK(!scene.pairs.incomplete);
}

/* What neither can have for a declared pair's sake gives no two pairs one name. */
static void test_same_names_of_blocked_pairs(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "pairs: {w: {peer: {netns: a}}}\n"
			  "templates:\n"
			  "  t: {match: {}, name: 'm-{netns}', pair: {}}\n"
			  "  u: {match: {}, name: 'm-{netns}', pair: {}}\n");
	EXPAND(&scene, "a");
	CHECK(scene.pairs.n == 1 && find(&scene, "m-a")->blocked);
	CHECK(scene.conflicts.n == 1 && scene.conflicts.items[0].line == 4);
}

/* What can be had is not kept out by what cannot; the first reason is the one that is told. */
static void test_blocked_for_two_reasons(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 'a-{netns}', pool: none, pair: {peer: {addresses: "
		  "['{ip}']}}}\n"
		  "  u: {match: {}, name: 'b-{netns}', pair: {}}\n");
	EXPAND(&scene, "x");
	expect_pairs(&scene, "a-x in x: no file declares pool none\nb-x in x:\n");
}

static void test_same_addresses(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {peer: {addresses: "
			  "[10.0.0.1/24]}}}\n");
	EXPAND(&scene, "a", "b");
	expect_pairs(&scene,
		     "t-a in a: 10.0.0.1/24\n"
		     "t-b in b: pair \"t-b\": address 10.0.0.1 is already pair \"t-a\"'s, at "
		     "t.yaml:2:3, which stays in force\n");
	scene.world.addresses = CLAIM_ADDRESSES_ANY;
	EXPAND(&scene, "a", "b");
	expect_pairs(&scene, "t-a in a: 10.0.0.1/24\nt-b in b: 10.0.0.1/24\n");
}

static void test_too_many(void)
{
	AUTO(scene_done) struct scene scene = {};

	read_file(&scene, "templates:\n"
			  "  t: {match: {}, name: 't-{netns}', pair: {}}\n"
			  "pairs: {w: {peer: {netns: x}}}\n");
	scene.world.max_pairs = 3;
	EXPAND(&scene, "a", "b");
	CHECK(scene.pairs.n == 2 && !scene.pairs.incomplete);
	EXPAND(&scene, "a", "b", "c", "d");
	CHECK(scene.pairs.n == 2 && scene.pairs.incomplete);
	expect_conflicts(&scene,
			 "t.yaml:2:3: with those of templates there are more than 3 pairs; that of "
			 "namespace \"c\" and those after it are left out\n");
}

/* ---- addresses that somebody has ---- */

static void test_taken_addresses(void)
{
	AUTO(scene_done) struct scene scene = {};

	/* Of six addresses one is a declared peer's, one a declared primary's, two are the body's. */
	read_file(&scene,
		  "templates:\n"
		  "  t: {match: {}, name: 't-{netns}', pool: p, pair: {addresses: [10.0.0.1], "
		  "peer: {addresses: ['{ip}']}}}\n"
		  "  u: {name: 'u-{netns}', pair: {peer: {addresses: [10.0.0.2/29]}}}\n"
		  "pools: {p: {ipv4: 10.0.0.0/29}}\n"
		  "pairs: {w: {addresses: [10.0.0.3], peer: {netns: x, addresses: "
		  "[10.0.0.4/24]}}}\n");
	EXPAND(&scene, "a", "b", "c");
	CHECK(scene.leases.n == 2);
	for (size_t i = 0; i < 2; i++)
		CHECK(scene.leases.items[i].ip.bytes[3] >= 5);
	CHECK(strcmp(find(&scene, "t-c")->blocked,
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

	read_file(&scene, text);
	EXPAND(&scene, "a");
	ip = scene.leases.items[0].ip;
	read_file(&scene, "{}");
	scene.world.incomplete = true;
	EXPAND(&scene, "a");
	CHECK(scene.leases.n == 1 && !scene.leases.items[0].released);
	read_file(&scene, text);
	EXPAND(&scene, "a");
	CHECK(ip_equal(&scene.leases.items[0].ip, &ip));
	read_file(&scene, "{}");
	EXPAND(&scene, "a");
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
	read_file(&scene, pods);
	scene.world.max_pairs = PAIRS_MAX;
	/* The least of three: others use this machine too. */
	for (size_t i = 0; i < 3; i++) {
		leases_done(&scene.leases);
		start = milliseconds();
		expand(&scene, namespaces, n);
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

	read_file(&scene, pods);
	for (size_t round = 0; round < 2000; round++) {
		const char *there[ARRAY_SIZE(all)];
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			if (random >> 63)
				there[n++] = all[i];
		}
		expand(&scene, there, n);
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
	test_over();
	test_over_that_cannot_be_had();
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
