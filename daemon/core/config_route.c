/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of an end; see config_route.h. Values are made what the kernel will report of them, so
 * that comparing needs no knowledge of defaults: an IPv6 route without a metric has 1024.
 */
#include "core/config_route.h"

#include <stdio.h>

#define TABLE_MAIN 254 /* RT_TABLE_MAIN, linux/rtnetlink.h */
#define METRIC_IPV6 1024 /* IP6_RT_PRIO_USER, linux/ipv6_route.h */
#define LIST_MAX 4096 /* addresses, routes … of one end */

/* Room for one more in a list; a fault when there is none. */
static bool has_room(struct reader_file *file, const struct node *node, size_t n, const char *what)
{
	if (n < LIST_MAX)
		return true;
	reader_fault(file, node, "more than %d %s at one end", LIST_MAX, what);
	return false;
}

/* ---- addresses ---- */

static void read_address(struct reader_file *file, const struct node *node, struct end *end)
{
	struct address address = {};
	const char *text;

	if (!reader_text(file, node, "address", &text))
		return;
	if (prefix_parse(text, &address.prefix) < 0) {
		reader_fault(file, node, "address: \"%s\" is not an IP address with a prefix length",
			     text);
		return;
	}
	for (size_t i = 0; i < end->n_addresses; i++) {
		if (prefix_equal(&end->addresses[i].prefix, &address.prefix)) {
			reader_fault(file, node, "address %s stands twice at this end", text);
			return;
		}
	}
	if (has_room(file, node, end->n_addresses, "addresses") &&
	    ARRAY_APPEND(end->addresses, end->n_addresses, address) < 0)
		file->out_of_memory = true;
}

void config_addresses_read(struct reader_file *file, const struct node *list, struct end *end)
{
	if (!reader_is_list(file, list, "addresses"))
		return;
	for (size_t i = 0; i < list->n_children; i++)
		read_address(file, &list->children[i], end);
}

/* ---- routes ---- */

/* A route while its keys are read. */
struct route_draft {
	struct route route;
	bool is_default; /* "to: default": its family is the gateway's */
	bool has_to, has_metric;
};

static void read_to(struct reader_file *file, const struct node *value, void *noun)
{
	struct route_draft *draft = noun;
	const char *text;

	if (!reader_text(file, value, "to", &text))
		return;
	draft->has_to = true;
	if (strcmp(text, "default") == 0)
		draft->is_default = true;
	else
		draft->has_to = reader_prefix(file, value, "to", &draft->route.to);
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
	struct route_draft *draft = noun;
	uint64_t number;

	if (!reader_number(file, value, "metric", 0, UINT32_MAX, &number))
		return;
	draft->route.metric = number;
	draft->has_metric = true;
}

static void read_table(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "table", 1, UINT32_MAX, &number))
		((struct route_draft *)noun)->route.table = number;
}

