/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nouns to JSON; see wire.h. A member that has nothing to say is left out, and so is an optional
 * one for which there is no memory.
 */
#include "core/wire.h"

/* Appends a new reference; an array that is NULL stays NULL, so lack of memory shows at the end. */
json_t *wire_append(json_t *array, json_t *item)
{
	if (array && item && json_array_append_new(array, item) == 0)
		return array;
	if (!array)
		json_decref(item);
	json_decref(array);
	return NULL;
}

/*
 * Devices, namespaces and files may be named with any bytes, and whoever owns a namespace names the
 * devices in it; JSON takes UTF-8 only. NULL stays NULL.
 */
json_t *wire_text(const char *words)
{
	json_t *string = words ? json_string(words) : NULL;
	char *repaired;

	if (!words || string)
		return string;
	repaired = strdup(words);
	for (char *c = repaired; c && *c; c++)
		if (*c & 0x80)
			*c = '?';
	string = repaired ? json_string(repaired) : NULL;
	free(repaired);
	return string;
}

/* ---- a pair in short ---- */

static const char *netns_of(const struct pair *want)
{
	return want ? want->netns.text : NULL;
}

static json_t *wanted_programs(const struct end *end)
{
	json_t *array = json_array();

	for (size_t i = 0; end && i < end->n_uses; i++)
		array = wire_append(array, json_string(end->uses[i].program));
	return array;
}

static json_t *all_programs(const struct pair *want)
{
	json_t *array = wanted_programs(want ? &want->end[SIDE_PRIMARY] : NULL);

	for (size_t i = 0; want && i < want->end[SIDE_PEER].n_uses; i++)
		array = wire_append(array, json_string(want->end[SIDE_PEER].uses[i].program));
	return array;
}

static json_t *peer_addresses(const struct pair *want)
{
	const struct end *peer = want ? &want->end[SIDE_PEER] : NULL;
	json_t *array = json_array();
	char buf[IP_TEXT_SIZE];

	for (size_t i = 0; peer && i < peer->n_addresses; i++)
		array = wire_append(array, json_string(prefix_text(&peer->addresses[i].prefix, buf)));
	return array;
}

json_t *wire_summary(const struct status *status)
{
	const struct pair *want = status->want;
	const struct history *history = status->history;

	return json_pack("{s:s, s:s, s:I, s:s, s:b, s:b, s:o*, s:o*, s:o, s:o, s:o*, s:o*, s:I, s:I, s:I}",
			 "name", status->name, "state", state_name(status->state), "stateMs",
			 (json_int_t)status->state_ms, "kind",
			 kind_name(status->kind), "closed", status->closed, "declared",
			 want != NULL, "netns", wire_text(netns_of(want)), "peer",
			 wire_text(want ? want->end[SIDE_PEER].attrs.name : NULL), "addresses",
			 peer_addresses(want), "programs", all_programs(want), "why",
			 wire_text(status->why->text), "error", wire_text(history->error.text), "repairs",
			 (json_int_t)history->n_repairs, "failures",
			 (json_int_t)history->n_failures, "sequence",
			 (json_int_t)history->generation);
}

/* ---- a pair in full ---- */

static json_t *addresses(const struct sighted_end *end)
{
	json_t *array = json_array();
	char buf[IP_TEXT_SIZE];

	for (size_t i = 0; i < end->n_addresses; i++)
		array = wire_append(array, json_pack("{s:s, s:b}", "address",
						prefix_text(&end->addresses[i].prefix, buf),
						"foreign", end->addresses[i].foreign));
	return array;
}

static json_t *routes(const struct sighted_end *end)
{
	json_t *array = json_array();
	char buf[ROUTE_TEXT_SIZE];

	for (size_t i = 0; i < end->n_routes; i++)
		array = wire_append(array, json_string(route_text(&end->routes[i], buf)));
	return array;
}

static json_t *neighbours(const struct sighted_end *end)
{
	json_t *array = json_array();
	char ip[IP_TEXT_SIZE], mac[IP_TEXT_SIZE];

	for (size_t i = 0; i < end->n_neighbours; i++)
		array = wire_append(array, json_pack("{s:s, s:s}", "ip",
						ip_text(&end->neighbours[i].ip, ip), "mac",
						mac_text(end->neighbours[i].mac, mac)));
	return array;
}

static json_t *sysctls(const struct sighted_end *end)
{
	json_t *array = json_array();

	for (size_t i = 0; i < end->n_sysctls; i++)
		array = wire_append(array, json_pack("{s:o, s:o*}", "key", wire_text(end->sysctls[i].key),
						"value", wire_text(end->sysctls[i].value)));
	return array;
}

static json_t *slot(const struct slot *slot)
{
	json_t *object = json_pack("{s:s*, s:b, s:o, s:I, s:I, s:I}", "program",
				   slot->foreign ? NULL : slot->program, "foreign", slot->foreign,
				   "function", wire_text(slot->kernel_name), "programId",
				   (json_int_t)slot->prog_id, "runs", (json_int_t)slot->run_count,
				   "runTimeNs", (json_int_t)slot->run_time_ns);

	if (object && slot->link_id)
		json_object_set_new(object, "linkId", json_integer(slot->link_id));
	return object;
}

json_t *wire_chain(const struct sighted_end *end)
{
	json_t *array = json_array();

	for (size_t i = 0; i < end->n_chain; i++)
		array = wire_append(array, slot(&end->chain[i]));
	return array;
}

