/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices on the running kernel: made, read back, changed, deleted, on kind veth; requests for
 * kinds that the kernel may not have are read back as if it had said them.
 */
#include "netns/stage.h"
#include "unit/test.h"

#include <errno.h>
#include <netlink/msg.h>

/* The index that the next device gets: one more than the last one's. */
static int next_ifindex(void)
{
	struct pair pair = stage_pair("mtindex", "index", MODE_L3);
	struct netlink_result made = stage_create(&pair);

	CHECK(made.error == 0);
	stage_delete(made.ifindex);
	return made.ifindex + 1;
}

static void test_probe(void)
{
	AUTO(diag_done) struct diag why = {};
	int next = next_ifindex();
	int r;

	CHECK(link_probe(stage.host, KIND_VETH, &why) == 0);
	CHECK(!why.text);
	r = link_probe(stage.host, KIND_NETKIT, &why);
	CHECK(r == 0 || (r == -EOPNOTSUPP && stage_says(&why, "no netkit driver (CONFIG_NETKIT")));
	r = link_probe(stage.host, KIND_META, &why);
	CHECK(r == 0 || (r == -EOPNOTSUPP && stage_says(&why, "this kernel has no meta driver")));
	/* Nothing was made, not even for a moment. */
	CHECK(next_ifindex() == next + 1);
}

static void check_created(const struct link *link, const struct link *other,
			  const struct pair *pair, enum side side)
{
	const struct attrs *want = &pair->end[side].attrs, *seen = &link->attrs;

	CHECK(strcmp(link->name, want->name) == 0 && strcmp(seen->name, want->name) == 0);
	CHECK(link->has_kind && link->kind == KIND_VETH && link->mode == pair->mode);
	CHECK(link->noarp == (pair->mode == MODE_L3));
	CHECK(link->group == (side == SIDE_PRIMARY ? LINK_GROUP_METAD : 0));
	CHECK(link->peer_ifindex == other->ifindex && link->peer_nsid >= 0);
	CHECK(!seen->up && !link->running && (seen->has & ATTR_UP));
	CHECK(seen->mtu == want->mtu && seen->txqueuelen == want->txqueuelen);
	CHECK(seen->gso_max_size == want->gso_max_size);
	CHECK(seen->gro_max_size == want->gro_max_size);
	CHECK(seen->gso_ipv4_max_size == want->gso_ipv4_max_size);
	CHECK(seen->gro_ipv4_max_size == want->gro_ipv4_max_size);
	CHECK((seen->has & ATTR_LINKLOCAL) && seen->linklocal);
	CHECK(link->reported == 0 && link->policy[0] == POLICY_FORWARD);
}

static void set_everything(struct attrs *attrs, uint32_t base)
{
	attrs->has |= ATTR_MTU | ATTR_TXQUEUELEN | ATTR_GSO_MAX_SIZE | ATTR_GRO_MAX_SIZE |
		      ATTR_GSO_IPV4_MAX_SIZE | ATTR_GRO_IPV4_MAX_SIZE;
	attrs->mtu = 1400 + base;
	attrs->txqueuelen = 100 + base;
	attrs->gso_max_size = 150000 + base;
	attrs->gro_max_size = 160000 + base;
	attrs->gso_ipv4_max_size = 70000 + base;
	attrs->gro_ipv4_max_size = 80000 + base;
}

static void test_create_l3(void)
{
	struct pair pair = stage_pair("mtl3", "eth0", MODE_L3);
	struct netlink_result made, again;
	struct link primary, peer;
	int nsid;

	set_everything(&pair.end[SIDE_PRIMARY].attrs, 1);
	set_everything(&pair.end[SIDE_PEER].attrs, 2);
	made = stage_create(&pair);
	CHECK(made.error == 0 && !made.why.text);
	primary = stage_get(stage.host, "mtl3");
	peer = stage_get(stage.in_netns, "eth0");
	CHECK(made.ifindex == primary.ifindex && made.peer_ifindex == peer.ifindex);
	check_created(&primary, &peer, &pair, SIDE_PRIMARY);
	check_created(&peer, &primary, &pair, SIDE_PEER);
	CHECK(memcmp(primary.attrs.mac, peer.attrs.mac, MAC_LEN) == 0);
	CHECK((primary.attrs.mac[0] & 3) == 2);
	CHECK(link_nsid(stage.host, stage.inside.fd, &nsid) == 0 && primary.peer_nsid == nsid);

	again = stage_create(&pair);
	CHECK(again.error == -EEXIST && stage_says(&again.why, "a device of that name exists"));
	CHECK(again.ifindex == 0);
	netlink_result_done(&again);
	stage_delete(made.ifindex);
	CHECK(link_get(stage.host, 0, "mtl3", &primary) == -ENODEV);
	CHECK(link_get(stage.in_netns, made.peer_ifindex, NULL, &peer) == -ENODEV);
}

static void test_create_l2(void)
{
	struct pair pair = stage_pair("mtl2", "eth0", MODE_L2);
	struct attrs *attrs = &pair.end[SIDE_PEER].attrs;
	struct netlink_result made;
	struct link primary, peer;

	attrs->has |= ATTR_MAC;
	CHECK(mac_parse("02:00:00:00:00:42", attrs->mac) == 0);
	made = stage_create(&pair);
	CHECK(made.error == 0);
	CHECK(link_get(stage.host, made.ifindex, NULL, &primary) == 0);
	CHECK(link_get(stage.in_netns, made.peer_ifindex, NULL, &peer) == 0);
	CHECK(primary.mode == MODE_L2 && !primary.noarp && peer.mode == MODE_L2);
	CHECK(memcmp(peer.attrs.mac, attrs->mac, MAC_LEN) == 0);
	CHECK(memcmp(primary.attrs.mac, attrs->mac, MAC_LEN) != 0);
	stage_delete(made.ifindex);
}

