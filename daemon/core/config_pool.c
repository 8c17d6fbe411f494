/* SPDX-License-Identifier: GPL-2.0-only */
/* See config_pool.h. Ranges and excludes are read first, and then cut into the pool's spans. */
#include "core/config_pool.h"

#include "core/config_pair.h"

#include <stdio.h>

#define RANGES_MAX 64 /* of one family */
#define EXCLUDES_MAX 1024 /* of one pool */
#define PREFIX_LEN_MIN 8

/* A stretch of addresses, as written. */
struct range {
	pool_number first, last;
	enum family family;
	const struct node *node; /* NULL: nobody wrote it */
};

struct ranges {
	struct range *items; /* owned */
	size_t n;
};

/* What the keys of one pool are read into. */
struct pool_draft {
	struct ranges ranges, excludes;
	enum family family; /* of the ranges that are being read */
};

static void pool_draft_done(struct pool_draft *draft)
{
	free(draft->ranges.items);
	free(draft->excludes.items);
}

static const char *family_name(enum family family)
{
	return family == FAMILY_IPV6 ? "IPv6" : "IPv4";
}

/* ---- what is written ---- */

static void add_range(struct reader_file *file, const struct node *node, struct prefix prefix,
		      struct ranges *ranges)
{
	struct range range = { .first = pool_number_of(&prefix.ip),
			       .last = pool_last_of(&prefix),
			       .family = pool_family(&prefix.ip),
			       .node = node };

	if (ARRAY_APPEND(ranges->items, ranges->n, range) < 0)
		file->out_of_memory = true;
}

static bool read_stretch(struct reader_file *file, const struct node *node, const char *what,
			 struct prefix *ret)
{
	if (!reader_address(file, node, what, ret))
		return false;
	if (!prefix_has_host_bits(ret))
		return true;
	reader_fault(file, node, "%s: %s has bits set behind its prefix length", what, node->text);
	return false;
}

static void read_range(struct reader_file *file, const struct node *node, struct pool_draft *draft)
{
	const char *what = draft->family == FAMILY_IPV6 ? "ipv6" : "ipv4";
	struct prefix prefix;

	if (!read_stretch(file, node, what, &prefix))
		return;
	if (pool_family(&prefix.ip) != draft->family)
		reader_fault(file, node, "%s: %s is %s", what, node->text,
			     family_name(pool_family(&prefix.ip)));
	else if (prefix.len < PREFIX_LEN_MIN)
		reader_fault(file, node, "%s: %s is larger than a /%d", what, node->text,
			     PREFIX_LEN_MIN);
	else
		add_range(file, node, prefix, &draft->ranges);
}

static void read_exclude(struct reader_file *file, const struct node *node,
			 struct pool_draft *draft)
{
	struct prefix prefix;

	if (read_stretch(file, node, "exclude", &prefix))
		add_range(file, node, prefix, &draft->excludes);
}

/* A list, or a single value for a list of one. */
static void read_each(struct reader_file *file, const struct node *value, struct pool_draft *draft,
		      const char *what, size_t max,
		      void (*read)(struct reader_file *, const struct node *, struct pool_draft *))
{
	if (value->kind == NODE_SCALAR) {
		read(file, value, draft);
		return;
	}
	if (!reader_is_list(file, value, what))
		return;
	if (value->n_children > max) {
		reader_fault(file, value, "%s: %zu ranges are more than %zu", what,
			     value->n_children, max);
		return;
	}
	for (size_t i = 0; i < value->n_children; i++)
		read(file, &value->children[i], draft);
}

static void read_ipv4(struct reader_file *file, const struct node *value, void *noun)
{
	struct pool_draft *draft = noun;

	draft->family = FAMILY_IPV4;
	read_each(file, value, draft, "ipv4", RANGES_MAX, read_range);
}

static void read_ipv6(struct reader_file *file, const struct node *value, void *noun)
{
	struct pool_draft *draft = noun;

	draft->family = FAMILY_IPV6;
	read_each(file, value, draft, "ipv6", RANGES_MAX, read_range);
}

static void read_excludes(struct reader_file *file, const struct node *value, void *noun)
{
	read_each(file, value, noun, "exclude", EXCLUDES_MAX, read_exclude);
}

/* ---- what is left of it ---- */

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->last < y->last) - (x->last > y->last);
}

