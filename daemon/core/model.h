/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The nouns. What the configuration wants (struct desired, of struct pair) and what the kernel has
 * (struct observed, of struct sighting) are built from the same small values, so that comparing
 * them needs no translation. Plain data: nothing here does I/O or reads a clock.
 *
 * Arrays are owned by the struct that holds them and are sorted by their key unless their order
 * means something (a chain, the addresses of an end).
 */

#include "base/diag.h"
#include "base/util.h"
#include "core/feature.h"

#include <net/if.h>
#include <netinet/in.h>

#define MAC_LEN 6
#define PROGRAM_NAME_SIZE 64 /* longest name of a program definition, with its NUL */
#define PAIRS_MAX 100000 /* in one configuration */
#define CHAIN_MAX 62 /* programs of one end: mprog takes 63, and moving one needs a free place */

/* What metad made carries this protocol number: ifa_proto, rtm_protocol and NDA_PROTOCOL. */
#define PROTOCOL_METAD 109

enum kind { KIND_AUTO, KIND_META, KIND_NETKIT, KIND_VETH };
#define N_KINDS 4

enum mode { MODE_L3, MODE_L2 };
enum policy { POLICY_FORWARD, POLICY_DROP };
enum scrub { SCRUB_DEFAULT, SCRUB_NONE };
enum recreate { RECREATE_AUTO, RECREATE_NEVER };

/* The two ends of a pair; every array of two is indexed by it. */
enum side { SIDE_PRIMARY, SIDE_PEER };
#define N_SIDES 2

struct node; /* core/config_tree.h */

struct ip {
	uint8_t family; /* AF_INET, AF_INET6; AF_UNSPEC: not given */
	uint8_t bytes[16]; /* network order, the rest zero */
};

struct prefix {
	struct ip ip;
	uint8_t len; /* bits */
};

struct address {
	struct prefix prefix; /* the address itself with its prefix length; host bits kept */
	bool foreign; /* observed only: put there by somebody else */
};

struct route {
	struct prefix to; /* host bits zero; len 0 is the default route */
	struct ip via, src; /* AF_UNSPEC: none */
	uint32_t metric; /* as the kernel reports it: never 0 for IPv6 (1024 by default) */
	uint32_t table; /* never 0; RT_TABLE_MAIN (254) by default */
	bool onlink;
};

struct neighbour {
	struct ip ip;
	uint8_t mac[MAC_LEN];
};

struct sysctl {
	char *key; /* owned; dots as in sysctl(8), "net.ipv4.conf.eth0.rp_filter" */
	char *value; /* owned; NULL when observed and not readable */
};

/* Attributes of one end that the kernel changes in place. */
enum attr {
	ATTR_MTU = 1 << 0,
	ATTR_TXQUEUELEN = 1 << 1,
	ATTR_GSO_MAX_SIZE = 1 << 2, /* IPv6 and everything else (IFLA_GSO_MAX_SIZE) */
	ATTR_GRO_MAX_SIZE = 1 << 3,
	ATTR_GSO_IPV4_MAX_SIZE = 1 << 4,
	ATTR_GRO_IPV4_MAX_SIZE = 1 << 5,
	ATTR_MAC = 1 << 6,
	ATTR_LINKLOCAL = 1 << 7, /* whether the kernel makes an IPv6 link-local address */
	ATTR_NAME = 1 << 8, /* only ever differs at a peer that somebody renamed */
	ATTR_UP = 1 << 9,
};

struct attrs {
	uint32_t has; /* bits of enum attr: the members below that are set */
	uint32_t mtu, txqueuelen; /* bytes, packets */
	uint32_t gso_max_size, gro_max_size, gso_ipv4_max_size, gro_ipv4_max_size; /* bytes */
	uint8_t mac[MAC_LEN];
	bool linklocal;
	bool up;
	char name[IFNAMSIZ];
};

/* One place in a chain, as declared. */
struct use {
	char program[PROGRAM_NAME_SIZE]; /* name of a struct program */
	struct diag at; /* where it is declared; text empty */
};

/* One end of a pair, as declared. */
struct end {
	struct attrs attrs; /* name always; up always true */
	enum policy policy;
	enum scrub scrub;
	struct address *addresses; /* in declared order: the first of a family is the primary one */
	size_t n_addresses;
	struct route *routes;
	size_t n_routes;
	struct neighbour *neighbours;
	size_t n_neighbours;
	struct sysctl *sysctls; /* peer only */
	size_t n_sysctls;
	struct use *uses; /* the chain, first to last; a program at most once */
	size_t n_uses;
};

enum netns_by { NETNS_BY_NAME, NETNS_BY_PATH, NETNS_BY_PID };

/* How a configuration names a network namespace. */
struct netns_ref {
	enum netns_by by;
	char *text; /* owned; a name in the namespace directory, an absolute path, or the pid's digits */
	/* SO_NETNS_COOKIE: another namespace that is found there is not the one; 0: any is. */
	uint64_t cookie;
};

