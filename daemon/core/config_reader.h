/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Reading nodes of a tree into values, with a diagnostic for each that is not what it should be.
 * Reading goes on after a fault, so that people see all of them at once; the reader remembers that
 * there was one.
 */

#include "core/config_tree.h"
#include "core/model.h"

#define READER_FAULTS_MAX 100

struct reader_file {
	const char *name; /* for diagnostics; borrowed */
	struct diag_list *diags; /* borrowed */
	size_t n_faults;
	bool out_of_memory;
};

/* A key of a map: how its value is read into the noun. */
struct reader_key {
	const char *name;
	void (*read)(struct reader_file *file, const struct node *value, void *noun);
};

/* Adds a diagnostic at the node. */
__attribute__((format(printf, 3, 4))) void reader_fault(struct reader_file *file,
							const struct node *node,
							const char *format, ...);

/*
 * Reads each key of map by the table, which ends with a NULL name; what is in words ("a pair").
 * An unknown key is a fault that names the nearest known one.
 */
void reader_map(struct reader_file *file, const struct node *map, const char *what,
		const struct reader_key *keys, void *noun);

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
	       struct ip *ret);
bool reader_prefix(struct reader_file *file, const struct node *node, const char *what,
		   struct prefix *ret);
bool reader_mac(struct reader_file *file, const struct node *node, uint8_t ret[static MAC_LEN]);

/* Copies; notes lack of memory in file. */
char *reader_copy(struct reader_file *file, const char *text);
/* Where a noun stands. */
struct diag reader_place(struct reader_file *file, const struct node *node);
