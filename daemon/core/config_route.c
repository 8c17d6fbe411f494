/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of an end; see config_route.h. Values are made what the kernel will report of them, so
 * that comparing needs no knowledge of defaults: an IPv6 route without a metric has 1024.
 */
#include "core/config_route.h"

#include <stdio.h>

#define LIST_MAX 4096 /* addresses, routes … of one end */

static void check_room(struct reader_file *file, const struct node *list, size_t n,
		       const char *what)
{
	if (n > LIST_MAX)
		reader_fault(file, list, "%zu %s at one end are more than %d", n, what, LIST_MAX);
}

/* ---- addresses ---- */

/* To the kernel an IPv6 address is itself, an IPv4 address is one of its network. */
static void add_to_once(struct reader_file *file, struct reader_once *once, const struct node *node,
			struct prefix prefix)
{
	if (prefix.ip.family == AF_INET6)
		prefix.len = 128;
	reader_once_add(file, once, node, &prefix, sizeof(prefix));
}

void config_addresses_read(struct reader_file *file, const struct node *list, struct end *end)
{
	AUTO(reader_once_done) struct reader_once once = {};

	if (!reader_is_list(file, list, "addresses"))
		return;
	for (size_t i = 0; i < list->n_children; i++) {
		const struct node *node = &list->children[i];
		struct address address = {};

		if (!reader_address(file, node, "address", &address.prefix))
			continue;
		add_to_once(file, &once, node, address.prefix);
		if (ARRAY_APPEND(end->addresses, end->n_addresses, address) < 0)
			file->out_of_memory = true;
	}
	reader_once_check(file, &once, "this address");
	check_room(file, list, end->n_addresses, "addresses");
}

/* ---- routes ---- */

/* A route while its keys are read. */
struct route_draft {
	struct route route;
	bool is_default; /* "to: default": its family is the gateway's */
};

static void read_to(struct reader_file *file, const struct node *value, void *noun)
{
	struct route_draft *draft = noun;
	const char *text;

	if (!reader_text(file, value, "to", &text))
		return;
	if (strcmp(text, "default") == 0)
		draft->is_default = true;
	else
		reader_prefix(file, value, "to", &draft->route.to);
}

static void read_via(struct reader_file *file, const struct node *value, void *noun)
{
	reader_ip(file, value, "via", &((struct route_draft *)noun)->route.via);
}

static void read_src(struct reader_file *file, const struct node *value, void *noun)
{
	reader_ip(file, value, "src", &((struct route_draft *)noun)->route.src);
}

static void read_onlink(struct reader_file *file, const struct node *value, void *noun)
{
	reader_bool(file, value, "onlink", &((struct route_draft *)noun)->route.onlink);
}

static void read_metric(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "metric", 0, UINT32_MAX, &number))
		((struct route_draft *)noun)->route.metric = number;
}

static void read_table(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "table", 1, UINT32_MAX, &number))
		((struct route_draft *)noun)->route.table = number;
}

static bool check_family(struct reader_file *file, const struct node *node, const char *key,
			 const struct ip *ip, uint8_t family)
{
	if (!ip->family || ip->family == family)
		return true;
	reader_fault(file, reader_find(node, key), "%s: %s is %s, the route is %s", key,
		     reader_find(node, key)->text, ip->family == AF_INET6 ? "IPv6" : "IPv4",
		     family == AF_INET6 ? "IPv6" : "IPv4");
	return false;
}

static bool check_gateway(struct reader_file *file, const struct node *node,
			  struct route_draft *draft)
{
	struct route *route = &draft->route;

	if (draft->is_default)
		route->to.ip.family = route->via.family;
	if (!route->to.ip.family) {
		reader_fault(file, node,
			     "\"to: default\" without \"via:\" could be IPv4 or IPv6; "
			     "write \"0.0.0.0/0\" or \"::/0\"");
		return false;
	}
	if (route->onlink && !route->via.family) {
		reader_fault(file, node,
			     "\"onlink:\" is about a gateway, but there is no \"via:\"");
		return false;
	}
	return check_family(file, node, "via", &route->via, route->to.ip.family) &&
	       check_family(file, node, "src", &route->src, route->to.ip.family);
}

static bool check_route(struct reader_file *file, const struct node *node,
			struct route_draft *draft)
{
	struct route *route = &draft->route;

	if (!reader_find(node, "to")) {
		reader_fault(file, node, "a route needs \"to:\"");
		return false;
	}
	if (!check_gateway(file, node, draft))
		return false;
	if (prefix_has_host_bits(&route->to)) {
		reader_fault(file, reader_find(node, "to"),
			     "to: %s has bits set behind its prefix length",
			     reader_find(node, "to")->text);
		return false;
	}
	if (route->to.ip.family == AF_INET6 && route->metric == 0)
		route->metric = CONFIG_METRIC_IPV6;
	return true;
}

static void add_route(struct reader_file *file, const struct node *node, struct reader_once *once,
		      struct end *end, const struct route *route)
{
	struct {
		uint32_t metric, table;
		struct prefix to;
	} key;

	memset(&key, 0, sizeof(key));
	key.metric = route->metric;
	key.table = route->table;
	key.to = route->to;
	reader_once_add(file, once, node, &key, sizeof(key));
	if (ARRAY_APPEND(end->routes, end->n_routes, *route) < 0)
		file->out_of_memory = true;
}

