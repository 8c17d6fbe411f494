/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plugin of iproute2 for devices of kind meta: options of "ip link add" and "ip link set", the
 * details of "ip -d link show", help. Words and keys are those that iproute2 has for netkit, so that
 * what is written for netkit serves meta with the other name. A request is sent by ip only when
 * every word of it was understood.
 */
#include "client/iproute2.h"

#include "base/util.h"
#include "driver/if_meta.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>

/* ---- words ---- */

struct choice {
	const char *word; /* NULL ends the list */
	uint32_t value;
};

static const struct choice modes[] = { { "l3", META_L3 }, { "l2", META_L2 }, {} };
static const struct choice policies[] = { { "forward", META_PASS },
					  { "blackhole", META_DROP },
					  {} };
static const struct choice scrubs[] = { { "default", META_SCRUB_DEFAULT },
					{ "none", META_SCRUB_NONE },
					{} };
static const struct choice pairings[] = { { "pair", META_PAIR }, { "single", META_SINGLE }, {} };
static const struct choice locks[] = { { "none", 0 },
				       { "mtu", META_LOCK_MTU },
				       { "address", META_LOCK_ADDRESS },
				       { "all", META_LOCK_MTU | META_LOCK_ADDRESS },
				       {} };

struct option {
	const char *word;
	unsigned short attr, peer_attr; /* the latter behind "peer"; 0: it is of both ends */
	const struct choice *choices; /* NULL: a number of bytes */
};

static const struct option options[] = {
	{ "mode", IFLA_META_MODE, 0, modes },
	{ "policy", IFLA_META_POLICY, IFLA_META_PEER_POLICY, policies },
	{ "scrub", IFLA_META_SCRUB, IFLA_META_PEER_SCRUB, scrubs },
	{ "headroom", IFLA_META_HEADROOM, 0, NULL },
	{ "tailroom", IFLA_META_TAILROOM, 0, NULL },
	{ "pairing", IFLA_META_PAIRING, 0, pairings },
	{ "lock", IFLA_META_LOCK, 0, locks },
};

static const struct choice *find_choice(const struct choice *choices, const char *word)
{
	for (; choices->word; choices++)
		if (strcmp(choices->word, word) == 0)
			return choices;
	return NULL;
}

static const struct option *find_option(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].word, word) == 0)
			return &options[i];
	return NULL;
}

static void print_usage(FILE *f)
{
	fprintf(f,
		"Usage: ... meta [ mode MODE ] [ POLICY ] [ scrub SCRUB ] [ headroom BYTES ]\n"
		"                [ tailroom BYTES ] [ pairing PAIRING ] [ lock LOCK ]\n"
		"                [ peer [ POLICY ] [ scrub SCRUB ] [ OPTIONS ] ]\n"
		"\n"
		"MODE:    l3 | l2            without or with Ethernet addresses\n"
		"POLICY:  [ policy ] { forward | blackhole }\n"
		"                            of packets while no program is attached\n"
		"SCRUB:   default | none     whether mark and priority of packets to another\n"
		"                            network namespace become 0 before programs run\n"
		"BYTES:   0 to %u          that programs may need around packets\n"
		"PAIRING: pair | single      single: a device without a peer\n"
		"LOCK:    none | mtu | address | all\n"
		"                            what of the peer only the primary's side decides\n"
		"OPTIONS: name, netns, mtu, address, up... as in \"ip link add help\", of the "
		"peer\n"
		"\n"
		"The first value of each is the default. \"ip link set\" can change policies "
		"and the lock.\n",
		META_ROOM_MAX);
}

/* ---- a request ---- */

struct request {
	struct nlmsghdr *n;
	char **words; /* the next one, and n_words - 1 more */
	int n_words;
	bool peer; /* "peer" has been said */
	bool given[IFLA_META_MAX + 1];
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
	va_list args;

	fputs("Error: meta: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(".\n", stderr);
	return -1;
}

static int refuse_choice(const char *what, const char *word, const struct choice *choices)
{
	char list[64] = "";
	size_t used = 0;

	for (const struct choice *c = choices; c->word; c++)
		used += snprintf(list + used, sizeof(list) - used, "%s\"%s\"",
				 c == choices ? "" : " or ", c->word);
	if (!word)
		return refuse("\"%s\" needs a value: %s", what, list);
	return refuse("%s must be %s, not \"%s\"", what, list, word);
}

/* Room for size bytes of an attribute's value at the message's end, or NULL. */
static void *put(struct nlmsghdr *n, unsigned short type, size_t size)
{
	struct rtattr *attr = (struct rtattr *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));
	size_t len = NLMSG_ALIGN(n->nlmsg_len) + RTA_SPACE(size);

