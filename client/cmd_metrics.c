/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl metrics: what metad knows in numbers, for monitoring systems. */
#include "client/exposition.h"
#include "client/output.h"
#include "client/pairs.h"
#include "client/programs.h"
#include "client/rates.h"
#include "files/atomic.h"

#include <stdio.h>

#define SUFFIX ".prom" /* what the textfile collector reads */

/* ---- metad itself ---- */

static void tell_up(struct exposition *e, bool up)
{
	static const struct family family = { "metad_up", FAMILY_GAUGE, NULL,
					      "Whether metad answers." };

	exposition_begin(e, &family);
	exposition_integer(e, NULL, up);
}

static void tell_number(struct exposition *e, const char *name, const char *help, long long value)
{
	const struct family family = { name, FAMILY_GAUGE, NULL, help };

	exposition_begin(e, &family);
	exposition_integer(e, NULL, value);
}

/* Kinds, features: which of them are usable. */
static void tell_usable(struct exposition *e, const struct family *family, const char *label,
			const json_t *array)
{
	json_t *item;
	size_t i;

	exposition_begin(e, family);
	json_array_foreach((json_t *)array, i, item) {
		const struct label labels[] = { { label, text_of(item, "name") }, {} };

		exposition_integer(e, labels, is_true(item, "usable"));
	}
}

static void tell_metad(struct exposition *e, const json_t *document)
{
	static const struct family build = { "metad_build", FAMILY_INFO, NULL,
					     "The version of metad, and the kernel that it runs on." };
	static const struct family kinds = { "metad_kind_usable", FAMILY_GAUGE, NULL,
					     "Whether devices of a kind can be made." };
	static const struct family features = { "metad_feature_usable", FAMILY_GAUGE, NULL,
						"Whether the machine has what metad makes use of." };
	const json_t *status = json_object_get(document, "status");
	const json_t *capabilities = json_object_get(document, "capabilities");
	const struct label labels[] = {
		{ "version", text_of(status, "version") },
		{ "kernel", text_of(capabilities, "kernel") },
		{ "architecture", text_of(capabilities, "architecture") },
		{},
	};

	exposition_begin(e, &build);
	exposition_integer(e, labels, 1);
	tell_number(e, "metad_settled", "Whether nothing is being done and nothing is about to be.",
		    is_true(status, "settled"));
	tell_number(e, "metad_configuration_files", "Files that are in force.",
		    json_array_size(json_object_get(status, "files")));
	tell_number(e, "metad_configuration_faults", "What is wrong with the configuration.",
		    json_array_size(json_object_get(status, "diagnostics")));
	tell_usable(e, &kinds, "kind", json_object_get(capabilities, "kinds"));
	tell_usable(e, &features, "feature", json_object_get(capabilities, "features"));
}

/* ---- pairs ---- */

static const char *const states[] = { "ready",	  "changing", "waiting", "failed",
				      "conflict", "blocked",  "held",	 "new" };

static void tell_states(struct exposition *e, const json_t *pairs)
{
	static const struct family family = { "metad_pairs", FAMILY_GAUGE, NULL,
					      "Pairs, by how they are." };

	exposition_begin(e, &family);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const struct label labels[] = { { "state", states[i] }, {} };
		long long n = 0;
		json_t *pair;
		size_t j;

		json_array_foreach((json_t *)pairs, j, pair)
			n += strcmp(text_of(pair, "state"), states[i]) == 0;
		exposition_integer(e, labels, n);
	}
}

static void tell_infos(struct exposition *e, const json_t *pairs)
{
	static const struct family family = { "metad_pair", FAMILY_INFO, NULL,
					      "Where a pair leads, and of which kind it is." };
	json_t *pair;
	size_t i;

	exposition_begin(e, &family);
	json_array_foreach((json_t *)pairs, i, pair) {
		const struct label labels[] = {
			{ "pair", text_of(pair, "name") },   { "kind", text_of(pair, "kind") },
			{ "netns", text_of(pair, "netns") }, { "peer", text_of(pair, "peer") },
			{},
		};

		exposition_integer(e, labels, 1);
	}
}

/* One number of each pair. */
struct measure {
	struct family family;
	long long (*value)(const json_t *pair);
};

static long long is_ready(const json_t *pair)
{
	return strcmp(text_of(pair, "state"), "ready") == 0;
}

static long long is_closed(const json_t *pair)
{
	return is_true(pair, "closed");
}

static long long repairs(const json_t *pair)
{
	return number_of(pair, "repairs");
}

static long long failures(const json_t *pair)
{
	return number_of(pair, "failures");
}