static void read_route(struct reader_file *file, const struct node *node, struct reader_once *once,
		       struct end *end)
{
	static const struct reader_key keys[] = {
		{ "to", read_to },
		{ "via", read_via },
		{ "src", read_src },
		{ "onlink", read_onlink },
		{ "metric", read_metric },
		{ "table", read_table },
		{},
	};
	struct route_draft draft = { .route.table = CONFIG_TABLE_MAIN };
	size_t n_faults = file->n_faults;

	if (reader_map(file, node, "a route", keys, &draft) && file->n_faults == n_faults &&
	    check_route(file, node, &draft))
		add_route(file, node, once, end, &draft.route);
}

void config_routes_read(struct reader_file *file, const struct node *list, struct end *end)
{
	AUTO(reader_once_done) struct reader_once once = {};

	if (!reader_is_list(file, list, "routes"))
		return;
	for (size_t i = 0; i < list->n_children; i++)
		read_route(file, &list->children[i], &once, end);
	reader_once_check(file, &once, "a route to this prefix with this metric and table");
	check_room(file, list, end->n_routes, "routes");
}

/* ---- neighbours ---- */

static void read_neighbour_ip(struct reader_file *file, const struct node *value, void *noun)
{
	reader_ip(file, value, "ip", &((struct neighbour *)noun)->ip);
}

static void read_neighbour_mac(struct reader_file *file, const struct node *value, void *noun)
{
	reader_mac(file, value, ((struct neighbour *)noun)->mac);
}

static void read_neighbour(struct reader_file *file, const struct node *node,
			   struct reader_once *once, struct end *end)
{
	static const struct reader_key keys[] = { { "ip", read_neighbour_ip },
						  { "mac", read_neighbour_mac },
						  {} };
	struct neighbour neighbour = {};
	size_t n_faults = file->n_faults;

	if (!reader_map(file, node, "a neighbour", keys, &neighbour) || file->n_faults > n_faults)
		return;
	if (!reader_find(node, "ip") || !reader_find(node, "mac")) {
		reader_fault(file, node, "a neighbour needs \"ip:\" and \"mac:\"");
		return;
	}
	reader_once_add(file, once, node, &neighbour.ip, sizeof(neighbour.ip));
	if (ARRAY_APPEND(end->neighbours, end->n_neighbours, neighbour) < 0)
		file->out_of_memory = true;
}

void config_neighbours_read(struct reader_file *file, const struct node *list, struct end *end)
{
	AUTO(reader_once_done) struct reader_once once = {};

	if (!reader_is_list(file, list, "neighbours"))
		return;
	for (size_t i = 0; i < list->n_children; i++)
		read_neighbour(file, &list->children[i], &once, end);
	reader_once_check(file, &once, "a neighbour with this address");
	check_room(file, list, end->n_neighbours, "neighbours");
}

/* ---- sysctls ---- */

/* Only "net." is a namespace's own; everything else would be the whole machine's. */
static bool check_sysctl_key(struct reader_file *file, const struct node *key)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-./";
	const char *text = key->text;
	size_t len = strlen(text);

	if (strncmp(text, "net.", 4) == 0 && strspn(text, allowed) == len && len < 256 &&
	    !strstr(text, "..") && !strstr(text, "//") && text[len - 1] != '.')
		return true;
	if (strncmp(text, "net.", 4) != 0)
		reader_fault(file, key,
			     "sysctls: \"%s\" does not begin with \"net.\": it is not a "
			     "namespace's own",
			     text);
	else
		reader_fault(file, key, "sysctls: \"%s\" is not the name of a setting", text);
	return false;
}

/* The kernel prints lists with single tabs, which metad reads as single spaces. */
static bool check_sysctl_value(struct reader_file *file, const struct node *key)
{
	const char *text;

	if (!reader_text(file, key + 1, key->text, &text))
		return false;
	if (!strpbrk(text, "\t\n\r") && !strstr(text, "  ") && text[0] != ' ' &&
	    text[strlen(text) - 1] != ' ')
		return true;
	reader_fault(file, key + 1, "%s: \"%s\" is not one line of words with single spaces",
		     key->text, text);
	return false;
}

static void read_sysctl(struct reader_file *file, const struct node *key, struct end *end)
{
	struct sysctl sysctl = {};

	if (!check_sysctl_key(file, key) || !check_sysctl_value(file, key))
		return;
	sysctl.key = reader_copy(file, key->text);
	sysctl.value = reader_copy(file, key[1].text);
	if (ARRAY_APPEND(end->sysctls, end->n_sysctls, sysctl) < 0) {
		file->out_of_memory = true;
		free(sysctl.key);
		free(sysctl.value);
	}
}

void config_sysctls_read(struct reader_file *file, const struct node *map, struct end *end)
{
	if (map->kind != NODE_MAP) {
		reader_fault(file, map, "sysctls must be a map of keys and values");
		return;
	}
	for (size_t i = 0; i < map->n_children; i += 2)
		read_sysctl(file, &map->children[i], end);
	check_room(file, map, end->n_sysctls, "sysctls");
}
