/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* A file with templates, the namespaces that there are, and what comes of them: for tests. */

#include "core/config.h"
#include "core/template_expand.h"
#include "unit/test.h"

/* A file, and what comes of it. */
struct scene {
	struct config config;
	const struct template *templates[8];
	const struct pool *pools[8];
	struct template_world world;
	struct leases leases;
	struct template_pairs pairs;
	struct diag_list conflicts;
};

void scene_done(struct scene *scene);
void scene_read_file(struct scene *scene, const char *text);
void scene_expand(struct scene *scene, const char *const *namespaces, size_t n);
#define SCENE_EXPAND(scene, ...)                                                                   \
	scene_expand(scene, (const char *const[]){ __VA_ARGS__ },                                  \
		     sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

const struct pair *scene_find(const struct scene *scene, const char *name); /* NULL: none */
/* All pairs in words: name, namespace, and the peer's addresses or why it is blocked. */
void scene_expect_pairs(const struct scene *scene, const char *expected);
void scene_expect_conflicts(const struct scene *scene, const char *expected);
