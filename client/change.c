/* SPDX-License-Identifier: GPL-2.0-only */
/* Before and after a change; see change.h. */
#include "client/change.h"

#include "client/conn.h"
#include "client/fault.h"
#include "client/output.h"
#include "core/wire.h"

#include <errno.h>
#include <stdio.h>

void change_done(struct change *change)
{
	outlook_done(&change->before);
	outlook_done(&change->after);
	diag_list_done(&change->faults);
}

int change_look(const struct cli *cli, const struct dropin_draft *draft, struct change *ret)
{
	AUTO(change_done) struct change change = {};
	int r = outlook_make(cli, NULL, &change.before);

	if (r == 0)
		r = outlook_make(cli, draft, &change.after);
	if (r == 0 && outlook_new_faults(cli, &change.before, &change.after, &change.faults) < 0)
		r = complain(EXIT_NOT_OK, "out of memory");
	if (r == 0)
		*ret = STEAL(change);
	return r;
}

void change_print_faults(const struct cli *cli, const struct change *change)
{
	AUTO(fault_lines_done)
	struct fault_lines lines = { .sources = change->after.files.items,
				     .n_sources = change->after.files.n };

	if (cli->json != JSON_OFF) {
		struct catalog only = { .troubles = change->faults };
		AUTO(frame_json_unref) json_t *diagnostics = wire_diagnostics(&only, NULL);

		output(cli, diagnostics, NULL);
		return;
	}
	for (size_t i = 0; i < change->faults.n; i++)
		fault_print(&lines, "", &change->faults.items[i]);
	fflush(stdout);
}

int change_check_counts(const struct cli *cli, const struct target *target)
{
	AUTO(outlook_done) struct outlook outlook = {};
	struct dropin_draft draft = target->draft;
	const struct dropin_entry *entry;
	int r;

	draft.bytes = "";
	r = outlook_make(cli, &draft, &outlook);
	entry = r == 0 ? target_entry(target, &outlook) : NULL;
	if (entry && entry->hidden_by)
		return complain(EXIT_NOT_OK, "%s would say nothing: %s is above it", target->path,
				entry->hidden_by);
	return r;
}

/* 0 with the diagnostics, NULL where no metad runs; or an exit code. */
static int reload(const struct cli *cli, json_t **ret)
{
	AUTO(conn_close) struct conn *conn = NULL;
	AUTO(frame_json_unref) json_t *answer = NULL;
	int r = conn_try(cli, &conn);

	if (r == -ENOENT || r == -ECONNREFUSED)
		return 0;
	r = r < 0 ? conn_open(cli, &conn) : 0;
	if (r == 0)
		r = conn_reload(conn, &answer);
	if (r == 0)
		*ret = json_incref(json_object_get(answer, "diagnostics"));
	return r;
}

int change_tell(const struct cli *cli, json_t *about)
{
	AUTO(frame_json_unref) json_t *object = about;
	AUTO(frame_json_unref) json_t *diagnostics = NULL;
	int r = reload(cli, &diagnostics);

	if (r != 0)
		return r;
	if (cli->json != JSON_OFF) {
		json_object_set(object, "diagnostics", diagnostics ? diagnostics : json_null());
		output(cli, object, NULL);
	} else if (diagnostics) {
		fault_print_all(diagnostics, FAULT_MARK, FAULT_METADS_PATHS);
	} else if (!cli->no_legend) {
		puts("metad does not run; it will read this when it does");
	}
	return json_array_size(diagnostics) ? EXIT_NOT_OK : 0;
}