static void tell_pairs(struct exposition *e, const json_t *pairs)
{
	static const struct measure measures[] = {
		{ { "metad_pair_ready", FAMILY_GAUGE, NULL, "Whether a pair is as declared." },
		  is_ready },
		{ { "metad_pair_closed", FAMILY_GAUGE, NULL, "Whether no packet can pass a pair." },
		  is_closed },
		{ { "metad_pair_repairs", FAMILY_COUNTER, NULL,
		    "How often something was put back that had been in order." },
		  repairs },
		{ { "metad_pair_failures", FAMILY_GAUGE, NULL,
		    "Attempts that failed since the last one that did not." },
		  failures },
	};

	tell_states(e, pairs);
	tell_infos(e, pairs);
	for (size_t i = 0; i < ARRAY_SIZE(measures); i++) {
		json_t *pair;
		size_t j;

		exposition_begin(e, &measures[i].family);
		json_array_foreach((json_t *)pairs, j, pair) {
			const struct label labels[] = { { "pair", text_of(pair, "name") }, {} };

			exposition_integer(e, labels, measures[i].value(pair));
		}
	}
}

/* ---- traffic ---- */

static void tell_counter(struct exposition *e, const json_t *statistics, const char *direction,
			 const char *counter)
{
	json_t *pair, *end;
	size_t i, j;

	json_array_foreach((json_t *)statistics, i, pair) {
		json_array_foreach(json_object_get(pair, "ends"), j, end) {
			const json_t *traffic = json_object_get(end, direction);
			const struct label labels[] = { { "pair", text_of(pair, "pair") },
							{ "end", text_of(end, "side") },
							{} };

			if (traffic)
				exposition_integer(e, labels, number_of(traffic, counter));
		}
	}
}

static void tell_traffic(struct exposition *e, const json_t *statistics)
{
	static const struct {
		struct family family;
		const char *direction, *counter;
	} counters[] = {
		{ { "metad_pair_receive_packets", FAMILY_COUNTER, NULL,
		    "Packets that an end has received." }, "received", "packets" },
		{ { "metad_pair_receive_bytes", FAMILY_COUNTER, "bytes",
		    "Bytes that an end has received." }, "received", "bytes" },
		{ { "metad_pair_receive_dropped", FAMILY_COUNTER, NULL,
		    "Packets that an end has received and dropped." }, "received", "dropped" },
		{ { "metad_pair_receive_errors", FAMILY_COUNTER, NULL,
		    "Packets that an end has received with errors." }, "received", "errors" },
		{ { "metad_pair_transmit_packets", FAMILY_COUNTER, NULL,
		    "Packets that an end has transmitted." }, "transmitted", "packets" },
		{ { "metad_pair_transmit_bytes", FAMILY_COUNTER, "bytes",
		    "Bytes that an end has transmitted." }, "transmitted", "bytes" },
		{ { "metad_pair_transmit_dropped", FAMILY_COUNTER, NULL,
		    "Packets that an end was to transmit and dropped." }, "transmitted", "dropped" },
		{ { "metad_pair_transmit_errors", FAMILY_COUNTER, NULL,
		    "Packets that an end could not transmit." }, "transmitted", "errors" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		exposition_begin(e, &counters[i].family);
		tell_counter(e, statistics, counters[i].direction, counters[i].counter);
	}
}

/* ---- programs ---- */

static void tell_programs(struct exposition *e, const json_t *programs)
{
	static const struct family users = { "metad_program_users", FAMILY_GAUGE, NULL,
					     "Places in chains that a definition has." };
	static const struct family readable = { "metad_program_readable", FAMILY_GAUGE, NULL,
						"Whether the object of a definition can be read." };
	static const struct family runs = { "metad_program_runs", FAMILY_COUNTER, NULL,
					    "Runs of what is loaded from a definition." };
	static const struct family seconds = { "metad_program_run_seconds", FAMILY_COUNTER, "seconds",
					       "Time that these runs took." };
	static const struct family *const families[] = { &users, &readable, &runs, &seconds };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *family = families[i];
		json_t *program;
		size_t j;

		exposition_begin(e, family);
		json_array_foreach((json_t *)programs, j, program) {
			const struct label labels[] = { { "program", text_of(program, "name") }, {} };

			if (family == &users)
				exposition_integer(e, labels,
						   json_array_size(json_object_get(program, "users")));
			else if (family == &readable)
				exposition_integer(e, labels, !has_text(program, "error"));
			else if (family == &runs)
				exposition_integer(e, labels, number_of(program, "runs"));
			else
				exposition_seconds(e, labels, number_of(program, "runTimeNs"));
		}
	}
}

/* ---- all of it ---- */

