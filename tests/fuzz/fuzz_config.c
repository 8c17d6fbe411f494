/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a configuration file, of both kinds, and what parses also through a catalog. Beyond
 * not crashing: a refusal always says why and where, in text fit for a terminal, and what is
 * accepted holds to the promises of model.h.
 */
#include "core/catalog.h"
#include "core/template_expand.h"
#include "fuzz/fuzz.h"

#include <stdio.h>

#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Line breaks of YAML 1.1, not only of editors; a CR LF counts twice: this is a bound. */
static unsigned int count_lines(const char *bytes, size_t len)
{
	unsigned int n = 2;

	for (size_t i = 0; i < len; i++)
		n += bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\x85' ||
		     bytes[i] == '\xa8' || bytes[i] == '\xa9';
	return n;
}

static void check_diag(const struct diag *diag, unsigned int n_lines, size_t len)
{
	HOLDS(diag->file && strcmp(diag->file, "fuzz.yaml") == 0);
	HOLDS(diag->line <= n_lines && diag->column <= len + 1);
	HOLDS((diag->line == 0) == (diag->column == 0));
	HOLDS(diag->text && diag->text[0] && strlen(diag->text) < 512);
	for (const char *c = diag->text; *c; c++)
		HOLDS((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void check_route(const struct route *route)
{
	HOLDS(route->to.ip.family == AF_INET || route->to.ip.family == AF_INET6);
	HOLDS(route->to.len <= (route->to.ip.family == AF_INET6 ? 128 : 32));
	HOLDS(!route->via.family || route->via.family == route->to.ip.family);
	HOLDS(!route->src.family || route->src.family == route->to.ip.family);
	HOLDS(route->table && (route->metric || route->to.ip.family == AF_INET));
	HOLDS(!route->onlink || route->via.family);
}

/* What a template has to say is not known of a pair that is laid over it, or did not fit it. */
static void check_end(const struct pair *pair, const struct end *end)
{
	bool is_whole = !pair->overrides && !pair->blocked;
	enum mode mode = pair->mode;

	HOLDS(!pair->overrides || pair->template[0]);
	HOLDS(device_name_is_valid(end->attrs.name) || (!is_whole && !end->attrs.name[0]));
	HOLDS(end->attrs.up && (end->attrs.has & ATTR_UP) && (end->attrs.has & ATTR_NAME));
	HOLDS((end->attrs.has & ATTR_MTU) && end->attrs.mtu >= 68 && end->attrs.mtu <= 65535);
	HOLDS((end->attrs.has & ATTR_LINKLOCAL) &&
	      (!is_whole || end->attrs.linklocal == (mode == MODE_L2)));
	HOLDS(!is_whole || mode == MODE_L2 || !(end->attrs.has & ATTR_MAC));
	HOLDS(end->n_uses <= CHAIN_MAX);
	for (size_t i = 0; i < end->n_addresses; i++)
		for (size_t j = 0; j < i; j++)
			HOLDS(!prefix_equal(&end->addresses[i].prefix, &end->addresses[j].prefix));
	for (size_t i = 0; i < end->n_routes; i++) {
		check_route(&end->routes[i]);
		for (size_t j = 0; j < i; j++)
			HOLDS(!route_key_equal(&end->routes[i], &end->routes[j]));
	}
	for (size_t i = 0; i < end->n_uses; i++)
		for (size_t j = 0; j < i; j++)
			HOLDS(strcmp(end->uses[i].program, end->uses[j].program) != 0);
	for (size_t i = 0; i < end->n_sysctls; i++)
		HOLDS(strncmp(end->sysctls[i].key, "net.", 4) == 0 && end->sysctls[i].value[0]);
}

static void check_pool(const struct pool *pool)
{
	HOLDS(pool->n_spans[FAMILY_IPV4] + pool->n_spans[FAMILY_IPV6]);
	for (enum family family = 0; family < N_FAMILIES; family++) {
		pool_number size = 0;

		for (size_t i = 0; i < pool->n_spans[family]; i++) {
			const struct pool_span *span = &pool->spans[family][i];
			struct ip ip = pool_ip(family, span->first);

			HOLDS(span->first <= span->last && span->before == size);
			HOLDS(!i || span[-1].last < span->first);
			HOLDS(pool_number_of(&ip) == span->first && pool_contains(pool, &ip));
			HOLDS(pool_span_at(pool, family, size) == span);
			size += span->last - span->first + 1;
		}
		HOLDS(size == pool->size[family]);
	}
}

static void check_config(const struct config *config)
{
	for (size_t i = 0; i < config->n_pools; i++) {
		HOLDS(!i || strcmp(config->pools[i - 1].name, config->pools[i].name) < 0);
		check_pool(&config->pools[i]);
	}
	for (size_t i = 0; i < config->n_programs; i++) {
		HOLDS(config->programs[i].name[0] && config->programs[i].object[0]);
		HOLDS(!i || strcmp(config->programs[i - 1].name, config->programs[i].name) < 0);
	}
	for (size_t i = 0; i < config->n_pairs; i++) {
		const struct pair *pair = &config->pairs[i];

		HOLDS(!i || strcmp(pair[-1].name, pair->name) < 0);
		HOLDS(strcmp(pair->name, pair->end[SIDE_PRIMARY].attrs.name) == 0);
		HOLDS(pair->netns.text && pair->netns.text[0]);
		HOLDS(pair->end[SIDE_PRIMARY].n_sysctls == 0);
		check_end(pair, &pair->end[SIDE_PRIMARY]);
		check_end(pair, &pair->end[SIDE_PEER]);
	}
}

/* A few namespaces, of names that fit and of others, each with a device of its own. */
static void expand(const struct config *config, struct leases *leases, size_t n_namespaces)
{
	static const char *const namespaces[] = { "\x01 \xff", "a", "pod-1", "web-of-a-long-name" };
	AUTO_FREE const struct template **templates = calloc(config->n_templates + 1,
							     sizeof(*templates));
	AUTO_FREE const struct pool **pools = calloc(config->n_pools + 1, sizeof(*pools));
	AUTO(template_pairs_done) struct template_pairs pairs = {};
	AUTO(diag_list_done) struct diag_list list = {};
	struct conflicts conflicts = { .list = &list };
	const struct template_world world = { .templates = templates,
					      .n_templates = config->n_templates,
					      .pools = pools,
					      .n_pools = config->n_pools,
					      .namespaces = namespaces,
					      .n_namespaces = n_namespaces,
					      .declared = config->pairs,
					      .n_declared = config->n_pairs,
					      .max_pairs = 1000 };

	HOLDS(templates && pools);
	for (size_t i = 0; i < config->n_templates; i++)
		templates[i] = &config->templates[i];
	for (size_t i = 0; i < config->n_pools; i++)
		pools[i] = &config->pools[i];
	HOLDS(template_expand(&world, leases, &pairs, &conflicts) == 0);
	HOLDS(pairs.n <= n_namespaces * config->n_templates + config->n_pairs);
	for (size_t i = 0; i < pairs.n; i++) {
		const struct pair *pair = &pairs.items[i];

		HOLDS(!i || strcmp(pair[-1].name, pair->name) < 0);
		HOLDS(device_name_is_valid(pair->name) && pair->netns.text);
		HOLDS(strcmp(pair->name, pair->end[SIDE_PRIMARY].attrs.name) == 0);
		HOLDS(!pair->blocked || pair->blocked[0]);
		check_end(pair, &pair->end[SIDE_PRIMARY]);
		check_end(pair, &pair->end[SIDE_PEER]);
	}
	for (size_t i = 0; i < leases->n; i++)
		for (size_t j = 0; j < i; j++)
			HOLDS(!ip_equal(&leases->items[i].ip, &leases->items[j].ip));
}

static void expand_twice(const struct config *config)
{
	AUTO(leases_done) struct leases leases = {};
	size_t n;

	expand(config, &leases, 4);
	n = leases.n;
	leases.changed = false;
	expand(config, &leases, 4);
	HOLDS(leases.n == n && !leases.changed);
	expand(config, &leases, 2);
	HOLDS(leases.n == n);
}

static struct config_part part_of(const char *bytes, size_t len)
{
	return (struct config_part){ .path = (char *)"fuzz.yaml",
				     .bytes = (char *)bytes,
				     .len = len };
}

/* 0 as config_parse says. */
static int parse(enum config_kind kind, const char *bytes, size_t len, size_t *ret_n_pairs)
{
	AUTO(config_done) struct config config = {};
	AUTO(diag_list_done) struct diag_list diags = {};
	const struct config_part part = part_of(bytes, len);
	int r = config_parse(kind, &part, 1, NULL, &config, &diags);

	HOLDS(r == 0 || r == CONFIG_E_INVALID);
	HOLDS((r == 0) == (diags.n == 0) && diags.n <= 101);
	for (size_t i = 0; i < diags.n; i++)
		check_diag(&diags.items[i], count_lines(bytes, len), len);
	check_config(&config);
	if (r == 0 && config.n_templates)
		expand_twice(&config);
	*ret_n_pairs = config.n_pairs;
	return r;
}

static bool is_shared(const struct ip *ip)
{
	struct ip linklocal[] = { { .family = AF_INET, .bytes = { 169, 254 } },
				  { .family = AF_INET6, .bytes = { 0xfe, 0x80 } } };
	const struct ip *like = &linklocal[ip->family == AF_INET6];
	uint8_t second = ip->family == AF_INET6 ? ip->bytes[1] & 0xc0 : ip->bytes[1];

	return ip->bytes[0] == like->bytes[0] && second == like->bytes[1];
}

/* An address of a peer is no other pair's. The corpus has few pairs. */
static void check_addresses(const struct desired *desired)
{
	for (size_t i = 0; i < desired->n_pairs; i++)
		for (size_t j = 0; j < i; j++) {
			const struct end *a = &desired->pairs[i].end[SIDE_PEER];
			const struct end *b = &desired->pairs[j].end[SIDE_PEER];

			for (size_t k = 0; k < a->n_addresses * b->n_addresses; k++) {
				const struct ip *ip = &a->addresses[k / b->n_addresses].prefix.ip;

				HOLDS(is_shared(ip) ||
				      !ip_equal(ip, &b->addresses[k % b->n_addresses].prefix.ip));
			}
		}
}

/*
 * Twice the same file: the first wins every pair, but for those that want an address which another
 * of its pairs has; with settings that allow it, those as well.
 */
static void join(const char *bytes, size_t len, size_t n_pairs, const char *settings)
{
	struct config_part part = part_of(bytes, len);
	struct config_part set = part_of(settings, strlen(settings));
	struct catalog_source sources[] = {
		{ .name = (char *)"b.yaml", .parts = &part, .n_parts = 1 },
		{ .name = (char *)"a.yaml", .parts = &part, .n_parts = 1 },
		{ .name = (char *)"c.yaml", .kind = CONFIG_SETTINGS, .parts = &set, .n_parts = 1 },
	};
	AUTO(catalog_done) struct catalog catalog = {};
	AUTO(desired_unrefp) struct desired *desired = NULL;

	HOLDS(catalog_update(&catalog, sources, 3) == 0);
	HOLDS(catalog_update(&catalog, sources, 3) == 0);
	HOLDS(catalog_join(&catalog, NULL, &desired) == 0);
	HOLDS(desired->n_pairs == n_pairs || !desired->settings.duplicate_addresses);
	HOLDS(desired->incomplete == (desired->n_pairs < n_pairs));
	HOLDS(!n_pairs || desired->n_pairs);
	if (!desired->settings.duplicate_addresses)
		check_addresses(desired);
	for (size_t i = 0; i < desired->n_pairs; i++)
		for (enum side side = 0; side < N_SIDES; side++)
			for (size_t j = 0; j < desired->pairs[i].end[side].n_uses; j++)
				HOLDS(desired_find_program(
					desired, desired->pairs[i].end[side].uses[j].program));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *bytes = malloc(len + 1);
	size_t n_pairs;

	/* As files come: with a NUL behind the last byte, and one byte less to run over. */
	if (!bytes)
		return 0;
	memcpy(bytes, data, len);
	bytes[len] = '\0';
	parse(CONFIG_SETTINGS, bytes, len, &n_pairs);
	if (parse(CONFIG_PAIRS, bytes, len, &n_pairs) == 0) {
		join(bytes, len, n_pairs, "");
		join(bytes, len, n_pairs, "duplicate_addresses: allow");
	}
	return 0;
}
