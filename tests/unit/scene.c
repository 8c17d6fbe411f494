/* SPDX-License-Identifier: GPL-2.0-only */
/* See scene.h. */
#include "unit/scene.h"

#include <stdio.h>

void scene_done(struct scene *scene)
{
	config_done(&scene->config);
	leases_done(&scene->leases);
	template_pairs_done(&scene->pairs);
	diag_list_done(&scene->conflicts);
}

void scene_read_file(struct scene *scene, const char *text)
{
	const struct config_part part = { .path = (char *)"t.yaml",
					  .bytes = (char *)text,
					  .len = strlen(text) };
	AUTO(diag_list_done) struct diag_list diags = {};
	static const char *const dirs[] = { "/run/netns", "/var/run/netns" };
	struct config *config = &scene->config;

	config_done(config);
	CHECK(config_parse(CONFIG_PAIRS, &part, 1, NULL, config, &diags) == 0);
	CHECK(config->n_templates <= 8 && config->n_pools <= 8);
	for (size_t i = 0; i < config->n_templates; i++)
		scene->templates[i] = &config->templates[i];
	for (size_t i = 0; i < config->n_pools; i++)
		scene->pools[i] = &config->pools[i];
	scene->world = (struct template_world){
		.templates = scene->templates,
		.n_templates = config->n_templates,
		.pools = scene->pools,
		.n_pools = config->n_pools,
		.netns_dirs = dirs,
		.n_netns_dirs = 2,
		.declared = config->pairs,
		.n_declared = config->n_pairs,
		.max_pairs = 1000,
	};
}

void scene_expand(struct scene *scene, const char *const *namespaces, size_t n)
{
	struct conflicts conflicts = { .list = &scene->conflicts };

	template_pairs_done(&scene->pairs);
	diag_list_done(&scene->conflicts);
	scene->world.namespaces = namespaces;
	scene->world.n_namespaces = n;
	CHECK(template_expand(&scene->world, &scene->leases, &scene->pairs, &conflicts) == 0);
	CHECK(conflicts_finish(&conflicts) == 0);
	for (size_t i = 0; i < scene->pairs.n; i++) {
		const struct pair *pair = &scene->pairs.items[i];

		CHECK(!i || strcmp(pair[-1].name, pair->name) < 0);
		CHECK(strcmp(pair->name, pair->end[SIDE_PRIMARY].attrs.name) == 0);
		CHECK(device_name_is_valid(pair->name) &&
		      device_name_is_valid(pair->end[SIDE_PEER].attrs.name));
		CHECK(pair->netns.text && pair->at.file && pair->template[0] && !pair->overrides);
		CHECK(!pair->blocked || !pair->end[SIDE_PEER].n_addresses);
	}
}

const struct pair *scene_find(const struct scene *scene, const char *name)
{
	for (size_t i = 0; i < scene->pairs.n; i++)
		if (strcmp(scene->pairs.items[i].name, name) == 0)
			return &scene->pairs.items[i];
	return NULL;
}

void scene_expect_pairs(const struct scene *scene, const char *expected)
{
	char words[2048] = "", ip[IP_TEXT_SIZE];

	for (size_t i = 0; i < scene->pairs.n; i++) {
		const struct pair *pair = &scene->pairs.items[i];
		const struct end *peer = &pair->end[SIDE_PEER];
		size_t len = strlen(words);

		snprintf(words + len, sizeof(words) - len, "%s in %s:", pair->name,
			 pair->netns.text);
		for (size_t j = 0; j < peer->n_addresses; j++)
			strcat(strcat(words, " "), prefix_text(&peer->addresses[j].prefix, ip));
		if (pair->blocked)
			strcat(strcat(words, " "), pair->blocked);
		strcat(words, "\n");
	}
	if (strcmp(words, expected) != 0)
		fprintf(stderr, "there are:\n%s", words);
	CHECK(strcmp(words, expected) == 0);
}

void scene_expect_conflicts(const struct scene *scene, const char *expected)
{
	char words[4096] = "";

	for (size_t i = 0; i < scene->conflicts.n; i++) {
		AUTO_FREE char *line = diag_text(&scene->conflicts.items[i]);

		strcat(strcat(words, line), "\n");
	}
	if (strcmp(words, expected) != 0)
		fprintf(stderr, "said:\n%s", words);
	CHECK(strcmp(words, expected) == 0);
}
