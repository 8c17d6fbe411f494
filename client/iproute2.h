/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What iproute2's "ip" and a plugin of a link kind have of each other. None of it is installed as a
 * header, and none of it is promised: the layout of struct link_util and the functions below are
 * what they are in iproute2 5.0 to 7.1, and iproute2_is_known() sees whether the program that
 * loaded the plugin is of that sort.
 */

#include <stdbool.h>
#include <stdio.h>

struct nlmsghdr;
struct rtattr;

struct link_util {
	struct link_util *next; /* ip's own list */
	const char *id;
	int maxattr; /* of IFLA_INFO_DATA; ip splits it before print_opt */
	/*
	 * The words behind "type KIND", at least one, to be added to a request that ends inside
	 * IFLA_INFO_DATA. 0, or -1 when it has been said what is wrong.
	 */
	int (*parse_opt)(struct link_util *util, int argc, char **argv, struct nlmsghdr *n);
	/* By attribute number, NULL for those that are missing; tb is NULL when all are. */
	void (*print_opt)(struct link_util *util, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *util, FILE *f, struct rtattr *xstats);
	void (*print_help)(struct link_util *util, int argc, char **argv, FILE *f);
	int (*parse_ifla_xstats)(struct link_util *util, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

/* The buffer of a request ends somewhat behind this length of the whole message. */
#define IPROUTE2_REQUEST_MAX 1024

/* An nlmsghdr and an ifinfomsg begin it. */
struct iplink_req;
/* A JSON document that is being written. */
struct json_writer;

/* Functions of ip that a plugin may call once iproute2_is_known(). */
struct iproute2 {
	/*
	 * The generic options of a link, added to the request. Returns how many words it took, or
	 * something negative; many faults end the program. *type is the word behind "type".
	 */
	int (*iplink_parse)(int argc, char **argv, struct iplink_req *req, char **type);
	bool (*is_json_context)(void);
	struct json_writer *(*get_json_writer)(void);
	void (*jsonw_string_field)(struct json_writer *writer, const char *key, const char *value);
	void (*jsonw_uint_field)(struct json_writer *writer, const char *key, unsigned int value);
};

extern struct iproute2 iproute2;

/* Finds the functions, and says on standard error, once, why not when it is another ip. */
bool iproute2_is_known(void);
