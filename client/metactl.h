/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What the commands of metactl share: what its exit codes mean, and little helpers. */

#include "client/cli.h"
#include "core/frame.h"

#define EXIT_OK 0
#define EXIT_NOT_OK 1 /* a pair is not ready, a file is broken, something was refused */
#define EXIT_DIFFERENT 2 /* plan: there is something to do */
#define EXIT_UNREACHABLE 3
#define EXIT_USAGE 64 /* EX_USAGE */

/* Says what is wrong, "metactl: …", and returns the code. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *format, ...);
/* Members of objects, with something harmless where they are missing. */
const char *text_of(const json_t *object, const char *key); /* "" */
bool has_text(const json_t *object, const char *key);
long long number_of(const json_t *object, const char *key); /* 0 */
bool is_true(const json_t *object, const char *key); /* false */
