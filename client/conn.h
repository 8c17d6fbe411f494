/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A blocking varlink connection to metad. Complains to standard error itself. What is not printed as
 * JSON arrives with everything taken out that would control a terminal.
 */

#include "client/metactl.h"

struct conn;

int conn_open(const struct cli *cli, struct conn **ret); /* 0 or an exit code */
int conn_try(const struct cli *cli, struct conn **ret); /* 0 or -errno, without a complaint */
void conn_close(struct conn **conn); /* for AUTO() */
int conn_fd(const struct conn *conn); /* readable when a reply comes, or the end */

/*
 * Calls method ("Describe") and takes parameters (NULL: none). The caller owns the parameters of
 * the reply. 0 or an exit code.
 */
int conn_call(struct conn *conn, const char *method, json_t *parameters, json_t **ret);
/* The same, but where metad answers with this error ("NoSuchPair") it is 0, with *ret NULL. */
int conn_call_unless(struct conn *conn, const char *method, json_t *parameters, const char *error,
		     json_t **ret);
/* Has polkit ask whoever sits at the terminal for a password, if need be. Returns parameters. */
json_t *conn_ask_people(json_t *parameters);
int conn_reload(struct conn *conn, json_t **ret);
/* One call that changes something, over a connection of its own. Takes parameters. As conn_call. */
int conn_change(const struct cli *cli, const char *method, json_t *parameters, json_t **ret);

/*
 * The same with "more": fn gets each reply's parameters, borrowed; its non-zero return ends the
 * conversation and is returned. An endless call may be quiet for any time.
 */
enum conn_end { CONN_FINITE, CONN_ENDLESS };
int conn_call_more(struct conn *conn, const char *method, json_t *parameters, enum conn_end end,
		   int (*fn)(void *ctx, const json_t *parameters), void *ctx);
