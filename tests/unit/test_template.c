/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Templates: what they match, how they name devices, and what becomes of a body. What is said of
 * wrong ones is the business of tests/golden/config.
 */
#include "core/template.h"
#include "core/config.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

static struct config parse(const char *text)
{
	const struct config_part part = { .path = (char *)"t.yaml",
					  .bytes = (char *)text,
					  .len = strlen(text) };
	AUTO(diag_list_done) struct diag_list diags = {};
	struct config config = {};
	int r = config_parse(CONFIG_PAIRS, &part, 1, NULL, &config, &diags);

	for (size_t i = 0; i < diags.n; i++) {
		AUTO_FREE char *line = diag_text(&diags.items[i]);

		fprintf(stderr, "%s\n", line);
	}
	CHECK(r == 0);
	return config;
}

/* ---- matching ---- */

/* labels are keys and values in turn, up to a NULL. */
static bool matches(const char *match, const char *netns, const char *const *labels)
{
	AUTO_FREE char *text = NULL;
	AUTO(config_done) struct config config = {};
	struct label items[4] = {};
	const struct label *pointers[4];
	struct template_labels all = { .items = pointers };

	CHECK(asprintf(&text, "templates: {t: {%s name: 'm-{netns}', pair: {}}}", match) > 0);
	config = parse(text);
	for (; labels && labels[2 * all.n]; all.n++) {
		items[all.n] = (struct label){ (char *)labels[2 * all.n],
					       (char *)labels[2 * all.n + 1] };
		pointers[all.n] = &items[all.n];
	}
	return template_matches(&config.templates[0], netns, &all);
}

static void test_namespaces(void)
{
	static const char pods[] = "match: {netns: ['pod-*', 'web', '!pod-test-*', '!*-x']},";

	CHECK(!matches("", "web", NULL));
	CHECK(matches("match: {},", "web", NULL));
	CHECK(matches("match: {netns: web},", "web", NULL));
	CHECK(!matches("match: {netns: web},", "web2", NULL));
	CHECK(matches(pods, "pod-1", NULL));
	CHECK(matches(pods, "web", NULL));
	CHECK(!matches(pods, "webs", NULL));
	CHECK(!matches(pods, "pod-test-1", NULL));
	CHECK(!matches(pods, "pod-1-x", NULL));
	CHECK(matches("match: {netns: '!web'},", "pod", NULL));
	CHECK(!matches("match: {netns: '!web'},", "web", NULL));
	CHECK(matches("match: {netns: '[a-c]?'},", "b1", NULL));
	CHECK(!matches("match: {netns: '[a-c]?'},", "d1", NULL));
	CHECK(matches("match: {netns: 'a\\*'},", "a*", NULL));
	CHECK(!matches("match: {netns: 'a\\*'},", "ab", NULL));
	/* Unlike file names, names of namespaces have no parts and no hidden ones. */
	CHECK(matches("match: {netns: '*'},", ".hidden", NULL));
}

static void test_labels(void)
{
	static const char web[] = "match: {labels: {app: 'web*'}},";
	static const char both[] = "match: {netns: 'p*', labels: {app: web, tier: '!test'}},";
	static const char empty[] = "match: {labels: {app: '!?*'}},";

	CHECK(!matches(web, "x", NULL));
	CHECK(matches(web, "x", (const char *[]){ "app", "web1", NULL }));
	CHECK(!matches(web, "x", (const char *[]){ "app", "db", NULL }));
	CHECK(!matches(web, "x", (const char *[]){ "apps", "web1", NULL }));
	CHECK(matches(web, "x", (const char *[]){ "app", "db", "app", "web", NULL }));
	CHECK(matches(both, "p", (const char *[]){ "app", "web", NULL }));
	CHECK(matches(both, "p", (const char *[]){ "app", "web", "tier", "front", NULL }));
	CHECK(!matches(both, "p", (const char *[]){ "app", "web", "tier", "test", NULL }));
	CHECK(!matches(both, "q", (const char *[]){ "app", "web", NULL }));
	CHECK(!matches(both, "p", (const char *[]){ "tier", "front", NULL }));
	CHECK(!matches(both, "p",
		       (const char *[]){ "app", "web", "tier", "front", "tier", "test", NULL }));
	CHECK(matches(empty, "x", (const char *[]){ "app", "", NULL }));
	CHECK(!matches(empty, "x", (const char *[]){ "app", "x", NULL }));
}

