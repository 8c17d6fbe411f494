/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl status PAIR: the pair as metad wants it and as the kernel has it. */
#include "client/cmd_describe.h"

#include "client/conn.h"
#include "client/output.h"

#include <stdio.h>

#define LOG_TAIL 24 /* lines of a verifier's log without --full */

/* A heading in a column of its own, so that values stand under each other. */
static void head(const char *name)
{
	printf("%s%12s%s%s ", term_colour(COLOUR_FAINT), name, name[0] ? ":" : " ", term_reset());
}

static void print_text(const char *name, const json_t *object, const char *key)
{
	if (!has_text(object, key))
		return;
	head(name);
	puts(text_of(object, key));
}

/* ---- ends ---- */

static void print_number(const char *words, const json_t *end, const char *key)
{
	if (json_object_get(end, key))
		printf(", %s %lld", words, number_of(end, key));
}

/* Sizes that are not the kernel's own. */
static void print_sizes(const json_t *end)
{
	static const char *const sizes[][2] = {
		{ "gso", "gsoMaxSize" },
		{ "gro", "groMaxSize" },
		{ "gso for IPv4", "gsoIpv4MaxSize" },
		{ "gro for IPv4", "groIpv4MaxSize" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (number_of(end, sizes[i][1]) != 65536)
			print_number(sizes[i][0], end, sizes[i][1]);
}

static void print_link(const json_t *end)
{
	bool up = is_true(end, "up");

	head("Link");
	if (!json_object_get(end, "ifindex")) {
		printf("%sis not there%s\n", term_colour(COLOUR_WARN), term_reset());
		return;
	}
	printf("ifindex %lld, %s%s%s%s", number_of(end, "ifindex"), up ? "" : term_colour(COLOUR_WARN),
	       up ? "up" : "down", up ? "" : term_reset(),
	       up && !is_true(end, "running") ? " without carrier" : "");
	print_number("mtu", end, "mtu");
	print_number("txqueuelen", end, "txqueuelen");
	if (has_text(end, "mac"))
		printf(", mac %s", text_of(end, "mac"));
	print_sizes(end);
	putchar('\n');
}

/* What becomes of packets while no program is attached. */
static void print_policy(const json_t *end)
{
	const char *wanted = text_of(end, "wantedPolicy"), *has = text_of(end, "policy");

	if (!wanted[0] && !has[0])
		return;
	head("Policy");
	printf("%s", has[0] ? has : wanted);
	if (has[0] && wanted[0] && strcmp(has, wanted) != 0)
		printf(" %s(%s is wanted)%s", term_colour(COLOUR_WARN), wanted, term_reset());
	if (has_text(end, "scrub"))
		printf(", scrub %s", text_of(end, "scrub"));
	putchar('\n');
}

static void print_addresses(const json_t *end)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(end, "addresses"), i, item) {
		head(i ? "" : "Addresses");
		printf("%s%s\n", text_of(item, "address"),
		       is_true(item, "foreign") ? "  (not metad's)" : "");
	}
}

static void print_routes(const json_t *end)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(end, "routes"), i, item) {
		head(i ? "" : "Routes");
		puts(json_string_value(item));
	}
	json_array_foreach(json_object_get(end, "neighbours"), i, item) {
		head(i ? "" : "Neighbours");
		printf("%s at %s\n", text_of(item, "ip"), text_of(item, "mac"));
	}
	json_array_foreach(json_object_get(end, "sysctls"), i, item) {
		head(i ? "" : "Sysctls");
		printf("%s %s%s\n", text_of(item, "key"),
		       has_text(item, "value") ? "= " : "cannot be read", text_of(item, "value"));
	}
}

static void print_slot(size_t position, const json_t *slot)
{
	bool foreign = is_true(slot, "foreign");
	long long runs = number_of(slot, "runs");
	const char *name = foreign ? text_of(slot, "function") : text_of(slot, "program");
	char link[32] = "no link";

	if (json_object_get(slot, "linkId"))
		snprintf(link, sizeof(link), "link %lld", number_of(slot, "linkId"));
	printf("%zu. %s%-16s%s program %lld, %s, %lld run%s", position,
	       term_colour(foreign ? COLOUR_FAINT : COLOUR_STRONG), name[0] ? name : "?",
	       term_reset(), number_of(slot, "programId"), link, runs, runs == 1 ? "" : "s");
	if (runs && number_of(slot, "runTimeNs"))
		printf(", %lld ns each", number_of(slot, "runTimeNs") / runs);
	puts(foreign ? "  (not metad's)" : "");
}

static bool is_attached(const json_t *chain, const char *program)
{
	json_t *slot;
	size_t i;

	json_array_foreach((json_t *)chain, i, slot)
		if (strcmp(text_of(slot, "program"), program) == 0)
			return true;
	return false;
}

static void print_chain(const json_t *end)
{
	const json_t *chain = json_object_get(end, "chain");
	bool first = true;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)chain, i, item) {
		head(first ? "Chain" : "");
		print_slot(i + 1, item);
		first = false;
	}
	json_array_foreach(json_object_get(end, "wanted"), i, item) {
		if (is_attached(chain, json_string_value(item)))
			continue;
		head(first ? "Chain" : "");
		printf("%s-  %s is not attached%s\n", term_colour(COLOUR_WARN),
		       json_string_value(item), term_reset());
		first = false;
	}
}

