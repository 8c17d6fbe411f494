/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * The pairs the engine knows: declared ones, and those found in the kernel that nobody declares.
 * Sorted by name. Finds the pair an event concerns by name or by device, without walking all.
 */

#include "core/status.h"
#include "core/traffic.h"

struct entry {
	char name[IFNAMSIZ]; /* first: the sort key */
	bool dirty; /* is to be looked at */
	bool pending; /* has been looked at and is to be planned */
	bool urgent; /* somebody waits for it: its namespace has just appeared */
	bool in_flight; /* part of the job under way */
	bool let_go; /* somebody had its declaration taken away */
	bool was_ready; /* since the configuration was read: another change is a repair */
	bool has_seen;
	struct sighting seen;
	struct task task; /* of the last plan; without steps and want */
	bool has_task;
	struct history history; /* retry_ms is filled when asked for */
	enum state state; /* at the last change of the status */
	uint64_t since_ms; /* when it came to that */
	uint64_t told; /* digest of the status that was told last; 0: none was */
	uint64_t not_before_ms; /* no steps before this moment */
	uint64_t last_run_ms;
	unsigned int n_quick_runs; /* in a row, each soon after the one before */
	unsigned int n_stale; /* outcomes "not as expected" in a row */
	bool unmeasured; /* somebody waits for its counters */
	struct meter meter; /* as they were read last */
	uint64_t measured_ms; /* 0: never */
};

struct table {
	struct entry **entries; /* owned, sorted by name */
	size_t n;
	struct table_slot *index; /* by device; NULL: to be built */
	size_t index_mask;
};

/* Finds by name; NULL: none. */
struct entry *table_find(const struct table *table, const char *name);
/* Adds entries for all names that have none; 0 or -ENOMEM. */
int table_add_desired(struct table *table, const struct desired *desired);
int table_add_sightings(struct table *table, const struct observed *observed);
/* Forgets entries for which fn says so. */
void table_prune(struct table *table, bool (*fn)(void *ctx, struct entry *entry), void *ctx);
void table_done(struct table *table);

/* Sightings changed: the index is built anew when it is next used. */
void table_forget_index(struct table *table);
/* The pair with this device as an end; nsid as in struct sighting, -1: of a primary. */
struct entry *table_find_device(struct table *table, int nsid, int ifindex);
