/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Life, order, lookup, comparison and text of the nouns in model.h. Every struct frees what it
 * owns, whatever half of it was built, and leaves zeroes behind.
 */
#include "core/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static void sysctls_free(struct sysctl *sysctls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(sysctls[i].key);
		free(sysctls[i].value);
	}
	free(sysctls);
}

void end_done(struct end *end)
{
	free(end->addresses);
	free(end->routes);
	free(end->neighbours);
	sysctls_free(end->sysctls, end->n_sysctls);
	for (size_t i = 0; i < end->n_uses; i++)
		diag_done(&end->uses[i].at);
	free(end->uses);
	*end = (struct end){};
}

void pair_done(struct pair *pair)
{
	end_done(&pair->end[SIDE_PRIMARY]);
	end_done(&pair->end[SIDE_PEER]);
	for (size_t i = 0; i < pair->n_labels; i++) {
		free(pair->labels[i].key);
		free(pair->labels[i].value);
	}
	free(pair->labels);
	free(pair->blocked);
	free(pair->netns.text);
	diag_done(&pair->at);
	*pair = (struct pair){};
}

void program_done(struct program *program)
{
	free(program->object);
	free(program->function);
	diag_done(&program->at);
	*program = (struct program){};
}

void settings_done(struct settings *settings)
{
	for (size_t i = 0; i < settings->n_netns_dirs; i++)
		free(settings->netns_dirs[i]);
	free(settings->netns_dirs);
	free(settings->group);
	diag_done(&settings->group_at);
	*settings = SETTINGS_DEFAULT;
}

static void sighted_end_done(struct sighted_end *end)
{
	free(end->addresses);
	free(end->routes);
	free(end->neighbours);
	sysctls_free(end->sysctls, end->n_sysctls);
	free(end->chain);
	*end = (struct sighted_end){};
}

void sighting_done(struct sighting *sighting)
{
	sighted_end_done(&sighting->end[SIDE_PRIMARY]);
	sighted_end_done(&sighting->end[SIDE_PEER]);
	diag_done(&sighting->netns_why);
	*sighting = (struct sighting){};
}

void object_done(struct object *object)
{
	diag_done(&object->why);
	*object = (struct object){};
}

void observed_done(struct observed *observed)
{
	for (size_t i = 0; i < N_KINDS; i++)
		free(observed->kinds[i].why);
	features_done(observed->features);
	for (size_t i = 0; i < observed->n_sightings; i++)
		sighting_done(&observed->sightings[i]);
	free(observed->sightings);
	for (size_t i = 0; i < observed->n_objects; i++)
		object_done(&observed->objects[i]);
	free(observed->objects);
	*observed = (struct observed){};
}

struct desired *desired_new(void)
{
	struct desired *desired = calloc(1, sizeof(*desired));

	if (desired) {
		desired->n_refs = 1;
		desired->settings = SETTINGS_DEFAULT;
		desired->write_gid = -1;
	}
	return desired;
}

struct desired *desired_ref(struct desired *desired)
{
	if (desired)
		__atomic_add_fetch(&desired->n_refs, 1, __ATOMIC_RELAXED);
	return desired;
}

