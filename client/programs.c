/* SPDX-License-Identifier: GPL-2.0-only */
/* See programs.h. */
#include "client/programs.h"

/* What very many use comes in portions. */
static int add_program(void *ctx, const json_t *parameters)
{
	json_t *program = json_object_get(parameters, "program"), *programs = ctx;
	json_t *last = json_array_get(programs, json_array_size(programs) - 1);
	int r = 0;

	if (!program)
		return 0;
	if (last && strcmp(text_of(last, "name"), text_of(program, "name")) == 0)
		r = json_array_extend(json_object_get(last, "users"),
				      json_object_get(program, "users"));
	else
		r = json_array_append(programs, program);
	return r < 0 ? complain(EXIT_NOT_OK, "out of memory") : 0;
}

int programs_ask(struct conn *conn, json_t **ret)
{
	AUTO(frame_json_unref) json_t *programs = json_array();
	int r = conn_call_more(conn, "Programs", NULL, CONN_FINITE, add_program, programs);

	if (r == 0)
		*ret = json_incref(programs);
	return r;
}
