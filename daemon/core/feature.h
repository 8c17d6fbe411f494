/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What metad makes use of beside the kinds of devices, and whether the machine has it. Each was found
 * out by doing; without it metad does less, and says so. Plain data.
 */

#include "base/util.h"

enum feature {
	FEATURE_TCX, /* chains of programs on any device: kind veth */
	FEATURE_LINK_UPDATE, /* a program is replaced in its place */
	FEATURE_PROGRAM_IDS, /* programs are found by their ids: run counts, shared maps */
	FEATURE_STATISTICS, /* programs' runs are counted */
	FEATURE_BTF, /* the kernel describes its own types: objects that adapt to it (CO-RE) */
	FEATURE_EXPEDITE, /* grace periods are shortened while much is attached */
	FEATURE_NAMESPACES, /* other network namespaces can be entered */
	FEATURE_BIG_TCP_IPV4, /* sizes beyond 64 KiB for IPv4, too */
};
#define N_FEATURES 8

struct feature_state {
	bool usable;
	char *why; /* owned; why not */
};

const char *feature_name(enum feature feature); /* "link-update"; never NULL */

/* All of them. copy: 0 or -ENOMEM, with *ret as it was. */
void features_done(struct feature_state features[static N_FEATURES]);
int features_copy(const struct feature_state from[static N_FEATURES],
		  struct feature_state ret[static N_FEATURES]);
