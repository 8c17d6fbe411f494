/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What a test program needs: a check that names its place, and a skip that gives its reason. */

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define SKIP(...)                                                                                  \
	do {                                                                                       \
		printf("skipped: " __VA_ARGS__);                                                   \
		printf("\n");                                                                      \
		exit(77);                                                                          \
	} while (0)
