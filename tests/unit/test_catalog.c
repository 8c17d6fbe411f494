/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many files as one: what stays in force when a file breaks, who wins when two declare the same,
 * and what it costs. Files are given as a list that ends with a NULL name.
 */
#include "core/catalog.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

struct file {
	const char *name;
	const char *text; /* NULL: cannot be read */
	enum config_kind kind;
};

static void update(struct catalog *catalog, const struct file *files)
{
	struct catalog_source sources[8] = {};
	size_t n = 0;

	for (; files[n].name; n++) {
		struct config_part *part = calloc(1, sizeof(*part));

		CHECK(part && asprintf(&part->path, "/etc/metad/%s", files[n].name) > 0);
		part->bytes = files[n].text ? strdup(files[n].text) : NULL;
		part->len = files[n].text ? strlen(files[n].text) : 0;
		part->error = files[n].text ? 0 : -EACCES;
		sources[n] = (struct catalog_source){ .name = strdup(files[n].name),
						      .kind = files[n].kind,
						      .parts = part,
						      .n_parts = 1 };
	}
	CHECK(catalog_update(catalog, sources, n) == 0);
	for (size_t i = 0; i < n; i++)
		catalog_source_done(&sources[i]);
}

static struct desired *join(struct catalog *catalog)
{
	struct desired *desired;

	CHECK(catalog_join(catalog, NULL, &desired) == 0);
	CHECK(desired->n_refs == 1);
	for (size_t i = 1; i < desired->n_pairs; i++)
		CHECK(strcmp(desired->pairs[i - 1].name, desired->pairs[i].name) < 0);
	for (size_t i = 1; i < desired->n_programs; i++)
		CHECK(strcmp(desired->programs[i - 1].name, desired->programs[i].name) < 0);
	return desired;
}

static struct desired *update_and_join(struct catalog *catalog, const struct file *files)
{
	update(catalog, files);
	return join(catalog);
}

/* All diagnostics as lines, into a buffer that is big enough for a test. */
struct lines {
	char text[4096];
};

static void add_line(void *ctx, const struct diag *diag)
{
	struct lines *lines = ctx;
	AUTO_FREE char *line = diag_text(diag);

	strncat(lines->text, line, sizeof(lines->text) - strlen(lines->text) - 1);
	strncat(lines->text, "\n", sizeof(lines->text) - strlen(lines->text) - 1);
}

static void expect_lines(const struct catalog *catalog, const struct desired *desired,
			 const char *expected)
{
	struct lines lines = {};

	catalog_each_diag(catalog, desired, add_line, &lines);
	if (strcmp(lines.text, expected) != 0)
		fprintf(stderr, "said:\n%s", lines.text);
	CHECK(strcmp(lines.text, expected) == 0);
}

#define PAIR(name, netns) "  " name ": {peer: {netns: " netns "}}\n"
#define MTU(name, netns, mtu) "  " name ": {mtu: " mtu ", peer: {netns: " netns "}}\n"

static uint32_t mtu_of(const struct desired *desired, const char *name)
{
	const struct pair *pair = desired_find_pair(desired, name);

	CHECK(pair);
	return pair->end[SIDE_PEER].attrs.mtu;
}

/* ---- cases ---- */

static void test_nothing(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO(desired_unrefp) struct desired *desired = NULL;

	desired = update_and_join(&catalog, (struct file[]){ {} });
	CHECK(desired->n_pairs == 0 && !desired->incomplete);
	CHECK(desired->n_programs == 1);
	CHECK(strcmp(desired->programs[0].name, PROGRAM_POLICY_DROP) == 0);
	CHECK(strcmp(desired->programs[0].object, "drop") == 0);
	CHECK(desired->settings.audit_ms == SETTINGS_DEFAULT.audit_ms);
	expect_lines(&catalog, desired, "");
}

