/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* All pairs, as metad tells them in short. */

#include "client/conn.h"

/* An array, owned by the caller. 0 or an exit code, which has been explained. */
int pairs_ask(struct conn *conn, json_t **ret);
