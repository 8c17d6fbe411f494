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
	execl(metad, metad, "--cleanup", (char *)NULL);
	return complain(EXIT_NOT_OK, "cannot run %s: %s", metad, strerror(errno));
}

const struct command command_cleanup = {
	.name = "cleanup",
	.family = FAMILY_CHANGE,
	.help = "delete all that metad made; it must be stopped",
	.run = cmd_cleanup,
};
