/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See config_write.h. Makes a tree and leaves its text to config_tree.c. Keys come in the order in
 * which people write them.
 */
#include "core/config_write.h"

#include "core/config_pair.h"
#include "core/config_reader.h"
#include "core/config_route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* A map on its way. Without memory for one thing nothing more is added, and that is told once. */
struct sheet {
	struct node *map;
	const struct node *defaults; /* of the same place in the tree; NULL: none */
	bool *failed;
};

/* A word that YAML or people would take for something else is quoted. */
static bool needs_quotes(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return strspn(text, "0123456789.+-~") == strlen(text);
}

static struct node text_node(const char *text, bool quoted, bool *failed)
{
	struct node node = { .kind = NODE_SCALAR, .text = strdup(text), .quoted = quoted };

	*failed |= !node.text;
	return node;
}

/* Takes child, also when it finds no room. */
static void append(struct node *to, struct node child, bool *failed)
{
	if (!*failed && ARRAY_APPEND(to->children, to->n_children, child) == 0)
		return;
	*failed = true;
	config_tree_done(&child);
}

static void put_node(struct sheet *sheet, const char *key, struct node value)
{
	append(sheet->map, text_node(key, false, sheet->failed), sheet->failed);
	append(sheet->map, value, sheet->failed);
}

static void put_text(struct sheet *sheet, const char *key, const char *text)
{
	put_node(sheet, key, text_node(text, needs_quotes(text), sheet->failed));
}

/* A number, a boolean or an address, which is never quoted. */
__attribute__((format(printf, 3, 4))) static void put_plain(struct sheet *sheet, const char *key,
							    const char *format, ...)
{
	char text[ROUTE_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_node(sheet, key, text_node(text, false, sheet->failed));
}

/* Whether a key must be there although its value is what it would be without any file. */
static bool is_said_otherwise(const struct sheet *sheet, const char *key)
{
	return sheet->defaults && sheet->defaults->kind == NODE_MAP &&
	       reader_find(sheet->defaults, key);
}

static void put_word(struct sheet *sheet, const char *key, const char *word, const char *usual)
{
	if (strcmp(word, usual) != 0 || is_said_otherwise(sheet, key))
		put_plain(sheet, key, "%s", word);
}

static void put_number(struct sheet *sheet, const char *key, bool has, uint32_t number,
		       uint32_t usual)
{
	if (has && (number != usual || is_said_otherwise(sheet, key)))
		put_plain(sheet, key, "%" PRIu32, number);
}

/* A list, or nothing where it would be empty and nobody says otherwise. */
static void put_list(struct sheet *sheet, const char *key, struct node list)
{
	if (list.n_children || is_said_otherwise(sheet, key))
		put_node(sheet, key, list);
	else
		config_tree_done(&list);
}

/* ---- lists ---- */

static void put_addresses(struct sheet *sheet, const struct end *end)
{
	struct node list = { .kind = NODE_LIST };
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < end->n_addresses; i++)
		append(&list,
		       text_node(prefix_text(&end->addresses[i].prefix, text), false,
				 sheet->failed),
		       sheet->failed);
	put_list(sheet, "addresses", list);
}

static struct node route_node(const struct route *route, bool *failed)
{
	struct node map = { .kind = NODE_MAP };
	struct sheet sheet = { .map = &map, .failed = failed };
	char text[IP_TEXT_SIZE];
	bool is_default = route->to.len == 0 && route->via.family == route->to.ip.family;

	put_plain(&sheet, "to", "%s", is_default ? "default" : prefix_text(&route->to, text));
	if (route->via.family != AF_UNSPEC)
		put_plain(&sheet, "via", "%s", ip_text(&route->via, text));
	if (route->src.family != AF_UNSPEC)
		put_plain(&sheet, "src", "%s", ip_text(&route->src, text));
	if (route->onlink)
		put_plain(&sheet, "onlink", "true");
	put_number(&sheet, "metric", true, route->metric,
		   route->to.ip.family == AF_INET6 ? CONFIG_METRIC_IPV6 : 0);
	put_number(&sheet, "table", true, route->table, CONFIG_TABLE_MAIN);
	return map;
}

static void put_routes(struct sheet *sheet, const struct end *end)
{
	struct node list = { .kind = NODE_LIST };

	for (size_t i = 0; i < end->n_routes; i++)
		append(&list, route_node(&end->routes[i], sheet->failed), sheet->failed);
	put_list(sheet, "routes", list);
}

static struct node neighbour_node(const struct neighbour *neighbour, bool *failed)
{
	struct node map = { .kind = NODE_MAP };
	struct sheet sheet = { .map = &map, .failed = failed };
	char text[IP_TEXT_SIZE];

	put_plain(&sheet, "ip", "%s", ip_text(&neighbour->ip, text));
	put_plain(&sheet, "mac", "%s", mac_text(neighbour->mac, text));
	return map;
}

static void put_neighbours(struct sheet *sheet, const struct end *end)
{
	struct node list = { .kind = NODE_LIST };

	for (size_t i = 0; i < end->n_neighbours; i++)
		append(&list, neighbour_node(&end->neighbours[i], sheet->failed), sheet->failed);
	put_list(sheet, "neighbours", list);
}

/* ---- the pair ---- */

