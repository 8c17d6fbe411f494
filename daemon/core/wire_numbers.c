/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted, and what works, as JSON; see wire.h. */
#include "core/wire.h"

/* ---- statistics ---- */

static json_t *traffic(const struct traffic *traffic)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "packets", (json_int_t)traffic->packets, "bytes",
			 (json_int_t)traffic->bytes, "dropped", (json_int_t)traffic->dropped,
			 "errors", (json_int_t)traffic->errors);
}

static json_t *end(const struct status *status, enum side side)
{
	static const struct sighted_end nothing;
	const struct sighted_end *seen = status->seen ? &status->seen->end[side] : &nothing;
	const struct meter_end *meter = status->meter ? &status->meter->end[side] : NULL;
	bool known = meter && meter->known && meter->ifindex == seen->ifindex;

	return json_pack("{s:s, s:o*, s:o*, s:o}", "side", side_name(side), "received",
			 known ? traffic(&meter->received) : NULL, "transmitted",
			 known ? traffic(&meter->transmitted) : NULL, "chain", wire_chain(seen));
}

json_t *wire_statistics(const struct status *status)
{
	const struct history *history = status->history;

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:[o, o]}", "pair", status->name, "state",
			 state_name(status->state), "repairs", (json_int_t)history->n_repairs,
			 "failures", (json_int_t)history->n_failures, "takenMs",
			 (json_int_t)status->measured_ms, "ends", end(status, SIDE_PRIMARY),
			 end(status, SIDE_PEER));
}

/* ---- programs ---- */

static json_t *user(const struct usage_place *place)
{
	json_t *object = json_pack("{s:s, s:s, s:i}", "pair", place->pair, "side",
				   side_name(place->side), "position", (int)place->position);

	if (object && place->prog_id)
		json_object_set_new(object, "programId", json_integer(place->prog_id));
	if (object && place->link_id)
		json_object_set_new(object, "linkId", json_integer(place->link_id));
	return object;
}

static json_t *all_users(const struct usage_place *places, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		array = wire_append(array, user(&places[i]));
	return array;
}

json_t *wire_program(const struct usage *usage, size_t program, const struct usage_place *users,
		     size_t n, const struct diag *why)
{
	const struct program *definition = &usage->desired->programs[program];
	const struct diag *at = &definition->at;
	uint64_t runs, time_ns;
	json_t *object;

	usage_count(usage, program, &runs, &time_ns);
	object = json_pack("{s:s, s:o, s:o*, s:b, s:o*, s:o*, s:o, s:I, s:I}", "name",
			   definition->name, "object", wire_text(definition->object), "function",
			   wire_text(definition->function), "shipped",
			   !strchr(definition->object, '/'), "file", wire_text(at->file), "error",
			   wire_text(why->text), "users", all_users(users, n), "runs",
			   (json_int_t)runs, "runTimeNs", (json_int_t)time_ns);
	if (object && at->line)
		json_object_set_new(object, "line", json_integer(at->line));
	return object;
}

/* ---- what works ---- */

json_t *wire_features(const struct feature_state features[static N_FEATURES])
{
	json_t *array = json_array();

	for (enum feature feature = 0; feature < N_FEATURES; feature++)
		array = wire_append(array,
				    json_pack("{s:s, s:b, s:o*}", "name", feature_name(feature),
					      "usable", features[feature].usable, "why",
					      wire_text(features[feature].why)));
	return array;
}
