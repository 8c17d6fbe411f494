/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel_config.h. */
#include "client/kernel_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define CONFIG_MAX (8 << 20)
#define PACKED "/proc/config.gz"

/* NULL: it is not there, or cannot be unpacked. */
static char *unpack(void)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, room = 0, n;
	FILE *in = access(PACKED, R_OK) == 0 ? popen("exec gzip -dc " PACKED " 2>/dev/null", "re")
					     : NULL;

	if (!in)
		return NULL;
	do {
		if (len + 1 >= room) {
			char *more = realloc(text, room = MAX(2 * room, 65536));

			if (!more)
				break;
			text = more;
		}
		n = fread(text + len, 1, room - len - 1, in);
		len += n;
	} while (n && len < CONFIG_MAX);
	if (pclose(in) != 0 || !text)
		return NULL;
	text[len] = '\0';
	return STEAL(text);
}

int kernel_config_read(const char *release, struct kernel_config *ret)
{
	static const char *const places[] = { "/boot/config-%s", "/lib/modules/%s/config",
					      "/usr/lib/modules/%s/config" };
	AUTO(kernel_config_done) struct kernel_config config = { .text = unpack() };
	char path[300] = PACKED;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !config.text; i++) {
		snprintf(path, sizeof(path), i == 0 ? places[0] : i == 1 ? places[1] : places[2],
			 release);
		(void)util_read_file_at(AT_FDCWD, path, CONFIG_MAX, &config.text, &len);
	}
	if (config.text) {
		config.path = strdup(path);
		if (!config.path)
			return -ENOMEM;
	}
	*ret = STEAL(config);
	return 0;
}

void kernel_config_done(struct kernel_config *config)
{
	free(config->text);
	free(config->path);
	*config = (struct kernel_config){};
}

enum kernel_option kernel_config_get(const struct kernel_config *config, const char *name)
{
	size_t len = strlen(name);

	if (!config->text)
		return OPTION_UNKNOWN;
	for (const char *line = config->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "CONFIG_", 7) != 0 || strncmp(line + 7, name, len) != 0 ||
		    line[7 + len] != '=')
			continue;
		return line[8 + len] == 'm' ? OPTION_MODULE : OPTION_ON;
	}
	return OPTION_OFF;
}

/* Lines begin with "kernel/drivers/net/veth.ko.xz: …", or are that. */
static bool lists_module(const char *release, const char *list, const char *name)
{
	AUTO_FREE char *text = NULL;
	char path[300], word[80];
	size_t len;

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", release, list);
	snprintf(word, sizeof(word), "/%s.ko", name);
	return util_read_file_at(AT_FDCWD, path, CONFIG_MAX, &text, &len) == 0 &&
	       strstr(text, word);
}

bool kernel_has_module(const char *release, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0 || lists_module(release, "modules.dep", name) ||
	       lists_module(release, "modules.builtin", name);
}
