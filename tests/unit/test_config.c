/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bounds of config_parse: what a file costs at its worst. Each case runs in a process of its
 * own, so that its memory can be told from that of others. What is said of faults, and the values
 * that come of good files, are the business of tests/golden/config.
 */
#include "core/config.h"
#include "unit/test.h"

#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MIB (1u << 20)

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

/* Of processor time; no case takes more than one on an old machine. */
#define SECONDS_MAX (SANITIZED ? 60 : 3)

struct text {
	char *bytes;
	size_t len, room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	char piece[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < sizeof(piece));
	if (text->len + n >= text->room) {
		text->room = MAX(2 * text->room, (size_t)MIB);
		text->bytes = realloc(text->bytes, text->room);
		CHECK(text->bytes);
	}
	memcpy(text->bytes + text->len, piece, n);
	text->len += n;
}

/* start, then piece as often as fits into len bytes, then end. */
static struct text repeat(const char *start, const char *piece, const char *end, size_t len)
{
	struct text text = {};

	add(&text, "%s", start);
	while (text.len + strlen(piece) + strlen(end) <= len)
		add(&text, "%s", piece);
	add(&text, "%s", end);
	return text;
}

struct outcome {
	int r;
	struct config config;
	struct diag_list diags;
};

static int parse_text(const char *path, const char *bytes, size_t len, struct config *ret,
		      struct diag_list *diags)
{
	const struct config_part part = { .path = (char *)path, .bytes = (char *)bytes, .len = len };

	return config_parse(CONFIG_PAIRS, &part, 1, NULL, ret, diags);
}

static struct outcome parse(const struct text *text)
{
	struct outcome outcome = {};

	outcome.r = parse_text("big.yaml", text->bytes, text->len, &outcome.config, &outcome.diags);
	CHECK(outcome.r >= 0 && (outcome.r == 0) == (outcome.diags.n == 0));
	CHECK(outcome.diags.n <= 101);
	return outcome;
}

static void expect_fault(const struct text *text, const char *words)
{
	struct outcome outcome = parse(text);
	AUTO_FREE char *line = NULL;

	CHECK(outcome.r == CONFIG_E_INVALID);
	line = diag_text(&outcome.diags.items[0]);
	if (!strstr(line, words))
		fprintf(stderr, "said: %s\n", line);
	CHECK(strstr(line, words));
	CHECK(!outcome.config.n_pairs && !outcome.config.pairs);
	diag_list_done(&outcome.diags);
	free(text->bytes);
}

static void expect_good(const struct text *text, size_t min_pairs)
{
	struct outcome outcome = parse(text);

	CHECK(outcome.r == 0);
	CHECK(outcome.config.n_pairs >= min_pairs);
	config_done(&outcome.config);
	free(text->bytes);
}

/* ---- cases ---- */

static struct text pairs(size_t n, const char *body)
{
	struct text text = {};

	add(&text, "pairs:\n");
	for (size_t i = n; i-- > 0;)
		add(&text, "  w%zu: {peer: {netns: n%zu%s}}\n", i, i, body);
	return text;
}

static void test_most_pairs(void)
{
	struct text text = pairs(PAIRS_MAX, ", policy: drop, addresses: [10.0.0.1/8, 10.0.0.2/8], "
					    "programs: [acl]");
	struct outcome outcome = parse(&text);

	CHECK(outcome.r == 0);
	CHECK(outcome.config.n_pairs == PAIRS_MAX);
	for (size_t i = 1; i < PAIRS_MAX; i++)
		CHECK(strcmp(outcome.config.pairs[i - 1].name, outcome.config.pairs[i].name) < 0);
	CHECK(outcome.config.pairs[0].end[SIDE_PEER].n_addresses == 2);
	config_done(&outcome.config);
	free(text.bytes);
}

static void test_a_pair_too_many(void)
{
	struct text text = pairs(PAIRS_MAX + 1, "");

	expect_fault(&text, "big.yaml:2:3: 100001 pairs are more than 100000");
}

static void test_same_name_again_and_again(void)
{
	struct text text = repeat("pairs:\n", "  a: {peer: {netns: w}}\n", "", MIB);

	expect_fault(&text, "big.yaml:3:3: key \"a\" is already in line 2");
}

static void test_same_peer_again_and_again(void)
{
	struct text text = {};

	add(&text, "pairs:\n");
	for (size_t i = 0; i < PAIRS_MAX; i++)
		add(&text, "  w%06zu: {peer: {netns: x}}\n", i);
	expect_fault(&text, "big.yaml:3:3: pair \"w000001\": namespace x already has a peer");
}

static void test_unknown_keys(void)
{
	struct text text = {};

	add(&text, "pairs:\n  a:\n");
	while (text.len < 10 * MIB)
		add(&text, "    a-key-that-nobody-knows-and-that-takes-its-time-%zu: 1\n",
		    text.len);
	expect_fault(&text, "big.yaml:3:5: unknown key");
}

static void test_many_addresses(void)
{
	struct text text = {};

	add(&text, "pairs:\n  a:\n    peer: {netns: w}\n    addresses: [");
	for (unsigned int i = 1; text.len < 10 * MIB; i++)
		add(&text, "10.%u.%u.%u, ", (i >> 16) & 255, (i >> 8) & 255, i & 255);
	add(&text, "10.0.0.1]\n");
	expect_fault(&text, "addresses at one end are more than 4096");
}

