/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Requests for fuzz_rtnl: of attributes that are right, of some that are wrong in a way that is known,
 * and of damage whose effect is not. With each comes a forecast, so that an answer can be judged. The
 * same seed makes the same requests.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rtnl.h"

/* ---- chance ---- */

struct chance {
	uint64_t state;
};

uint32_t chance_below(struct chance *chance, uint32_t n);
bool chance_percent(struct chance *chance, unsigned int percent);

/* ---- requests ---- */

enum request_kind { REQUEST_CREATE, REQUEST_CHANGE, REQUEST_DELETE, REQUEST_DUMP, N_REQUEST_KINDS };

/* What a change is asked of. */
enum target { TARGET_PRIMARY, TARGET_PEER, TARGET_SINGLE };

enum {
	GARBLE_GROUP = 77, /* of devices that are made, so that they can be deleted together */
	N_GARBLE_DATA = 16,
};

/* Two attributes of the same device are two bits. */
typedef uint64_t attr_set;

struct forecast {
	bool damaged; /* anything may happen, but nothing may break */
	bool must_fail, may_fail; /* neither: must be accepted */
	bool may_be_mute; /* a refusal may be the core's, which has no words for some */
	bool may_be_single;
	attr_set right, wrong; /* what was put into it; empty when damaged */
	/* Of IFLA_INFO_DATA, what the device is to have after success. */
	bool has[N_GARBLE_DATA];
	uint32_t value[N_GARBLE_DATA];
	char name[IFNAMSIZ], peer_name[IFNAMSIZ]; /* "" when the kernel chooses */
	bool may_be_partial; /* a change that the core makes piece by piece when the driver is done */
};

/* Whether a change is sure to be refused before anything is done. */
bool forecast_changes_nothing(const struct forecast *forecast);

struct garble {
	struct chance chance;
	const char *kind;
	int netns_fd; /* another namespace that may be named */
	bool knows_lock;
	unsigned int serial; /* of names */
};

void garble_create(struct garble *garble, struct msg *msg, struct forecast *forecast);
void garble_change(struct garble *garble, int ifindex, enum target target, struct msg *msg,
		   struct forecast *forecast);
void garble_delete(struct garble *garble, int ifindex, struct msg *msg, struct forecast *forecast);
void garble_dump(struct garble *garble, int ifindex, struct msg *msg, struct forecast *forecast);

/* ---- coverage ---- */

unsigned int garble_n_attrs(void);
const char *garble_attr_name(unsigned int attr);
/* Whether requests of the kind have the attribute in a right form, and in a wrong one. */
bool garble_can_be_right(const struct garble *garble, enum request_kind kind, unsigned int attr);
bool garble_can_be_wrong(const struct garble *garble, enum request_kind kind, unsigned int attr);
