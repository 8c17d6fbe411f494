/* SPDX-License-Identifier: GPL-2.0-only */
/* The directory of shipped programs; see shipped.h. */
#include "shipped.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Empty where sbin is outside the prefix and cannot move along. */
static const char from_sbin[] = METAD_BPF_DIR_FROM_SBIN;

static char *beside_metad(void)
{
	char path[PATH_MAX + sizeof(from_sbin)];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);

	if (len <= 0 || !from_sbin[0])
		return NULL;
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, from_sbin);
	return realpath(path, NULL);
}

char *shipped_find_dir(void)
{
	const char *told = getenv("METAD_BPF_DIR");
	char *dir;

	if (told && told[0])
		return strdup(told);
	dir = beside_metad();
	return dir ? dir : strdup(METAD_BPF_DIR);
}
