/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What is long goes through a pager, as with systemctl: $METACTL_PAGER, $SYSTEMD_PAGER, $PAGER, or
 * else pager, less, more. "" and cat mean none.
 */

/* Once; does nothing where standard output is no terminal that a pager is good for. */
void pager_open(void);
/* Waits until it has been read. */
void pager_close(void);
