/* SPDX-License-Identifier: GPL-2.0-only */
/* What metad needs of the system around it; see doctor.h. */
#include "client/doctor.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- capabilities ---- */

static const struct {
	unsigned int bit;
	const char *name;
} needed_capabilities[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
};

/* A set ("CapEff") of a process; false: it cannot be seen. */
static bool read_capabilities(pid_t pid, const char *set, unsigned long long *ret)
{
	AUTO_FREE char *text = NULL;
	char path[64], key[32];
	const char *at;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	snprintf(key, sizeof(key), "\n%s:", set);
	if (util_read_file_at(AT_FDCWD, path, 65536, &text, &len) < 0)
		return false;
	at = strstr(text, key);
	if (at)
		*ret = strtoull(at + strlen(key), NULL, 16);
	return at;
}

/* "CAP_BPF, CAP_SYS_ADMIN": what the set has not; "": nothing. */
static void list_missing(unsigned long long set, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(needed_capabilities) && used < size; i++)
		if (!(set >> needed_capabilities[i].bit & 1))
			used += snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 needed_capabilities[i].name);
}

/* metad's own where it runs; else those that a service could have here. */
void doctor_capabilities(struct doctor *doctor, const char *about)
{
	unsigned long long set = 0;
	pid_t metad = 0;
	char missing[128];

	doctor_count_processes("metad", &metad);
	if (metad ? !read_capabilities(metad, "CapEff", &set)
		  : !read_capabilities(getpid(), "CapBnd", &set)) {
		doctor_find(doctor, about, VERDICT_NOTE, NULL, "they cannot be seen here");
		return;
	}
	list_missing(set, missing, sizeof(missing));
	if (!missing[0])
		doctor_find(doctor, about, VERDICT_OK, NULL, "%s",
			    metad ? "metad has those that it needs" : "none is withheld from services");
	else
		doctor_find(doctor, about, VERDICT_FAIL,
			    metad ? "a unit or container that grants them (systemctl cat metad)"
				  : "a machine, or a container that grants them",
			    "%s %s", metad ? "metad runs without" : "this machine withholds", missing);
}

/* ---- files of metad ---- */

void doctor_libbpf(struct doctor *doctor, const char *about)
{
	void *library = dlopen("libbpf.so.1", RTLD_LAZY | RTLD_LOCAL);
	const char *how = "Debian 13 has one; Debian 12: apt install libbpf1/bookworm-backports";
	unsigned int (*ask[2])(void) = {};

	if (!library) {
		doctor_find(doctor, about, VERDICT_FAIL, how, "libbpf.so.1 is not installed");
		return;
	}
	*(void **)&ask[0] = dlsym(library, "libbpf_major_version");
	*(void **)&ask[1] = dlsym(library, "libbpf_minor_version");
	if (ask[0] && ask[1] && (ask[0]() > 1 || ask[1]() >= 3))
		doctor_find(doctor, about, VERDICT_OK, NULL, "version %u.%u", ask[0](), ask[1]());
	else if (ask[0] && ask[1])
		doctor_find(doctor, about, VERDICT_FAIL, how, "version %u.%u is older than 1.3",
			    ask[0](), ask[1]());
	else
		doctor_find(doctor, about, VERDICT_FAIL, how, "its version is not known");
	dlclose(library);
}

static char *programs_dir(void)
{
	const char *told = getenv("METAD_BPF_DIR");

	return told && told[0] ? strdup(told)
			       : util_find_beside(METAD_BPF_DIR_FROM_BIN, METAD_BPF_DIR);
}

void doctor_programs(struct doctor *doctor, const char *about)
{
	static const char *const names[] = { "drop.o", "acl.o", "count.o", "pass.o" };
	AUTO_FREE char *dir = programs_dir();

	for (size_t i = 0; dir && i < ARRAY_SIZE(names); i++) {
		AUTO_FREE char *path = util_join(dir, names[i]);

		if (!path || access(path, R_OK) == 0)
			continue;
		doctor_find(doctor, about, i == 0 ? VERDICT_FAIL : VERDICT_NOTE,
			    i == 0 ? "install metad again (package metad)" : "package metad-bpf",
			    "%s: %s%s", path, strerror(errno),
			    i == 0 ? "; a policy of kind veth needs it" : "");
		return;
	}
	doctor_find(doctor, about, VERDICT_OK, NULL, "the shipped ones are in %s", dir ? dir : "?");
}

/* ---- namespaces ---- */