static void test_broken_file_keeps_its_last_good_content(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file good[] = { { "a.yaml", "pairs:\n" PAIR("a", "x") },
				     { "b.yaml", "pairs:\n" PAIR("b", "y") },
				     {} };
	const struct file broken[] = { { "a.yaml", "pairs: soon" },
				       { "b.yaml", "pairs:\n" MTU("b", "y", "1400") },
				       {} };
	const struct file fixed[] = { { "a.yaml", "pairs:\n" MTU("a", "x", "1300") },
				      { "b.yaml", "pairs:\n" MTU("b", "y", "1400") },
				      {} };
	static const char said[] =
		"/etc/metad/a.yaml:1:8: pairs must be a map of names and pairs\n";
	struct desired *desired = update_and_join(&catalog, good);

	CHECK(desired->n_pairs == 2 && !desired->incomplete);
	desired_unref(desired);
	for (size_t i = 0; i < 3; i++) {
		desired = update_and_join(&catalog, broken);
		CHECK(desired->n_pairs == 2 && !desired->incomplete);
		CHECK(mtu_of(desired, "a") == 1500 && mtu_of(desired, "b") == 1400);
		expect_lines(&catalog, desired, said);
		desired_unref(desired);
	}
	desired = update_and_join(&catalog, fixed);
	CHECK(mtu_of(desired, "a") == 1300);
	expect_lines(&catalog, desired, "");
	desired_unref(desired);
}

static void test_unreadable_file_keeps_its_last_good_content(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	struct desired *desired;

	desired_unref(update_and_join(
		&catalog, (struct file[]){ { "a.yaml", "pairs:\n" PAIR("a", "x") }, {} }));
	desired = update_and_join(&catalog, (struct file[]){ { "a.yaml", NULL }, {} });
	CHECK(desired->n_pairs == 1 && !desired->incomplete);
	expect_lines(&catalog, desired, "/etc/metad/a.yaml: cannot be read: Permission denied\n");
	desired_unref(desired);
}

static void test_file_that_was_never_good(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = { { "a.yaml", "x: 1" },
				      { "b.yaml", "pairs:\n" PAIR("b", "y") },
				      {} };
	struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 1 && desired->incomplete);
	desired_unref(desired);
	desired = update_and_join(&catalog, (struct file[]){ { "a.yaml", NULL }, {} });
	CHECK(desired->incomplete);
	desired_unref(desired);
	desired = update_and_join(&catalog, &files[1]);
	CHECK(desired->n_pairs == 1 && !desired->incomplete);
	desired_unref(desired);
}

static void test_file_that_is_gone_is_forgotten(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	struct desired *desired;

	desired_unref(update_and_join(
		&catalog, (struct file[]){ { "a.yaml", "pairs:\n" PAIR("a", "x") }, {} }));
	desired = update_and_join(&catalog, (struct file[]){ {} });
	CHECK(desired->n_pairs == 0 && !desired->incomplete);
	desired_unref(desired);
	desired = update_and_join(&catalog, (struct file[]){ { "a.yaml", "[" }, {} });
	CHECK(desired->n_pairs == 0 && desired->incomplete);
	desired_unref(desired);
}

static void test_snapshot_outlives_the_file(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = {
		{ "a.yaml", "programs: {p: {object: acl, program: f}}\n"
			    "pairs: {a: {labels: {b: 1, a: x}, addresses: [10.0.0.1/32], routes: "
			    "[{to: 10.0.0.0/8}], "
			    "programs: [p], neighbours: [{ip: 10.0.0.2, mac: 02:00:00:00:00:01}], "
			    "peer: {netns: x, sysctls: {net.ipv4.ip_forward: 1}}}}" },
		{}
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);
	const struct pair *pair;

	catalog_done(&catalog);
	pair = desired_find_pair(desired, "a");
	CHECK(pair && strcmp(pair->netns.text, "x") == 0);
	CHECK(pair->n_labels == 2 && strcmp(pair->labels[0].key, "a") == 0 &&
	      strcmp(pair->labels[1].value, "1") == 0);
	CHECK(pair->at.line == 2 && strcmp(pair->at.file, "/etc/metad/a.yaml") == 0);
	CHECK(pair->end[SIDE_PRIMARY].n_addresses == 1 && pair->end[SIDE_PRIMARY].n_routes == 1);
	CHECK(pair->end[SIDE_PRIMARY].n_neighbours == 1 && pair->end[SIDE_PRIMARY].n_uses == 1);
	CHECK(strcmp(pair->end[SIDE_PEER].sysctls[0].key, "net.ipv4.ip_forward") == 0);
	CHECK(strcmp(desired_find_program(desired, "p")->function, "f") == 0);
}

