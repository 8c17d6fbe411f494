/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pair's keys; see config_pair.h. Both ends share the readers of what both have; keys of the
 * pair that count for both ends (mtu and its like) are read once and copied.
 */
#include "core/config_pair.h"

#include "core/config_route.h"

#include <stdio.h>

#define SIZE_MAX_OF_SEGMENT 524280 /* GSO_MAX_SIZE, eight times 65535: linux/netdevice.h, 6.12 */
#define ROOM_MAX 4096
#define LABELS_MAX 64

/* What the keys of one pair are read into. */
struct draft {
	struct pair *pair;
	enum side side; /* whose end the shared keys are for */
	bool of_template; /* the namespace is given */
	const struct node *mac[N_SIDES]; /* where, for the check against the mode */
};

static struct end *draft_end(void *noun)
{
	struct draft *draft = noun;

	return &draft->pair->end[draft->side];
}

static struct pair *draft_pair(void *noun)
{
	return ((struct draft *)noun)->pair;
}

/* ---- keys of the pair ---- */

static void read_kind(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "auto", "meta", "netkit", "veth" };
	unsigned int word;

	if (reader_word(file, value, "kind", words, ARRAY_SIZE(words), &word))
		draft_pair(noun)->kind = word;
}

static void read_mode(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "l3", "l2" };
	unsigned int word;

	if (reader_word(file, value, "mode", words, ARRAY_SIZE(words), &word))
		draft_pair(noun)->mode = word;
}

static void read_recreate(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "auto", "never" };
	unsigned int word;

	if (reader_word(file, value, "recreate", words, ARRAY_SIZE(words), &word))
		draft_pair(noun)->recreate = word;
}

/* Reads a number that counts for both ends. */
static void read_both(struct reader_file *file, const struct node *value, void *noun,
		      const char *what, enum attr attr, size_t offset, uint64_t min, uint64_t max)
{
	struct pair *pair = draft_pair(noun);
	uint64_t number;

	if (!reader_number(file, value, what, min, max, &number))
		return;
	for (enum side side = 0; side < N_SIDES; side++) {
		struct attrs *attrs = &pair->end[side].attrs;

		attrs->has |= attr;
		*(uint32_t *)((char *)attrs + offset) = number;
	}
}

static void read_mtu(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "mtu", ATTR_MTU, offsetof(struct attrs, mtu), 68, 65535);
}

static void read_txqueuelen(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "txqueuelen", ATTR_TXQUEUELEN,
		  offsetof(struct attrs, txqueuelen), 0, UINT32_MAX);
}

static void read_gso(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "gso_max_size", ATTR_GSO_MAX_SIZE,
		  offsetof(struct attrs, gso_max_size), 1500, SIZE_MAX_OF_SEGMENT);
}

static void read_gro(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "gro_max_size", ATTR_GRO_MAX_SIZE,
		  offsetof(struct attrs, gro_max_size), 1500, SIZE_MAX_OF_SEGMENT);
}

static void read_gso_ipv4(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "gso_ipv4_max_size", ATTR_GSO_IPV4_MAX_SIZE,
		  offsetof(struct attrs, gso_ipv4_max_size), 1500, SIZE_MAX_OF_SEGMENT);
}

static void read_gro_ipv4(struct reader_file *file, const struct node *value, void *noun)
{
	read_both(file, value, noun, "gro_ipv4_max_size", ATTR_GRO_IPV4_MAX_SIZE,
		  offsetof(struct attrs, gro_ipv4_max_size), 1500, SIZE_MAX_OF_SEGMENT);
}

static void read_headroom(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "headroom", 0, ROOM_MAX, &number))
		draft_pair(noun)->headroom = number;
}

static void read_tailroom(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "tailroom", 0, ROOM_MAX, &number))
		draft_pair(noun)->tailroom = number;
}

/* ---- keys of both ends ---- */

static void read_policy(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "forward", "drop" };
	unsigned int word;

	if (reader_word(file, value, "policy", words, ARRAY_SIZE(words), &word))
		draft_end(noun)->policy = word;
}

static void read_scrub(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "default", "none" };
	unsigned int word;

	if (reader_word(file, value, "scrub", words, ARRAY_SIZE(words), &word))
		draft_end(noun)->scrub = word;
}

