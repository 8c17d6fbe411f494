/* SPDX-License-Identifier: GPL-2.0-only */
/* See rates.h. Counters that have become smaller are those of a new device: it began with nothing. */
#include "client/rates.h"

static int add_pair(void *ctx, const json_t *parameters)
{
	json_t *statistics = json_object_get(parameters, "statistics");

	if (statistics && json_array_append(ctx, statistics) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	return 0;
}

int rates_ask(struct conn *conn, json_t **ret)
{
	AUTO(frame_json_unref) json_t *pairs = json_array();
	int r = conn_call_more(conn, "Statistics", NULL, CONN_FINITE, add_pair, pairs);

	if (r == 0)
		*ret = json_incref(pairs);
	return r;
}

/* ---- one pair ---- */

static const json_t *end_of(const json_t *pair, size_t side)
{
	return json_array_get(json_object_get(pair, "ends"), side);
}

static double difference(const json_t *before, const json_t *after, const char *key)
{
	long long was = number_of(before, key), is = number_of(after, key);

	return is >= was ? is - was : is;
}

/* False: one of the two does not know. */
static bool add_rate(json_t *row, const char *name, const char *packets_name, const json_t *before,
		     const json_t *after, double seconds)
{
	if (!before || !after)
		return false;
	json_object_set_new(row, name, json_real(difference(before, after, "bytes") / seconds));
	json_object_set_new(row, packets_name,
			    json_real(difference(before, after, "packets") / seconds));
	return true;
}

static double dropped(const json_t *before, const json_t *after)
{
	static const char *const directions[] = { "received", "transmitted" };
	double n = 0;

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < ARRAY_SIZE(directions); i++)
			n += difference(json_object_get(end_of(before, side), directions[i]),
					json_object_get(end_of(after, side), directions[i]),
					"dropped");
	return n;
}

static json_t *make_row(const json_t *before, const json_t *after)
{
	json_t *row = json_pack("{s:s, s:s}", "pair", text_of(after, "pair"), "state",
				text_of(after, "state"));
	double ms = number_of(after, "takenMs") - number_of(before, "takenMs");
	const json_t *primary = end_of(after, 0), *was = end_of(before, 0);

	if (!row || !before || ms <= 0)
		return row;
	if (add_rate(row, "toPeer", "toPeerPackets", json_object_get(was, "transmitted"),
		     json_object_get(primary, "transmitted"), ms / 1000) &&
	    add_rate(row, "fromPeer", "fromPeerPackets", json_object_get(was, "received"),
		     json_object_get(primary, "received"), ms / 1000))
		json_object_set_new(row, "dropped", json_real(dropped(before, after) / ms * 1000));
	return row;
}

/* ---- in order ---- */

struct ranked {
	json_t *row;
	double rank;
	const char *state;
};

static double real_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static double rank_of(const json_t *row, enum rates_order order)
{
	switch (order) {
	case RATES_BY_BYTES:
		return real_of(row, "toPeer") + real_of(row, "fromPeer");
	case RATES_BY_PACKETS:
		return real_of(row, "toPeerPackets") + real_of(row, "fromPeerPackets");
	case RATES_BY_DROPS:
		return real_of(row, "dropped");
	case RATES_BY_NAME:
	case RATES_BY_STATE:
		break;
	}
	return 0;
}

/* Those that are not ready are those that somebody looks for. */
static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	bool x_ready = strcmp(x->state, "ready") == 0, y_ready = strcmp(y->state, "ready") == 0;
	int order = x_ready - y_ready;

	if (order == 0)
		order = (x->rank < y->rank) - (x->rank > y->rank);
	if (order == 0)
		order = strcmp(x->state, y->state);
	return order ? order : strcmp(text_of(x->row, "pair"), text_of(y->row, "pair"));
}

/* Takes the rows. */
static json_t *sort(struct ranked *ranked, size_t n, enum rates_order order)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		ranked[i].rank = rank_of(ranked[i].row, order);
		ranked[i].state = order == RATES_BY_STATE ? text_of(ranked[i].row, "state") : "";
	}
	qsort(ranked, n, sizeof(*ranked), compare);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, ranked[i].row);
	return rows;
}

json_t *rates_make(const json_t *before, const json_t *after, enum rates_order order)
{
	AUTO(frame_json_unref) json_t *known = json_object();
	AUTO_FREE struct ranked *ranked = calloc(json_array_size(after) + 1, sizeof(*ranked));
	json_t *pair;
	size_t i, n = 0;

	if (!known || !ranked)
		return NULL;
	json_array_foreach((json_t *)before, i, pair)
		json_object_set(known, text_of(pair, "pair"), pair);
	json_array_foreach((json_t *)after, i, pair) {
		ranked[n].row = make_row(json_object_get(known, text_of(pair, "pair")), pair);
		n += ranked[n].row != NULL;
	}
	return sort(ranked, n, order);
}
