// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kind of network device an end is: flags, features, limits, its name to ethtool, and the room
 * in front of packets that a bridge asks it for.
 */
#include "rows.h"
#include "tap.h"

#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rtnl rtnl;

static struct link_state the_link(const char *name)
{
	struct link_state link = { 0 };
	int err = link_get(&rtnl, name, &link);

	if (err)
		ok_err(err, 0, "there is a link %s", name);
	return link;
}

static void begin_pair(int mode)
{
	struct pair_want want = pair_want(test_kind(), "a", "b");
	int err;

	want.mode = mode;
	err = make_pair(&rtnl, &want);
	if (err)
		bail_out("no pair: %s", strerror(-err));
}

static void end_pair(void)
{
	ok_err(del_link(&rtnl, "a"), 0, "deletion");
}

/* ---- ethtool ---- */

static int ethtool(const char *name, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;
	struct ifreq ifr = { .ifr_data = command };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ret = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

enum { MAX_STRINGS = 256 };

struct strings {
	struct ethtool_gstrings head;
	char names[MAX_STRINGS][ETH_GSTRING_LEN];
};

/* How many there are; 0 when the device has none. */
static unsigned int get_strings(const char *name, uint32_t set, struct strings *ret)
{
	struct {
		struct ethtool_sset_info head;
		uint32_t n;
	} info = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << set } };

	memset(ret, 0, sizeof(*ret));
	if (ethtool(name, &info) || !info.head.sset_mask || info.n > MAX_STRINGS)
		return 0;
	ret->head = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					       .string_set = set,
					       .len = info.n };
	return ethtool(name, &ret->head) ? 0 : ret->head.len;
}

/* As features, hw_features and hw_enc_features all have them; most of them in vlan_features too. */
static const struct {
	const char *name;
	bool of_vlan; /* not in vlan_features */
} wanted_features[] = {
	{ "tx-vlan-hw-insert", true },
	{ "tx-vlan-stag-hw-insert", true },
	{ "rx-vlan-hw-parse", true },
	{ "rx-vlan-stag-hw-parse", true },
	{ "tx-scatter-gather" },
	{ "tx-scatter-gather-fraglist" },
	{ "tx-checksum-ip-generic" },
	{ "rx-checksum", true }, /* a VLAN device never has it */
	{ "tx-checksum-sctp" },
	{ "highdma" },
	{ "tx-tcp-segmentation" },
	{ "tx-tcp-ecn-segmentation" },
	{ "tx-tcp-mangleid-segmentation" },
	{ "tx-tcp6-segmentation" },
	{ "tx-sctp-segmentation" },
	{ "tx-udp-segmentation" },
	{ "tx-gso-list" },
	{ "tx-gre-segmentation" },
	{ "tx-gre-csum-segmentation" },
	{ "tx-ipxip4-segmentation" },
	{ "tx-ipxip6-segmentation" },
	{ "tx-udp_tnl-segmentation" },
	{ "tx-udp_tnl-csum-segmentation" },
};
#define N_WANTED_FEATURES (sizeof(wanted_features) / sizeof(wanted_features[0]))

/* What the core gives to every device, or what cannot be changed. */
static const char *const core_features[] = {
	"tx-generic-segmentation", "rx-gro", "tx-lockless", "vlan-challenged", "tx-nocache-copy",
};

struct features {
	struct ethtool_gfeatures head;
	struct ethtool_get_features_block blocks[MAX_STRINGS / 32];
};

static bool has_bit(const struct features *features, unsigned int bit, bool changeable)
{
	const struct ethtool_get_features_block *block = &features->blocks[bit / 32];

	return (changeable ? block->available : block->active) >> bit % 32 & 1;
}

static int wanted_index(const char *name)
{
	for (size_t i = 0; i < N_WANTED_FEATURES; i++) {
		if (!strcmp(name, wanted_features[i].name))
			return i;
	}
	return -1;
}

static bool is_core_feature(const char *name)
{
	for (size_t i = 0; i < sizeof(core_features) / sizeof(core_features[0]); i++) {
		if (!strcmp(name, core_features[i]))
			return true;
	}
	return false;
}

static int get_features(const char *name, struct features *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->head.cmd = ETHTOOL_GFEATURES;
	ret->head.size = MAX_STRINGS / 32;
	return ethtool(name, ret);
}

static void case_features(const char *name)
{
	struct features features;
	struct strings strings;
	unsigned int n = get_strings(name, ETH_SS_FEATURES, &strings), n_seen = 0, n_other = 0;

	ok_err(get_features(name, &features), 0, "%s: features", name);
	for (unsigned int bit = 0; bit < n; bit++) {
		const char *feature = strings.names[bit];

		if (wanted_index(feature) >= 0) {
			n_seen++;
			ok(has_bit(&features, bit, false) && has_bit(&features, bit, true),
			   "%s: %s is on and can be turned off", name, feature);
		} else if (has_bit(&features, bit, false) && !is_core_feature(feature)) {
			n_other++;
			ok(false, "%s: %s is on", name, feature);
		}
	}
	ok_eq(n_seen, N_WANTED_FEATURES, "%s: wanted features that the kernel knows", name);
	ok_eq(n_other, 0, "%s: features that are not wanted", name);
}

