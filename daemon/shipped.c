/* SPDX-License-Identifier: GPL-2.0-only */
/* The directory of shipped programs; see shipped.h. */
#include "shipped.h"

#include "base/util.h"

char *shipped_find_dir(void)
{
	const char *told = getenv("METAD_BPF_DIR");

	if (told && told[0])
		return strdup(told);
	return util_find_beside(METAD_BPF_DIR_FROM_SBIN, METAD_BPF_DIR);
}