static void read_mac(struct reader_file *file, const struct node *value, void *noun)
{
	struct draft *draft = noun;
	struct attrs *attrs = &draft_end(noun)->attrs;

	if (!reader_mac(file, value, attrs->mac))
		return;
	attrs->has |= ATTR_MAC;
	draft->mac[draft->side] = value;
}

static void read_addresses(struct reader_file *file, const struct node *value, void *noun)
{
	config_addresses_read(file, value, draft_end(noun));
}

static void read_routes(struct reader_file *file, const struct node *value, void *noun)
{
	config_routes_read(file, value, draft_end(noun));
}

static void read_neighbours(struct reader_file *file, const struct node *value, void *noun)
{
	config_neighbours_read(file, value, draft_end(noun));
}

bool config_program_name_is_valid(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len < PROGRAM_NAME_SIZE &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
		       len;
}

void config_name_read(struct reader_file *file, const struct node *node, const char *what,
		      char ret[static PROGRAM_NAME_SIZE])
{
	if (config_program_name_is_valid(node->text))
		snprintf(ret, PROGRAM_NAME_SIZE, "%s", node->text);
	else
		reader_fault(file, node,
			     "\"%s\" cannot be the name of a %s: 1 to %d letters, digits, '_' "
			     "and '-'",
			     node->text, what, PROGRAM_NAME_SIZE - 1);
}

bool config_label_key_is_valid(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= LABEL_LEN_MAX &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./") ==
		       len;
}

static void read_use_name(struct reader_file *file, const struct node *value, void *noun)
{
	struct use *use = noun;
	const char *text;

	if (reader_text(file, value, "use", &text))
		config_name_read(file, value, "program", use->program);
}

static void read_use(struct reader_file *file, const struct node *node, struct end *end)
{
	static const struct reader_key keys[] = { { "use", read_use_name }, {} };
	struct use use = {};

	if (node->kind == NODE_SCALAR)
		read_use_name(file, node, &use);
	else if (reader_map(file, node, "a place in a chain", keys, &use) &&
		 !reader_find(node, "use"))
		reader_fault(file, node, "a place in a chain needs \"use:\"");
	if (!use.program[0])
		return;
	for (size_t i = 0; i < end->n_uses; i++) {
		if (strcmp(end->uses[i].program, use.program) != 0)
			continue;
		reader_fault(file, node, "program \"%s\" is already in this chain, in line %u",
			     use.program, end->uses[i].at.line);
		return;
	}
	use.at = reader_place(file, node);
	if (ARRAY_APPEND(end->uses, end->n_uses, use) < 0) {
		file->out_of_memory = true;
		diag_done(&use.at);
	}
}

static void read_programs(struct reader_file *file, const struct node *value, void *noun)
{
	if (!reader_is_list(file, value, "programs"))
		return;
	if (value->n_children > CHAIN_MAX) {
		reader_fault(file, value, "%zu programs in one chain are more than %d",
			     value->n_children, CHAIN_MAX);
		return;
	}
	for (size_t i = 0; i < value->n_children; i++)
		read_use(file, &value->children[i], draft_end(noun));
}

/* ---- keys of the peer ---- */

static void read_netns_path(struct reader_file *file, const struct node *value, void *noun)
{
	struct netns_ref *ref = noun;
	const char *text;

	if (!reader_text(file, value, "path", &text))
		return;
	if (text[0] != '/') {
		reader_fault(file, value, "path: \"%s\" does not begin with '/'", text);
		return;
	}
	free(ref->text);
	ref->by = NETNS_BY_PATH;
	ref->text = reader_copy(file, text);
}

static void read_netns_pid(struct reader_file *file, const struct node *value, void *noun)
{
	struct netns_ref *ref = noun;
	uint64_t pid;

	if (!reader_number(file, value, "pid", 1, 4194304, &pid))
		return;
	free(ref->text);
	ref->by = NETNS_BY_PID;
	ref->text = reader_copy(file, value->text);
}

static void read_netns_name(struct reader_file *file, const struct node *value, void *noun)
{
	struct netns_ref *ref = noun;
	const char *text;

	if (!reader_text(file, value, "netns", &text))
		return;
	if (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0 ||
	    strlen(text) > 255) {
		reader_fault(file, value,
			     "netns: \"%s\" is not a namespace's name; for a file, "
			     "write {path: …}",
			     text);
		return;
	}
	free(ref->text);
	ref->by = NETNS_BY_NAME;
	ref->text = reader_copy(file, text);
}

