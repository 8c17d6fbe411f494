/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See probe.h. Each probe does the thing itself where that leaves no trace, else asks for it in a way
 * that is refused only by a kernel that has it.
 */
#include "kernel/probe.h"

#include "kernel/bpf.h"
#include "kernel/chain.h"
#include "kernel/expedite.h"
#include "kernel/link.h"

#include <errno.h>
#include <fcntl.h>

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"
#define BTF_MAGIC 0xeb9f

/* Each says why not; no words: it is usable. */

static void probe_tcx(struct kernel *kernel, const struct settings *settings, struct diag *why)
{
	int r = chain_probe(KIND_VETH, why);

	if (r < 0 && !why->text)
		diag_set(why, "%s", strerror(-r));
}

static void probe_link_update(struct kernel *kernel, const struct settings *settings,
			      struct diag *why)
{
	/* What is no link is told from what is no command. */
	int r = bpf_link_replace(-1, -1);

	if (r != -EBADF)
		diag_set(why, "this kernel does not replace the programs of links: %s",
			 strerror(-r));
}

static void probe_program_ids(struct kernel *kernel, const struct settings *settings,
			      struct diag *why)
{
	struct bpf_program_facts facts;
	/* No program has it. */
	int r = bpf_program_describe_id(0, &facts);

	if (r != -ENOENT)
		diag_set(why, "programs cannot be found by their ids: %s%s", strerror(-r),
			 r == -EPERM ? " (CAP_SYS_ADMIN)" : "");
}

static void probe_statistics(struct kernel *kernel, const struct settings *settings,
			     struct diag *why)
{
	if (!settings->statistics)
		diag_set(why, "\"statistics: false\" in the settings");
	else if (kernel->statistics_fd < 0)
		diag_set(why, "the kernel does not count: %s", strerror(-kernel->statistics_fd));
}

static void probe_btf(struct kernel *kernel, const struct settings *settings, struct diag *why)
{
	AUTO_CLOSE int fd = open(VMLINUX_BTF, O_RDONLY | O_CLOEXEC);
	uint16_t magic = 0;

	if (fd < 0)
		diag_set(why, VMLINUX_BTF ": %s (CONFIG_DEBUG_INFO_BTF)", strerror(errno));
	else if (read(fd, &magic, sizeof(magic)) != sizeof(magic) || magic != BTF_MAGIC)
		diag_set(why, VMLINUX_BTF " is no BTF of this machine");
}

static void probe_expedite(struct kernel *kernel, const struct settings *settings, struct diag *why)
{
	if (!settings->expedite)
		diag_set(why, "\"expedite: never\" in the settings");
	else
		expedite_probe(why);
}

static void probe_namespaces(struct kernel *kernel, const struct settings *settings,
			     struct diag *why)
{
	AUTO(netns_done) struct netns own = NETNS_NONE;
	int r = netns_open_current(&own);

	if (r == 0)
		r = netns_enter(&own);
	if (r == 0)
		netns_leave();
	else
		diag_set(why, "network namespaces cannot be entered: %s%s", strerror(-r),
			 r == -EPERM ? " (CAP_SYS_ADMIN)" : "");
}

static void probe_big_tcp(struct kernel *kernel, const struct settings *settings, struct diag *why)
{
	struct link loopback;
	int r = link_get(kernel->host, 1, NULL, &loopback);

	if (r < 0)
		diag_set(why, "the kernel does not say what the loopback device is: %s",
			 strerror(-r));
	else if (!(loopback.attrs.has & ATTR_GSO_IPV4_MAX_SIZE))
		diag_set(why, "this kernel has no sizes for IPv4 alone (Linux 6.3)");
}

void probe_features(struct kernel *kernel, const struct settings *settings)
{
	static void (*const probes[N_FEATURES])(
		struct kernel * kernel, const struct settings *settings, struct diag *why) = {
		[FEATURE_TCX] = probe_tcx,
		[FEATURE_LINK_UPDATE] = probe_link_update,
		[FEATURE_PROGRAM_IDS] = probe_program_ids,
		[FEATURE_STATISTICS] = probe_statistics,
		[FEATURE_BTF] = probe_btf,
		[FEATURE_EXPEDITE] = probe_expedite,
		[FEATURE_NAMESPACES] = probe_namespaces,
		[FEATURE_BIG_TCP_IPV4] = probe_big_tcp,
	};

	features_done(kernel->features);
	for (enum feature feature = 0; feature < N_FEATURES; feature++) {
		AUTO(diag_done) struct diag why = {};

		probes[feature](kernel, settings, &why);
		kernel->features[feature].usable = !why.text;
		kernel->features[feature].why = STEAL(why.text);
	}
}
