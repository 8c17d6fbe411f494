/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Reading nodes of a tree into values, with a diagnostic for each that is not what it should be.
 * Reading goes on after a fault, so that people see all of them at once; the reader counts them.
 */

#include "core/config_tree.h"
#include "core/model.h"

#define READER_FAULTS_MAX 100 /* are shown; more are only counted */

struct reader_file {
	struct diag_list *diags; /* borrowed */
	size_t n_faults;
	bool out_of_memory;
};

/* A key of a map: how its value is read into the noun. */
struct reader_key {
	const char *name;
	void (*read)(struct reader_file *file, const struct node *value, void *noun);
};

/* Adds a diagnostic at the node. What the file put into it is made fit for a terminal. */
__attribute__((format(printf, 3, 4))) void reader_fault(struct reader_file *file,
							const struct node *node,
							const char *format, ...);

/*
 * Reads each key of map by the table, which ends with a NULL name; what is in words ("a pair").
 * An unknown key is a fault that names the nearest known one. Returns whether all keys are known:
 * else a key that is missing is probably there and misspelt.
 */
bool reader_map(struct reader_file *file, const struct node *map, const char *what,
		const struct reader_key *keys, void *noun);

/* A fault at node that names the known word nearest to one that is not among keys, or all of them. */
void reader_fault_unknown(struct reader_file *file, const struct node *node, const char *sort,
			  const char *word, const char *what, const struct reader_key *keys);

/* A fault for each key that stands twice in a map of the tree below node. */
void reader_check_keys(struct reader_file *file, const struct node *node);

/* What may stand only once in a list: each entry by a few bytes that tell it from others. */
struct reader_entry {
	unsigned char key[32];
	const struct node *node; /* borrowed */
};

struct reader_once {
	struct reader_entry *entries; /* owned */
	size_t n;
};

void reader_once_add(struct reader_file *file, struct reader_once *once, const struct node *node,
		     const void *key, size_t len);
/* A fault for each entry that another one stands before; what is "this address" and the like. */
void reader_once_check(struct reader_file *file, struct reader_once *once, const char *what);
void reader_once_done(struct reader_once *once);

/* The value of a key, or NULL. */
const struct node *reader_find(const struct node *map, const char *key);
bool reader_is_list(struct reader_file *file, const struct node *node, const char *what);

/* Values. On a fault they return false and leave ret alone. */
bool reader_text(struct reader_file *file, const struct node *node, const char *what,
		 const char **ret); /* borrowed from the node; not empty */
bool reader_number(struct reader_file *file, const struct node *node, const char *what,
		   uint64_t min, uint64_t max, uint64_t *ret);
bool reader_bool(struct reader_file *file, const struct node *node, const char *what, bool *ret);
/* One of n words; ret is its index. */
bool reader_word(struct reader_file *file, const struct node *node, const char *what,
		 const char *const *words, size_t n, unsigned int *ret);
bool reader_ip(struct reader_file *file, const struct node *node, const char *what,
	       struct ip *ret); /* unicast */
bool reader_prefix(struct reader_file *file, const struct node *node, const char *what,
		   struct prefix *ret);
bool reader_address(struct reader_file *file, const struct node *node, const char *what,
		    struct prefix *ret); /* unicast, host bits kept */
bool reader_mac(struct reader_file *file, const struct node *node, uint8_t ret[static MAC_LEN]);

/* Copies; notes lack of memory in file. */
char *reader_copy(struct reader_file *file, const char *text);
/* Another place as seen from one: "in line 3", or "at FILE:3:1" where that is another file. */
#define READER_WHERE_SIZE 300
const char *reader_where(const struct diag *place, const struct diag *from,
			 char buf[static READER_WHERE_SIZE]);

/* Where a noun stands. */
struct diag reader_place(struct reader_file *file, const struct node *node);
