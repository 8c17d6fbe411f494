/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metactl cleanup: metad itself takes back what it made, so it is metad that is run. Whether another
 * one runs is found out there as well, without connecting, which would make systemd start it.
 */
#include "client/metactl.h"

#include <errno.h>

int cmd_cleanup(const struct cli *cli, int argc, char **argv)
{
	AUTO_FREE char *metad = util_find_beside(METAD_FROM_BIN, METAD_PATH);

	if (argc > 0)
		return complain(EXIT_USAGE, "cleanup takes no arguments");
	if (!metad)
		return complain(EXIT_NOT_OK, "out of memory");
	execl(metad, metad, "--cleanup", (char *)NULL);
	return complain(EXIT_NOT_OK, "cannot run %s: %s", metad, strerror(errno));
}
