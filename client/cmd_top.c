/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl top: what passes pairs, by the second, again and again. */
#include "client/cmd_describe.h"
#include "client/output.h"
#include "client/rates.h"
#include "client/screen.h"

#include <stdio.h>

#define INTERVAL_MS 1000
#define INTERVAL_MIN_MS 200 /* counters are read no more often than every 100 ms */
#define INTERVAL_MAX_MS 3600000
#define LINES_AROUND 4 /* of a picture: what is no row */

/* ---- columns ---- */

/* Three digits and what they count: 17, 1.5k, 230M. */
static char *rate_of(const json_t *row, const char *key)
{
	static const char units[] = " kMGTP";
	const json_t *value = json_object_get(row, key);
	double rate = json_number_value(value);
	size_t unit = 0;
	char *text = NULL;

	if (!value)
		return strdup("");
	for (; rate >= 999.5 && units[unit + 1]; unit++)
		rate /= 1000;
	if (asprintf(&text, unit && rate < 99.95 ? "%.1f%.*s" : "%.0f%.*s", rate, unit ? 1 : 0,
		     &units[unit]) < 0)
		return NULL;
	return text;
}

static char *to_peer(const json_t *row)
{
	return rate_of(row, "toPeer");
}

static char *to_peer_packets(const json_t *row)
{
	return rate_of(row, "toPeerPackets");
}

static char *from_peer(const json_t *row)
{
	return rate_of(row, "fromPeer");
}

static char *from_peer_packets(const json_t *row)
{
	return rate_of(row, "fromPeerPackets");
}

static char *dropped(const json_t *row)
{
	return rate_of(row, "dropped");
}

static enum colour colour_of(const json_t *row)
{
	return state_colour(text_of(row, "state"));
}

static enum colour dropped_colour(const json_t *row)
{
	return json_number_value(json_object_get(row, "dropped")) > 0 ? COLOUR_WARN : COLOUR_NONE;
}

static const struct column columns[] = {
	{ .title = "PAIR", .key = "pair" },
	{ .title = "STATE", .key = "state", .colour = colour_of, .cut = 1, .least = 5 },
	{ .title = "TO PEER B/S", .text = to_peer, .none = "-", .is_right = true },
	{ .title = "PKTS/S", .text = to_peer_packets, .none = "-", .is_right = true, .drop = 3 },
	{ .title = "FROM PEER B/S", .text = from_peer, .none = "-", .is_right = true },
	{ .title = "PKTS/S", .text = from_peer_packets, .none = "-", .is_right = true, .drop = 3 },
	{ .title = "DROPPED/S",
	  .text = dropped,
	  .none = "-",
	  .colour = dropped_colour,
	  .is_right = true,
	  .drop = 2 },
};

/* ---- pictures ---- */

static void print_total(const json_t *document, const char *words, const char *bytes,
			const char *packets)
{
	const json_t *total = json_object_get(document, "total");
	AUTO_FREE char *bytes_text = rate_of(total, bytes);
	AUTO_FREE char *packets_text = rate_of(total, packets);

	printf(", %s %s B/s in %s packets/s", words, bytes_text ? bytes_text : "?",
	       packets_text ? packets_text : "?");
}

/* Of the rows as many as there is room for. */
static void view_picture(const struct cli *cli, const json_t *document)
{
	const json_t *rows = json_object_get(document, "pairs");
	AUTO(frame_json_unref) json_t *shown = json_array();
	size_t height = screen_height(), n = json_array_size(rows), i;
	size_t room = height > LINES_AROUND ? height - LINES_AROUND : height ? 1 : n;
	json_t *row;

	screen_clear();
	if (!cli->no_legend) {
		printf("%zu pair%s", n, n == 1 ? "" : "s");
		if (json_object_size(json_object_get(document, "total"))) {
			print_total(document, "to peers", "toPeer", "toPeerPackets");
			print_total(document, "from peers", "fromPeer", "fromPeerPackets");
		}
		fputs("\n\n", stdout);
	}
	json_array_foreach((json_t *)rows, i, row)
		if (i < room)
			json_array_append(shown, row);
	output_table(cli, columns, ARRAY_SIZE(columns), shown);
	if (height && !cli->no_legend)
		printf("%sq quits%s", term_colour(COLOUR_FAINT), term_reset());
}