static void sort_ranges(struct ranges *ranges)
{
	if (ranges->n)
		qsort(ranges->items, ranges->n, sizeof(*ranges->items), compare_ranges);
}

static void check_overlaps(struct reader_file *file, const struct ranges *ranges)
{
	const struct range *before = ranges->items;

	for (size_t i = 1; i < ranges->n; i++) {
		const struct range *range = &ranges->items[i];

		if (range->family == before->family && range->first <= before->last)
			reader_fault(file, range->node, "%s and %s, in line %u, overlap",
				     range->node->text, before->node->text, before->node->line);
		if (range->family != before->family || range->last > before->last)
			before = range;
	}
}

static void check_excludes(struct reader_file *file, const struct pool_draft *draft)
{
	for (size_t i = 0; i < draft->excludes.n; i++) {
		const struct range *exclude = &draft->excludes.items[i];
		bool inside = false;

		for (size_t j = 0; j < draft->ranges.n; j++) {
			const struct range *range = &draft->ranges.items[j];

			inside |= exclude->family == range->family &&
				  exclude->first <= range->last && exclude->last >= range->first;
		}
		if (!inside)
			reader_fault(file, exclude->node, "exclude: %s is in no range of this pool",
				     exclude->node->text);
	}
}

/* What a range has and nobody can have as an address of his own. */
static void exclude_ends(struct reader_file *file, struct pool_draft *draft)
{
	for (size_t i = 0; i < draft->ranges.n; i++) {
		struct range end = draft->ranges.items[i];
		pool_number last = end.last;

		if (last - end.first < 3)
			continue;
		end.last = end.first;
		if (ARRAY_APPEND(draft->excludes.items, draft->excludes.n, end) < 0)
			file->out_of_memory = true;
		if (end.family == FAMILY_IPV6)
			continue;
		end.first = end.last = last;
		if (ARRAY_APPEND(draft->excludes.items, draft->excludes.n, end) < 0)
			file->out_of_memory = true;
	}
}

static void cut_range(struct reader_file *file, const struct range *range,
		      const struct ranges *excludes, struct pool *pool)
{
	pool_number first = range->first;

	for (size_t i = 0; i < excludes->n && first <= range->last; i++) {
		const struct range *hole = &excludes->items[i];

		if (hole->family != range->family || hole->last < first)
			continue;
		if (hole->first > range->last)
			break;
		if (hole->first > first &&
		    pool_add_span(pool, range->family, first, hole->first - 1) < 0)
			file->out_of_memory = true;
		first = hole->last + 1;
	}
	if (first <= range->last && pool_add_span(pool, range->family, first, range->last) < 0)
		file->out_of_memory = true;
}

static void cut_all(struct reader_file *file, const struct node *key, struct pool_draft *draft,
		    struct pool *pool)
{
	size_t n_faults = file->n_faults;

	sort_ranges(&draft->ranges);
	check_overlaps(file, &draft->ranges);
	check_excludes(file, draft);
	if (file->n_faults > n_faults)
		return;
	exclude_ends(file, draft);
	sort_ranges(&draft->excludes);
	for (size_t i = 0; i < draft->ranges.n; i++)
		cut_range(file, &draft->ranges.items[i], &draft->excludes, pool);
	for (size_t i = 0; i < draft->ranges.n && !file->out_of_memory; i++) {
		enum family family = draft->ranges.items[i].family;

		if (pool->size[family])
			continue;
		reader_fault(file, key, "pool \"%s\" has no %s address to give out", key->text,
			     family_name(family));
		return;
	}
}

void config_pool_read(struct reader_file *file, const struct node *key, struct pool *ret)
{
	static const struct reader_key keys[] = {
		{ "ipv4", read_ipv4 }, { "ipv6", read_ipv6 }, { "exclude", read_excludes }, {}
	};
	AUTO(pool_draft_done) struct pool_draft draft = {};
	const struct node *value = key + 1;
	size_t n_faults = file->n_faults;

	*ret = (struct pool){ .at = reader_place(file, key) };
	config_name_read(file, key, "pool", ret->name);
	if (!reader_map(file, value, "a pool", keys, &draft) || file->n_faults > n_faults)
		return;
	if (draft.ranges.n)
		cut_all(file, key, &draft, ret);
	else
		reader_fault(file, key, "pool \"%s\" needs a range, in \"ipv4:\" or \"ipv6:\"",
			     key->text);
}