static void test_first_file_wins(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	/* The order of the list must not matter, nor that of directories. */
	const struct file files[] = {
		{ "b.yaml", "programs:\n  p: {object: two}\npairs:\n" MTU("w", "x", "1400") },
		{ "a.yaml", "programs:\n  p: {object: one}\npairs:\n" MTU("w", "y", "1300") },
		{ "c.yaml", "pairs:\n" MTU("w", "y", "1200") },
		{}
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 1 && mtu_of(desired, "w") == 1300);
	CHECK(strcmp(desired_find_program(desired, "p")->object, "one") == 0);
	expect_lines(&catalog, desired, "/etc/metad/b.yaml:4:3: pair \"w\" is already declared at "
			       "/etc/metad/a.yaml:4:3, which stays in force\n"
			       "/etc/metad/c.yaml:2:3: pair \"w\" is already declared at "
			       "/etc/metad/a.yaml:4:3, which stays in force\n"
			       "/etc/metad/b.yaml:2:3: program \"p\" is already declared at "
			       "/etc/metad/a.yaml:2:3, which stays in force\n");
}

static void test_first_peer_wins(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	/* b's "v" loses its name to a's, so it must not take the namespace from c's "u". */
	const struct file files[] = { { "a.yaml", "pairs:\n" PAIR("z", "x") PAIR("v", "y") },
				      { "b.yaml", "pairs:\n" PAIR("a", "x") PAIR("v", "w") },
				      { "c.yaml", "pairs:\n" PAIR("u", "w") },
				      {} };
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 3);
	CHECK(desired_find_pair(desired, "z") && desired_find_pair(desired, "u"));
	CHECK(!desired_find_pair(desired, "a"));
	expect_lines(
		&catalog, desired, "/etc/metad/b.yaml:2:3: pair \"a\": namespace x already has a peer called eth0, "
		"of pair \"z\" at /etc/metad/a.yaml:2:3, which stays in force\n"
		"/etc/metad/b.yaml:3:3: pair \"v\" is already declared at "
		"/etc/metad/a.yaml:3:3, which stays in force\n");
}

/* b's "a" is left out for its peer, so c's has the name. */
static void test_who_is_left_out_takes_nothing(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = { { "a.yaml", "pairs:\n" PAIR("z", "x") },
				      { "b.yaml", "pairs:\n" PAIR("a", "x") },
				      { "c.yaml", "pairs:\n" PAIR("a", "y") },
				      {} };
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);
	const struct pair *pair = desired_find_pair(desired, "a");

	CHECK(desired->n_pairs == 2 && pair && strcmp(pair->netns.text, "y") == 0);
	expect_lines(
		&catalog, desired, "/etc/metad/b.yaml:2:3: pair \"a\": namespace x already has a peer called eth0, "
		"of pair \"z\" at /etc/metad/a.yaml:2:3, which stays in force\n");
}

#define ADDRESS(name, netns, addresses)                                                            \
	"  " name ": {addresses: [10.9.9.9/32], peer: {netns: " netns ", addresses: [" addresses   \
	"]}}\n"

static void test_first_address_wins(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	/* Nobody loses to c, which is out itself; the length of a prefix makes no other address. */
	const struct file files[] = {
		{ "a.yaml", "pairs:\n" ADDRESS("b", "x", "10.0.0.1/32, 10.0.0.1/24") },
		{ "b.yaml", "pairs:\n" ADDRESS("d", "w", "10.0.0.2/24")
				    ADDRESS("c", "v", "'2001:db8::2', 10.0.0.1/8") },
		{ "c.yaml", "pairs:\n" ADDRESS("e", "u", "'2001:db8::2/64'")
				    ADDRESS("a", "t", "10.0.0.3, 10.0.0.2") },
		{}
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 3 && desired->incomplete);
	CHECK(desired_find_pair(desired, "b") && desired_find_pair(desired, "d") &&
	      desired_find_pair(desired, "e"));
	expect_lines(
		&catalog, desired, "/etc/metad/c.yaml:3:3: pair \"a\": address 10.0.0.2 is already pair \"d\"'s, at "
		"/etc/metad/b.yaml:2:3, which stays in force\n"
		"/etc/metad/b.yaml:3:3: pair \"c\": address 10.0.0.1 is already pair \"b\"'s, at "
		"/etc/metad/a.yaml:2:3, which stays in force\n");
}

static void test_address_twice_in_one_file(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = { { "a.yaml", "pairs:\n" ADDRESS("b", "x", "10.0.0.1/32")
							  ADDRESS("a", "y", "10.0.0.1/24") },
				      {} };
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 1 && desired_find_pair(desired, "a"));
	expect_lines(
		&catalog, desired, "/etc/metad/a.yaml:2:3: pair \"b\": address 10.0.0.1 is already pair \"a\"'s, at "
		"/etc/metad/a.yaml:3:3, which stays in force\n");
}

