/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables that are made of interface.varlink, and what they say of values. */
#include "front/interface_check.h"
#include "front/method.h"
#include "example_methods.h"
#include "unit/test.h"

#define EVERYTHING 0
#define NEEDS 1
#define NOTHING 2

static int run(struct call *call)
{
	return 0;
}

METHOD(example_one_everything) = { .run = run };
METHOD(example_one_needs) = { .run = run };
METHOD(example_one_nothing_at_all) = { .run = run };

/* place: where it is wrong; NULL: nowhere. */
static void expect(size_t method, const char *text, const char *place)
{
	AUTO(frame_json_unref) json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	AUTO_FREE char *found = NULL;
	int r;

	CHECK(value);
	r = interface_check(interfaces[0].methods[method].input, value, &found);
	if ((r != 0) != (place != NULL) || (place && strcmp(found, place) != 0)) {
		fprintf(stderr, "%s: %d, %s and not %s\n", text, r, found ? found : "right",
			place ? place : "right");
		abort();
	}
	CHECK(r == 0 || r == INTERFACE_E_INVALID);
}

static void test_sorts(void)
{
	static const struct {
		const char *key, *right[4], *wrong[6];
	} sorts[] = {
		{ "yes", { "true", "false" }, { "1", "\"true\"", "[]", "{}" } },
		{ "number",
		  { "0", "-1", "9223372036854775807", "-9223372036854775808" },
		  { "1.5", "\"1\"", "true", "[1]", "{}" } },
		{ "part", { "1.5", "-0.0", "3" }, { "\"1.5\"", "[]" } },
		{ "text", { "\"\"", "\"a\"" }, { "1", "[\"a\"]", "{}" } },
		{ "any", { "1", "\"a\"", "[[]]", "{\"a\": {}}" }, {} },
		{ "object", { "{}", "{\"a\": null, \"b\": [1]}" }, { "[]", "1", "\"a\"" } },
		{ "word",
		  { "\"first\"", "\"second\"" },
		  { "\"third\"", "\"\"", "\"First\"", "0" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++) {
		char text[256];

		for (size_t j = 0; j < 4 && sorts[i].right[j]; j++) {
			snprintf(text, sizeof(text), "{\"%s\": %s}", sorts[i].key,
				 sorts[i].right[j]);
			expect(EVERYTHING, text, NULL);
		}
		for (size_t j = 0; j < 6 && sorts[i].wrong[j]; j++) {
			snprintf(text, sizeof(text), "{\"%s\": %s}", sorts[i].key,
				 sorts[i].wrong[j]);
			expect(EVERYTHING, text, sorts[i].key);
		}
		snprintf(text, sizeof(text), "{\"%s\": null}", sorts[i].key);
		expect(EVERYTHING, text, NULL);
	}
}

static void test_places(void)
{
	expect(EVERYTHING, "{}", NULL);
	expect(EVERYTHING, "{\"netns\": {\"pid\": 1}}", NULL);
	expect(EVERYTHING, "{\"netns\": {\"pid\": \"1\"}}", "netns.pid");
	expect(EVERYTHING, "{\"netns\": {\"pit\": 1}}", "netns.pit");
	expect(EVERYTHING, "{\"netns\": {\"pit\": null}}", NULL);
	expect(EVERYTHING, "{\"files\": [{\"name\": \"a\"}, {\"name\": \"b\", \"content\": \"\"}]}",
	       NULL);
	expect(EVERYTHING, "{\"files\": [{\"name\": \"a\"}, {}]}", "files[1].name");
	expect(EVERYTHING, "{\"files\": [{\"name\": \"a\"}, {\"name\": null}]}", "files[1].name");
	expect(EVERYTHING, "{\"files\": [null]}", "files[0]");
	expect(EVERYTHING, "{\"perhaps\": [null, 1]}", NULL);
	expect(EVERYTHING, "{\"perhaps\": [null, \"1\"]}", "perhaps[1]");
	expect(EVERYTHING, "{\"map\": {\"any thing\": 1, \"\": 2}}", NULL);
	expect(EVERYTHING, "{\"map\": {\"any thing\": null}}", "map[any thing]");
	expect(EVERYTHING,
	       "{\"deep\": {\"a\": [{\"name\": \"b\", \"children\": [{\"name\": 1}]}]}}",
	       "deep[a][0].children[0].name");
	expect(EVERYTHING, "{\"deep\": {\"a\": [{\"name\": \"b\", \"sort\": \"huge\"}]}}",
	       "deep[a][0].sort");
	expect(EVERYTHING, "{\"inner\": {\"outer\": {\"last\": 1}}}", NULL);
	expect(EVERYTHING, "{\"inner\": {\"outer\": {}}}", "inner.outer.last");
	expect(EVERYTHING, "{\"inner\": {}}", "inner.outer");
	expect(EVERYTHING, "{\"unknown\": 1}", "unknown");
	expect(NEEDS, "{\"name\": \"a\", \"sort\": \"small\", \"list\": []}", NULL);
	expect(NEEDS, "{\"name\": \"a\", \"sort\": \"small\"}", "list");
	expect(NEEDS, "{\"name\": \"a\", \"sort\": null, \"list\": []}", "sort");
	expect(NEEDS, "{\"nane\": \"a\", \"sort\": \"small\", \"list\": []}", "nane");
	expect(NOTHING, "{}", NULL);
	expect(NOTHING, "{\"name\": \"a\"}", "name");
}

static void test_tables(void)
{
	const struct interface_method *methods = interfaces[0].methods;

	CHECK(n_interfaces == 1 && interfaces[0].n_methods == 3);
	CHECK(strcmp(interfaces[0].name, "org.example-one.all") == 0);
	CHECK(strcmp(methods[NOTHING].name, "org.example-one.all.NothingAtAll") == 0);
	CHECK(methods[EVERYTHING].more == INTERFACE_MORE_REQUIRES && methods[EVERYTHING].takes_fds);
	CHECK(methods[NEEDS].more == INTERFACE_MORE_SUPPORTS && !methods[NEEDS].takes_fds);
	CHECK(methods[NOTHING].more == INTERFACE_MORE_NONE && !methods[NOTHING].takes_fds);
	CHECK(methods[NEEDS].method == &example_one_needs);
	CHECK(strcmp(ERROR_EXAMPLE_ONE_WRONG, "org.example-one.all.Wrong") == 0);
}

int main(void)
{
	test_tables();
	test_sorts();
	test_places();
	return 0;
}
