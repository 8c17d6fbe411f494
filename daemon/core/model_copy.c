/* SPDX-License-Identifier: GPL-2.0-only */
/* Deep copies; see model_copy.h. A copied array can grow like one that was grown. */
#include "core/model_copy.h"

#include <errno.h>

static int copy_sysctls(const struct end *end, struct end *ret)
{
	int r = 0;

	for (size_t i = 0; i < end->n_sysctls && r == 0; i++) {
		struct sysctl copy = {};

		r = util_text_copy(end->sysctls[i].key, &copy.key);
		if (r == 0)
			r = util_text_copy(end->sysctls[i].value, &copy.value);
		if (r == 0)
			r = ARRAY_APPEND(ret->sysctls, ret->n_sysctls, copy);
		if (r < 0) {
			free(copy.key);
			free(copy.value);
		}
	}
	return r;
}

static int copy_uses(const struct end *end, struct end *ret)
{
	int r = 0;

	for (size_t i = 0; i < end->n_uses && r == 0; i++) {
		struct use copy = end->uses[i];

		copy.at = (struct diag){};
		r = diag_copy(&end->uses[i].at, &copy.at);
		if (r == 0)
			r = ARRAY_APPEND(ret->uses, ret->n_uses, copy);
		if (r < 0)
			diag_done(&copy.at);
	}
	return r;
}

static int end_copy(const struct end *end, struct end *ret)
{
	int r = 0;

	ret->attrs = end->attrs;
	ret->policy = end->policy;
	ret->scrub = end->scrub;
	for (size_t i = 0; i < end->n_addresses && r == 0; i++)
		r = ARRAY_APPEND(ret->addresses, ret->n_addresses, end->addresses[i]);
	for (size_t i = 0; i < end->n_routes && r == 0; i++)
		r = ARRAY_APPEND(ret->routes, ret->n_routes, end->routes[i]);
	for (size_t i = 0; i < end->n_neighbours && r == 0; i++)
		r = ARRAY_APPEND(ret->neighbours, ret->n_neighbours, end->neighbours[i]);
	if (r == 0)
		r = copy_sysctls(end, ret);
	return r == 0 ? copy_uses(end, ret) : r;
}

static int copy_labels(const struct pair *pair, struct pair *ret)
{
	int r = 0;

	for (size_t i = 0; i < pair->n_labels && r == 0; i++) {
		struct label copy = {};

		r = util_text_copy(pair->labels[i].key, &copy.key);
		if (r == 0)
			r = util_text_copy(pair->labels[i].value, &copy.value);
		if (r == 0)
			r = ARRAY_APPEND(ret->labels, ret->n_labels, copy);
		if (r < 0) {
			free(copy.key);
			free(copy.value);
		}
	}
	return r;
}

int pair_copy(const struct pair *pair, struct pair *ret)
{
	AUTO(pair_done)
	struct pair copy = {
		.kind = pair->kind,
		.mode = pair->mode,
		.recreate = pair->recreate,
		.headroom = pair->headroom,
		.tailroom = pair->tailroom,
		.netns.by = pair->netns.by,
		.netns.cookie = pair->netns.cookie,
		.overrides = pair->overrides,
	};
	int r;

	memcpy(copy.name, pair->name, IFNAMSIZ);
	memcpy(copy.template, pair->template, sizeof(copy.template));
	r = util_text_copy(pair->netns.text, &copy.netns.text);
	if (r == 0)
		r = util_text_copy(pair->blocked, &copy.blocked);
	if (r == 0)
		r = diag_copy(&pair->at, &copy.at);
	if (r == 0)
		r = copy_labels(pair, &copy);
	for (enum side side = 0; side < N_SIDES && r == 0; side++)
		r = end_copy(&pair->end[side], &copy.end[side]);
	if (r < 0)
		return r;
	*ret = STEAL(copy);
	return 0;
}

int program_copy(const struct program *program, struct program *ret)
{
	AUTO(program_done) struct program copy = {};
	int r;

	memcpy(copy.name, program->name, PROGRAM_NAME_SIZE);
	r = util_text_copy(program->object, &copy.object);
	if (r == 0)
		r = util_text_copy(program->function, &copy.function);
	if (r == 0)
		r = diag_copy(&program->at, &copy.at);
	if (r < 0)
		return r;
	*ret = STEAL(copy);
	return 0;
}

int settings_copy(const struct settings *settings, struct settings *ret)
{
	AUTO(settings_done) struct settings copy = *settings;
	int r;

	copy.group = NULL;
	copy.group_at = (struct diag){};
	copy.netns_dirs = NULL;
	copy.n_netns_dirs = 0;
	r = util_text_copy(settings->group, &copy.group);
	if (r == 0)
		r = diag_copy(&settings->group_at, &copy.group_at);
	for (size_t i = 0; i < settings->n_netns_dirs && r == 0; i++) {
		char *dir = NULL;

		r = util_text_copy(settings->netns_dirs[i], &dir);
		if (r == 0)
			r = ARRAY_APPEND(copy.netns_dirs, copy.n_netns_dirs, dir);
		if (r < 0)
			free(dir);
	}
	if (r < 0)
		return r;
	*ret = STEAL(copy);
	return 0;
}
