/* SPDX-License-Identifier: GPL-2.0-only */
/* See feature.h. */
#include "core/feature.h"

const char *feature_name(enum feature feature)
{
	switch (feature) {
	case FEATURE_TCX:
		return "tcx";
	case FEATURE_LINK_UPDATE:
		return "link-update";
	case FEATURE_PROGRAM_IDS:
		return "program-ids";
	case FEATURE_STATISTICS:
		return "statistics";
	case FEATURE_BTF:
		return "btf";
	case FEATURE_EXPEDITE:
		return "expedite";
	case FEATURE_NAMESPACES:
		return "namespaces";
	case FEATURE_BIG_TCP_IPV4:
		return "big-tcp-ipv4";
	}
	return "?";
}

void features_done(struct feature_state features[static N_FEATURES])
{
	for (size_t i = 0; i < N_FEATURES; i++)
		free(features[i].why);
	memset(features, 0, N_FEATURES * sizeof(*features));
}

int features_copy(const struct feature_state from[static N_FEATURES],
		  struct feature_state ret[static N_FEATURES])
{
	struct feature_state copy[N_FEATURES] = {};
	int r = 0;

	for (size_t i = 0; i < N_FEATURES && r == 0; i++) {
		copy[i].usable = from[i].usable;
		r = util_text_copy(from[i].why, &copy[i].why);
	}
	if (r < 0)
		features_done(copy);
	else
		memcpy(ret, copy, sizeof(copy));
	return r;
}
