/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the program that loaded the plugin is an ip whose ways the plugin knows. ip tells its
 * version to nobody, but it exports what it has of other kinds: these must have the size and the
 * layout that struct link_util has here. Each of them fills other members, which tells the members
 * apart.
 */
#include "client/iproute2.h"

#include "base/util.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

struct iproute2 iproute2;

/* Members of struct link_util that are functions, as bits. */
enum part {
	PART_PARSE = 1,
	PART_PRINT = 2,
	PART_XSTATS = 4,
	PART_HELP = 8,
	PART_PARSE_IFLA = 16,
	PART_PRINT_IFLA = 32,
};

static unsigned int parts_of(const struct link_util *util)
{
	return (util->parse_opt ? PART_PARSE : 0) | (util->print_opt ? PART_PRINT : 0) |
	       (util->print_xstats ? PART_XSTATS : 0) | (util->print_help ? PART_HELP : 0) |
	       (util->parse_ifla_xstats ? PART_PARSE_IFLA : 0) |
	       (util->print_ifla_xstats ? PART_PRINT_IFLA : 0);
}

/* The description of a kind in the program, or NULL when it is of another size than ours. */
static const struct link_util *find_util(const char *symbol)
{
	const struct link_util *util = dlsym(RTLD_DEFAULT, symbol);
	const ElfW(Sym) *entry = NULL;
	Dl_info info;

	if (!util || !dladdr1(util, &info, (void **)&entry, RTLD_DL_SYMENT) || !entry)
		return NULL;
	return entry->st_size == sizeof(*util) ? util : NULL;
}

static bool has_layout(const char *symbol, const char *id, bool has_attributes, unsigned int parts)
{
	const struct link_util *util = find_util(symbol);

	/* The name last: it is read through a pointer that only the rest makes credible. */
	return util && parts_of(util) == parts && has_attributes == (util->maxattr > 0) &&
	       util->maxattr < 256 && util->id && strcmp(util->id, id) == 0;
}

static bool is_layout_known(void)
{
	const struct link_util *bridge = find_util("bridge_link_util");

	return has_layout("dummy_link_util", "dummy", false, PART_HELP) &&
	       has_layout("veth_link_util", "veth", false, PART_PARSE | PART_HELP) &&
	       has_layout("vlan_link_util", "vlan", true, PART_PARSE | PART_PRINT | PART_HELP) &&
	       bridge &&
	       (void *)bridge->parse_ifla_xstats == dlsym(RTLD_DEFAULT, "bridge_parse_xstats") &&
	       (void *)bridge->print_ifla_xstats == dlsym(RTLD_DEFAULT, "bridge_print_xstats") &&
	       bridge->parse_ifla_xstats && bridge->print_ifla_xstats;
}

/* The name of a function that the program lacks, or NULL. */
static const char *find_functions(void)
{
	const struct {
		const char *name;
		void **function;
	} functions[] = {
		{ "iplink_parse", (void **)&iproute2.iplink_parse },
		{ "is_json_context", (void **)&iproute2.is_json_context },
		{ "get_json_writer", (void **)&iproute2.get_json_writer },
		{ "jsonw_string_field", (void **)&iproute2.jsonw_string_field },
		{ "jsonw_uint_field", (void **)&iproute2.jsonw_uint_field },
	};

	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		*functions[i].function = dlsym(RTLD_DEFAULT, functions[i].name);
		if (!*functions[i].function)
			return functions[i].name;
	}
	return NULL;
}

bool iproute2_is_known(void)
{
	static bool said;
	const char *missing = find_functions();

	if (!missing && is_layout_known())
		return true;
	if (!said && missing)
		fprintf(stderr, "link_meta.so: this program has no %s()", missing);
	else if (!said)
		fprintf(stderr, "link_meta.so: this program describes kinds of links differently");
	if (!said)
		fprintf(stderr, "; the plugin is for iproute2 5.0 to 7.1, and here kind meta has "
				"neither options nor details\n");
	said = true;
	return false;
}
