/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: what is counted, what a fresh look finds, and what works here. */
#include "core/wire.h"
#include "front/call.h"
#include "front/front.h"
#include "front/positions.h"
#include "front/preview.h"
#include "interface_methods.h"

#include <errno.h>
#include <sys/utsname.h>

/* ---- Statistics ---- */

struct statistics {
	bool one; /* of one pair only */
	char pair[IFNAMSIZ]; /* that one; else the pair that was sent last */
};

/* The pair's counters are on their way; when it goes, they are not. */
static int wait_for(struct call *call, const char *pair)
{
	call->events = CALL_MEASURED | CALL_PAIR;
	memcpy(call->pair, pair, strnlen(pair, IFNAMSIZ - 1) + 1);
	return 0;
}

static json_t *tell(struct reconcile *reconcile, const char *pair)
{
	struct status status;

	reconcile_refresh(reconcile, pair);
	reconcile_status(reconcile, pair, util_now_ms(), &status);
	return json_pack("{s:o}", "statistics", wire_statistics(&status));
}

static int continue_one(struct call *call, unsigned int why)
{
	struct reconcile *reconcile = call->front->reconcile;
	const struct statistics *statistics = call->data;
	struct status status;

	if (!reconcile_status(reconcile, statistics->pair, util_now_ms(), &status))
		return call_error_text(call, ERROR_METAD_NO_SUCH_PAIR, "pair", statistics->pair);
	if (reconcile_is_measuring(reconcile, statistics->pair))
		return wait_for(call, statistics->pair);
	return call_reply(call, tell(reconcile, statistics->pair));
}

static int continue_all(struct call *call, unsigned int why)
{
	struct reconcile *reconcile = call->front->reconcile;
	struct statistics *statistics = call->data;
	size_t i = positions_behind(reconcile, statistics->pair);
	size_t n = reconcile_n_pairs(reconcile);
	struct status status;

	if (i >= n)
		return call_reply(call, json_object());
	reconcile_status_at(reconcile, i, util_now_ms(), &status);
	if (reconcile_is_measuring(reconcile, status.name))
		return wait_for(call, status.name);
	call->events = 0;
	memcpy(statistics->pair, status.name, IFNAMSIZ);
	return i + 1 < n ? call_reply_more(call, tell(reconcile, statistics->pair))
			 : call_reply(call, tell(reconcile, statistics->pair));
}

static int statistics(struct call *call)
{
	struct statistics *data = calloc(1, sizeof(*data));
	const char *pair = call_text(call, "pair");

	if (!data)
		return -ENOMEM;
	call_wait(call, pair ? continue_one : continue_all, call_free_data, data);
	if (pair && strlen(pair) >= IFNAMSIZ)
		return call_error_text(call, ERROR_METAD_NO_SUCH_PAIR, "pair", pair);
	if (pair)
		strcpy(data->pair, pair);
	reconcile_ask_meters(call->front->reconcile, pair, util_now_ms());
	return call->resume(call, CALL_ROOM);
}

METHOD(metad_statistics) = { .run = statistics };

/* ---- Verify ---- */

struct verification {
	uint64_t look; /* that is waited for */
};

static int continue_verify(struct call *call, unsigned int why)
{
	const struct verification *verification = call->data;
	const struct diag *trouble = NULL;
	int r = reconcile_look_result(call->front->reconcile, verification->look, &trouble);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return call_error_text(call, ERROR_METAD_CANNOT_LOOK, "why",
				       trouble->text ? trouble->text : strerror(-r));
	call_free_data(call);
	call->release = NULL;
	call->events = 0;
	return preview_begin(call);
}

static int verify(struct call *call)
{
	struct verification *data;

	if (!reconcile_desired(call->front->reconcile))
		return call_error_text(call, ERROR_METAD_NOT_LOADED, NULL, NULL);
	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	data->look = reconcile_ask_look(call->front->reconcile);
	call_wait(call, continue_verify, call_free_data, data);
	call->events = CALL_LOOKED;
	return 0;
}