static void read_netns_cookie(struct reader_file *file, const struct node *value, void *noun)
{
	struct netns_ref *ref = noun;

	reader_number(file, value, "cookie", 1, INT64_MAX, &ref->cookie);
}

static void read_netns(struct reader_file *file, const struct node *value, void *noun)
{
	static const struct reader_key keys[] = { { "name", read_netns_name },
						  { "path", read_netns_path },
						  { "pid", read_netns_pid },
						  { "cookie", read_netns_cookie },
						  {} };
	struct netns_ref *ref = &draft_pair(noun)->netns;

	if (((struct draft *)noun)->of_template) {
		reader_fault(file, value,
			     "netns: a template's pair is in the namespace that its template "
			     "matches");
		return;
	}
	if (value->kind != NODE_MAP) {
		read_netns_name(file, value, ref);
		return;
	}
	if (reader_map(file, value, "netns", keys, ref) &&
	    !!reader_find(value, "name") + !!reader_find(value, "path") +
			    !!reader_find(value, "pid") != 1)
		reader_fault(file, value,
			     "netns needs exactly one of \"name:\", \"path:\" and \"pid:\"");
}

static bool check_device_name(struct reader_file *file, const struct node *node, const char *what,
			      const char *text)
{
	if (device_name_is_valid(text))
		return true;
	if (strlen(text) >= IFNAMSIZ)
		reader_fault(file, node, "%s: \"%s\" has %zu bytes; a device's name has at most %d",
			     what, text, strlen(text), IFNAMSIZ - 1);
	else
		reader_fault(file, node,
			     "%s: \"%s\" is not a device's name: letters, digits, '_', "
			     "'-' and '.'",
			     what, text);
	return false;
}

static void read_peer_name(struct reader_file *file, const struct node *value, void *noun)
{
	char *name = draft_end(noun)->attrs.name;
	const char *text;

	/* A name that is wrong must not count as the default one. */
	memset(name, 0, IFNAMSIZ);
	if (reader_text(file, value, "name", &text) && check_device_name(file, value, "name", text))
		memcpy(name, text, strlen(text));
}

static bool check_label(struct reader_file *file, const struct node *key)
{
	const struct node *value = key + 1;

	if (!config_label_key_is_valid(key->text)) {
		reader_fault(file, key,
			     "labels: \"%s\" cannot be a key: 1 to %d letters, digits, '_', '-', "
			     "'.' and '/'",
			     key->text, LABEL_LEN_MAX);
		return false;
	}
	if (value->kind != NODE_SCALAR) {
		reader_fault(file, value, "label %s must be a single value", key->text);
		return false;
	}
	if (strlen(value->text) > LABEL_LEN_MAX) {
		reader_fault(file, value, "label %s has %zu bytes; at most %d are allowed",
			     key->text, strlen(value->text), LABEL_LEN_MAX);
		return false;
	}
	return true;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

static void read_labels(struct reader_file *file, const struct node *value, void *noun)
{
	struct pair *pair = draft_pair(noun);

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "labels must be a map of keys and values");
		return;
	}
	if (value->n_children / 2 > LABELS_MAX) {
		reader_fault(file, value, "%zu labels of one pair are more than %d",
			     value->n_children / 2, LABELS_MAX);
		return;
	}
	for (size_t i = 0; i < value->n_children; i += 2) {
		struct label label = {};

		if (!check_label(file, &value->children[i]))
			continue;
		label.key = reader_copy(file, value->children[i].text);
		label.value = reader_copy(file, value->children[i + 1].text);
		if (!label.key || !label.value ||
		    ARRAY_APPEND(pair->labels, pair->n_labels, label) < 0) {
			file->out_of_memory = true;
			free(label.key);
			free(label.value);
		}
	}
	if (pair->n_labels)
		qsort(pair->labels, pair->n_labels, sizeof(*pair->labels), compare_labels);
}

