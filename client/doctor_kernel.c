/* SPDX-License-Identifier: GPL-2.0-only */
/* What metad needs of the kernel; see doctor.h. */
#include "client/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/statfs.h>

#define BPFFS "/sys/fs/bpf"
#define BTF "/sys/kernel/btf/vmlinux"

/* ---- its version ---- */

/* As Debian calls it in names of packages. */
static const char *architecture(const struct doctor *doctor)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "riscv64", "riscv64" },
		{ "ppc64le", "powerpc" }, { "s390x", "s390x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(doctor->kernel.machine, names[i][0]) == 0)
			return names[i][1];
	return "ARCHITECTURE";
}

static bool is_at_least(const struct doctor *doctor, int major, int minor)
{
	int has_major = 0, has_minor = 0;

	return sscanf(doctor->kernel.release, "%d.%d", &has_major, &has_minor) == 2 &&
	       (has_major > major || (has_major == major && has_minor >= minor));
}

static bool a_kind_works(const struct doctor *doctor)
{
	json_t *kind;
	size_t i;

	json_array_foreach(json_object_get(doctor->status, "kinds"), i, kind)
		if (is_true(kind, "usable"))
			return true;
	return false;
}

void doctor_kernel(struct doctor *doctor, const char *about)
{
	const char *release = doctor->kernel.release;
	char how[160];

	snprintf(how, sizeof(how),
		 "Debian 13 has one; Debian 12: apt install linux-image-%s/bookworm-backports",
		 architecture(doctor));
	if (is_at_least(doctor, 6, 6) || a_kind_works(doctor))
		doctor_find(doctor, about, VERDICT_OK, NULL, "Linux %s", release);
	else
		doctor_find(doctor, about, VERDICT_FAIL, how,
			    "Linux %s is older than 6.6, which has what pairs are made of (tcx)",
			    release);
}

/* ---- kinds of devices ---- */

static const struct kind_facts {
	const char *name, *option, *module;
	int minor; /* of Linux 6, that has it; 0: none has */
	const char *how;
} kinds[] = {
	{ "meta", "META", "meta", 0,
	  "it is not part of Linux: driver/README.md in metad's source has how to build it" },
	{ "netkit", "NETKIT", NULL, 7, "a kernel since Linux 6.7 with CONFIG_NETKIT=y" },
	{ "veth", "VETH", "veth", 6, "a kernel since Linux 6.6 with CONFIG_VETH and CONFIG_NET_XGRESS" },
};

/* Without metad, by what the kernel was built with. NULL: there is nothing against it. */
static const char *guess_why_not(const struct doctor *doctor, const struct kind_facts *kind)
{
	enum kernel_option option = kernel_config_get(&doctor->config, kind->option);

	if (kind->module && kernel_has_module(doctor->kernel.release, kind->module))
		option = OPTION_ON;
	if (kind->minor && !is_at_least(doctor, 6, kind->minor))
		return "this kernel is too old";
	if (kind->minor && kernel_config_get(&doctor->config, "NET_XGRESS") == OPTION_OFF)
		return "this kernel is built without CONFIG_NET_XGRESS";
	if (option == OPTION_MODULE)
		return "its module is not installed";
	if (option == OPTION_OFF || (option == OPTION_UNKNOWN && !kind->minor))
		return "this kernel is built without it";
	return NULL;
}

/* Returns whether it works. Words are metad's where there are any. */
static bool check_kind(struct doctor *doctor, const struct kind_facts *kind, char *why, size_t size)
{
	const json_t *said = doctor_ask(doctor, "kinds", kind->name);
	const char *guess = guess_why_not(doctor, kind);

	why[0] = '\0';
	if (said && is_true(said, "usable"))
		return true;
	if (said && has_text(said, "why"))
		snprintf(why, size, "%s", text_of(said, "why"));
	else if (guess)
		snprintf(why, size, "%s", guess);
	return !why[0];
}

void doctor_kinds(struct doctor *doctor, const char *about)
{
	char why[ARRAY_SIZE(kinds)][300];
	bool works[ARRAY_SIZE(kinds)], any = false;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		works[i] = check_kind(doctor, &kinds[i], why[i], sizeof(why[i]));
		any |= works[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool is_better = any && i + 1 < ARRAY_SIZE(kinds);

		if (works[i])
			doctor_find(doctor, about, VERDICT_OK, NULL, "%s: %s", kinds[i].name,
				    doctor->status ? "works" : "nothing is against it");
		else
			doctor_find(doctor, about, any ? VERDICT_NOTE : VERDICT_FAIL,
				    is_better || !any ? kinds[i].how : NULL, "%s: %s", kinds[i].name,
				    why[i]);
	}
}

