/* SPDX-License-Identifier: GPL-2.0-only */
/* Declarations that are written: what is read from them is what was to be said, and people like to read it. */
#include "core/config.h"
#include "core/config_write.h"
#include "core/model_equal.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

static struct config parse(enum config_kind kind, const char *text, const struct node *defaults)
{
	const struct config_part part = { .path = (char *)"t.yaml",
					  .bytes = (char *)text,
					  .len = strlen(text) };
	AUTO(diag_list_done) struct diag_list diags = {};
	struct config config = {};
	int r = config_parse(kind, &part, 1, defaults, &config, &diags);

	for (size_t i = 0; i < diags.n; i++) {
		AUTO_FREE char *line = diag_text(&diags.items[i]);

		fprintf(stderr, "%s\n", line);
	}
	CHECK(r == 0);
	return config;
}

static char *write_pair(const struct pair *pair, const struct node *defaults)
{
	char *text;
	size_t len;

	CHECK(config_write_pair(pair, defaults, "# hello\n", &text, &len) == 0);
	CHECK(strlen(text) == len);
	return text;
}

/* The pair of text, read with defaults, is written as itself. */
static void check_same(const char *text, const struct node *defaults)
{
	AUTO(config_done) struct config config = parse(CONFIG_PAIRS, text, defaults);
	AUTO_FREE char *written = write_pair(&config.pairs[0], defaults);

	if (strcmp(written, text) != 0)
		fprintf(stderr, "wanted:\n%s\nwritten:\n%s\n", text, written);
	CHECK(strcmp(written, text) == 0);
}

static const char everything[] = "# hello\n"
				 "pairs:\n"
				 "  web.0:\n"
				 "    kind: netkit\n"
				 "    mode: l2\n"
				 "    mac: 02:00:00:00:00:01\n"
				 "    mtu: 9000\n"
				 "    txqueuelen: 0\n"
				 "    gso_max_size: 200000\n"
				 "    gro_max_size: 200001\n"
				 "    gso_ipv4_max_size: 200002\n"
				 "    gro_ipv4_max_size: 200003\n"
				 "    headroom: 32\n"
				 "    tailroom: 16\n"
				 "    policy: drop\n"
				 "    scrub: none\n"
				 "    addresses:\n"
				 "    - 192.0.2.1/32\n"
				 "    - 2001:db8::1/64\n"
				 "    routes:\n"
				 "    - to: 10.1.0.0/24\n"
				 "    - to: 2001:db8:1::/64\n"
				 "      via: 2001:db8::2\n"
				 "      src: 2001:db8::1\n"
				 "      onlink: true\n"
				 "      metric: 7\n"
				 "      table: 100\n"
				 "    - to: 0.0.0.0/0\n"
				 "      metric: 9\n"
				 "    neighbours:\n"
				 "    - ip: 192.0.2.2\n"
				 "      mac: 02:00:00:00:00:02\n"
				 "    peer:\n"
				 "      netns:\n"
				 "        path: /srv/ns/web\n"
				 "      name: eth1\n"
				 "      mac: 02:00:00:00:00:02\n"
				 "      policy: drop\n"
				 "      addresses:\n"
				 "      - 10.1.0.2/24\n"
				 "      routes:\n"
				 "      - to: default\n"
				 "        via: 169.254.1.1\n"
				 "        onlink: true\n"
				 "      - to: default\n"
				 "        via: fe80::1\n";

static const char least[] = "# hello\n"
			    "pairs:\n"
			    "  web0:\n"
			    "    peer:\n"
			    "      netns: web\n";

static void test_keys(void)
{
	check_same(everything, NULL);
	check_same(least, NULL);
	check_same("# hello\npairs:\n  a:\n    peer:\n      netns:\n        pid: 12\n", NULL);
	check_same("# hello\npairs:\n  a:\n    peer:\n      netns:\n        pid: 12\n"
		   "        cookie: 4711\n", NULL);
}

/* What would be read as another sort of value, by metad or by others. */
static void test_quotes(void)
{
	check_same("# hello\npairs:\n  a:\n    peer:\n      netns: \"12\"\n", NULL);
	check_same("# hello\npairs:\n  a:\n    peer:\n      netns: \"null\"\n      name: \"on\"\n",
		   NULL);
	check_same("# hello\npairs:\n  a:\n    peer:\n      netns: 'a: #b'\n", NULL);
}

/* Where the settings say something else of all pairs, the pair has to say what it is. */
static void test_defaults(void)
{
	AUTO(config_done)
	struct config settings = parse(
		CONFIG_SETTINGS,
		"defaults: {mtu: 9000, mode: l2, programs: [count], txqueuelen: 5,"
		" peer: {policy: drop, name: eth7, routes: [{to: 10.0.0.0/8}]}}",
		NULL);
	AUTO(config_done) struct config config = parse(CONFIG_PAIRS, least, NULL);
	struct pair *pair = &config.pairs[0];
	AUTO_FREE char *text = NULL;
	AUTO(config_done) struct config again = {};

	for (enum side side = 0; side < N_SIDES; side++) {
		pair->end[side].attrs.has |= ATTR_TXQUEUELEN;
		pair->end[side].attrs.txqueuelen = 1000;
	}
	text = write_pair(pair, &settings.defaults);
	CHECK(strstr(text, "mtu: 1500") && strstr(text, "programs: []"));
	again = parse(CONFIG_PAIRS, text, &settings.defaults);
	CHECK(again.pairs[0].mode == MODE_L3);
	CHECK(again.pairs[0].end[SIDE_PRIMARY].attrs.mtu == 1500);
	CHECK(again.pairs[0].end[SIDE_PRIMARY].attrs.txqueuelen == 1000);
	CHECK(again.pairs[0].end[SIDE_PRIMARY].n_uses == 0);
	CHECK(again.pairs[0].end[SIDE_PEER].policy == POLICY_FORWARD);
	CHECK(again.pairs[0].end[SIDE_PEER].n_routes == 0);
	CHECK(strcmp(again.pairs[0].end[SIDE_PEER].attrs.name, "eth0") == 0);
}

int main(void)
{
	test_keys();
	test_quotes();
	test_defaults();
	return 0;
}
