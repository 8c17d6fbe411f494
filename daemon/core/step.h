/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * One change to the kernel, as data: what, never how. Steps are by value and own nothing, so that
 * they can be printed, compared, sent to the worker and replayed. Their order is plan.c's business.
 */

#include "core/model.h"

enum step_kind {
	STEP_DOWN, /* the primary of a pair that is about to lose its programs and to be deleted */
	STEP_DETACH_FIRST, /* links of a device that is about to be deleted */
	STEP_DELETE, /* the pair's devices */
	STEP_REAP, /* pins of links whose device is gone */
	STEP_CREATE, /* both ends: down, closed, marked as metad's */
	STEP_ATTACH, /* a program to its place in the chain, pinned */
	STEP_UPDATE, /* the program of a link, in place */
	STEP_DETACH, /* a link that is no longer wanted */
	STEP_ADDRESS_DEL,
	STEP_ROUTE_DEL,
	STEP_NEIGHBOUR_DEL,
	STEP_SET, /* attributes of one end, without up */
	STEP_SYSCTL,
	STEP_ADDRESS_ADD,
	STEP_POLICY, /* of both ends, through the primary */
	STEP_UP, /* the peer before the primary: nothing flows until both are */
	STEP_ROUTE_ADD, /* the kernel takes routes only on a device that is up */
	STEP_NEIGHBOUR_ADD,
};

/* Where a program goes: right behind or right before another of ours, or at the chain's tail. */
enum place { PLACE_TAIL, PLACE_AFTER, PLACE_BEFORE };

struct step {
	enum step_kind kind;
	enum side side;
	union {
		struct {
			enum place place;
			char anchor[PROGRAM_NAME_SIZE]; /* definition it is placed by */
			uint32_t anchor_link_id; /* 0: the youngest link of that definition, which an
						  * earlier step of the same task attaches */
			char program[PROGRAM_NAME_SIZE];
			uint64_t digest; /* STEP_ATTACH, STEP_UPDATE: of the object that is wanted */
			uint32_t link_id; /* STEP_UPDATE, STEP_DETACH, STEP_DETACH_FIRST */
		} slot;
		struct address address;
		struct route route;
		struct neighbour neighbour;
		const struct sysctl *sysctl; /* borrowed from the desired state of the plan */
		struct attrs attrs; /* STEP_SET, STEP_UP: has says which */
		enum policy policy[N_SIDES];
		enum kind create_kind; /* STEP_CREATE: the kind that auto came to */
	};
};

/* Machine word of a kind of step, "address-add"; never NULL. */
const char *step_kind_name(enum step_kind kind);

/* "peer: add address 10.1.0.2/24" into a buffer of the caller; returns it. */
#define STEP_TEXT_SIZE 320
const char *step_text(const struct step *step, char buf[static STEP_TEXT_SIZE]);
