/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where shipped programs are: where the environment says; beside metad, in an installed tree that was
 * moved as a whole; or where the tree was meant to be. Owned by the caller; NULL: no memory.
 */
char *shipped_find_dir(void);
