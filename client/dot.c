/* SPDX-License-Identifier: GPL-2.0-only */
/* See dot.h. Labels are graphviz's HTML: what names contain is text there, whatever it is. */
#include "client/dot.h"

#include <limits.h>
#include <unistd.h>

#define ROUTES_MAX 8 /* that are drawn; of many, the rest is a number */
#define GREY "#707070"
#define RED "#c01c28"
#define AMBER "#b06000"
#define GREEN "#26803c"

/* ---- text ---- */

static void put_html(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

/* An identifier. */
static void put_quoted(FILE *out, const char *prefix, const char *text)
{
	fprintf(out, "\"%s", prefix);
	for (; *text; text++)
		fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	fputc('"', out);
}

static void put_end_id(FILE *out, const json_t *pair, const char *side)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "%s ", side);
	put_quoted(out, prefix, text_of(json_object_get(pair, "summary"), "name"));
}

static const char *colour_of_state(const char *state)
{
	if (strcmp(state, "ready") == 0)
		return GREEN;
	if (strcmp(state, "failed") == 0 || strcmp(state, "conflict") == 0 ||
	    strcmp(state, "blocked") == 0)
		return RED;
	return AMBER;
}

/* ---- ends ---- */

static const json_t *end_of(const json_t *pair, const char *side)
{
	json_t *end;
	size_t i;

	json_array_foreach(json_object_get(pair, "ends"), i, end)
		if (strcmp(text_of(end, "side"), side) == 0)
			return end;
	return NULL;
}

static void put_row(FILE *out, const char *colour, const char *before, const char *text,
		    const char *behind)
{
	fprintf(out, "<TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\">%s", colour, before);
	put_html(out, text);
	fprintf(out, "%s</FONT></TD></TR>", behind);
}

static void put_addresses(FILE *out, const json_t *end)
{
	json_t *address;
	size_t i;

	json_array_foreach(json_object_get(end, "addresses"), i, address)
		put_row(out, is_true(address, "foreign") ? GREY : "black", "",
			text_of(address, "address"), "");
}

static void put_routes(FILE *out, const json_t *end)
{
	const json_t *routes = json_object_get(end, "routes");
	size_t n = json_array_size(routes), i;
	char more[48];
	json_t *route;

	json_array_foreach((json_t *)routes, i, route) {
		if (i == ROUTES_MAX && n > ROUTES_MAX + 1) {
			snprintf(more, sizeof(more), "%zu more routes", n - i);
			put_row(out, GREY, "", more, "");
			return;
		}
		put_row(out, GREY, "to ", json_string_value(route), "");
	}
}

static void put_primary_words(FILE *out, const json_t *pair)
{
	const json_t *summary = json_object_get(pair, "summary");
	const char *state = text_of(summary, "state");
	char words[64];

	snprintf(words, sizeof(words), ", %s%s%s", text_of(summary, "kind"),
		 has_text(pair, "mode") ? " " : "", text_of(pair, "mode"));
	put_row(out, colour_of_state(state), "", state, is_true(summary, "closed") ? ", closed" : "");
	put_row(out, "black", "", words + 2, "");
}

static void put_end(FILE *out, const json_t *pair, const char *side)
{
	const json_t *end = end_of(pair, side);
	bool is_there = json_object_get(end, "ifindex");

	fputs("\t\t", out);
	put_end_id(out, pair, side);
	fprintf(out, " [color=\"%s\", style=\"%s\", label=<<TABLE BORDER=\"0\" CELLSPACING=\"0\" "
		     "CELLPADDING=\"1\">",
		colour_of_state(text_of(json_object_get(pair, "summary"), "state")),
		is_there ? "solid" : "dashed");
	put_row(out, "black", "<B>", text_of(end, "name"), "</B>");
	if (strcmp(side, "primary") == 0)
		put_primary_words(out, pair);
	if (!is_there)
		put_row(out, RED, "", "is not there", "");
	else if (!is_true(end, "up"))
		put_row(out, RED, "", "down", "");
	put_addresses(out, end);
	put_routes(out, end);
	fputs("</TABLE>>];\n", out);
}

/* ---- chains ---- */

static bool is_attached(const json_t *chain, const char *program)
{
	json_t *slot;
	size_t i;

	json_array_foreach((json_t *)chain, i, slot)
		if (strcmp(text_of(slot, "program"), program) == 0)
			return true;
	return false;
}

static void put_policy(FILE *out, const json_t *end)
{
	const char *policy = text_of(end, has_text(end, "policy") ? "policy" : "wantedPolicy");

	if (policy[0])
		put_row(out, GREY, "policy ", policy, "");
}

