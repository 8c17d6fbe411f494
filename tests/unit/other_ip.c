/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * other_ip PLUGIN: a program with the symbols of iproute2's ip by which the plugin knows it. IP_KNOWN
 * has them as ip has; the others differ in one way each. It looks the plugin's kind up as ip does
 * and, when there is one, has its help printed; otherwise it ends with 1.
 */
#include "client/iproute2.h"

#include <dlfcn.h>

#ifdef IP_LONGER
struct described {
	struct link_util util;
	void *more;
};
#else
struct described {
	struct link_util util;
};
#endif

#ifdef IP_RENAMED
#define VLAN "qlan"
#else
#define VLAN "vlan"
#endif

static int parse_opt(struct link_util *util, int argc, char **argv, struct nlmsghdr *n)
{
	return 0;
}

static void print_opt(struct link_util *util, FILE *f, struct rtattr *tb[])
{
}

static void print_help(struct link_util *util, int argc, char **argv, FILE *f)
{
}

int bridge_parse_xstats(struct link_util *util, int argc, char **argv);
int bridge_parse_xstats(struct link_util *util, int argc, char **argv)
{
	return 0;
}

int bridge_print_xstats(struct nlmsghdr *n, void *arg);
int bridge_print_xstats(struct nlmsghdr *n, void *arg)
{
	return 0;
}

extern struct described dummy_link_util, veth_link_util, vlan_link_util, bridge_link_util;

struct described dummy_link_util = { { .id = "dummy", .print_help = print_help } };
/* With IP_MOVED, as if parse_opt and print_opt had changed places. */
struct described veth_link_util = { {
	.id = "veth",
#ifdef IP_MOVED
	.print_opt = print_opt,
#else
	.parse_opt = parse_opt,
#endif
	.print_help = print_help,
} };
struct described vlan_link_util = { {
	.id = VLAN,
	.maxattr = 5,
	.parse_opt = parse_opt,
	.print_opt = print_opt,
	.print_help = print_help,
} };
struct described bridge_link_util = { {
	.id = "bridge",
	.maxattr = 50,
	.parse_opt = parse_opt,
	.print_opt = print_opt,
	.print_help = print_help,
	.parse_ifla_xstats = bridge_parse_xstats,
	.print_ifla_xstats = bridge_print_xstats,
} };

/* Never called here: the plugin looks for their names only. */
#define FUNCTION(name)                                                                             \
	void name(void);                                                                           \
	void name(void)                                                                            \
	{                                                                                          \
	}
FUNCTION(iplink_parse)
FUNCTION(is_json_context)
FUNCTION(jsonw_string_field)
FUNCTION(jsonw_uint_field)
#ifndef IP_LACKING
FUNCTION(get_json_writer)
#endif

int main(int argc, char **argv)
{
	void *plugin = dlopen(argv[1], RTLD_LAZY);
	struct link_util *util;

	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	/* As for every device in a list. */
	dlsym(plugin, "meta_link_util");
	util = dlsym(plugin, "meta_link_util");
	if (!util)
		return 1;
	util->print_help(util, 0, NULL, stdout);
	return 0;
}
