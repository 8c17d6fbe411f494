/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What passes a pair, as its devices count it. Nobody plans by it: it is read when somebody asks,
 * apart from what is compared with what is wanted. Plain data.
 */

#include "core/model.h"

/* Since the device was made. */
struct traffic {
	uint64_t packets, bytes, dropped, errors;
};

/* One end: which device is to be read, and what it counts. */
struct meter_end {
	int ifindex; /* in the namespace of this end; 0: there is no device */
	bool known; /* what follows was read */
	struct traffic received, transmitted;
};

struct meter {
	char name[IFNAMSIZ]; /* of the pair */
	int nsid; /* where the peer is, as in struct sighting */
	struct meter_end end[N_SIDES];
};