static json_t *make_total(const json_t *before, const json_t *rows)
{
	static const char *const keys[] = { "toPeer", "toPeerPackets", "fromPeer",
					    "fromPeerPackets", "dropped" };
	json_t *total = json_object(), *row;
	size_t i;

	for (size_t k = 0; before && k < ARRAY_SIZE(keys); k++) {
		double sum = 0;

		json_array_foreach((json_t *)rows, i, row)
			sum += json_number_value(json_object_get(row, keys[k]));
		json_object_set_new(total, keys[k], json_real(sum));
	}
	return total;
}

static int show(const struct cli *cli, const json_t *before, const json_t *after,
		enum rates_order order)
{
	json_t *rows = rates_make(before, after, order);
	AUTO(frame_json_unref)
	json_t *document = json_pack("{s:o, s:o}", "total", make_total(before, rows), "pairs", rows);

	if (!document)
		return complain(EXIT_NOT_OK, "out of memory");
	output(cli, document, view_picture);
	return 0;
}

/* ---- again and again ---- */

struct top {
	enum rates_order order;
	uint64_t interval_ms;
	uint64_t n; /* pictures with rates */
};

/* On a screen the first picture comes at once, though it has no rates. */
static int watch(const struct cli *cli, struct conn *conn, const struct top *top)
{
	AUTO(frame_json_unref) json_t *before = NULL;
	int r = rates_ask(conn, &before);

	if (r == 0 && screen_height())
		r = show(cli, NULL, before, top->order);
	for (uint64_t i = 0; r == 0 && i < top->n; i++) {
		AUTO(frame_json_unref) json_t *after = NULL;

		if (screen_wait(top->interval_ms) == SCREEN_QUIT)
			return 0;
		r = rates_ask(conn, &after);
		if (r == 0 && i && !screen_height() && cli->json == JSON_OFF)
			putchar('\n');
		if (r == 0)
			r = show(cli, before, after, top->order);
		json_decref(before);
		before = STEAL(after);
	}
	return r;
}

static int choose_order(const char *word, enum rates_order *ret)
{
	static const char *const words[] = {
		[RATES_BY_BYTES] = "bytes", [RATES_BY_PACKETS] = "packets",
		[RATES_BY_DROPS] = "dropped", [RATES_BY_NAME] = "name", [RATES_BY_STATE] = "state",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (word && strcmp(word, words[i]) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return complain(EXIT_USAGE, "--sort is bytes, packets, dropped, name or state, not \"%s\"",
			word);
}

static int choose(const struct cli *cli, struct top *ret)
{
	const char *interval = cli_option(cli, "interval"), *n = cli_option(cli, "iterations");
	struct top top = { .interval_ms = INTERVAL_MS, .n = UINT64_MAX };
	int r = choose_order(cli_option(cli, "sort"), &top.order);

	if (r != 0)
		return r;
	if (interval && (util_parse_duration_ms(interval, &top.interval_ms) < 0 ||
			 top.interval_ms < INTERVAL_MIN_MS || top.interval_ms > INTERVAL_MAX_MS))
		return complain(EXIT_USAGE, "--interval is from 200ms to 1h, not \"%s\"", interval);
	if (n && util_parse_u64(n, 1, UINT32_MAX, &top.n) < 0)
		return complain(EXIT_USAGE, "--iterations is a number from 1 on, not \"%s\"", n);
	*ret = top;
	return 0;
}

static int cmd_top(const struct cli *cli, int argc, char **argv)
{
	AUTO(conn_close) struct conn *conn = NULL;
	struct top top = {};
	int r = choose(cli, &top);

	if (r == 0)
		r = conn_open(cli, &conn);
	if (r != 0)
		return r;
	if (cli->json == JSON_OFF && !cli_is_given(cli, "iterations"))
		screen_open();
	r = watch(cli, conn, &top);
	screen_close();
	return r;
}

static const struct option_type options[] = {
	{ .name = "sort",
	  .value = "BY",
	  .kind = WORD_ONE_OF,
	  .words = "bytes packets dropped name state",
	  .help = "bytes (the busiest first), packets, dropped, name,\n"
		  "or state (those that are not ready first)" },
	{ .name = "interval", .value = "TIME", .help = "between two pictures: 1s, or another from 200ms on" },
	{ .name = "iterations",
	  .letter = 'n',
	  .value = "NUMBER",
	  .help = "so many of them, one below the other, then end" },
};

const struct command command_top = {
	.name = "top",
	.family = FAMILY_LOOK,
	.help = "what passes pairs by the second, the busiest first",
	.details = "Bytes and packets are those that the primary device counts; DROPPED/S are\n"
		   "packets, of both ends. On a terminal the key q ends it.",
	COMMAND_OPTIONS(options),
	.run = cmd_top,
};
