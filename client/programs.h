/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Program definitions and who uses them, as metad tells them. */

#include "client/conn.h"

/* An array, owned by the caller, each definition once. 0 or an exit code, which has been explained. */
int programs_ask(struct conn *conn, json_t **ret);