METHOD(metad_verify) = { .run = verify };

/* ---- Programs ---- */

#define USERS_MAX 500 /* told in one reply: to make one takes a millisecond */

struct programs {
	struct usage usage;
	size_t program; /* whose turn it is */
	size_t n_told; /* of its users */
};

/* metad's own are there whether anybody needs them or not: they are told where they are used. */
static bool is_told(const struct usage *usage, size_t program)
{
	size_t n;

	usage_of(usage, program, &n);
	return usage->desired->programs[program].name[0] != '+' || n;
}

/* False: that was the last one. */
static bool find_program(struct programs *programs)
{
	const struct usage *usage = &programs->usage;

	while (programs->program < usage->desired->n_programs && !is_told(usage, programs->program))
		programs->program++;
	return programs->program < usage->desired->n_programs;
}

static json_t *tell_program(struct programs *programs, const struct reconcile *reconcile)
{
	static const struct diag nothing;
	const struct usage *usage = &programs->usage;
	size_t i = programs->program, n;
	const struct usage_place *users = usage_of(usage, i, &n) + programs->n_told;
	const struct object *object = reconcile_object(reconcile, usage->desired->programs[i].name);

	n = MIN(n - programs->n_told, USERS_MAX);
	return json_pack("{s:o}", "program",
			 wire_program(usage, i, users, n, object ? &object->why : &nothing));
}

static void advance(struct programs *programs)
{
	size_t n;

	usage_of(&programs->usage, programs->program, &n);
	programs->n_told += MIN(n - programs->n_told, USERS_MAX);
	if (programs->n_told < n)
		return;
	programs->n_told = 0;
	programs->program++;
}

static int continue_programs(struct call *call, unsigned int why)
{
	struct programs *programs = call->data;
	json_t *parameters;

	if (!find_program(programs))
		return call_reply(call, json_object());
	parameters = tell_program(programs, call->front->reconcile);
	advance(programs);
	return find_program(programs) ? call_reply_more(call, parameters)
				      : call_reply(call, parameters);
}

static void release_programs(struct call *call)
{
	struct programs *programs = call->data;

	usage_done(&programs->usage);
	free(programs);
}

static int programs(struct call *call)
{
	struct programs *data = calloc(1, sizeof(*data));
	int r;

	if (!data)
		return -ENOMEM;
	call_wait(call, continue_programs, release_programs, data);
	r = reconcile_usage(call->front->reconcile, &data->usage);
	if (r == -EAGAIN)
		return call_error_text(call, ERROR_METAD_NOT_LOADED, NULL, NULL);
	return r == 0 ? continue_programs(call, CALL_ROOM) : r;
}

METHOD(metad_programs) = { .run = programs };

/* ---- Capabilities ---- */

static json_t *limits(const struct settings *settings)
{
	return json_pack("{s:I, s:I, s:I, s:i, s:I}", "pairs", (json_int_t)settings->max_pairs,
			 "connections", (json_int_t)settings->max_connections, "connectionsPerUser",
			 (json_int_t)settings->max_connections_per_user, "programsPerChain",
			 CHAIN_MAX, "messageBytes", (json_int_t)FRONT_MESSAGE_MAX);
}

static int capabilities(struct call *call)
{
	struct reconcile *reconcile = call->front->reconcile;
	const struct desired *desired = reconcile_desired(reconcile);
	const struct settings defaults = SETTINGS_DEFAULT;
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	return call_reply(call,
			  json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "version", METAD_VERSION,
				    "kernel", name.release, "architecture", name.machine, "kinds",
				    wire_kinds(reconcile_kinds(reconcile)), "features",
				    wire_features(reconcile_features(reconcile)), "limits",
				    limits(desired ? &desired->settings : &defaults)));
}

METHOD(metad_capabilities) = { .run = capabilities };