static bool has_host_bits(const struct prefix *prefix)
{
	for (unsigned int bit = prefix->len; bit < 128; bit++)
		if (prefix->ip.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

static bool check_families(struct reader_file *file, const struct node *node,
			   struct route_draft *draft)
{
	struct route *route = &draft->route;

	if (draft->is_default)
		route->to.ip.family = route->via.family;
	if (!route->to.ip.family) {
		reader_fault(file, node, "\"to: default\" without \"via:\" could be IPv4 or IPv6; "
			     "write 0.0.0.0/0 or ::/0");
		return false;
	}
	if ((route->via.family && route->via.family != route->to.ip.family) ||
	    (route->src.family && route->src.family != route->to.ip.family)) {
		reader_fault(file, node, "a route mixes IPv4 and IPv6");
		return false;
	}
	if (route->onlink && !route->via.family) {
		reader_fault(file, node, "\"onlink:\" is about a gateway, but there is no \"via:\"");
		return false;
	}
	return true;
}

static bool check_route(struct reader_file *file, const struct node *node,
			struct route_draft *draft, const struct end *end)
{
	struct route *route = &draft->route;
	char text[IP_TEXT_SIZE];

	if (!draft->has_to) {
		if (!reader_find(node, "to"))
			reader_fault(file, node, "a route needs \"to:\"");
		return false;
	}
	if (!check_families(file, node, draft))
		return false;
	if (has_host_bits(&route->to)) {
		reader_fault(file, reader_find(node, "to"),
			     "to: %s has bits set behind its prefix length",
			     prefix_text(&route->to, text));
		return false;
	}
	if (route->to.ip.family == AF_INET6 && (!draft->has_metric || route->metric == 0))
		route->metric = METRIC_IPV6;
	for (size_t i = 0; i < end->n_routes; i++) {
		if (route_key_equal(&end->routes[i], route)) {
			reader_fault(file, node, "route to %s with this metric and table stands "
				     "twice at this end", prefix_text(&route->to, text));
			return false;
		}
	}
	return true;
}

static void read_route(struct reader_file *file, const struct node *node, struct end *end)
{
	static const struct reader_key keys[] = {
		{ "to", read_to },	   { "via", read_via },	    { "src", read_src },
		{ "onlink", read_onlink }, { "metric", read_metric }, { "table", read_table },
		{},
	};
	struct route_draft draft = { .route.table = TABLE_MAIN };
	size_t n_faults = file->n_faults;

	reader_map(file, node, "a route", keys, &draft);
	if (file->n_faults > n_faults || !check_route(file, node, &draft, end) ||
	    !has_room(file, node, end->n_routes, "routes"))
		return;
	if (ARRAY_APPEND(end->routes, end->n_routes, draft.route) < 0)
		file->out_of_memory = true;
}

void config_routes_read(struct reader_file *file, const struct node *list, struct end *end)
{
	if (!reader_is_list(file, list, "routes"))
		return;
	for (size_t i = 0; i < list->n_children; i++)
		read_route(file, &list->children[i], end);
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

static void read_neighbour(struct reader_file *file, const struct node *node, struct end *end)
{
	static const struct reader_key keys[] = { { "ip", read_neighbour_ip },
						  { "mac", read_neighbour_mac },
						  {} };
	struct neighbour neighbour = {};
	size_t n_faults = file->n_faults;

	reader_map(file, node, "a neighbour", keys, &neighbour);
	if (file->n_faults > n_faults)
		return;
	if (!reader_find(node, "ip") || !reader_find(node, "mac")) {
		reader_fault(file, node, "a neighbour needs \"ip:\" and \"mac:\"");
		return;
	}
	for (size_t i = 0; i < end->n_neighbours; i++) {
		if (ip_equal(&end->neighbours[i].ip, &neighbour.ip)) {
			reader_fault(file, node, "this neighbour stands twice at this end");
			return;
		}
	}
	if (has_room(file, node, end->n_neighbours, "neighbours") &&
	    ARRAY_APPEND(end->neighbours, end->n_neighbours, neighbour) < 0)
		file->out_of_memory = true;
}

void config_neighbours_read(struct reader_file *file, const struct node *list, struct end *end)
{
	if (!reader_is_list(file, list, "neighbours"))
		return;
	for (size_t i = 0; i < list->n_children; i++)
		read_neighbour(file, &list->children[i], end);
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
	reader_fault(file, key, "sysctls: \"%s\" is not a key of a namespace; they begin with "
		     "\"net.\"", text);
	return false;
}

void config_sysctls_read(struct reader_file *file, const struct node *map, struct end *end)
{
	if (map->kind != NODE_MAP) {
		reader_fault(file, map, "sysctls must be a map of keys and values");
		return;
	}
	for (size_t i = 0; i < map->n_children; i += 2) {
		const struct node *key = &map->children[i];
		struct sysctl sysctl = {};
		const char *value;

		if (!check_sysctl_key(file, key) || !reader_text(file, key + 1, key->text, &value) ||
		    !has_room(file, key, end->n_sysctls, "sysctls"))
			continue;
		sysctl.key = reader_copy(file, key->text);
		sysctl.value = reader_copy(file, value);
		if (ARRAY_APPEND(end->sysctls, end->n_sysctls, sysctl) < 0) {
			file->out_of_memory = true;
			free(sysctl.key);
			free(sysctl.value);
		}
	}
}
