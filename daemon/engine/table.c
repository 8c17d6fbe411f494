/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See table.h. The index by device is a hash with open addressing, at most half full, built in one
 * go: sightings change in batches, and events come in storms between them.
 */
#include "engine/table.h"

#include <errno.h>

struct table_slot {
	int nsid, ifindex; /* ifindex 0: free */
	struct entry *entry;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

struct entry *table_find(const struct table *table, const char *name)
{
	struct entry key = {}, *key_p = &key, **found;

	if (!table->n || strlen(name) >= IFNAMSIZ)
		return NULL;
	strcpy(key.name, name);
	found = bsearch(&key_p, table->entries, table->n, sizeof(key_p), compare_entries);
	return found ? *found : NULL;
}

static int add(struct table *table, const char *name)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	int r;

	if (!entry)
		return -ENOMEM;
	memcpy(entry->name, name, IFNAMSIZ);
	r = ARRAY_APPEND(table->entries, table->n, entry);
	if (r < 0)
		free(entry);
	return r;
}

/* Looks only among those that were there before, which are sorted; sorts all once. */
static int add_missing(struct table *table, const void *nouns, size_t n, size_t size)
{
	struct table sorted = *table;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *name = (const char *)nouns + i * size;

		sorted.entries = table->entries;
		if (!table_find(&sorted, name))
			r = add(table, name);
	}
	if (table->n > sorted.n)
		qsort(table->entries, table->n, sizeof(*table->entries), compare_entries);
	return r;
}

int table_add_desired(struct table *table, const struct desired *desired)
{
	return add_missing(table, desired->pairs, desired->n_pairs, sizeof(*desired->pairs));
}

int table_add_sightings(struct table *table, const struct observed *observed)
{
	return add_missing(table, observed->sightings, observed->n_sightings,
			   sizeof(*observed->sightings));
}

static void entry_free(struct entry *entry)
{
	sighting_done(&entry->seen);
	diag_done(&entry->task.why);
	diag_done(&entry->task.limits);
	diag_done(&entry->history.error);
	free(entry);
}

void table_prune(struct table *table, bool (*fn)(void *ctx, struct entry *entry), void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (fn(ctx, table->entries[i]))
			entry_free(table->entries[i]);
		else
			table->entries[kept++] = table->entries[i];
	}
	if (kept == table->n)
		return;
	table->n = kept;
	table_forget_index(table);
}

void table_done(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		entry_free(table->entries[i]);
	free(table->entries);
	table_forget_index(table);
	*table = (struct table){};
}

void table_forget_index(struct table *table)
{
	free(table->index);
	table->index = NULL;
}

static size_t start_of(const struct table *table, int nsid, int ifindex)
{
	int key[2] = { nsid, ifindex };

	return util_hash(UTIL_HASH_START, key, sizeof(key)) & table->index_mask;
}

static void index_add(struct table *table, int nsid, int ifindex, struct entry *entry)
{
	size_t i = start_of(table, nsid, ifindex);

	if (ifindex <= 0)
		return;
	while (table->index[i].ifindex)
		i = (i + 1) & table->index_mask;
	table->index[i] = (struct table_slot){ nsid, ifindex, entry };
}

static bool index_build(struct table *table)
{
	size_t room = 16;

	while (room < table->n * 4)
		room *= 2;
	table->index = calloc(room, sizeof(*table->index));
	if (!table->index)
		return false;
	table->index_mask = room - 1;
	for (size_t i = 0; i < table->n; i++) {
		struct entry *entry = table->entries[i];

		if (!entry->has_seen)
			continue;
		index_add(table, -1, entry->seen.end[SIDE_PRIMARY].ifindex, entry);
		index_add(table, entry->seen.nsid, entry->seen.end[SIDE_PEER].ifindex, entry);
	}
	return true;
}

struct entry *table_find_device(struct table *table, int nsid, int ifindex)
{
	if (!table->index && !index_build(table))
		return NULL;
	for (size_t i = start_of(table, nsid, ifindex); table->index[i].ifindex;
	     i = (i + 1) & table->index_mask)
		if (table->index[i].nsid == nsid && table->index[i].ifindex == ifindex)
			return table->index[i].entry;
	return NULL;
}
