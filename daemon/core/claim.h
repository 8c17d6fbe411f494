/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Declarations that exclude each other, and which of them stays: names that stand twice, two peers
 * of one name in one namespace, an address that two peers want. All claims are settled in the order
 * of their ranks: what is left out takes nothing from those behind it. Costs no more than sorting.
 */

#include "core/model.h"

struct claim {
	const char *name; /* borrowed, as is all that follows */
	size_t rank; /* the lower one wins; then the one that sorts first by name */
	const struct diag *at; /* where it is declared */
	const void *noun; /* what is declared */
	const struct pair *pair; /* the noun, where it is a pair; else NULL: only its name counts */
	const struct claim *winner; /* NULL: this one is taken */
	const struct ip *ip; /* the address that was the winner's already; NULL: not for that */
	size_t name_group, peer_group; /* while it is settled */
};

struct claims {
	struct claim *items; /* owned; sorted by name and rank once settled */
	size_t n;
};

/* Whether two peers may have the same address. */
enum claim_addresses { CLAIM_ADDRESSES_ONCE, CLAIM_ADDRESSES_ANY };

/* 0 or -ENOMEM. */
int claims_add(struct claims *claims, struct claim claim);

/*
 * Adds each of an array of nouns that begin with their name (char []) and say in "at" where they are
 * declared. Of pairs more than the name counts. 0 or -ENOMEM.
 */
enum claim_sort { CLAIM_PAIRS, CLAIM_OTHERS };
int claims_add_array(struct claims *claims, size_t rank, enum claim_sort sort, const void *nouns,
		     size_t n, size_t size, size_t at_offset);
#define CLAIMS_ADD(claims, rank, sort, nouns, n)                                                   \
	({                                                                                         \
		_Static_assert(offsetof(__typeof__(*(nouns)), name) == 0, "the name is first");    \
		claims_add_array(claims, rank, sort, nouns, n, sizeof(*(nouns)),                   \
				 offsetof(__typeof__(*(nouns)), at));                              \
	})
void claims_done(struct claims *claims);

/* Fills each claim's winner. 0 or -ENOMEM. */
int claims_settle(struct claims *claims, enum claim_addresses addresses);

/*
 * Why a claim has a winner, in words that name the winner's place; what is in words ("pair").
 * Owned by the caller, NULL: out of memory.
 */
char *claim_words(const struct claim *claim, const char *what);

/* Link-local addresses, of both families, may be anybody's. */
bool claim_ip_is_shared(const struct ip *ip);