void doctor_namespaces(struct doctor *doctor, const char *about)
{
	AUTO_CLOSE_DIR DIR *dir = opendir("/run/netns");
	const struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		doctor_find(doctor, about, VERDICT_OK, NULL, "%zu in /run/netns", n);
	else
		doctor_find(doctor, about, VERDICT_NOTE,
			    "they come with \"ip netns add NAME\" (package iproute2), or a runtime",
			    "none has a name in /run/netns");
}

/* ---- who may change things ---- */

/* A configuration that cannot be read has a check of its own. */
void doctor_group(struct doctor *doctor, const char *about)
{
	AUTO(outlook_done) struct outlook outlook = {};
	const char *name = "metad";

	if (outlook_make(doctor->cli, NULL, &outlook) == 0 && outlook.desired->settings.group)
		name = outlook.desired->settings.group;
	if (!name[0])
		doctor_find(doctor, about, VERDICT_OK, NULL,
			    "the settings name none: only root changes things");
	else if (getgrnam(name))
		doctor_find(doctor, about, VERDICT_OK, NULL,
			    "members of \"%s\" may change things, as root does", name);
	else
		doctor_find(doctor, about, VERDICT_NOTE,
			    strcmp(name, "metad") == 0 ? "systemd-sysusers; or groupadd --system metad"
						       : "groupadd, or \"group\" in metad.yaml",
			    "there is no group \"%s\": only root changes things", name);
}

/* ---- other managers ---- */

#define UDEV_RULES "udev/rules.d/70-metad.rules"
#define NETWORK "systemd/network/05-metad.network"

static bool runs(const char *process)
{
	return doctor_count_processes(process, NULL) > 0;
}

/* In one of the usual directories, and not masked there by the first that has it. */
static bool is_installed(const char *name)
{
	static const char *const dirs[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO_FREE char *path = util_join(dirs[i], name);
		struct stat st;

		if (path && stat(path, &st) == 0)
			return S_ISREG(st.st_mode) && st.st_size > 0;
	}
	return false;
}

void doctor_managers(struct doctor *doctor, const char *about)
{
	/* process: as far as the kernel keeps its name. told_by: NULL: metad has nothing to tell it. */
	static const struct {
		const char *process, *name, *told_by;
	} managers[] = {
		{ "systemd-network", "systemd-networkd", NETWORK },
		{ "NetworkManager", "NetworkManager", UDEV_RULES },
		{ "connmand", "ConnMan", NULL },
		{ "dhcpcd", "dhcpcd", NULL },
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
		const char *name = managers[i].name, *told_by = managers[i].told_by;

		if (!runs(managers[i].process))
			continue;
		n++;
		if (!told_by)
			doctor_find(doctor, about, VERDICT_NOTE,
				    "tell it itself to ignore devices that metad makes",
				    "%s runs, and may change metad's devices", name);
		else if (!is_installed(UDEV_RULES) || !is_installed(told_by))
			doctor_find(doctor, about, VERDICT_FAIL,
				    "it is installed with metad, and counts below /etc, too",
				    "%s runs, and is not told to leave metad's devices alone: there is "
				    "no %s",
				    name, is_installed(UDEV_RULES) ? told_by : UDEV_RULES);
		else if (!runs("systemd-udevd") && !runs("udevd"))
			doctor_find(doctor, about, VERDICT_FAIL, "start systemd-udevd",
				    "%s runs, and udev, by which it is told to leave metad's devices "
				    "alone, does not",
				    name);
		else
			doctor_find(doctor, about, VERDICT_OK, NULL,
				    "%s leaves metad's devices alone", name);
	}
	if (!n)
		doctor_find(doctor, about, VERDICT_OK, NULL, "no other one of devices runs");
}

/* ---- processes ---- */

static bool is_process(const char *pid, const char *name)
{
	AUTO_FREE char *text = NULL;
	char path[64];
	size_t len, length = strlen(name);

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	return util_read_file_at(AT_FDCWD, path, 256, &text, &len) == 0 &&
	       strncmp(text, name, length) == 0 && (text[length] == '\n' || !text[length]);
}

/*
 * Those of containers have a network namespace of their own, and are none of this machine's; those that
 * have ended, and that nobody has waited for, have none.
 */
static bool is_of_this_namespace(const char *pid)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	if (stat(path, &other) < 0)
		return errno != ENOENT;
	return stat("/proc/self/ns/net", &own) < 0 ||
	       (own.st_ino == other.st_ino && own.st_dev == other.st_dev);
}

size_t doctor_count_processes(const char *name, pid_t *ret_first)
{
	AUTO_CLOSE_DIR DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !is_process(entry->d_name, name) ||
		    !is_of_this_namespace(entry->d_name))
			continue;
		if (!n++ && ret_first)
			*ret_first = strtol(entry->d_name, NULL, 10);
	}
	return n;
}
