/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration as it is or would be; see outlook.h. */
#include "client/outlook.h"

#include <string.h>

void outlook_done(struct outlook *outlook)
{
	desired_unref(outlook->desired);
	catalog_done(&outlook->catalog);
	dropin_files_done(&outlook->files);
	dropin_list_done(&outlook->list);
	*outlook = (struct outlook){};
}

int outlook_make(const struct cli *cli, const struct dropin_draft *draft, struct outlook *ret)
{
	AUTO(outlook_done) struct outlook outlook = {};
	AUTO(diag_done) struct diag why = {};

	if (dropin_list(cli->config_dirs, cli->n_config_dirs, draft, &outlook.list, &why) < 0)
		return complain(EXIT_NOT_OK, "%s%s%s", why.file ? why.file : "", why.file ? ": " : "",
				why.text ? why.text : "out of memory");
	if (dropin_read_list(&outlook.list, &outlook.files) < 0 ||
	    catalog_update(&outlook.catalog, outlook.files.items, outlook.files.n) < 0 ||
	    catalog_join(&outlook.catalog, &outlook.desired) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	*ret = STEAL(outlook);
	return 0;
}
