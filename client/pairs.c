/* SPDX-License-Identifier: GPL-2.0-only */
/* See pairs.h. */
#include "client/pairs.h"

static int add_pair(void *ctx, const json_t *parameters)
{
	json_t *pair = json_object_get(parameters, "pair");

	if (pair && json_array_append(ctx, pair) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	return 0;
}

int pairs_ask(struct conn *conn, json_t **ret)
{
	AUTO(frame_json_unref) json_t *pairs = json_array();
	int r = conn_call_more(conn, "List", NULL, CONN_FINITE, add_pair, pairs);

	if (r == 0)
		*ret = json_incref(pairs);
	return r;
}
