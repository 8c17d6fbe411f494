/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Metrics as text: OpenMetrics 1.0, or the older text format of Prometheus, which the textfile
 * collector of its node exporter reads. They differ in where a counter's "_total" is said, in units, and
 * in the end. Knows nothing of what is counted.
 */

#include <stdbool.h>
#include <stdio.h>

enum exposition_format { EXPOSITION_OPENMETRICS, EXPOSITION_PROMETHEUS };

enum family_type { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_INFO };

/* What has one name. Samples follow their family at once. */
struct family {
	const char *name; /* without "_total" and "_info" */
	enum family_type type;
	const char *unit; /* how name ends then; NULL: none */
	const char *help;
};

struct exposition {
	FILE *out; /* borrowed */
	enum exposition_format format;
	const struct family *family; /* borrowed: whose samples follow */
};

struct label {
	const char *name, *value;
};

void exposition_begin(struct exposition *e, const struct family *family);
/* A sample with labels up to one without a name; NULL: none. */
void exposition_integer(struct exposition *e, const struct label *labels, long long value);
void exposition_seconds(struct exposition *e, const struct label *labels, long long nanoseconds);
void exposition_end(struct exposition *e);
