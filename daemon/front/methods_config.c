/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: the files, what is wrong with them, and what works here. */
#include "core/wire.h"
#include "front/amend.h"
#include "front/call.h"
#include "front/front.h"
#include "interface_methods.h"

/* ---- Reload ---- */

/* A Reload that came after reading had begun waits for the next one. */
static int continue_reload(struct call *call, unsigned int why)
{
	struct reconcile *reconcile = call->front->reconcile;

	if (reconcile_is_load_due(reconcile))
		return 0;
	return call_reply(call, json_pack("{s:o}", "diagnostics",
					  wire_diagnostics(reconcile_catalog(reconcile),
							   reconcile_desired(reconcile))));
}

static int reload(struct call *call)
{
	reconcile_mark_config(call->front->reconcile);
	call_wait(call, continue_reload, NULL, NULL);
	call->events = CALL_LOADED;
	return 0;
}

METHOD(metad_reload) = { .run = reload, .action = "io.metad.reload" };

/* ---- io.systemd.service: Reload ---- */

static int continue_plain_reload(struct call *call, unsigned int why)
{
	return reconcile_is_load_due(call->front->reconcile) ? 0 : call_reply(call, json_object());
}

static int plain_reload(struct call *call)
{
	int r = reload(call);

	call->resume = continue_plain_reload;
	return r;
}

METHOD(systemd_reload) = { .run = plain_reload, .action = "io.metad.reload" };

/* ---- Status ---- */

static int tell_status(struct call *call)
{
	struct reconcile *r = call->front->reconcile;
	const struct catalog *catalog = reconcile_catalog(r);
	const struct desired *desired = reconcile_desired(r);

	return call_reply(
		call, json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:o*}", "version", METAD_VERSION,
				"settled", reconcile_is_settled(r), "loaded", desired != NULL,
				"kinds", wire_kinds(reconcile_kinds(r)), "diagnostics",
				wire_diagnostics(catalog, desired), "files", wire_files(catalog), "trial",
				amend_trial(call->front)));
}

static int continue_status(struct call *call, unsigned int why)
{
	return tell_status(call);
}

/* While files are read again nobody else can see what is known of them. */
static int status(struct call *call)
{
	if (!reconcile_is_loading(call->front->reconcile))
		return tell_status(call);
	call_wait(call, continue_status, NULL, NULL);
	call->events = CALL_LOADED;
	return 0;
}

METHOD(metad_status) = { .run = status };
