/* SPDX-License-Identifier: GPL-2.0-only */
/* See input.h. */
#include "client/input.h"

#include "core/config.h"

#include <errno.h>
#include <fcntl.h>

static int read_all(int fd, char **ret, size_t *ret_len)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0, room = 0;
	ssize_t n;

	do {
		if (len + 1 >= room) {
			char *grown = realloc(text, room = MAX(2 * room, (size_t)16384));

			if (!grown)
				return -ENOMEM;
			text = grown;
		}
		n = read(fd, text + len, room - len - 1);
		if (n > 0)
			len += n;
		if (len > CONFIG_BYTES_MAX)
			return -EFBIG;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	text[len] = '\0';
	*ret = STEAL(text);
	*ret_len = len;
	return 0;
}

int input_read(const char *path, char **ret, size_t *ret_len)
{
	bool standard = strcmp(path, "-") == 0;
	int r = standard ? read_all(STDIN_FILENO, ret, ret_len)
			 : util_read_file_at(AT_FDCWD, path, CONFIG_BYTES_MAX, ret, ret_len);

	if (r < 0)
		return complain(EXIT_NOT_OK, "cannot read %s: %s", standard ? "standard input" : path,
				strerror(-r));
	return 0;
}

int input_duration(const struct cli *cli, const char *option, uint64_t otherwise_ms, uint64_t max_ms,
		   uint64_t *ret_ms)
{
	const char *text = cli_option(cli, option);

	*ret_ms = otherwise_ms;
	if (!text || !text[0])
		return 0;
	if (util_parse_duration_ms(text, ret_ms) < 0 || !*ret_ms)
		return complain(EXIT_USAGE, "--%s %s: it is a time, such as 500ms, 20s or 5min", option,
				text);
	if (*ret_ms > max_ms)
		return complain(EXIT_USAGE, "--%s %s: it is at most %llumin", option, text,
				(unsigned long long)max_ms / 60000);
	return 0;
}

int input_netns(const struct cli *cli, json_t **ret)
{
	const char *netns = cli_option(cli, "netns"), *pid = cli_option(cli, "pid");
	uint64_t number;

	if (netns && pid)
		return complain(EXIT_USAGE, "--netns and --pid both say where the peer is: one is enough");
	if (pid && util_parse_u64(pid, 1, INT32_MAX, &number) < 0)
		return complain(EXIT_USAGE, "--pid %s: it is the number of a process", pid);
	if (pid)
		*ret = json_pack("{s:I}", "pid", (json_int_t)number);
	else if (netns)
		*ret = json_pack("{s:s}", netns[0] == '/' ? "path" : "name", netns);
	return 0;
}
