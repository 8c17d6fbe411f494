/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metactl cleanup: metad itself takes back what it made, so it is metad that is run. Whether another
 * one runs is found out there as well, without connecting, which would make systemd start it.
 */
#include "client/metactl.h"

#include <errno.h>

static int cmd_cleanup(const struct cli *cli, int argc, char **argv)
{
	AUTO_FREE char *metad = util_find_beside(METAD_FROM_BIN, METAD_PATH);

	if (!metad)
		return complain(EXIT_NOT_OK, "out of memory");
	execl(metad, metad, "--cleanup", cli_is_given(cli, "dry-run") ? "--dry-run" : NULL,
	      (char *)NULL);
	return complain(EXIT_NOT_OK, "cannot run %s: %s", metad, strerror(errno));
}

static const struct option_type cleanup_options[] = {
	{ .name = "dry-run", .help = "only say what would go" },
};

const struct command command_cleanup = {
	.name = "cleanup",
	.family = FAMILY_CHANGE,
	.help = "delete all that metad made; it must be stopped",
	.details = "Devices with their peers, programs, pairs that last until the next boot, and\n"
		   "what metad has noted for itself, such as addresses that were given out. The\n"
		   "configuration stays, and so do pairs that were released.\n\n"
		   "Exit status: 0 all is gone; 71 something is left, or metad is running; 77 this\n"
		   "needs root.",
	COMMAND_OPTIONS(cleanup_options),
	.run = cmd_cleanup,
};