static void print_end(const json_t *pair, const json_t *end)
{
	const char *netns = text_of(json_object_get(pair, "summary"), "netns");
	bool peer = strcmp(text_of(end, "side"), "peer") == 0;

	printf("\n%s%s %s%s", term_colour(COLOUR_STRONG), peer ? "Peer" : "Primary",
	       text_of(end, "name"), term_reset());
	if (peer && netns[0])
		printf(" in namespace %s", netns);
	if (peer && json_object_get(pair, "nsid"))
		printf(" (nsid %lld)", number_of(pair, "nsid"));
	putchar('\n');
	print_link(end);
	print_policy(end);
	print_addresses(end);
	print_routes(end);
	print_chain(end);
}

/* ---- the pair ---- */

/* The end of the log is where the verifier says what it did not like. */
static void print_log(const struct cli *cli, const char *log)
{
	const char *from = log + strlen(log);
	size_t lines = 0;

	while (!cli->full && from > log) {
		if (from[-1] == '\n' && ++lines > LOG_TAIL)
			break;
		from--;
	}
	if (cli->full)
		from = log;
	printf("\nThe verifier's log%s:\n", from > log ? ", its end (all of it with --full)" : "");
	while (*from) {
		size_t len = strcspn(from, "\n");

		printf("    %.*s\n", (int)len, from);
		from += len + (from[len] == '\n');
	}
}

static void print_trouble(const json_t *pair, const json_t *summary)
{
	print_text("Why", summary, "why");
	print_text("Limits", pair, "limits");
	if (!has_text(summary, "error"))
		return;
	head("Error");
	printf("%s%s%s\n", term_colour(COLOUR_BAD), text_of(summary, "error"), term_reset());
	head("Next try");
	if (number_of(pair, "retryMs"))
		printf("in %.1f s", number_of(pair, "retryMs") / 1000.0);
	else
		printf("now");
	printf(", after %lld failure%s\n", number_of(summary, "failures"),
	       number_of(summary, "failures") == 1 ? "" : "s");
}

/* With auto, why each better kind is not the one in use. */
static void print_kind(const json_t *pair, const char *kind)
{
	bool chosen = strcmp(text_of(pair, "wantedKind"), "auto") == 0;
	json_t *other;
	size_t i;

	head("Kind");
	printf("%s%s%s%s\n", strcmp(kind, "auto") == 0 ? "none yet" : kind,
	       has_text(pair, "mode") ? ", mode " : "", text_of(pair, "mode"),
	       chosen ? ", chosen by metad" : "");
	json_array_foreach(json_object_get(pair, "kinds"), i, other) {
		if (!chosen || strcmp(text_of(other, "name"), kind) == 0)
			break;
		if (is_true(other, "usable"))
			continue;
		head("");
		printf("%snot %s: %s%s\n", term_colour(COLOUR_FAINT), text_of(other, "name"),
		       text_of(other, "why"), term_reset());
	}
}

/* " for 5 min": in the unit that leaves more than one of it. */
static void print_age(const json_t *summary)
{
	static const struct {
		const char *name;
		long long ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "ms", 1 } };
	long long ms = number_of(summary, "stateMs");

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (ms >= 2 * units[i].ms) {
			printf(" for %lld %s", ms / units[i].ms, units[i].name);
			return;
		}
}

static void view_pair(const struct cli *cli, const json_t *pair)
{
	const json_t *summary = json_object_get(pair, "summary");
	const char *state = text_of(summary, "state");
	json_t *end;
	size_t i;

	printf("%s%s%s %s%s%s: %s%s%s", term_colour(state_colour(state)), state_dot(state),
	       term_reset(), term_colour(COLOUR_STRONG), text_of(summary, "name"), term_reset(),
	       term_colour(state_colour(state)), state, term_reset());
	print_age(summary);
	puts(is_true(summary, "closed") ? ", closed" : "");
	head("Declared");
	if (has_text(pair, "file"))
		printf("%s:%lld\n", text_of(pair, "file"), number_of(pair, "line"));
	else
		puts("by nobody");
	print_kind(pair, text_of(summary, "kind"));
	print_trouble(pair, summary);
	if (number_of(summary, "repairs")) {
		head("Repaired");
		printf("%lld time%s\n", number_of(summary, "repairs"),
		       number_of(summary, "repairs") == 1 ? "" : "s");
	}
	json_array_foreach(json_object_get(pair, "ends"), i, end)
		print_end(pair, end);
	if (has_text(pair, "errorDetail"))
		print_log(cli, text_of(pair, "errorDetail"));
}

int describe_pair(const struct cli *cli, const char *name)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	json_t *pair;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = conn_call(conn, "Describe", json_pack("{s:s}", "pair", name), &answer);
	if (r != 0)
		return r;
	pair = json_object_get(answer, "pair");
	json_object_set(pair, "kinds", json_object_get(answer, "kinds"));
	output(cli, pair, view_pair);
	return strcmp(text_of(json_object_get(pair, "summary"), "state"), "ready") == 0
		       ? 0
		       : EXIT_NOT_OK;
}