static void read_template(struct reader_file *file, const struct node *value, void *noun)
{
	char *name = draft_pair(noun)->template;
	const char *text;

	if (((struct draft *)noun)->of_template) {
		reader_fault(file, value, "template: a template's pair cannot be of another template");
		return;
	}
	if (!reader_text(file, value, "template", &text))
		return;
	if (config_program_name_is_valid(text))
		snprintf(name, PROGRAM_NAME_SIZE, "%s", text);
	else
		reader_fault(file, value, "template: \"%s\" cannot be the name of a template", text);
}

static void read_sysctls(struct reader_file *file, const struct node *value, void *noun)
{
	config_sysctls_read(file, value, draft_end(noun));
}

static void read_peer(struct reader_file *file, const struct node *value, void *noun)
{
	static const struct reader_key keys[] = {
		{ "netns", read_netns },
		{ "name", read_peer_name },
		{ "policy", read_policy },
		{ "scrub", read_scrub },
		{ "mac", read_mac },
		{ "addresses", read_addresses },
		{ "routes", read_routes },
		{ "neighbours", read_neighbours },
		{ "sysctls", read_sysctls },
		{ "programs", read_programs },
		{},
	};
	struct draft *draft = noun;

	draft->side = SIDE_PEER;
	if (reader_map(file, value, "a peer", keys, noun) && !draft->of_template &&
	    !reader_find(value, "netns"))
		reader_fault(file, value, "a peer needs \"netns:\"");
	draft->side = SIDE_PRIMARY;
}

/* ---- the whole ---- */

static const struct reader_key pair_keys[] = {
	{ "kind", read_kind },
	{ "mode", read_mode },
	{ "mtu", read_mtu },
	{ "policy", read_policy },
	{ "scrub", read_scrub },
	{ "headroom", read_headroom },
	{ "tailroom", read_tailroom },
	{ "gso_max_size", read_gso },
	{ "gro_max_size", read_gro },
	{ "gso_ipv4_max_size", read_gso_ipv4 },
	{ "gro_ipv4_max_size", read_gro_ipv4 },
	{ "mac", read_mac },
	{ "txqueuelen", read_txqueuelen },
	{ "addresses", read_addresses },
	{ "routes", read_routes },
	{ "neighbours", read_neighbours },
	{ "programs", read_programs },
	{ "recreate", read_recreate },
	{ "labels", read_labels },
	{ "template", read_template },
	{ "peer", read_peer },
	{},
};

static void set_defaults(struct pair *pair)
{
	for (enum side side = 0; side < N_SIDES; side++) {
		struct attrs *attrs = &pair->end[side].attrs;

		attrs->has = ATTR_MTU | ATTR_NAME | ATTR_UP | ATTR_LINKLOCAL;
		attrs->mtu = CONFIG_MTU;
		attrs->up = true;
	}
	snprintf(pair->end[SIDE_PEER].attrs.name, IFNAMSIZ, CONFIG_PEER_NAME);
}

/* In L3 mode both ends would get the same link-local address, so neither gets one. */
static void fit_mode(struct reader_file *file, const struct draft *draft)
{
	struct pair *pair = draft->pair;

	/* Which mode it is, the template may say. */
	if (pair->template[0])
		return;
	for (enum side side = 0; side < N_SIDES; side++) {
		pair->end[side].attrs.linklocal = pair->mode == MODE_L2;
		if (draft->mac[side] && pair->mode == MODE_L3)
			reader_fault(file, draft->mac[side],
				     "mac: a pair in mode l3 has no MAC addresses; write "
				     "\"mode: l2\" to set one");
	}
}

void config_pair_read(struct reader_file *file, const struct node *key, const struct node *value,
		      const char *netns, struct pair *ret)
{
	struct draft draft = { .pair = ret, .of_template = netns };

	*ret = (struct pair){ .at = reader_place(file, key) };
	if (netns)
		ret->netns = (struct netns_ref){ NETNS_BY_NAME, reader_copy(file, netns) };
	set_defaults(ret);
	if (check_device_name(file, key, "pair", key->text))
		snprintf(ret->name, IFNAMSIZ, "%s", key->text);
	memcpy(ret->end[SIDE_PRIMARY].attrs.name, ret->name, IFNAMSIZ);
	if (reader_map(file, value, "a pair", pair_keys, &draft) && !netns &&
	    !reader_find(value, "peer"))
		reader_fault(file, key, "pair \"%s\" needs \"peer:\"", key->text);
	fit_mode(file, &draft);
}
