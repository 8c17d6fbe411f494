/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of metad; see options.h. */
#include "options.h"

#include "base/log.h"
#include "base/util.h"
#include "files/dropin.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

static const char help[] =
	"Usage: metad [OPTION…]\n"
	"Keeps device pairs, their policies, addresses and BPF programs as declared in YAML.\n"
	"\n"
	"  --config-dir DIR   read metad.yaml and pairs.d/*.yaml from DIR; may be repeated, the\n"
	"                     highest precedence first; replaces /etc/metad, /run/metad,\n"
	"                     /usr/local/lib/metad and /usr/lib/metad\n"
	"  --runtime-dir DIR  where the socket, hints and pairs that runtimes ask for live\n"
	"                     (/run/metad); of the configuration, too: last, unless it is named\n"
	"  --state-dir DIR    where the last good content of files is kept (/var/lib/metad)\n"
	"  --bpffs DIR        the BPF file system that pins live in (/sys/fs/bpf)\n"
	"  --netns-dir DIR    where names of namespaces live (/run/netns)\n"
	"  --socket PATH      where to listen (RUNTIME-DIR/io.metad)\n"
	"  --log-level LEVEL  debug, info, notice, warning or err (info)\n"
	"  --cleanup          delete all that metad made, and exit; the configuration stays.\n"
	"                     metad must not be running\n"
	"  --dry-run          with --cleanup: only say what would go\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 after SIGTERM or SIGINT, or a whole cleanup; 64 wrong option; 69 no kind of device works on\n"
	"this kernel; 71 the system refused something basic; 72 no BPF file system; 77 a\n"
	"capability is missing; 78 a directory given by --config-dir does not exist.\n";

enum option_code {
	OPTION_CONFIG_DIR = 256,
	OPTION_RUNTIME_DIR,
	OPTION_STATE_DIR,
	OPTION_BPFFS,
	OPTION_NETNS_DIR,
	OPTION_SOCKET,
	OPTION_LOG_LEVEL,
	OPTION_CLEANUP,
	OPTION_DRY_RUN,
	OPTION_HELP,
	OPTION_VERSION,
};

static int complain(int *ret_exit, int code, const char *what, const char *about)
{
	fprintf(stderr, "metad: %s: %s\n", about, what);
	*ret_exit = code;
	return -1;
}

static int add_config_dir(struct options *options, const char *dir, int *ret_exit)
{
	struct stat st;

	if (options->n_config_dirs == OPTIONS_DIRS_MAX)
		return complain(ret_exit, EXIT_CODE_USAGE, "too many configuration directories", dir);
	if (stat(dir, &st) < 0)
		return complain(ret_exit, EXIT_CODE_CONFIG, strerror(errno), dir);
	if (!S_ISDIR(st.st_mode))
		return complain(ret_exit, EXIT_CODE_CONFIG, "is not a directory", dir);
	options->config_dirs[options->n_config_dirs++] = dir;
	return 0;
}

static int parse_one(int option, struct options *options, int *ret_exit)
{
	switch (option) {
	case OPTION_CONFIG_DIR:
		return add_config_dir(options, optarg, ret_exit);
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		return 0;
	case OPTION_STATE_DIR:
		options->state_dir = optarg;
		return 0;
	case OPTION_BPFFS:
		options->bpffs = optarg;
		return 0;
	case OPTION_NETNS_DIR:
		options->netns_dir = optarg;
		return 0;
	case OPTION_SOCKET:
		free(options->socket);
		options->socket = strdup(optarg);
		return 0;
	case OPTION_LOG_LEVEL:
		if (log_parse_level(optarg, &options->log_priority) < 0)
			return complain(ret_exit, EXIT_CODE_USAGE,
					"is not debug, info, notice, warning or err", optarg);
		return 0;
	case OPTION_CLEANUP:
		options->cleanup = true;
		return 0;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return 0;
	case OPTION_HELP:
		fputs(help, stdout);
		*ret_exit = 0;
		return -1;
	case OPTION_VERSION:
		puts("metad " METAD_VERSION);
		*ret_exit = 0;
		return -1;
	default:
		fputs("metad: see metad --help\n", stderr);
		*ret_exit = EXIT_CODE_USAGE;
		return -1;
	}
}

/* What is declared until the next boot is always read, where nobody says before what else. */
static void add_runtime_dir(struct options *options)
{
	for (size_t i = 0; i < options->n_config_dirs; i++)
		if (strcmp(options->config_dirs[i], options->runtime_dir) == 0)
			return;
	options->config_dirs[options->n_config_dirs++] = options->runtime_dir;
}

static int fill_defaults(struct options *options, int *ret_exit)
{
	if (options->n_config_dirs == 0) {
		memcpy(options->config_dirs, dropin_standard_dirs, sizeof(dropin_standard_dirs));
		options->n_config_dirs = DROPIN_N_STANDARD_DIRS;
	}
	add_runtime_dir(options);
	if (!options->socket)
		options->socket = util_join(options->runtime_dir, "io.metad");
	if (!options->socket)
		return complain(ret_exit, EXIT_CODE_INTERNAL, "out of memory", "metad");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, int *ret_exit)
{
	static const struct option longs[] = {
		{ "config-dir", required_argument, NULL, OPTION_CONFIG_DIR },
		{ "runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR },
		{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
		{ "bpffs", required_argument, NULL, OPTION_BPFFS },
		{ "netns-dir", required_argument, NULL, OPTION_NETNS_DIR },
		{ "socket", required_argument, NULL, OPTION_SOCKET },
		{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
		{ "cleanup", no_argument, NULL, OPTION_CLEANUP },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{},
	};
	struct options options = { .runtime_dir = "/run/metad",
				   .state_dir = "/var/lib/metad",
				   .bpffs = "/sys/fs/bpf",
				   .netns_dir = "/run/netns",
				   .log_priority = LOG_INFO };
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (parse_one(option, &options, ret_exit) < 0) {
			free(options.socket);
			return -1;
		}
	}
	if (optind < argc) {
		free(options.socket);
		return complain(ret_exit, EXIT_CODE_USAGE, "what is this argument?", argv[optind]);
	}
	if (options.dry_run && !options.cleanup) {
		free(options.socket);
		return complain(ret_exit, EXIT_CODE_USAGE, "it is for --cleanup only", "--dry-run");
	}
	if (fill_defaults(&options, ret_exit) < 0)
		return -1;
	*ret = options;
	return 0;
}