/* A VLAN device has what its lower device's vlan_features say. */
static void case_vlan_features(void)
{
	unsigned int id = 7, n, n_seen = 0, n_wanted = 0;
	struct features features;
	struct strings strings;
	struct msg msg;
	int err;

	request_build(&msg, "vlan", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, -1,
		      &(struct request){ .puts = { TOP_STR(IFLA_IFNAME, "v"),
						   TOP_U32(IFLA_LINK, the_link("a").ifindex),
						   DATA_RAW(IFLA_VLAN_ID, &id, 2) } });
	err = rtnl_send(&rtnl, &msg);
	if (err == -EOPNOTSUPP) {
		tap_skip("the kernel has no VLAN devices to see vlan_features by");
		return;
	}
	ok_err(err, 0, "a VLAN device");
	n = get_strings("v", ETH_SS_FEATURES, &strings);
	ok_err(get_features("v", &features), 0, "VLAN: features");
	for (unsigned int bit = 0; bit < n; bit++) {
		int i = wanted_index(strings.names[bit]);

		if (i >= 0 && !wanted_features[i].of_vlan)
			n_seen += ok(has_bit(&features, bit, false), "VLAN: %s is on",
				     strings.names[bit]);
		if (i >= 0 && wanted_features[i].of_vlan)
			ok(!has_bit(&features, bit, false), "VLAN: %s is off", strings.names[bit]);
	}
	for (size_t i = 0; i < N_WANTED_FEATURES; i++)
		n_wanted += !wanted_features[i].of_vlan;
	ok_eq(n_seen, n_wanted, "VLAN: features of the lower device");
}

static void case_driver_name(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	ok_err(ethtool(name, &info), 0, "%s: ethtool -i", name);
	ok(!strcmp(info.driver, test_driver()), "%s: the driver is %s", name, info.driver);
}

static void ok_link(const char *row, const char *name, uint32_t wanted)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	int err = ethtool(name, &value);

	if (!is_meta()) {
		ok_err(err, -EOPNOTSUPP, "%s: %s: link", row, name);
		return;
	}
	ok_err(err, 0, "%s: %s: link", row, name);
	ok_eq(value.data, wanted, "%s: %s: link detected", row, name);
}

static void case_link_state(void)
{
	begin_pair(MODE_L3);
	ok_link("both down", "a", 0);
	set_up(&rtnl, "a");
	ok_link("primary up", "a", 0);
	set_up(&rtnl, "b");
	ok_link("both up", "a", 1);
	ok_link("both up", "b", 1);
	set_down(&rtnl, "a");
	ok_link("primary down", "b", 0);
	end_pair();
}

static void case_time_stamping(const char *name)
{
	uint32_t wanted = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct ethtool_ts_info info = { .cmd = ETHTOOL_GET_TS_INFO };

	if (is_meta())
		wanted |= SOF_TIMESTAMPING_TX_SOFTWARE;
	ok_err(ethtool(name, &info), 0, "%s: ethtool -T", name);
	ok_eq(info.so_timestamping, wanted, "%s: time stamps", name);
	ok_eq(info.phc_index, -1, "%s: clock", name);
	ok_eq(info.tx_types | info.rx_filters, 0, "%s: hardware time stamps", name);
}

static void case_counters(const char *name)
{
	struct {
		struct ethtool_stats head;
		uint64_t values[MAX_STRINGS];
	} stats = { .head = { .cmd = ETHTOOL_GSTATS } };
	struct strings strings;
	unsigned int n = get_strings(name, ETH_SS_STATS, &strings);
	uint64_t sum = 0;

	if (!is_meta()) {
		ok_eq(n, 0, "%s: counters", name);
		return;
	}
	ok(n > 0, "%s: there are %u counters", name, n);
	stats.head.n_stats = n;
	ok_err(ethtool(name, &stats), 0, "%s: ethtool -S", name);
	ok_eq(stats.head.n_stats, n, "%s: as many values as names", name);
	for (unsigned int i = 0; i < n; i++) {
		sum += stats.values[i];
		ok(strings.names[i][0] && strnlen(strings.names[i], 32) < 32, "%s: counter %.31s",
		   name, strings.names[i]);
		for (unsigned int j = 0; j < i; j++) {
			if (!strncmp(strings.names[i], strings.names[j], 32))
				ok(false, "%s: %s is there twice", name, strings.names[i]);
		}
	}
	ok_eq(sum, 0, "%s: nothing is counted before there are packets", name);
}

/* ---- rtnetlink ---- */