static void test_many(void)
{
	static const struct {
		const char *match;
		bool many;
	} cases[] = {
		{ "", true },
		{ "match: {},", true },
		{ "match: {netns: '!a'},", true },
		{ "match: {netns: [a, b]},", true },
		{ "match: {netns: 'a*'},", true },
		{ "match: {netns: 'a?'},", true },
		{ "match: {netns: '[a]'},", true },
		{ "match: {netns: a},", false },
		{ "match: {netns: [a, '!b*']},", false },
		{ "match: {labels: {a: b}},", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = NULL;
		AUTO(config_done) struct config config = {};

		CHECK(asprintf(&text, "templates: {t: {%s name: 'm-{netns}', pair: {}}}",
			       cases[i].match) > 0);
		config = parse(text);
		CHECK(template_matches_many(&config.templates[0]) == cases[i].many);
	}
}

/* ---- names ---- */

static void name_of(const char *before, size_t room, const char *after, const char *netns,
		    char ret[static IFNAMSIZ])
{
	struct template_pattern pattern = { .room = room };

	strcpy(pattern.before, before);
	strcpy(pattern.after, after);
	template_device_name(&pattern, netns, ret);
	CHECK(device_name_is_valid(ret));
	CHECK(strlen(ret) <= strlen(before) + room + strlen(after));
	CHECK(strncmp(ret, before, strlen(before)) == 0);
	CHECK(strcmp(ret + strlen(ret) - strlen(after), after) == 0);
}

static void expect_name(const char *before, size_t room, const char *after, const char *netns,
			const char *expected)
{
	char name[IFNAMSIZ];

	name_of(before, room, after, netns, name);
	if (strcmp(name, expected) != 0)
		fprintf(stderr, "\"%s\" is named \"%s\"\n", netns, name);
	CHECK(strcmp(name, expected) == 0);
}

/* Devices of older versions have these names: they must never change. */
static void test_names_for_ever(void)
{
	expect_name("m-", 8, "", "web", "m-web");
	expect_name("m-", 8, "", "12345678", "m-12345678");
	expect_name("web0", 0, "", "anything", "web0");
	expect_name("a", 6, "-z", "web", "aweb-z");
	expect_name("m-", 8, "", "123456789", "m-506mwb6m");
	expect_name("m-", 13, "", "pod-123456789a", "m-pod-1jcdrc2xt");
	expect_name("", 15, "", "pod-1234567890ab", "pod-123vrgy1xrw");
	expect_name("", 6, "-abcdefgh", "webserver", "ny2jts-abcdefgh");
	expect_name("", 15, "", "a b", "a_b8fy5gjh7");
	expect_name("", 15, "", "größe", "gr____e0gjaabr3");
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Names like those of runtimes: they differ in little, and at their ends. */
static void count_same(size_t room, const char *format, size_t n, size_t max)
{
	char(*names)[IFNAMSIZ] = calloc(n, sizeof(*names));
	size_t same = 0;

	CHECK(names);
	for (size_t i = 0; i < n; i++) {
		char netns[64];

		snprintf(netns, sizeof(netns), format, i);
		name_of("", room, "", netns, names[i]);
	}
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n; i++)
		same += strcmp(names[i - 1], names[i]) == 0;
	printf("%zu names like \"%s\" in %zu bytes: %zu the same\n", n, format, room, same);
	CHECK(same <= max);
	free(names);
}

static void test_collisions(void)
{
	count_same(8, "container-%zu", 100000, 1);
	count_same(8, "cni-%08zx-0000-0000-0000-000000000000", 100000, 1);
	count_same(15, "%zu-of-a-long-name", 100000, 0);
	/* Thirty bits: about n²/2^31. */
	count_same(6, "container-%zu", 100000, 12);
	count_same(6, "%zu-container", 100000, 12);
}

static void test_random_names(void)
{
	uint64_t random = 1;

	for (size_t i = 0; i < 100000; i++) {
		char netns[65] = {}, name[2][IFNAMSIZ];
		size_t len = 1 + i % 64;

		for (size_t j = 0; j < len; j++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			netns[j] = (char)(1 + (random >> 33) % 255);
		}
		name_of("m", TEMPLATE_NETNS_MIN + i % 9, "", netns, name[0]);
		name_of("m", TEMPLATE_NETNS_MIN + i % 9, "", netns, name[1]);
		CHECK(strcmp(name[0], name[1]) == 0);
	}
}

/* ---- bodies ---- */

static void expect_fill(const char *text, const char *expected)
{
	const struct template_values values = { .netns = "n", .name = "d", .ip = "i", .ip6 = "s" };
	AUTO(config_tree_done) struct node filled = {};
	struct node children[] = {
		{ .kind = NODE_SCALAR, .text = (char *)"{ip}" },
		{ .kind = NODE_SCALAR, .text = (char *)text, .quoted = true, .line = 7 },
	};
	const struct node map = { .kind = NODE_MAP, .children = children, .n_children = 2 };

	CHECK(template_fill(&map, &values, &filled) == 0);
	CHECK(filled.kind == NODE_MAP && filled.n_children == 2);
	CHECK(strcmp(filled.children[0].text, "{ip}") == 0);
	CHECK(strcmp(filled.children[1].text, expected) == 0);
	CHECK(filled.children[1].quoted && filled.children[1].line == 7);
}

static void test_fill(void)
{
	expect_fill("", "");
	expect_fill("plain", "plain");
	expect_fill("{ip}/32", "i/32");
	expect_fill("{netns}{name}{ip}{ip6}", "ndis");
	expect_fill("{{ip}", "{ip}");
	expect_fill("{{{ip}}", "{i}");
	expect_fill("{{{{", "{{");
	expect_fill("}}", "}}");
	expect_fill("a{name}b{{c}", "adb{c}");
}

int main(void)
{
	test_namespaces();
	test_labels();
	test_many();
	test_names_for_ever();
	test_collisions();
	test_random_names();
	test_fill();
	return 0;
}