/* What packets that leave this end pass, first to last. */
static void put_chain(FILE *out, const json_t *end)
{
	const json_t *chain = json_object_get(end, "chain");
	const json_t *wanted = json_object_get(end, "wanted");
	json_t *item;
	size_t i;

	fputs("<<TABLE BORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">", out);
	json_array_foreach((json_t *)chain, i, item) {
		bool foreign = is_true(item, "foreign");
		char number[32];

		snprintf(number, sizeof(number), "%zu. ", i + 1);
		put_row(out, foreign ? GREY : "black", number,
			text_of(item, foreign ? "function" : "program"),
			foreign ? " (not metad's)" : "");
	}
	json_array_foreach((json_t *)wanted, i, item)
		if (!is_attached(chain, json_string_value(item)))
			put_row(out, RED, "", json_string_value(item), " is not attached");
	if (!json_array_size(chain) && !json_array_size(wanted))
		put_policy(out, end);
	/* A table of nothing is an error. */
	fputs("<TR><TD></TD></TR></TABLE>>", out);
}

static void put_direction(FILE *out, const json_t *pair, const char *from, const char *to)
{
	bool closed = is_true(json_object_get(pair, "summary"), "closed");

	fputc('\t', out);
	put_end_id(out, pair, from);
	fputs(" -> ", out);
	put_end_id(out, pair, to);
	fprintf(out, " [style=\"%s\", label=", closed ? "dashed" : "solid");
	put_chain(out, end_of(pair, from));
	fputs("];\n", out);
}

/* ---- namespaces ---- */

/* Who is in the same one: by what is declared, else by its number, else each for itself. */
static char *namespace_of(const json_t *pair)
{
	const json_t *summary = json_object_get(pair, "summary");
	char *text = NULL;
	int r;

	if (has_text(summary, "netns"))
		return strdup(text_of(summary, "netns"));
	if (json_object_get(pair, "nsid"))
		r = asprintf(&text, "nsid %lld", number_of(pair, "nsid"));
	else
		r = asprintf(&text, "? (%s)", text_of(summary, "name"));
	return r < 0 ? NULL : text;
}

static void put_namespace(FILE *out, const char *name, const json_t *pairs, const json_t *members)
{
	json_t *index;
	size_t i;

	fputs("\tsubgraph ", out);
	put_quoted(out, "cluster netns ", name);
	fputs(" {\n\t\tlabel=<namespace <B>", out);
	put_html(out, name);
	fputs("</B>>;\n", out);
	json_array_foreach((json_t *)members, i, index)
		put_end(out, json_array_get(pairs, json_integer_value(index)), "peer");
	fputs("\t}\n", out);
}

static void put_namespaces(FILE *out, const json_t *pairs)
{
	AUTO(frame_json_unref) json_t *namespaces = json_object();
	const char *name;
	json_t *pair, *members;
	size_t i;

	json_array_foreach((json_t *)pairs, i, pair) {
		AUTO_FREE char *key = namespace_of(pair);

		if (!key)
			continue;
		if (!json_object_get(namespaces, key))
			json_object_set_new(namespaces, key, json_array());
		json_array_append_new(json_object_get(namespaces, key), json_integer(i));
	}
	json_object_foreach(namespaces, name, members)
		put_namespace(out, name, pairs, members);
}

void dot_write(FILE *out, const json_t *pairs)
{
	char host[HOST_NAME_MAX + 1] = "";
	json_t *pair;
	size_t i;

	gethostname(host, sizeof(host) - 1);
	fputs("digraph metad {\n"
	      "\trankdir=LR; ranksep=1.5; nodesep=0.15;\n"
	      "\tfontname=\"sans-serif\"; labeljust=l; style=rounded; color=\"" GREY "\";\n"
	      "\tnode [shape=box, fontname=\"sans-serif\", fontsize=11];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=10, arrowsize=0.7];\n"
	      "\tsubgraph \"cluster host\" {\n\t\tlabel=<host <B>",
	      out);
	put_html(out, host);
	fputs("</B>>;\n", out);
	json_array_foreach((json_t *)pairs, i, pair)
		put_end(out, pair, "primary");
	fputs("\t}\n", out);
	put_namespaces(out, pairs);
	json_array_foreach((json_t *)pairs, i, pair) {
		put_direction(out, pair, "primary", "peer");
		put_direction(out, pair, "peer", "primary");
	}
	fputs("}\n", out);
}