	if (len > IPROUTE2_REQUEST_MAX) {
		refuse("the options of this link are too long for one request");
		return NULL;
	}
	*attr = (struct rtattr){ .rta_type = type, .rta_len = RTA_LENGTH(size) };
	memset(RTA_DATA(attr), 0, RTA_SPACE(size) - RTA_LENGTH(0));
	n->nlmsg_len = len;
	return RTA_DATA(attr);
}

static int parse_room(const struct option *option, const char *word, struct nlmsghdr *n)
{
	unsigned long value;
	uint16_t room;
	char *end;
	void *data;

	if (!word)
		return refuse("\"%s\" needs a number of bytes, 0 to %u", option->word,
			      META_ROOM_MAX);
	errno = 0;
	value = strtoul(word, &end, 0);
	/* strtoul() would take signs and blanks. */
	if (word[0] < '0' || word[0] > '9' || *end || errno || value > META_ROOM_MAX)
		return refuse("%s must be a number of bytes, 0 to %u, not \"%s\"", option->word,
			      META_ROOM_MAX, word);
	data = put(n, option->attr, sizeof(room));
	if (!data)
		return -1;
	room = value;
	memcpy(data, &room, sizeof(room));
	return 0;
}

/* The value of an option; NULL when there is no further word. */
static int parse_value(struct request *request, const struct option *option, const char *word)
{
	unsigned short attr = request->peer && option->peer_attr ? option->peer_attr : option->attr;
	const struct choice *choice;
	void *data;

	if (request->given[attr])
		return refuse("%s is given twice%s", option->word,
			      attr == option->peer_attr ? " for the peer" : "");
	request->given[attr] = true;
	if (!option->choices)
		return parse_room(option, word, request->n);
	choice = word ? find_choice(option->choices, word) : NULL;
	if (!choice)
		return refuse_choice(option->word, word, option->choices);
	data = put(request->n, attr, sizeof(choice->value));
	if (!data)
		return -1;
	memcpy(data, &choice->value, sizeof(choice->value));
	return 0;
}

/* ---- the peer's generic options ---- */

/* Generic options whose value may be any word. iplink_parse() knows the latter by their beginnings. */
static bool takes_any_word(const char *word)
{
	static const char *const exact[] = { "name", "dev", "netns", "group", "vrf", "parentdev" };
	static const char *const begun[] = { "alias", "link", "link-netns", "master" };

	for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
		if (strcmp(exact[i], word) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(begun); i++)
		if (*word && strncmp(begun[i], word, strlen(word)) == 0)
			return true;
	return false;
}

/*
 * iplink_parse() takes a word it does not know for the name of the device: a policy that stands
 * behind "mtu 1400" would make a peer of that name, with the other policy.
 */
static int check_order(const struct request *request)
{
	for (int i = 1; i < request->n_words; i++) {
		const char *word = request->words[i];

		if (takes_any_word(request->words[i - 1]))
			continue;
		/* "mode" is a generic option as well. */
		if (find_choice(policies, word) || strcmp(word, "peer") == 0 ||
		    (find_option(word) && strcmp(word, "mode") != 0))
			return refuse(
				"\"%s\" comes too late: generic options of the peer, here from "
				"\"%s\" on, must be last",
				word, request->words[0]);
	}
	return 0;
}

static int parse_peer(struct request *request)
{
	struct ifinfomsg *ifi = NLMSG_DATA(request->n), saved = *ifi;
	struct ifinfomsg *peer;
	struct rtattr *info;
	char *type = NULL;
	int n_taken;

	if (!(request->n->nlmsg_flags & NLM_F_CREATE))
		return refuse("\"%s\": of the peer of an existing device only the policy can be "
			      "changed here: \"peer forward\" or \"peer blackhole\"",
			      request->words[0]);
	if (check_order(request))
		return -1;
	peer = put(request->n, IFLA_META_PEER_INFO, sizeof(*peer));
	if (!peer)
		return -1;
	info = (struct rtattr *)((char *)peer - RTA_LENGTH(0));
	/* Index and flags go into the message's own ifinfomsg, the rest behind the peer's. */
	ifi->ifi_index = 0;
	ifi->ifi_flags = 0;
	ifi->ifi_change = 0;
	n_taken = iproute2.iplink_parse(request->n_words, request->words,
					(struct iplink_req *)request->n, &type);
	if (n_taken < 0)
		return -1;
	if (type)
		return refuse("\"type %s\": the peer has the type of its pair", type);
	peer->ifi_index = ifi->ifi_index;
	peer->ifi_flags = ifi->ifi_flags;
	peer->ifi_change = ifi->ifi_change;
	*ifi = saved;
	info->rta_len = (char *)request->n + NLMSG_ALIGN(request->n->nlmsg_len) - (char *)info;
	request->n_words = 0;
	return 0;
}