static void test_most_addresses_at_many_ends(void)
{
	struct text text = {};

	add(&text, "pairs:\n");
	for (unsigned int pair = 0; text.len < 14 * MIB; pair++) {
		add(&text, "  w%u:\n    peer: {netns: n%u}\n    addresses: [", pair, pair);
		for (unsigned int i = 0; i < 4096; i++)
			add(&text, "%s1.2.%u.%u", i ? "," : "", i >> 8, i & 255);
		add(&text, "]\n");
	}
	expect_good(&text, 200);
}

static void test_list_of_nothing(void)
{
	struct text text = repeat("pairs: [", "a,", "]", 16 * MIB);

	expect_fault(&text, "more than 4194304 keys and values");
}

static void test_one_long_word(void)
{
	struct text text = repeat("pairs: {a: {kind: \"", "xxxxxxxxxxxxxxxx", "\"}}\n", 16 * MIB);

	expect_fault(&text, "big.yaml:1:9: pair \"a\" needs \"peer:\"");
}

static void test_only_comments(void)
{
	struct text text = repeat("", "# nothing\n", "", 16 * MIB);

	expect_good(&text, 0);
}

static void test_deep_flow(void)
{
	struct text text = repeat("", "[", "", 10 * MIB);

	expect_fault(&text, "big.yaml:1:17: nested deeper than 16 levels");
}

static void test_deep_block(void)
{
	struct text text = repeat("", "- ", "", 10 * MIB);

	expect_fault(&text, "nested deeper than 16 levels");
}

static void test_deep_keys(void)
{
	struct text text = repeat("", "? ", "", 10 * MIB);

	expect_fault(&text, "nested deeper than 16 levels");
}

static void test_directives(void)
{
	struct text text = {};

	while (text.len < 10 * MIB)
		add(&text, "%%TAG !t%zu! tag:example.com,2026:\n", text.len);
	add(&text, "---\npairs: {}\n");
	expect_fault(&text, "big.yaml:1:1: directives are not supported");
}

static void test_bytes_that_are_no_text(void)
{
	struct text text = repeat("a: b\n", "\xff", "", 10 * MIB);

	expect_fault(&text, "big.yaml:2:1: invalid leading UTF-8 octet (0xff)");
}

static void test_nul_at_the_end(void)
{
	struct text text = repeat("", "# nothing\n", "a", 10 * MIB);

	text.bytes[text.len - 1] = '\0';
	expect_fault(&text, "control characters are not allowed (0x00)");
}

static void test_too_large(void)
{
	struct text text = repeat("", "#", "", CONFIG_BYTES_MAX + 1);

	expect_fault(&text, "big.yaml: the file is larger than 16 MiB");
}

static void test_as_large_as_allowed(void)
{
	struct text text = repeat("", "#", "", CONFIG_BYTES_MAX);

	expect_good(&text, 0);
}

/* The reader of a broken file goes on to the next: what is there already must stay. */
static void test_diagnostics_are_appended(void)
{
	struct diag_list diags = {};
	struct config config = { .n_pairs = 7 };

	CHECK(parse_text("a.yaml", "x: 1", 4, &config, &diags) == CONFIG_E_INVALID);
	CHECK(parse_text("b.yaml", "[", 1, &config, &diags) == CONFIG_E_INVALID);
	CHECK(diags.n == 2 && config.n_pairs == 7);
	CHECK(strcmp(diags.items[0].file, "a.yaml") == 0);
	CHECK(strcmp(diags.items[1].file, "b.yaml") == 0);
	diag_list_done(&diags);
}

/* ---- running them ---- */

struct test_case {
	const char *name;
	void (*run)(void);
	unsigned int mib; /* may be resident at most, the text included */
};

static int run_case(const struct test_case *test)
{
	struct rusage usage;
	double seconds;
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		test->run();
		exit(0);
	}
	CHECK(wait4(pid, &status, 0, &usage) == pid);
	seconds = usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6;
	printf("%-32s %6.2f s %6ld MiB\n", test->name, seconds, usage.ru_maxrss / 1024);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || seconds > SECONDS_MAX)
		return 1;
	return !SANITIZED && usage.ru_maxrss / 1024 > test->mib;
}

int main(void)
{
	static const struct test_case tests[] = {
		{ "most_pairs", test_most_pairs, 400 },
		{ "a_pair_too_many", test_a_pair_too_many, 120 },
		{ "same_name_again_and_again", test_same_name_again_and_again, 80 },
		{ "same_peer_again_and_again", test_same_peer_again_and_again, 200 },
		{ "unknown_keys", test_unknown_keys, 80 },
		{ "many_addresses", test_many_addresses, 200 },
		{ "most_addresses_at_many_ends", test_most_addresses_at_many_ends, 250 },
		{ "list_of_nothing", test_list_of_nothing, 450 },
		{ "one_long_word", test_one_long_word, 150 },
		{ "only_comments", test_only_comments, 40 },
		{ "deep_flow", test_deep_flow, 40 },
		{ "deep_block", test_deep_block, 40 },
		{ "deep_keys", test_deep_keys, 40 },
		{ "directives", test_directives, 40 },
		{ "bytes_that_are_no_text", test_bytes_that_are_no_text, 40 },
		{ "nul_at_the_end", test_nul_at_the_end, 40 },
		{ "too_large", test_too_large, 40 },
		{ "as_large_as_allowed", test_as_large_as_allowed, 40 },
		{ "diagnostics_are_appended", test_diagnostics_are_appended, 40 },
	};
	int n_bad = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		int bad = run_case(&tests[i]);

		if (bad)
			printf("%s: FAILED\n", tests[i].name);
		n_bad += bad;
	}
	return n_bad ? 1 : 0;
}