/* ---- what it was built with ---- */

void doctor_options(struct doctor *doctor, const char *about)
{
	static const char *const needed[] = { "NET_NS", "BPF_SYSCALL", "INET" };
	const struct kernel_config *config = &doctor->config;
	size_t n_found = 0;

	for (size_t i = 0; config->text && i < ARRAY_SIZE(needed); i++) {
		if (kernel_config_get(config, needed[i]) != OPTION_OFF)
			n_found++;
		else
			doctor_find(doctor, about, VERDICT_FAIL, "a kernel with it",
				    "CONFIG_%s is not set in %s", needed[i], config->path);
	}
	if (!config->text)
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "what this kernel was built with is told neither in /proc/config.gz nor "
			    "in /boot/config-%s",
			    doctor->kernel.release);
	else if (n_found == ARRAY_SIZE(needed))
		doctor_find(doctor, about, VERDICT_OK, NULL, "all that is needed is in %s",
			    config->path);
}

/* ---- BPF ---- */

/* metad may have been given another one. */
void doctor_bpffs(struct doctor *doctor, const char *about)
{
	bool works = a_kind_works(doctor);
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		doctor_find(doctor, about, VERDICT_OK, NULL, "a BPF file system is mounted at " BPFFS);
	else if (works)
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "none at " BPFFS "; metad has another one (--bpffs)");
	else
		doctor_find(doctor, about, VERDICT_FAIL,
			    "mount -t bpf bpf " BPFFS "; systemd does so at boot",
			    "no BPF file system is mounted at " BPFFS
			    ", where programs are kept when metad ends");
}

void doctor_btf(struct doctor *doctor, const char *about)
{
	AUTO_CLOSE int fd = open(BTF, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		doctor_find(doctor, about, VERDICT_OK, NULL, "the kernel tells its types in " BTF);
	else
		doctor_find(doctor, about, VERDICT_NOTE, "a kernel with CONFIG_DEBUG_INFO_BTF=y",
			    BTF ": %s; programs that look into the kernel's structures do not load",
			    strerror(errno));
}

/* -1: there is no such file, or none that can be read. */
static long read_number(const char *path)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (util_read_file_at(AT_FDCWD, path, 64, &text, &len) < 0)
		return -1;
	return strtol(text, NULL, 10);
}

void doctor_jit(struct doctor *doctor, const char *about)
{
	long enabled = read_number("/proc/sys/net/core/bpf_jit_enable");

	if (enabled > 0 || kernel_config_get(&doctor->config, "BPF_JIT_ALWAYS_ON") == OPTION_ON)
		doctor_find(doctor, about, VERDICT_OK, NULL, "programs are compiled");
	else if (enabled == 0)
		doctor_find(doctor, about, VERDICT_NOTE, "sysctl -w net.core.bpf_jit_enable=1",
			    "programs are interpreted, which is several times slower");
	else if (kernel_config_get(&doctor->config, "BPF_JIT") == OPTION_OFF)
		doctor_find(doctor, about, VERDICT_NOTE, "a kernel with CONFIG_BPF_JIT=y",
			    "programs are interpreted, which is several times slower");
	else
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "whether programs are compiled is not told here");
}

void doctor_unprivileged(struct doctor *doctor, const char *about)
{
	if (read_number("/proc/sys/kernel/unprivileged_bpf_disabled") == 0)
		doctor_find(doctor, about, VERDICT_NOTE, "sysctl -w kernel.unprivileged_bpf_disabled=2",
			    "every user may load programs, which metad does not need");
	else
		doctor_find(doctor, about, VERDICT_OK, NULL,
			    "only privileged users load programs");
}

void doctor_expedite(struct doctor *doctor, const char *about)
{
	const json_t *said = doctor_ask(doctor, "features", "expedite");
	const char *how = "\"expedite: auto\" in metad.yaml, and a kernel with "
			  "/sys/kernel/rcu_expedited";

	if (said && !is_true(said, "usable"))
		doctor_find(doctor, about, VERDICT_NOTE, how,
			    "many changes at once take longer: %s", text_of(said, "why"));
	else if (!said && access("/sys/kernel/rcu_expedited", F_OK) < 0)
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "many changes at once take longer: there is no "
			    "/sys/kernel/rcu_expedited");
	else
		doctor_find(doctor, about, VERDICT_OK, NULL, "many changes at once are fast");
}