/* What a runtime says of a pair's namespace, for templates to match. */
struct label {
	char *key; /* owned */
	char *value; /* owned; may be empty */
};

struct pair {
	char name[IFNAMSIZ]; /* = name of the primary device */
	enum kind kind;
	enum mode mode;
	enum recreate recreate;
	uint16_t headroom, tailroom; /* bytes; 0: not asked for */
	struct netns_ref netns; /* where the peer lives */
	struct end end[N_SIDES];
	struct label *labels; /* sorted by key, unique */
	size_t n_labels;
	char *blocked; /* owned; why nothing is done about it, such as a pool without a free address */
	char template[PROGRAM_NAME_SIZE]; /* that it was made of, or is laid over; empty: none */
	/*
	 * What is laid over the template, borrowed from the configuration: until that is done the rest
	 * of the pair is as far as it is known without. NULL: done.
	 */
	const struct node *overrides;
	struct diag at; /* file, line, column of the declaration; text empty */
};

/* A named program definition. Names starting with '+' are metad's own. */
struct program {
	char name[PROGRAM_NAME_SIZE];
	char *object; /* owned; a shipped object's name, or an absolute path */
	char *function; /* owned; NULL: the object's only program */
	struct diag at;
};

/* The definition that stands in for policy drop at a chain that would otherwise be empty (veth). */
#define PROGRAM_POLICY_DROP "+drop"

/* The daemon's settings (metad.yaml). Command line options are not among them. */
struct settings {
	uint64_t audit_ms; /* between looks for changes that have no event; 0: never */
	bool expedite; /* may set /sys/kernel/rcu_expedited around many attaches and detaches */
	bool statistics; /* keeps BPF run statistics on (BPF_ENABLE_STATS) while metad runs */
	enum kind kinds[N_KINDS]; /* those that new devices may be of, the preferred one first */
	size_t n_kinds;
	char **netns_dirs; /* owned; where names of namespaces live, the first that has one counts */
	size_t n_netns_dirs; /* 0: the command line's */
	char *group; /* owned; whose members may change things, "" for nobody; NULL: "metad" */
	struct diag group_at; /* where it is said; text empty */
	int log_priority; /* of syslog(3); -1: the command line's */
	uint32_t max_pairs; /* in force; more are left out */
	uint32_t max_connections, max_connections_per_user; /* root is in no user's number */
	bool duplicate_addresses; /* two peers may have the same address */
};
#define SETTINGS_DEFAULT                                                                           \
	(struct settings)                                                                          \
	{                                                                                          \
		.audit_ms = 120000, .expedite = true, .statistics = true,                          \
		.kinds = { KIND_META, KIND_NETKIT, KIND_VETH }, .n_kinds = 3, .log_priority = -1,  \
		.max_pairs = PAIRS_MAX, .max_connections = 1024, .max_connections_per_user = 256,  \
	}

/*
 * Everything that is declared: an immutable snapshot, shared by counted references because the
 * engine and the jobs it has handed to the worker both need it (atomic: they are two threads).
 */
struct desired {
	int n_refs;
	struct settings settings;
	int64_t write_gid; /* of settings.group; -1: there is no such group */
	struct pair *pairs; /* sorted by name, unique */
	size_t n_pairs;
	struct program *programs; /* sorted by name, unique; includes +drop */
	size_t n_programs;
	/*
	 * A file is broken and nothing of it is in force: pairs that nobody declares may be its
	 * pairs, so none is deleted until it is fixed.
	 */
	bool incomplete;
	bool has_templates; /* some of what is declared depends on which namespaces there are */
	struct diag_list conflicts; /* between declarations: the same pair, program, device or address */
};

/* ---- observed ---- */

enum owner { OWNER_NONE, OWNER_METAD, OWNER_FOREIGN };

/* One program in a chain of the kernel, first to last. */
struct slot {
	bool foreign; /* not attached by metad; only prog_id, link_id and kernel_name are known */
	char program[PROGRAM_NAME_SIZE]; /* ours: the definition it was loaded from */
	uint64_t digest; /* ours: of the object it was loaded from */
	uint32_t prog_id, link_id; /* link_id 0: attached without a link */
	char kernel_name[16]; /* the function's name, cut by the kernel (BPF_OBJ_NAME_LEN) */
	uint64_t run_count, run_time_ns; /* since loading, all users together; 0 without statistics */
};

/* One end of a pair as the kernel has it. */
struct sighted_end {
	int ifindex; /* in the namespace of this end; 0: not there */
	struct attrs attrs;
	bool running; /* carrier is there */
	enum policy policy; /* kinds that have it in the driver */
	enum scrub scrub;
	struct address *addresses;
	size_t n_addresses;
	struct route *routes; /* only those with protocol PROTOCOL_METAD */
	size_t n_routes;
	struct neighbour *neighbours; /* likewise */
	size_t n_neighbours;
	struct sysctl *sysctls; /* those that the configuration names */
	size_t n_sysctls;
	struct slot *chain;
	size_t n_chain;
	uint64_t revision; /* of the chain (mprog), what attaching expects */
};