static void set_attrs(json_t *object, const struct attrs *attrs)
{
	const struct {
		enum attr attr;
		const char *key;
		uint32_t value;
	} numbers[] = {
		{ ATTR_MTU, "mtu", attrs->mtu },
		{ ATTR_TXQUEUELEN, "txqueuelen", attrs->txqueuelen },
		{ ATTR_GSO_MAX_SIZE, "gsoMaxSize", attrs->gso_max_size },
		{ ATTR_GRO_MAX_SIZE, "groMaxSize", attrs->gro_max_size },
		{ ATTR_GSO_IPV4_MAX_SIZE, "gsoIpv4MaxSize", attrs->gso_ipv4_max_size },
		{ ATTR_GRO_IPV4_MAX_SIZE, "groIpv4MaxSize", attrs->gro_ipv4_max_size },
	};
	char buf[IP_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (attrs->has & numbers[i].attr)
			json_object_set_new(object, numbers[i].key, json_integer(numbers[i].value));
	if (attrs->has & ATTR_MAC)
		json_object_set_new(object, "mac", json_string(mac_text(attrs->mac, buf)));
}

static json_t *end(const struct status *status, enum side side)
{
	static const struct sighted_end nothing;
	const struct sighted_end *seen = status->seen ? &status->seen->end[side] : &nothing;
	const struct end *want = status->want ? &status->want->end[side] : NULL;
	const char *name = seen->ifindex ? seen->attrs.name : want ? want->attrs.name : "";
	bool driver = seen->ifindex && kind_has_policy(status->kind);
	json_t *object;

	object = json_pack("{s:s, s:o, s:b, s:b, s:s*, s:s*, s:s*, s:o, s:o, s:o, s:o, s:o, s:o}",
			   "side", side_name(side), "name", wire_text(name), "up", seen->attrs.up,
			   "running", seen->running, "policy",
			   driver ? policy_name(seen->policy) : NULL, "scrub",
			   driver ? scrub_name(seen->scrub) : NULL, "wantedPolicy",
			   want ? policy_name(want->policy) : NULL, "addresses", addresses(seen),
			   "routes", routes(seen), "neighbours", neighbours(seen), "sysctls",
			   sysctls(seen), "chain", wire_chain(seen), "wanted", wanted_programs(want));
	if (object && seen->ifindex) {
		json_object_set_new(object, "ifindex", json_integer(seen->ifindex));
		set_attrs(object, &seen->attrs);
	}
	return object;
}

json_t *wire_pair(const struct status *status)
{
	const struct pair *want = status->want;
	const struct history *history = status->history;
	json_t *object = json_pack("{s:o, s:s*, s:s*, s:s*, s:o*, s:o*, s:o*, s:[o, o]}", "summary",
				   wire_summary(status), "template",
				   want && want->template[0] ? want->template : NULL, "mode",
				   want ? mode_name(want->mode) : NULL, "wantedKind",
				   want ? kind_name(want->kind) : NULL, "file",
				   wire_text(want ? want->at.file : NULL), "limits",
				   wire_text(status->limits->text), "errorDetail",
				   wire_text(history->error.detail), "ends", end(status, SIDE_PRIMARY),
				   end(status, SIDE_PEER));

	if (object && want)
		json_object_set_new(object, "line", json_integer(want->at.line));
	if (object && status->seen && status->seen->nsid >= 0)
		json_object_set_new(object, "nsid", json_integer(status->seen->nsid));
	if (object && history->n_failures)
		json_object_set_new(object, "retryMs", json_integer(history->retry_ms));
	return object;
}

/* ---- plans and diagnostics ---- */

static json_t *steps(const struct task *task)
{
	json_t *array = json_array();
	char buf[STEP_TEXT_SIZE];

	for (size_t i = 0; i < task->n_steps; i++)
		array = wire_append(array, json_pack("{s:s, s:s, s:o}", "action",
						step_kind_name(task->steps[i].kind), "side",
						side_name(task->steps[i].side), "text",
						wire_text(step_text(&task->steps[i], buf))));
	return array;
}

json_t *wire_task(const struct task *task)
{
	return json_pack("{s:s, s:s, s:o*, s:o*, s:o}", "pair", task->name, "verdict",
			 verdict_name(task->verdict), "why", wire_text(task->why.text), "limits",
			 wire_text(task->limits.text), "steps", steps(task));
}

json_t *wire_kinds(const struct kind_state kinds[static N_KINDS])
{
	json_t *array = json_array();

	for (enum kind kind = KIND_META; kind < N_KINDS; kind++)
		array = wire_append(array, json_pack("{s:s, s:b, s:o*}", "name", kind_name(kind),
						"usable", kinds[kind].usable, "why",
						wire_text(kinds[kind].why)));
	return array;
}

static void add_diagnostic(void *ctx, const struct diag *diag)
{
	json_t **array = ctx;
	json_t *object = json_pack("{s:o*, s:o}", "file", wire_text(diag->file), "text",
				   wire_text(diag->text ? diag->text : "unknown error"));

	if (object && diag->line) {
		json_object_set_new(object, "line", json_integer(diag->line));
		json_object_set_new(object, "column", json_integer(diag->column));
	}
	*array = wire_append(*array, object);
}

json_t *wire_diagnostics(const struct catalog *catalog, const struct desired *desired)
{
	json_t *array = json_array();

	catalog_each_diag(catalog, desired, add_diagnostic, &array);
	return array;
}

json_t *wire_diag_list(const struct diag_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->n; i++)
		add_diagnostic(&array, &list->items[i]);
	return array;
}

json_t *wire_files(const struct catalog *catalog)
{
	json_t *array = json_array();

	for (size_t i = 0; i < catalog->n_files; i++)
		for (size_t j = 0; j < catalog->files[i].n_paths; j++)
			if (catalog->files[i].in_force)
				array = wire_append(array, wire_text(catalog->files[i].paths[j]));
	return array;
}
