/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Templates of pairs: which namespaces they match, how their devices are named, and the body that
 * becomes a pair. A template's tree refers to the paths that its struct config owns.
 *
 * A name that does not fit is cut and ended by a hash of all of it: up to eight digits of base 32,
 * taken from util_hash (64-bit FNV-1a), mixed. It is the same in every version. Of n names cut to
 * eight bytes or more, two are the same with a probability of about n²/2^41: one in two million for
 * a thousand, one in twenty thousand for ten thousand. Seven bytes have n²/2^36, six n²/2^31.
 */

#include "core/config_tree.h"
#include "core/pool.h"

#define TEMPLATE_NAME_SIZE PROGRAM_NAME_SIZE
#define TEMPLATE_NETNS_MIN 6 /* bytes that {netns} needs in a name */

/* The text of a device's name around {netns}. */
struct template_pattern {
	char before[IFNAMSIZ], after[IFNAMSIZ];
	size_t room; /* bytes for {netns}; 0: it is not in the pattern */
};

struct template_label {
	char *key; /* owned */
	char *glob; /* owned; "!" before it: the label is absent, or does not match */
};

/* What a body needs an address for. */
enum template_use { TEMPLATE_USE_IP = 1 << 0, TEMPLATE_USE_IP6 = 1 << 1 };

struct template {
	char name[TEMPLATE_NAME_SIZE];
	struct template_pattern pattern;
	bool has_match; /* else it matches no namespace: it is only asked for by name */
	char **globs; /* owned; of names of namespaces; "!" before one: those it matches do not */
	size_t n_globs;
	struct template_label *labels; /* owned; all must match */
	size_t n_labels;
	char pool[POOL_NAME_SIZE]; /* empty: none */
	unsigned int uses; /* bits of enum template_use */
	struct ip *taken; /* owned; addresses that the body gives as they are */
	size_t n_taken;
	struct node body; /* owned; as under pairs:, with placeholders */
	struct diag at; /* where it is declared; text empty */
};

void template_done(struct template *template);

/* The labels of one namespace; a key can be there more than once. Borrowed. */
struct template_labels {
	const struct label *const *items;
	size_t n;
};

/* Whether a namespace of this name, with these labels, gets a pair of this template. */
bool template_matches(const struct template *template, const char *netns,
		      const struct template_labels *labels);

/* Whether it can match more than one namespace. */
bool template_matches_many(const struct template *template);

/* The device's name for a namespace; always the same one. */
void template_device_name(const struct template_pattern *pattern, const char *netns,
			  char ret[static IFNAMSIZ]);

/* Text with placeholders, piece by piece. */
enum template_piece_kind {
	TEMPLATE_PIECE_END,
	TEMPLATE_PIECE_TEXT, /* as it is; "{{" is a piece of one brace */
	TEMPLATE_PIECE_WORD, /* between braces, which are not part of it */
	TEMPLATE_PIECE_OPEN, /* a brace that is not closed */
};

struct template_piece {
	enum template_piece_kind kind;
	const char *text; /* borrowed; not terminated */
	size_t len;
};

struct template_piece template_next_piece(const char **text);

/* Bits of enum template_use that texts below node ask for. */
unsigned int template_uses(const struct node *node);

/* What placeholders stand for. */
struct template_values {
	const char *netns, *name, *ip, *ip6; /* borrowed; NULL: not to be had */
};

/* A copy of the body with values for placeholders, of the same places. 0 or -ENOMEM. */
int template_fill(const struct node *node, const struct template_values *values, struct node *ret);