static void case_basics(const char *name, int mode)
{
	unsigned int flags = IFF_BROADCAST | IFF_MULTICAST | (mode == MODE_L3 ? IFF_NOARP : 0);
	struct link_state link = the_link(name);

	ok_eq(link.type, ARPHRD_ETHER, "%s: hardware type", name);
	ok_eq(link.flags, flags, "%s: flags", name);
	ok_eq(link.address_len, 6, "%s: bytes of an address", name);
	ok_eq(link.txqlen, 1000, "%s: queue length", name);
	ok_eq(link.mtu, 1500, "%s: mtu", name);
	ok_eq(link.min_mtu, 68, "%s: least mtu", name);
	ok_eq(link.max_mtu, 65535, "%s: greatest mtu", name);
	ok_eq(link.tso_max, 524280, "%s: tso_max_size", name);
	ok_eq(link.gso_max, 65536, "%s: gso_max_size", name);
	ok_eq(link.gro_max, 65536, "%s: gro_max_size", name);
	ok_eq(link.n_tx, 1, "%s: transmit queues", name);
	ok_eq(link.n_rx, 1, "%s: receive queues", name);
}

static void case_no_queue(void)
{
	begin_pair(MODE_L3);
	ok(!strcmp(the_link("a").qdisc, "noop"), "qdisc while down: %s", the_link("a").qdisc);
	set_up(&rtnl, "a");
	set_up(&rtnl, "b");
	ok(!strcmp(the_link("a").qdisc, "noqueue"), "primary's qdisc: %s", the_link("a").qdisc);
	ok(!strcmp(the_link("b").qdisc, "noqueue"), "peer's qdisc: %s", the_link("b").qdisc);
	end_pair();
}

/* ---- room in front of packets ---- */

static int enslave(const char *name, int bridge)
{
	struct msg msg;

	request_build(&msg, "", RTM_NEWLINK, 0, -1,
		      &(struct request){ .plain = true,
					 .ifindex = the_link(name).ifindex,
					 .puts = { TOP_U32(IFLA_MASTER, bridge) } });
	return rtnl_send(&rtnl, &msg);
}

static void ok_headroom(const char *row, uint32_t wanted)
{
	ok_eq(the_link("a").data[PAIR_HEADROOM], wanted, "%s: primary's headroom", row);
	ok_eq(the_link("b").data[PAIR_HEADROOM], wanted, "%s: peer's headroom", row);
}

/*
 * A bridge asks ports like these for the largest headroom of the others. A VLAN device has that of
 * the device below it, and in later kernels of 6.12 4 bytes for its tag.
 */
static void case_bridge_headroom(void)
{
	struct pair_want lower = pair_want(test_kind(), "low", "lowpeer");
	struct pair_want pair = pair_want(test_kind(), "a", "b");
	unsigned int id = 7;
	uint32_t asked;
	struct msg msg;
	int bridge;

	if (!is_meta()) {
		tap_skip("netkit of Linux 6.12 does not tell its headroom");
		return;
	}
	lower.mode = pair.mode = MODE_L2;
	lower.headroom = 200;
	pair.headroom = 100;
	ok_err(make_pair(&rtnl, &lower), 0, "a lower pair");
	ok_err(make_pair(&rtnl, &pair), 0, "a pair");
	ok_headroom("as created", 100);
	request_build(&msg, "bridge", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, -1,
		      &(struct request){ .puts = { TOP_STR(IFLA_IFNAME, "br") } });
	ok_err(rtnl_send(&rtnl, &msg), 0, "a bridge");
	request_build(&msg, "vlan", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, -1,
		      &(struct request){ .puts = { TOP_STR(IFLA_IFNAME, "v"),
						   TOP_U32(IFLA_LINK, the_link("low").ifindex),
						   DATA_RAW(IFLA_VLAN_ID, &id, 2) } });
	ok_err(rtnl_send(&rtnl, &msg), 0, "a VLAN device");
	bridge = the_link("br").ifindex;
	ok_err(enslave("v", bridge), 0, "the VLAN device becomes a port");
	ok_err(enslave("b", bridge), 0, "the peer becomes a port");
	asked = the_link("a").data[PAIR_HEADROOM];
	ok(asked == 200 || asked == 204, "a bridge asks for what the VLAN device has: %u", asked);
	ok_headroom("a bridge asks", asked);
	ok_err(enslave("b", 0), 0, "the peer is no port any more");
	ok_headroom("a bridge resets", 100);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = { "v", "br", "low", "a" };

		ok_err(del_link(&rtnl, names[i]), 0, "deletion of %s", names[i]);
	}
}

int main(void)
{
	netns_isolate();
	if (rtnl_open(&rtnl))
		bail_out("no netlink socket");
	for (int mode = MODE_L2; mode <= MODE_L3; mode++) {
		begin_pair(mode);
		for (int i = 0; i < 2; i++) {
			const char *name = i ? "b" : "a";

			case_basics(name, mode);
			case_features(name);
			case_driver_name(name);
			case_time_stamping(name);
			case_counters(name);
		}
		case_vlan_features();
		end_pair();
	}
	case_no_queue();
	case_link_state();
	case_bridge_headroom();
	return tap_done();
}