/* ---- what ip calls ---- */

static int parse_word(struct request *request)
{
	const char *word = request->words[0];
	const struct option *option = find_option(word);
	int n = 1;

	if (strcmp(word, "help") == 0) {
		print_usage(stderr);
		return -1;
	}
	if (option) {
		n = 2;
		if (parse_value(request, option, request->n_words > 1 ? request->words[1] : NULL))
			return -1;
	} else if (find_choice(policies, word)) {
		if (parse_value(request, find_option("policy"), word))
			return -1;
	} else if (strcmp(word, "peer") == 0) {
		if (request->peer)
			return refuse("peer is given twice");
		request->peer = true;
	} else if (request->peer) {
		return parse_peer(request);
	} else {
		refuse("\"%s\" is no option of this kind", word);
		print_usage(stderr);
		return -1;
	}
	request->words += n;
	request->n_words -= n;
	return 0;
}

static int meta_parse_opt(struct link_util *util, int argc, char **argv, struct nlmsghdr *n)
{
	struct request request = { .n = n, .words = argv, .n_words = argc };

	while (request.n_words > 0)
		if (parse_word(&request))
			return -1;
	return 0;
}

static void show_text(FILE *f, const char *key, const char *label, const char *value)
{
	if (iproute2.is_json_context())
		iproute2.jsonw_string_field(iproute2.get_json_writer(), key, value);
	else
		fprintf(f, "%s %s ", label, value);
}

static void show_choice(FILE *f, const struct rtattr *attr, const char *key, const char *label,
			const struct choice *choices)
{
	uint32_t value;

	if (!attr || RTA_PAYLOAD(attr) < sizeof(value))
		return;
	memcpy(&value, RTA_DATA(attr), sizeof(value));
	while (choices->word && choices->value != value)
		choices++;
	show_text(f, key, label, choices->word ?: "UNKNOWN");
}

static void show_room(FILE *f, const struct rtattr *attr, const char *key)
{
	uint16_t value;

	if (!attr || RTA_PAYLOAD(attr) < sizeof(value))
		return;
	memcpy(&value, RTA_DATA(attr), sizeof(value));
	if (iproute2.is_json_context())
		iproute2.jsonw_uint_field(iproute2.get_json_writer(), key, value);
	else
		fprintf(f, "%s %u ", key, value);
}

/* What iproute2 shows of netkit comes first and in its order. */
static void meta_print_opt(struct link_util *util, FILE *f, struct rtattr *tb[])
{
	const struct rtattr *primary;

	if (!tb)
		return;
	show_choice(f, tb[IFLA_META_MODE], "mode", "mode", modes);
	primary = tb[IFLA_META_PRIMARY];
	if (primary && RTA_PAYLOAD(primary) >= 1)
		show_text(f, "type", "type", *(uint8_t *)RTA_DATA(primary) ? "primary" : "peer");
	show_choice(f, tb[IFLA_META_POLICY], "policy", "policy", policies);
	show_choice(f, tb[IFLA_META_PEER_POLICY], "peer_policy", "peer policy", policies);
	show_choice(f, tb[IFLA_META_SCRUB], "scrub", "scrub", scrubs);
	show_choice(f, tb[IFLA_META_PEER_SCRUB], "peer_scrub", "peer scrub", scrubs);
	show_room(f, tb[IFLA_META_HEADROOM], "headroom");
	show_room(f, tb[IFLA_META_TAILROOM], "tailroom");
	show_choice(f, tb[IFLA_META_PAIRING], "pairing", "pairing", pairings);
	show_choice(f, tb[IFLA_META_LOCK], "lock", "lock", locks);
}

static void meta_print_help(struct link_util *util, int argc, char **argv, FILE *f)
{
	print_usage(f);
}

static struct link_util meta_util = {
	.id = "meta",
	.maxattr = IFLA_META_MAX,
	.parse_opt = meta_parse_opt,
	.print_opt = meta_print_opt,
	.print_help = meta_print_help,
};

/*
 * ip looks meta_link_util up and uses what it finds as it knows it. A symbol of this sort is
 * whatever its function returns at that moment, so an unknown ip finds nothing, as if there were no
 * plugin.
 */
static __attribute__((used)) void (*find_meta_util(void))(void)
{
	return iproute2_is_known() ? (void (*)(void)) & meta_util : NULL;
}

void meta_link_util(void) __attribute__((ifunc("find_meta_util"), visibility("default")));