/* What the link dump did not say cannot differ. */
enum reported { REPORTED_SCRUB = 1 << 0, REPORTED_HEADROOM = 1 << 1, REPORTED_TAILROOM = 1 << 2 };

struct sighting {
	char name[IFNAMSIZ]; /* of the primary, or the name that is wanted */
	enum owner owner; /* of the device with that name; OWNER_NONE: there is none */
	enum kind kind;
	enum mode mode;
	unsigned int reported; /* bits of enum reported */
	uint16_t headroom, tailroom;
	uint64_t netns; /* cookie of the namespace where the peer is; 0: unknown */
	int nsid; /* of the wanted namespace, as events number it; -1: none */
	uint64_t wanted_netns; /* cookie of the namespace that is wanted; 0: there is none now */
	struct diag netns_why; /* why there is none, in words */
	bool peer_name_taken; /* a device that is not this pair's has the peer's wanted name there */
	bool let_go; /* it is unwanted for sure, whatever other files may say; the engine knows */
	unsigned int n_defunct; /* pins of links whose device is gone */
	struct sighted_end end[N_SIDES];
};

/* A program definition's object, as the file system and the kernel have it. */
struct object {
	char program[PROGRAM_NAME_SIZE];
	uint64_t digest; /* of the file's content and the function's name; 0: cannot be read */
	struct diag why; /* why it cannot be read */
};

struct kind_state {
	bool usable;
	char *why; /* owned; why not */
};

struct observed {
	struct kind_state kinds[N_KINDS];
	struct feature_state features[N_FEATURES];
	struct sighting *sightings; /* sorted by name, unique */
	size_t n_sightings;
	struct object *objects; /* sorted by program, unique */
	size_t n_objects;
};

/* Life. Every _done takes half-built values and leaves zeroes. */
void end_done(struct end *end);
void pair_done(struct pair *pair);
void program_done(struct program *program);
void settings_done(struct settings *settings);
void sighting_done(struct sighting *sighting);
void object_done(struct object *object);
void observed_done(struct observed *observed);

struct desired *desired_new(void); /* one reference, default settings; NULL: out of memory */
struct desired *desired_ref(struct desired *desired);
void desired_unref(struct desired *desired); /* takes NULL */
void desired_unrefp(struct desired **desired);

/* Sorts what desired and observed promise to be sorted. */
void desired_sort(struct desired *desired);
void observed_sort(struct observed *observed);

/* Lookup by key; borrowed, NULL: none. */
const struct pair *desired_find_pair(const struct desired *desired, const char *name);
const struct program *desired_find_program(const struct desired *desired, const char *name);
struct sighting *observed_find(const struct observed *observed, const char *name);
const struct object *observed_find_object(const struct observed *observed, const char *program);

/* Words: "veth", "l3", "drop", "none", "primary"; never NULL. */
const char *kind_name(enum kind kind);
const char *mode_name(enum mode mode);
const char *policy_name(enum policy policy);
const char *scrub_name(enum scrub scrub);
const char *side_name(enum side side);

bool settings_allow(const struct settings *settings, enum kind kind);

/* Whether the driver of this kind has policy and scrub itself; veth needs +drop instead. */
bool kind_has_policy(enum kind kind);
enum side side_other(enum side side);

/* Order by what must be unique of a peer: its namespace, as declared, and its name. */
int pair_compare_peer(const struct pair *a, const struct pair *b);

/* Comparison of values: the whole value unless the name says key. */
bool ip_equal(const struct ip *a, const struct ip *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool prefix_has_host_bits(const struct prefix *prefix); /* behind its length */
bool route_equal(const struct route *a, const struct route *b);
bool route_key_equal(const struct route *a, const struct route *b); /* to, metric, table */
bool neighbour_equal(const struct neighbour *a, const struct neighbour *b);

/*
 * Text of values into a buffer of the caller; returns it. The parsers take a whole string and
 * return 0 or -EINVAL; prefix_parse takes a bare address as one of full length.
 */
#define IP_TEXT_SIZE 64
#define ROUTE_TEXT_SIZE 256
const char *ip_text(const struct ip *ip, char buf[static IP_TEXT_SIZE]);
const char *prefix_text(const struct prefix *prefix, char buf[static IP_TEXT_SIZE]);
const char *mac_text(const uint8_t mac[static MAC_LEN], char buf[static IP_TEXT_SIZE]);
const char *route_text(const struct route *route, char buf[static ROUTE_TEXT_SIZE]);
int ip_parse(const char *text, struct ip *ret);
int prefix_parse(const char *text, struct prefix *ret);
int mac_parse(const char *text, uint8_t ret[static MAC_LEN]);

/* A name the kernel takes for a device and metad for a pair: 1 to 15 bytes of [A-Za-z0-9_.-]. */
bool device_name_is_valid(const char *name);
