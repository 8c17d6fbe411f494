/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See model_equal.h. Values that are plain bytes are compared as such: where padding makes equal
 * ones differ, a pair is looked at once more than it need be.
 */
#include "core/model_equal.h"

static bool same_bytes(const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * size) == 0);
}
#define SAME_ARRAY(a, b, member)                                                                   \
	same_bytes((a)->member, (a)->n_##member, (b)->member, (b)->n_##member, sizeof(*(a)->member))

static bool same_sysctls(const struct end *a, const struct end *b)
{
	if (a->n_sysctls != b->n_sysctls)
		return false;
	for (size_t i = 0; i < a->n_sysctls; i++)
		if (!util_text_equal(a->sysctls[i].key, b->sysctls[i].key) ||
		    !util_text_equal(a->sysctls[i].value, b->sysctls[i].value))
			return false;
	return true;
}

static bool same_uses(const struct end *a, const struct end *b)
{
	if (a->n_uses != b->n_uses)
		return false;
	for (size_t i = 0; i < a->n_uses; i++)
		if (strcmp(a->uses[i].program, b->uses[i].program) != 0)
			return false;
	return true;
}

static bool same_end(const struct end *a, const struct end *b)
{
	return memcmp(&a->attrs, &b->attrs, sizeof(a->attrs)) == 0 && a->policy == b->policy &&
	       a->scrub == b->scrub && SAME_ARRAY(a, b, addresses) && SAME_ARRAY(a, b, routes) &&
	       SAME_ARRAY(a, b, neighbours) && same_sysctls(a, b) && same_uses(a, b);
}

bool pair_equal(const struct pair *a, const struct pair *b)
{
	if (strcmp(a->name, b->name) != 0 || a->kind != b->kind || a->mode != b->mode ||
	    a->recreate != b->recreate || a->headroom != b->headroom ||
	    a->tailroom != b->tailroom || a->netns.by != b->netns.by ||
	    a->netns.cookie != b->netns.cookie ||
	    !util_text_equal(a->netns.text, b->netns.text) || !util_text_equal(a->blocked, b->blocked))
		return false;
	for (enum side side = 0; side < N_SIDES; side++)
		if (!same_end(&a->end[side], &b->end[side]))
			return false;
	return true;
}

void desired_each_difference(const struct desired *before, const struct desired *after,
			     void (*fn)(void *ctx, const char *name), void *ctx)
{
	size_t i = 0, j = 0;

	while (i < before->n_pairs || j < after->n_pairs) {
		const struct pair *a = i < before->n_pairs ? &before->pairs[i] : NULL;
		const struct pair *b = j < after->n_pairs ? &after->pairs[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);

		if (order != 0 || !pair_equal(a, b))
			fn(ctx, order <= 0 ? a->name : b->name);
		i += order <= 0;
		j += order >= 0;
	}
}