static int ask(const struct cli *cli, json_t *document)
{
	AUTO(conn_close) struct conn *conn = NULL;
	json_t *status = NULL, *capabilities = NULL, *pairs = NULL, *statistics = NULL, *programs = NULL;
	int r = conn_open(cli, &conn);

	if (r == 0)
		r = conn_call(conn, "Status", NULL, &status);
	if (r == 0)
		r = conn_call(conn, "Capabilities", NULL, &capabilities);
	if (r == 0)
		r = pairs_ask(conn, &pairs);
	if (r == 0)
		r = rates_ask(conn, &statistics);
	if (r == 0)
		r = programs_ask(conn, &programs);
	/* They are the document's from here on, or are freed. */
	json_object_set_new(document, "status", status);
	json_object_set_new(document, "capabilities", capabilities);
	json_object_set_new(document, "pairs", pairs);
	json_object_set_new(document, "statistics", statistics);
	json_object_set_new(document, "programs", programs);
	return r;
}

/* document NULL: metad does not answer. */
static void tell_all(FILE *out, enum exposition_format format, const json_t *document)
{
	struct exposition e = { .out = out, .format = format };

	tell_up(&e, document);
	if (document) {
		tell_metad(&e, document);
		tell_pairs(&e, json_object_get(document, "pairs"));
		tell_traffic(&e, json_object_get(document, "statistics"));
		tell_programs(&e, json_object_get(document, "programs"));
	}
	exposition_end(&e);
}

static int choose_format(const struct cli *cli, enum exposition_format *ret)
{
	const char *format = cli_option(cli, "format");

	*ret = cli_is_given(cli, "output") ? EXPOSITION_PROMETHEUS : EXPOSITION_OPENMETRICS;
	if (!format)
		return 0;
	if (strcmp(format, "openmetrics") == 0)
		*ret = EXPOSITION_OPENMETRICS;
	else if (strcmp(format, "prometheus") == 0)
		*ret = EXPOSITION_PROMETHEUS;
	else
		return complain(EXIT_USAGE, "--format is openmetrics or prometheus, not \"%s\"",
				format);
	return 0;
}

static void view_metrics(const struct cli *cli, const json_t *document)
{
	enum exposition_format format = EXPOSITION_OPENMETRICS;

	choose_format(cli, &format);
	tell_all(stdout, format, document);
}

/* A collector that reads meanwhile finds the old ones or the new ones. */
static int write_file(const char *path, enum exposition_format format, const json_t *document)
{
	struct atomic_part part = {};
	AUTO_FREE char *text = NULL;
	FILE *out = open_memstream(&text, &part.len);
	int r;

	if (!out)
		return complain(EXIT_NOT_OK, "out of memory");
	tell_all(out, format, document);
	if (fclose(out) != 0)
		return complain(EXIT_NOT_OK, "out of memory");
	part.bytes = text;
	r = atomic_write(path, ATOMIC_PUBLIC, &part, 1);
	return r < 0 ? complain(EXIT_NOT_OK, "%s: %s", path, strerror(-r)) : 0;
}

static int check_path(const char *path)
{
	size_t len = path ? strlen(path) : 0;

	if (!path || (len > strlen(SUFFIX) && strcmp(path + len - strlen(SUFFIX), SUFFIX) == 0))
		return 0;
	return complain(EXIT_USAGE, "--output %s: the name has to end in " SUFFIX
			", others are not collected", path);
}

static int cmd_metrics(const struct cli *cli, int argc, char **argv)
{
	AUTO(frame_json_unref) json_t *document = json_object();
	const char *path = cli_option(cli, "output");
	enum exposition_format format;
	int r = choose_format(cli, &format), written = 0;

	if (r == 0)
		r = check_path(path);
	if (r != 0)
		return r;
	r = document ? ask(cli, document) : complain(EXIT_NOT_OK, "out of memory");
	/* Old numbers would go on looking like new ones. */
	if (path && (r == 0 || r == EXIT_UNREACHABLE))
		written = write_file(path, format, r == 0 ? document : NULL);
	else if (r == 0)
		output(cli, document, view_metrics);
	return r ? r : written;
}

static const struct option_type options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .value = "FILE",
	  .kind = WORD_FILE,
	  .help = "into a file, whose name ends in .prom, at once; where\n"
		  "metad does not answer, that is what the file says" },
	{ .name = "format",
	  .value = "FORMAT",
	  .kind = WORD_ONE_OF,
	  .words = "openmetrics prometheus",
	  .help = "openmetrics, or the older text format of prometheus,\n"
		  "which is the one for files" },
};

const struct command command_metrics = {
	.name = "metrics",
	.family = FAMILY_LOOK,
	.help = "numbers for monitoring, as OpenMetrics",
	.details = "For the textfile collector of the Prometheus node exporter:\n"
		   "  metactl metrics --output /var/lib/prometheus/node-exporter/metad.prom",
	COMMAND_OPTIONS(options),
	.run = cmd_metrics,
};