static void test_addresses_that_may_be_twice(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file allowed[] = { { "a.yaml", "pairs:\n" ADDRESS("a", "x", "10.0.0.1")
							    ADDRESS("b", "y", "10.0.0.1") },
					{ "metad.yaml", "duplicate_addresses: allow",
					  CONFIG_SETTINGS },
					{} };
	const struct file linklocal[] = {
		{ "a.yaml", "pairs:\n" ADDRESS("a", "x", "169.254.1.2, 'fe80::1', 'febf::1'")
				    ADDRESS("b", "y", "169.254.1.2, 'fe80::1', 'febf::1'") },
		{}
	};
	struct desired *desired = update_and_join(&catalog, allowed);

	CHECK(desired->n_pairs == 2 && desired->settings.duplicate_addresses);
	desired_unref(desired);
	desired = update_and_join(&catalog, linklocal);
	CHECK(desired->n_pairs == 2 && !desired->settings.duplicate_addresses);
	expect_lines(&catalog, desired, "");
	desired_unref(desired);
}

static void test_conflict_ends_with_its_cause(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = { { "a.yaml", "pairs:\n" PAIR("w", "x") },
				      { "b.yaml", "pairs:\n" MTU("w", "x", "1400") },
				      {} };
	struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->conflicts.n == 1);
	desired_unref(desired);
	desired = update_and_join(&catalog, &files[1]);
	CHECK(desired->conflicts.n == 0 && mtu_of(desired, "w") == 1400);
	desired_unref(desired);
}

static void test_uses_without_definition(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = {
		{ "a.yaml", "pairs: {a: {programs: [count, mine, acl], peer: {netns: x, programs: "
			    "[count]}}}" },
		{ "b.yaml", "programs: {mine: {object: /x.o}}" },
		{}
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_programs == 4);
	CHECK(strcmp(desired_find_program(desired, "acl")->object, "acl") == 0);
	CHECK(strcmp(desired_find_program(desired, "count")->object, "count") == 0);
	CHECK(!desired_find_program(desired, "count")->at.file);
	CHECK(strcmp(desired_find_program(desired, "mine")->object, "/x.o") == 0);
}

static void test_settings(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	/* A drop-in may have the name of the settings. */
	struct file files[] = {
		{ "metad.yaml", "audit: 7s", CONFIG_SETTINGS },
		{ "metad.yaml", "pairs:\n" PAIR("a", "x"), CONFIG_PAIRS },
		{},
	};
	struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->settings.audit_ms == 7000 && desired->n_pairs == 1);
	desired_unref(desired);
	files[0].text = "audit: soon";
	files[1].text = "pairs: soon";
	desired = update_and_join(&catalog, files);
	CHECK(desired->settings.audit_ms == 7000 && desired->n_pairs == 1);
	desired_unref(desired);
	desired = update_and_join(&catalog, &files[1]);
	CHECK(desired->settings.audit_ms == SETTINGS_DEFAULT.audit_ms && desired->n_pairs == 1);
	desired_unref(desired);
}

/* Broken settings say nothing of pairs: none is held for them. */
static void test_broken_settings(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = { { "metad.yaml", "audits: 1", CONFIG_SETTINGS }, {} };
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(!desired->incomplete);
	CHECK(desired->settings.audit_ms == SETTINGS_DEFAULT.audit_ms);
}

/* Pairs are laid over the defaults of the settings, and read anew when these change. */
static void test_defaults(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	struct file files[] = {
		{ "a.yaml", "pairs:\n" PAIR("a", "x") MTU("b", "y", "1300") },
		{ "metad.yaml", "defaults: {mtu: 1400, peer: {policy: drop}}", CONFIG_SETTINGS },
		{},
	};
	struct desired *desired = update_and_join(&catalog, files);

	CHECK(mtu_of(desired, "a") == 1400 && mtu_of(desired, "b") == 1300);
	CHECK(desired->pairs[0].end[SIDE_PEER].policy == POLICY_DROP);
	CHECK(desired->pairs[0].end[SIDE_PRIMARY].policy == POLICY_FORWARD);
	desired_unref(desired);
	files[1].text = "defaults: {mtu: 1450}";
	desired = update_and_join(&catalog, files);
	CHECK(mtu_of(desired, "a") == 1450 && mtu_of(desired, "b") == 1300);
	CHECK(desired->pairs[0].end[SIDE_PEER].policy == POLICY_FORWARD);
	desired_unref(desired);
	/* Broken settings keep those of before, for files that are new as well. */
	files[0].text = "pairs:\n" PAIR("c", "x");
	files[1].text = "defaults: {mtu: few}";
	desired = update_and_join(&catalog, files);
	CHECK(mtu_of(desired, "c") == 1450);
	desired_unref(desired);
	files[1].name = NULL;
	desired = update_and_join(&catalog, files);
	CHECK(mtu_of(desired, "c") == 1500);
	desired_unref(desired);
}