/* What both ends have, but for the MAC address, which has its place beside the mode at the primary. */
static void put_end(struct sheet *sheet, const struct end *end)
{
	struct node none = { .kind = NODE_LIST };

	put_word(sheet, "policy", policy_name(end->policy), policy_name(POLICY_FORWARD));
	put_word(sheet, "scrub", scrub_name(end->scrub), scrub_name(SCRUB_DEFAULT));
	put_addresses(sheet, end);
	put_routes(sheet, end);
	put_neighbours(sheet, end);
	put_list(sheet, "programs", none);
}

static void put_mac(struct sheet *sheet, const struct attrs *attrs)
{
	char text[IP_TEXT_SIZE];

	if (attrs->has & ATTR_MAC)
		put_plain(sheet, "mac", "%s", mac_text(attrs->mac, text));
}

static void put_netns(struct sheet *sheet, const struct netns_ref *ref)
{
	struct node map = { .kind = NODE_MAP };
	struct sheet inner = { .map = &map, .failed = sheet->failed };

	switch (ref->by) {
	case NETNS_BY_NAME:
		put_text(sheet, "netns", ref->text);
		return;
	case NETNS_BY_PATH:
		put_text(&inner, "path", ref->text);
		break;
	case NETNS_BY_PID:
		put_plain(&inner, "pid", "%s", ref->text);
		if (ref->cookie)
			put_plain(&inner, "cookie", "%" PRIu64, ref->cookie);
		break;
	}
	put_node(sheet, "netns", map);
}

static struct node peer_node(const struct pair *pair, const struct node *defaults, bool *failed)
{
	struct node map = { .kind = NODE_MAP };
	struct sheet sheet = { &map, defaults, failed };
	const struct end *peer = &pair->end[SIDE_PEER];

	put_netns(&sheet, &pair->netns);
	if (strcmp(peer->attrs.name, CONFIG_PEER_NAME) != 0 || is_said_otherwise(&sheet, "name"))
		put_text(&sheet, "name", peer->attrs.name);
	put_mac(&sheet, &peer->attrs);
	put_end(&sheet, peer);
	return map;
}

static void put_sizes(struct sheet *sheet, const struct pair *pair)
{
	const struct attrs *attrs = &pair->end[SIDE_PRIMARY].attrs;
	const struct {
		const char *key;
		enum attr attr;
		uint32_t number, usual;
	} sizes[] = {
		{ "mtu", ATTR_MTU, attrs->mtu, CONFIG_MTU },
		{ "txqueuelen", ATTR_TXQUEUELEN, attrs->txqueuelen, 1000 },
		{ "gso_max_size", ATTR_GSO_MAX_SIZE, attrs->gso_max_size, 65536 },
		{ "gro_max_size", ATTR_GRO_MAX_SIZE, attrs->gro_max_size, 65536 },
		{ "gso_ipv4_max_size", ATTR_GSO_IPV4_MAX_SIZE, attrs->gso_ipv4_max_size, 65536 },
		{ "gro_ipv4_max_size", ATTR_GRO_IPV4_MAX_SIZE, attrs->gro_ipv4_max_size, 65536 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		put_number(sheet, sizes[i].key, attrs->has & sizes[i].attr, sizes[i].number,
			   sizes[i].usual);
	put_number(sheet, "headroom", true, pair->headroom, 0);
	put_number(sheet, "tailroom", true, pair->tailroom, 0);
}

static struct node pair_node(const struct pair *pair, const struct node *defaults, bool *failed)
{
	const struct node *peer = defaults && defaults->kind == NODE_MAP
					  ? reader_find(defaults, "peer")
					  : NULL;
	struct node map = { .kind = NODE_MAP };
	struct sheet sheet = { &map, defaults, failed };

	put_word(&sheet, "kind", kind_name(pair->kind), kind_name(KIND_AUTO));
	put_word(&sheet, "mode", mode_name(pair->mode), mode_name(MODE_L3));
	put_mac(&sheet, &pair->end[SIDE_PRIMARY].attrs);
	put_sizes(&sheet, pair);
	put_end(&sheet, &pair->end[SIDE_PRIMARY]);
	put_node(&sheet, "peer", peer_node(pair, peer, failed));
	return map;
}

/* "pairs: {NAME: pair}"; takes pair. */
static struct node file_node(const char *name, struct node pair, bool *failed)
{
	struct node root = { .kind = NODE_MAP }, pairs = { .kind = NODE_MAP };
	struct sheet top = { .map = &root, .failed = failed };
	struct sheet named = { .map = &pairs, .failed = failed };

	put_node(&named, name, pair);
	put_node(&top, "pairs", pairs);
	return root;
}

int config_write_pair(const struct pair *pair, const struct node *defaults, const char *comment,
		      char **ret, size_t *ret_len)
{
	bool failed = false;
	AUTO(config_tree_done)
	struct node root = file_node(pair->name, pair_node(pair, defaults, &failed), &failed);
	AUTO_FREE char *text = NULL;
	size_t len;
	int n;

	if (failed || config_tree_write(&root, &text, &len) < 0)
		return -ENOMEM;
	n = asprintf(ret, "%s%s", comment, text);
	if (n < 0)
		return -ENOMEM;
	*ret_len = n;
	return 0;
}
