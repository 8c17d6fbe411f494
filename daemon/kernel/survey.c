/* SPDX-License-Identifier: GPL-2.0-only */
/* Dumps collected into arrays and handed out by device; see survey.h. */
#include "kernel/survey.h"

#include "kernel/address.h"

#include <errno.h>

/* The key comes first in each, so that one comparison serves all. */
struct survey_address {
	int ifindex;
	uint32_t order; /* qsort() is not stable, and the first address of a family is primary */
	struct address address;
};
struct survey_route {
	int ifindex;
	uint32_t order;
	struct route route;
};
struct survey_neighbour {
	int ifindex;
	uint32_t order;
	struct neighbour neighbour;
};
_Static_assert(offsetof(struct link, ifindex) == 0, "sorted by first member");

static int on_link(void *ctx, const struct link *link)
{
	struct survey *survey = ctx;

	return ARRAY_APPEND(survey->links, survey->n_links, *link);
}

static int on_address(void *ctx, int ifindex, const struct address *address,
		      const struct provenance *provenance)
{
	struct survey *survey = ctx;
	struct survey_address item = { ifindex, survey->n_addresses, *address };

	return ARRAY_APPEND(survey->addresses, survey->n_addresses, item);
}

static int on_route(void *ctx, int ifindex, const struct route *route,
		      const struct provenance *provenance)
{
	struct survey *survey = ctx;
	struct survey_route item = { ifindex, survey->n_routes, *route };

	return ARRAY_APPEND(survey->routes, survey->n_routes, item);
}

static int on_neighbour(void *ctx, int ifindex, const struct neighbour *neighbour,
		      const struct provenance *provenance)
{
	struct survey *survey = ctx;
	struct survey_neighbour item = { ifindex, survey->n_neighbours, *neighbour };

	return ARRAY_APPEND(survey->neighbours, survey->n_neighbours, item);
}

static int compare_ifindex(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int compare_item(const void *a, const void *b)
{
	const struct survey_address *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return compare_ifindex(a, b);
	return (x->order > y->order) - (x->order < y->order);
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n)
		qsort(items, n, size, compare);
}

static int compare_link_names(const void *a, const void *b)
{
	const struct link *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int index_names(struct survey *survey)
{
	free(survey->by_name);
	survey->by_name = calloc(survey->n_links + 1, sizeof(*survey->by_name));
	if (!survey->by_name)
		return -ENOMEM;
	for (size_t i = 0; i < survey->n_links; i++)
		survey->by_name[i] = &survey->links[i];
	sort(survey->by_name, survey->n_links, sizeof(*survey->by_name), compare_link_names);
	return 0;
}

static int survey_sort(struct survey *survey)
{
	sort(survey->links, survey->n_links, sizeof(*survey->links), compare_ifindex);
	sort(survey->addresses, survey->n_addresses, sizeof(*survey->addresses), compare_item);
	sort(survey->routes, survey->n_routes, sizeof(*survey->routes), compare_item);
	sort(survey->neighbours, survey->n_neighbours, sizeof(*survey->neighbours), compare_item);
	return index_names(survey);
}

/* All that belongs to one device, or to any: of_ifindex 0. */
static int dump_belongings(struct survey *survey, struct netlink *netlink, int of_ifindex)
{
	int r = address_dump(netlink, of_ifindex, on_address, survey);

	if (r == 0)
		r = route_dump(netlink, of_ifindex, PROTOCOL_METAD, on_route, survey);
	if (r == 0)
		r = neighbour_dump(netlink, of_ifindex, PROTOCOL_METAD, on_neighbour, survey);
	return r;
}

int survey_take(struct netlink *netlink, struct survey *ret)
{
	AUTO(survey_done) struct survey survey = {};
	int r = link_dump(netlink, on_link, &survey);

	if (r == 0)
		r = dump_belongings(&survey, netlink, 0);
	if (r == 0)
		r = survey_sort(&survey);
	if (r < 0)
		return r;
	*ret = STEAL(survey);
	return 0;
}

int survey_add(struct survey *survey, struct netlink *netlink, int ifindex, const char *name)
{
	struct link link;
	int r = link_get(netlink, ifindex, name, &link);

	if (r == -ENODEV || (r == 0 && survey_find(survey, link.ifindex)))
		return 0;
	if (r == 0)
		r = on_link(survey, &link);
	if (r == 0)
		r = dump_belongings(survey, netlink, link.ifindex);
	/* Gone between two requests: its event brings the next look. */
	if (r < 0 && r != -ENODEV)
		return r;
	return survey_sort(survey);
}

void survey_done(struct survey *survey)
{
	free(survey->links);
	free(survey->by_name);
	free(survey->addresses);
	free(survey->routes);
	free(survey->neighbours);
	*survey = (struct survey){};
}

/* The first of n sorted items whose key is not below ifindex. */
static size_t lower_bound(const void *items, size_t n, size_t size, int ifindex)
{
	size_t low = 0;

	while (n) {
		size_t half = n / 2;

		if (*(const int *)((const char *)items + (low + half) * size) < ifindex) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

const struct link *survey_find(const struct survey *survey, int ifindex)
{
	size_t i = lower_bound(survey->links, survey->n_links, sizeof(struct link), ifindex);

	return i < survey->n_links && survey->links[i].ifindex == ifindex ? &survey->links[i]
									    : NULL;
}

const struct link *survey_find_name(const struct survey *survey, const char *name)
{
	struct link key = {}, *key_p = &key;
	const struct link *const *found;

	if (!survey->n_links || strlen(name) >= IFNAMSIZ)
		return NULL;
	strcpy(key.name, name);
	found = bsearch(&key_p, survey->by_name, survey->n_links, sizeof(*survey->by_name),
			compare_link_names);
	return found ? *found : NULL;
}

int survey_fill_end(const struct survey *survey, const struct link *link, struct sighted_end *ret)
{
	int ifindex = link->ifindex, r = 0;
	size_t i;

	ret->ifindex = ifindex;
	ret->attrs = link->attrs;
	ret->running = link->running;
	ret->policy = link->policy[0];
	ret->scrub = link->scrub[0];
	i = lower_bound(survey->addresses, survey->n_addresses, sizeof(*survey->addresses), ifindex);
	for (; r == 0 && i < survey->n_addresses && survey->addresses[i].ifindex == ifindex; i++)
		r = ARRAY_APPEND(ret->addresses, ret->n_addresses, survey->addresses[i].address);
	i = lower_bound(survey->routes, survey->n_routes, sizeof(*survey->routes), ifindex);
	for (; r == 0 && i < survey->n_routes && survey->routes[i].ifindex == ifindex; i++)
		r = ARRAY_APPEND(ret->routes, ret->n_routes, survey->routes[i].route);
	i = lower_bound(survey->neighbours, survey->n_neighbours, sizeof(*survey->neighbours),
			ifindex);
	for (; r == 0 && i < survey->n_neighbours && survey->neighbours[i].ifindex == ifindex; i++)
		r = ARRAY_APPEND(ret->neighbours, ret->n_neighbours,
				 survey->neighbours[i].neighbour);
	return r;
}
