/* SPDX-License-Identifier: GPL-2.0-only */
/* Pairs that are laid over a template: what they have of it, and what is said where that cannot be. */
#include "unit/scene.h"

#define TEMPLATES                                                                             \
	"templates:\n"                                                                             \
	"  t: {match: {netns: 'pod-*'}, name: 't-{netns}', pool: p, pair: {mode: l2, mtu: 9000,\n" \
	"      labels: {of: '{netns}', name: '{name}'}, programs: [count],\n"                      \
	"      peer: {addresses: ['{ip}/24'], programs: [acl], sysctls: {net.ipv4.ip_forward: 1}}}}\n" \
	"pools: {p: {ipv4: 10.0.0.0/29}}\n"

static void test_laid(void)
{
	AUTO(scene_done) struct scene scene = {};
	const struct pair *pair;

	scene_read_file(&scene,
		  TEMPLATES
		  "pairs:\n"
		  "  web0: {template: t, mtu: 1400, mac: 02:00:00:00:00:01, labels: {of: ~},\n"
		  "         peer: {netns: {path: /proc/7/ns/net}, programs: [acl, drop],\n"
		  "                sysctls: {net.ipv4.ip_forward: ~}}}\n"
		  "  web1: {template: t, peer: {netns: {pid: 77, cookie: 9}, addresses: [10.0.0.2/24]}}\n"
		  "  plain: {peer: {netns: a}}\n");
	SCENE_EXPAND(&scene, "pod-1");
	scene_expect_pairs(&scene, "t-pod-1 in pod-1: 10.0.0.3/24\n"
			     "web0 in /proc/7/ns/net: 10.0.0.4/24\n"
			     "web1 in 77: 10.0.0.2/24\n");
	scene_expect_conflicts(&scene, "");
	pair = scene_find(&scene, "web0");
	CHECK(pair->mode == MODE_L2 && pair->end[SIDE_PRIMARY].attrs.mtu == 1400);
	CHECK(pair->end[SIDE_PRIMARY].attrs.has & ATTR_MAC);
	CHECK(pair->end[SIDE_PRIMARY].n_uses == 1 && pair->end[SIDE_PEER].n_uses == 2);
	CHECK(!pair->end[SIDE_PEER].n_sysctls);
	CHECK(pair->n_labels == 1 && strcmp(pair->labels[0].value, "web0") == 0);
	CHECK(pair->at.line == 7 && strcmp(pair->template, "t") == 0);
	pair = scene_find(&scene, "web1");
	CHECK(pair->netns.by == NETNS_BY_PID && pair->netns.cookie == 9);
	CHECK(strcmp(pair->labels[1].value, "77") == 0);
	/* Who says its address needs none of the pool. */
	CHECK(scene.leases.n == 2 && strcmp(scene.leases.items[0].owner, "=web0//proc/7/ns/net") == 0);
}

static void test_that_cannot_be_had(void)
{
	AUTO(scene_done) struct scene scene = {};

	scene_read_file(&scene, TEMPLATES
		  "pairs:\n"
		  "  a: {template: other, peer: {netns: a, addresses: [10.1.0.1/24]}}\n"
		  "  b: {template: t, mode: l3, mac: 02:00:00:00:00:01, peer: {netns: b}}\n"
		  "  c: {template: t, peer: {netns: c, addresses: [10.1.0.1/24]}}\n"
		  "  d: {template: t, peer: {netns: c, name: eth1, addresses: [10.9.0.1/24]}}\n"
		  "  e: {peer: {netns: e, addresses: [10.9.0.1/24]}}\n"
		  "  t-pod-1: {template: t, peer: {netns: pod-2, name: eth7, addresses: [10.2.0.1/24]}}\n");
	SCENE_EXPAND(&scene, "pod-1");
	scene_expect_pairs(&scene,
		     "a in a: no file declares template other\n"
		     "b in b: t.yaml:8:35: mac: a pair in mode l3 has no MAC addresses; write \"mode: "
		     "l2\" to set one\n"
		     "c in c: 10.1.0.1/24\n"
		     "d in c: pair \"d\": address 10.9.0.1 is already pair \"e\"'s, at "
		     "t.yaml:11:3, which stays in force\n"
		     "t-pod-1 in pod-2: 10.2.0.1/24\n");
	scene_expect_conflicts(&scene,
			 "t.yaml:2:3: template \"t\": the device of namespace \"pod-1\" would be called "
			 "t-pod-1, as the pair that is declared at t.yaml:12:3, which stays in force\n");
}

int main(void)
{
	test_laid();
	test_that_cannot_be_had();
	return 0;
}