/* What only goes wrong together is a fault of the pair's file, at the place where it stands. */
static void test_defaults_that_do_not_fit(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = {
		{ "metad.yaml", "defaults:\n  mode: l2\n  mac: 02:00:00:00:00:01\n",
		  CONFIG_SETTINGS },
		{ "a.yaml", "pairs: {a: {mode: l3, peer: {netns: x}}}" },
		{},
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 0 && desired->incomplete);
	expect_lines(&catalog, desired, "/etc/metad/metad.yaml:3:8: mac: a pair in mode l3 has no MAC "
			       "addresses; write \"mode: l2\" to set one\n");
}

static void test_limit_of_pairs(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	const struct file files[] = {
		{ "a.yaml", "pairs:\n" PAIR("a", "x") PAIR("b", "y") PAIR("c", "z") },
		{ "metad.yaml", "limits: {pairs: 2}", CONFIG_SETTINGS },
		{},
	};
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == 2 && desired->incomplete);
	expect_lines(&catalog, desired, "/etc/metad/a.yaml:4:3: all files together declare more than 2 "
			       "pairs; pair \"c\" and those after it by name are left out\n");
}

/* ---- many ---- */

static char *many_pairs(const char *prefix, const char *netns, size_t n)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	CHECK(out);
	fprintf(out, "pairs:\n");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "  %s%zu: {peer: {netns: %s%zu}}\n", prefix, i, netns, i);
	fclose(out);
	return text;
}

static void test_many_conflicts(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO_FREE char *a = many_pairs("a", "x", PAIRS_MAX), *b = many_pairs("b", "x", PAIRS_MAX);
	const struct file files[] = { { "a.yaml", a }, { "b.yaml", b }, { "c.yaml", a }, {} };
	AUTO(desired_unrefp) struct desired *desired = NULL;
	uint64_t start_ms = util_now_ms();

	desired = update_and_join(&catalog, files);
	/* Those of b were left out for others' sake: should they exist, they are not deleted. */
	CHECK(desired->n_pairs == PAIRS_MAX && desired->incomplete);
	CHECK(desired->conflicts.n == 101);
	CHECK(strcmp(desired->conflicts.items[100].text,
		     "199900 more conflicts between declarations, not shown") == 0);
	CHECK(util_now_ms() - start_ms < 60000);
}

static void test_too_many_pairs_in_all(void)
{
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO_FREE char *a = many_pairs("a", "x", PAIRS_MAX), *b = many_pairs("b", "y", 10);
	const struct file files[] = { { "a.yaml", a }, { "b.yaml", b }, {} };
	AUTO(desired_unrefp) struct desired *desired = update_and_join(&catalog, files);

	CHECK(desired->n_pairs == PAIRS_MAX);
	CHECK(desired->incomplete);
	expect_lines(&catalog, desired, "/etc/metad/b.yaml:2:3: all files together declare more than 100000 "
			       "pairs; pair \"b0\" and those after it by name are left out\n");
}

int main(void)
{
	test_nothing();
	test_broken_file_keeps_its_last_good_content();
	test_unreadable_file_keeps_its_last_good_content();
	test_file_that_was_never_good();
	test_file_that_is_gone_is_forgotten();
	test_snapshot_outlives_the_file();
	test_first_file_wins();
	test_first_peer_wins();
	test_who_is_left_out_takes_nothing();
	test_first_address_wins();
	test_address_twice_in_one_file();
	test_addresses_that_may_be_twice();
	test_conflict_ends_with_its_cause();
	test_uses_without_definition();
	test_settings();
	test_broken_settings();
	test_defaults();
	test_defaults_that_do_not_fit();
	test_limit_of_pairs();
	test_many_conflicts();
	test_too_many_pairs_in_all();
	return 0;
}