void desired_unref(struct desired *desired)
{
	if (!desired || __atomic_sub_fetch(&desired->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < desired->n_pairs; i++)
		pair_done(&desired->pairs[i]);
	free(desired->pairs);
	for (size_t i = 0; i < desired->n_programs; i++)
		program_done(&desired->programs[i]);
	free(desired->programs);
	settings_done(&desired->settings);
	diag_list_done(&desired->conflicts);
	free(desired);
}

void desired_unrefp(struct desired **desired)
{
	desired_unref(*desired);
}

/* Each sorted noun has its key, a string, as its first member. */
static int compare_key(const void *a, const void *b)
{
	return strcmp(a, b);
}
_Static_assert(offsetof(struct pair, name) == 0, "sorted by first member");
_Static_assert(offsetof(struct program, name) == 0, "sorted by first member");
_Static_assert(offsetof(struct sighting, name) == 0, "sorted by first member");
_Static_assert(offsetof(struct object, program) == 0, "sorted by first member");

static void sort(void *array, size_t n, size_t size)
{
	if (n)
		qsort(array, n, size, compare_key);
}

static void *find(const char *key, const void *array, size_t n, size_t size)
{
	return n ? bsearch(key, array, n, size, compare_key) : NULL;
}

void desired_sort(struct desired *desired)
{
	sort(desired->pairs, desired->n_pairs, sizeof(*desired->pairs));
	sort(desired->programs, desired->n_programs, sizeof(*desired->programs));
}

void observed_sort(struct observed *observed)
{
	sort(observed->sightings, observed->n_sightings, sizeof(*observed->sightings));
	sort(observed->objects, observed->n_objects, sizeof(*observed->objects));
}

const struct pair *desired_find_pair(const struct desired *desired, const char *name)
{
	return find(name, desired->pairs, desired->n_pairs, sizeof(*desired->pairs));
}

const struct program *desired_find_program(const struct desired *desired, const char *name)
{
	return find(name, desired->programs, desired->n_programs, sizeof(*desired->programs));
}

struct sighting *observed_find(const struct observed *observed, const char *name)
{
	return find(name, observed->sightings, observed->n_sightings, sizeof(*observed->sightings));
}

const struct object *observed_find_object(const struct observed *observed, const char *program)
{
	return find(program, observed->objects, observed->n_objects, sizeof(*observed->objects));
}

const char *kind_name(enum kind kind)
{
	switch (kind) {
	case KIND_AUTO:
		return "auto";
	case KIND_META:
		return "meta";
	case KIND_NETKIT:
		return "netkit";
	case KIND_VETH:
		return "veth";
	}
	return "?";
}

const char *mode_name(enum mode mode)
{
	return mode == MODE_L2 ? "l2" : "l3";
}

const char *policy_name(enum policy policy)
{
	return policy == POLICY_DROP ? "drop" : "forward";
}

const char *scrub_name(enum scrub scrub)
{
	return scrub == SCRUB_NONE ? "none" : "default";
}

const char *side_name(enum side side)
{
	return side == SIDE_PEER ? "peer" : "primary";
}

bool settings_allow(const struct settings *settings, enum kind kind)
{
	for (size_t i = 0; i < settings->n_kinds; i++)
		if (settings->kinds[i] == kind)
			return true;
	return false;
}

bool kind_has_policy(enum kind kind)
{
	return kind == KIND_META || kind == KIND_NETKIT;
}

enum side side_other(enum side side)
{
	return side == SIDE_PEER ? SIDE_PRIMARY : SIDE_PEER;
}

int pair_compare_peer(const struct pair *a, const struct pair *b)
{
	int r = (int)a->netns.by - (int)b->netns.by;

	if (r == 0)
		r = strcmp(a->netns.text, b->netns.text);
	return r ? r : strcmp(a->end[SIDE_PEER].attrs.name, b->end[SIDE_PEER].attrs.name);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

bool prefix_has_host_bits(const struct prefix *prefix)
{
	for (unsigned int bit = prefix->len; bit < 128; bit++)
		if (prefix->ip.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

bool route_key_equal(const struct route *a, const struct route *b)
{
	return prefix_equal(&a->to, &b->to) && a->metric == b->metric && a->table == b->table;
}

bool route_equal(const struct route *a, const struct route *b)
{
	return route_key_equal(a, b) && ip_equal(&a->via, &b->via) && ip_equal(&a->src, &b->src) &&
	       a->onlink == b->onlink;
}

bool neighbour_equal(const struct neighbour *a, const struct neighbour *b)
{
	return ip_equal(&a->ip, &b->ip) && memcmp(a->mac, b->mac, MAC_LEN) == 0;
}

const char *ip_text(const struct ip *ip, char buf[static IP_TEXT_SIZE])
{
	if (ip->family == AF_UNSPEC || !inet_ntop(ip->family, ip->bytes, buf, IP_TEXT_SIZE))
		snprintf(buf, IP_TEXT_SIZE, "none");
	return buf;
}

const char *prefix_text(const struct prefix *prefix, char buf[static IP_TEXT_SIZE])
{
	size_t len;

	ip_text(&prefix->ip, buf);
	len = strlen(buf);
	snprintf(buf + len, IP_TEXT_SIZE - len, "/%u", prefix->len);
	return buf;
}

const char *mac_text(const uint8_t mac[static MAC_LEN], char buf[static IP_TEXT_SIZE])
{
	snprintf(buf, IP_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

const char *route_text(const struct route *route, char buf[static ROUTE_TEXT_SIZE])
{
	uint32_t default_metric = route->to.ip.family == AF_INET6 ? 1024 : 0;
	char to[IP_TEXT_SIZE], via[IP_TEXT_SIZE], src[IP_TEXT_SIZE];
	char metric[24] = "", table[24] = "";

	if (route->metric != default_metric)
		snprintf(metric, sizeof(metric), " metric %u", route->metric);
	if (route->table != 254)
		snprintf(table, sizeof(table), " table %u", route->table);
	snprintf(buf, ROUTE_TEXT_SIZE, "%s%s%s%s%s%s%s%s", prefix_text(&route->to, to),
		 route->via.family ? " via " : "",
		 route->via.family ? ip_text(&route->via, via) : "", route->onlink ? " onlink" : "",
		 route->src.family ? " src " : "",
		 route->src.family ? ip_text(&route->src, src) : "", metric, table);
	return buf;
}

int ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return -EINVAL;
	*ret = ip;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	const char *slash = strchr(text, '/');
	char host[IP_TEXT_SIZE];
	struct prefix prefix = {};
	uint64_t len, bits;

	if ((slash ? (size_t)(slash - text) : strlen(text)) >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(slash ? slash - text : (long)strlen(text)),
		 text);
	if (ip_parse(host, &prefix.ip) < 0)
		return -EINVAL;
	len = bits = prefix.ip.family == AF_INET6 ? 128 : 32;
	if (slash && util_parse_u64(slash + 1, 0, bits, &len) < 0)
		return -EINVAL;
	prefix.len = len;
	*ret = prefix;
	return 0;
}

int mac_parse(const char *text, uint8_t ret[static MAC_LEN])
{
	unsigned int byte[MAC_LEN];
	int end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:") != 17 || strlen(text) != 17)
		return -EINVAL;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &end) != MAC_LEN ||
	    end != 17)
		return -EINVAL;
	for (size_t i = 0; i < MAC_LEN; i++)
		ret[i] = byte[i];
	return 0;
}

bool device_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	/* "." and ".." cannot be directories of /proc/sys/net, so the kernel refuses them. */
	return len >= 1 && len < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		       len;
}
