/* SPDX-License-Identifier: GPL-2.0-only */
/* See exposition.h. */
#include "client/exposition.h"

static bool is_openmetrics(const struct exposition *e)
{
	return e->format == EXPOSITION_OPENMETRICS;
}

/* Inside quotes. Texts of help have no characters that both formats do not write alike. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static const char *suffix_of(const struct family *family)
{
	switch (family->type) {
	case FAMILY_GAUGE:
		return "";
	case FAMILY_COUNTER:
		return "_total";
	case FAMILY_INFO:
		return "_info";
	}
	return "";
}

static const char *type_of(const struct exposition *e)
{
	switch (e->family->type) {
	case FAMILY_GAUGE:
		return "gauge";
	case FAMILY_COUNTER:
		return "counter";
	case FAMILY_INFO:
		return is_openmetrics(e) ? "info" : "gauge";
	}
	return "unknown";
}

void exposition_begin(struct exposition *e, const struct family *family)
{
	/* The older format knows no families, only the names of samples. */
	const char *suffix = is_openmetrics(e) ? "" : suffix_of(family);

	e->family = family;
	fprintf(e->out, "# HELP %s%s %s\n", family->name, suffix, family->help);
	fprintf(e->out, "# TYPE %s%s %s\n", family->name, suffix, type_of(e));
	if (family->unit && is_openmetrics(e))
		fprintf(e->out, "# UNIT %s %s\n", family->name, family->unit);
}

static void begin_sample(struct exposition *e, const struct label *labels)
{
	fprintf(e->out, "%s%s", e->family->name, suffix_of(e->family));
	for (size_t i = 0; labels && labels[i].name; i++) {
		fprintf(e->out, "%c%s=\"", i ? ',' : '{', labels[i].name);
		print_escaped(e->out, labels[i].value);
		fputc('"', e->out);
	}
	fputs(labels && labels[0].name ? "} " : " ", e->out);
}

void exposition_integer(struct exposition *e, const struct label *labels, long long value)
{
	begin_sample(e, labels);
	fprintf(e->out, "%lld\n", value);
}

void exposition_seconds(struct exposition *e, const struct label *labels, long long nanoseconds)
{
	begin_sample(e, labels);
	fprintf(e->out, "%lld.%09lld\n", nanoseconds / 1000000000, nanoseconds % 1000000000);
}

void exposition_end(struct exposition *e)
{
	if (is_openmetrics(e))
		fputs("# EOF\n", e->out);
}