/* The request for netkit, read back as if the kernel had said it. */
static void test_create_netkit_request(void)
{
	struct pair pair = stage_pair("mtnk", "eth0", MODE_L3);
	struct nl_msg *message;
	struct link link;

	pair.end[SIDE_PEER].scrub = SCRUB_NONE;
	pair.tailroom = 32;
	message = link_create(&pair, KIND_NETKIT, stage.inside.fd);
	CHECK(message && link_parse(nlmsg_hdr(message), &link) == 0);
	CHECK(link.kind == KIND_NETKIT && link.mode == MODE_L3 && !link.attrs.up);
	CHECK(link.group == LINK_GROUP_METAD && !(link.attrs.has & ATTR_MAC));
	CHECK(link.policy[0] == POLICY_DROP && link.policy[1] == POLICY_DROP);
	CHECK(link.scrub[1] == SCRUB_NONE && link.reported == REPORTED_TAILROOM);
	CHECK(link.tailroom == 32);
	nlmsg_free(message);

	message = link_set_policy(7, KIND_META, (enum policy[]){ POLICY_DROP, POLICY_FORWARD });
	CHECK(message && link_parse(nlmsg_hdr(message), &link) == 0);
	CHECK(link.ifindex == 7 && link.kind == KIND_META && link.attrs.has == ATTR_UP);
	CHECK(link.policy[0] == POLICY_DROP && link.policy[1] == POLICY_FORWARD);
	nlmsg_free(message);
}

static void test_parse_garbage(void)
{
	struct pair pair = stage_pair("mtbad", "eth0", MODE_L3);
	struct nl_msg *message = link_create(&pair, KIND_NETKIT, stage.inside.fd);
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct link link = { .ifindex = 99 };
	uint32_t len = header->nlmsg_len;

	for (header->nlmsg_len = 0; header->nlmsg_len < len; header->nlmsg_len++)
		link_parse(header, &link);
	header->nlmsg_len = NLMSG_HDRLEN;
	link.ifindex = 99;
	CHECK(link_parse(header, &link) == -EBADMSG && link.ifindex == 99);
	nlmsg_free(message);
}

static void test_set(void)
{
	struct pair pair = stage_pair("mtset", "eth0", MODE_L2);
	struct netlink_result made = stage_create(&pair);
	struct attrs attrs = { .has = ATTR_NAME | ATTR_MAC };
	struct link link;

	CHECK(made.error == 0);
	set_everything(&attrs, 3);
	strcpy(attrs.name, "mtnew");
	CHECK(mac_parse("02:00:00:00:00:43", attrs.mac) == 0);
	CHECK(stage_call(stage.host, link_set(made.ifindex, &attrs)) == 0);
	link = stage_get(stage.host, "mtnew");
	CHECK(link.ifindex == made.ifindex && link.attrs.mtu == 1403);
	CHECK(link.attrs.txqueuelen == 103 && link.attrs.gro_ipv4_max_size == 80003);
	CHECK(memcmp(link.attrs.mac, attrs.mac, MAC_LEN) == 0 && !link.attrs.up);
	CHECK(stage_call(stage.host, link_set_linklocal(made.ifindex, false)) == 0);
	link = stage_get(stage.host, "mtnew");
	CHECK((link.attrs.has & ATTR_LINKLOCAL) && !link.attrs.linklocal);
	attrs = (struct attrs){ .has = ATTR_UP, .up = true };
	CHECK(stage_call(stage.in_netns, link_set(made.peer_ifindex, &attrs)) == 0);
	CHECK(stage_call(stage.host, link_set(made.ifindex, &attrs)) == 0);
	link = stage_get(stage.host, "mtnew");
	CHECK(link.attrs.up && link.running);
	attrs.up = false;
	CHECK(stage_call(stage.host, link_set(made.ifindex, &attrs)) == 0);
	CHECK(!stage_get(stage.host, "mtnew").attrs.up);
	attrs = (struct attrs){ .has = ATTR_MTU, .mtu = 1 };
	CHECK(stage_refused(stage.host, link_set(made.ifindex, &attrs), -EINVAL,
			    "RTM_SETLINK: mtu less than"));
	CHECK(stage_refused(stage.host, link_set(99999, &attrs), -ENODEV,
			    "there is no such device"));
	stage_delete(made.ifindex);
}

static void test_nsid(void)
{
	AUTO(netns_done) struct netns other = NETNS_NONE;
	AUTO(netns_done) struct netns here = NETNS_NONE;
	AUTO(diag_done) struct diag why = {};
	pid_t pid = stage_start_resident();
	int first = -1, second = -1;
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	CHECK(stage_open_netns(NETNS_BY_PID, text, &other, &why) == 0);
	CHECK(link_nsid(stage.host, other.fd, &first) == 0 && first >= 0);
	CHECK(link_nsid(stage.host, other.fd, &second) == 0 && second == first);
	CHECK(link_nsid(stage.host, -1, &second) < 0 && second == first);
	CHECK(netns_open_current(&here) == 0);
	CHECK(link_nsid(stage.host, here.fd, &second) == 0 && second == -1);
	stage_end_resident(pid);
}

int main(void)
{
	stage_set();
	test_probe();
	test_create_l3();
	test_create_l2();
	test_create_netkit_request();
	test_parse_garbage();
	test_set();
	test_nsid();
	CHECK(stage_count_links(stage.host) == 1);
	stage_strike();
	return 0;
}
