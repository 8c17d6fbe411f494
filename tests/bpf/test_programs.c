/* SPDX-License-Identifier: GPL-2.0-only */
/* Every branch of every shipped program, with the verdict and the counter it must give. */
#include "bpf/packets.h"
#include "unit/test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define NEXT (-1)
#define PASS 0
#define DROP 2

#define TCP 6
#define UDP 17
#define ICMP 1
#define ICMPV6 58
#define HOPOPTS 0
#define ROUTING 43
#define FRAGMENT 44
#define AH 51

struct counter {
	uint64_t packets, bytes;
};

/* What acl.bpf.c's head documents. */
struct entry {
	uint8_t action, protocol;
	uint16_t port_first, port_last;
};
struct rule {
	struct entry entries[8];
};
#define ALLOW 1
#define DENY 2

struct key4 {
	uint32_t prefix_len;
	uint8_t address[4];
};
struct key6 {
	uint32_t prefix_len;
	uint8_t address[16];
};

static struct bpf_object *object;
static int program_fd;

static void unload(void)
{
	bpf_object__close(object);
	object = NULL;
}

/* Sets a read-only global by its name, found as user space always finds it: by BTF. */
static void set_global(const char *name, const void *value, size_t size)
{
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_type *section =
		btf__type_by_id(btf, btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC));
	size_t room;
	char *data = bpf_map__initial_value(bpf_object__find_map_by_name(object, ".rodata"), &room);

	for (int i = 0; i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *info = btf_var_secinfos(section) + i;
		const struct btf_type *var = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, var->name_off), name) != 0)
			continue;
		CHECK(info->size == size && info->offset + size <= room);
		memcpy(data + info->offset, value, size);
		return;
	}
	CHECK(!"there is no such global");
}

static void load(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.o", getenv("METAD_BPF_DIR"), name);
	object = bpf_object__open_file(path, NULL);
	CHECK(object);
}

static void ready(void)
{
	if (bpf_object__load(object) == -EPERM)
		SKIP("loading BPF programs is not permitted (CAP_BPF)");
	program_fd = bpf_program__fd(bpf_object__next_program(object, NULL));
	CHECK(program_fd >= 0);
}

static void load_acl(int32_t default_verdict, uint8_t match_source)
{
	load("acl");
	set_global("default_verdict", &default_verdict, sizeof(default_verdict));
	set_global("match_source", &match_source, sizeof(match_source));
	ready();
}

static int run(const struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->len,
		    .repeat = 1);

	CHECK(bpf_prog_test_run_opts(program_fd, &opts) == 0);
	return (int)opts.retval;
}

static struct counter count_of(const char *map, uint32_t key)
{
	struct counter values[256] = {}, sum = {};

	CHECK(libbpf_num_possible_cpus() <= 256);
	CHECK(bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, map), &key, values) == 0);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.packets += values[i].packets;
		sum.bytes += values[i].bytes;
	}
	return sum;
}

static void rule4(const char *address, uint32_t len, const struct rule *rule)
{
	struct key4 key = { .prefix_len = len };

	inet_pton(AF_INET, address, key.address);
	CHECK(bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "rules4"), &key, rule,
				  0) == 0);
}

static void rule6(const char *address, uint32_t len, const struct rule *rule)
{
	struct key6 key = { .prefix_len = len };

	inet_pton(AF_INET6, address, key.address);
	CHECK(bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "rules6"), &key, rule,
				  0) == 0);
}

/* ---- frames ---- */

static struct frame tcp4(const char *to, uint16_t port)
{
	struct frame frame = frame_start(0x0800);

	frame_ipv4(&frame, "10.0.0.1", to, TCP, 0, 20);
	frame_ports(&frame, 40000, port);
	return frame;
}

static struct frame udp4(const char *to, uint16_t port)
{
	struct frame frame = frame_start(0x0800);

	frame_ipv4(&frame, "10.0.0.1", to, UDP, 0, 20);
	frame_ports(&frame, 40000, port);
	return frame;
}

static struct frame tcp6(const char *to, uint16_t port)
{
	struct frame frame = frame_start(0x86dd);

	frame_ipv6(&frame, "2001:db8::1", to, TCP);
	frame_ports(&frame, 40000, port);
	return frame;
}

/* ---- the programs ---- */

static void test_simple(void)
{
	struct frame frame = tcp4("10.1.0.2", 80);

	load("pass");
	ready();
	CHECK(run(&frame) == PASS);
	unload();
	load("drop");
	ready();
	CHECK(run(&frame) == DROP && run(&frame) == DROP);
	CHECK(count_of("dropped", 0).packets == 2);
	CHECK(count_of("dropped", 0).bytes == 2 * frame.len);
	unload();
	load("count");
	ready();
	CHECK(run(&frame) == NEXT && run(&frame) == NEXT && run(&frame) == NEXT);
	CHECK(count_of("counted", 0).packets == 3);
	CHECK(count_of("counted", 0).bytes == 3 * frame.len);
	unload();
}

static void test_acl_defaults(void)
{
	struct frame four = tcp4("10.1.0.2", 80), six = tcp6("2001:db8::2", 80);
	struct frame arp = frame_start(0x0806), nd = frame_start(0x86dd), echo = nd;

	frame_pad(&arp, 28);
	frame_ipv6(&nd, "fe80::1", "ff02::1", ICMPV6);
	frame_icmp(&nd, 135);
	frame_ipv6(&echo, "2001:db8::1", "2001:db8::2", ICMPV6);
	frame_icmp(&echo, 128);
	load_acl(NEXT, 0);
	CHECK(run(&four) == NEXT && run(&six) == NEXT && run(&arp) == NEXT && run(&nd) == NEXT);
	CHECK(count_of("verdicts", 0).packets == 2);
	unload();
	load_acl(DROP, 0);
	CHECK(run(&four) == DROP && run(&six) == DROP && run(&echo) == DROP);
	CHECK(run(&arp) == NEXT && run(&nd) == NEXT);
	CHECK(count_of("verdicts", 1).packets == 3);
	unload();
}

static void test_acl_rules(void)
{
	const struct rule deny = { { { DENY, 0, 0, 0 } } };
	const struct rule web = { { { ALLOW, TCP, 80, 80 }, { ALLOW, UDP, 5000, 5009 },
				    { DENY, TCP, 80, 90 }, { DENY, ICMP, 0, 0 } } };
	struct frame icmp = frame_start(0x0800), frame;

	frame_ipv4(&icmp, "10.0.0.1", "10.1.2.3", ICMP, 0, 32);
	frame_icmp(&icmp, 8);
	load_acl(DROP, 0);
	rule4("10.0.0.0", 8, &deny);
	rule4("10.1.0.0", 16, &web);
	rule6("2001:db8::", 32, &web);
	rule6("2001:db8:bad::", 48, &deny);
#define EXPECT(verdict, made)                                                                      \
	do {                                                                                       \
		frame = (made);                                                                    \
		CHECK(run(&frame) == (verdict));                                                   \
	} while (0)
	EXPECT(NEXT, tcp4("10.1.2.3", 80)); /* the first entry that fits */
	EXPECT(DROP, tcp4("10.1.2.3", 81));
	EXPECT(DROP, tcp4("10.1.2.3", 91)); /* none fits: the default */
	EXPECT(NEXT, udp4("10.1.2.3", 5000));
	EXPECT(NEXT, udp4("10.1.2.3", 5009));
	EXPECT(DROP, udp4("10.1.2.3", 5010));
	EXPECT(DROP, udp4("10.1.2.3", 80)); /* the protocol counts */
	EXPECT(DROP, tcp4("10.2.0.1", 80)); /* the shorter prefix */
	EXPECT(DROP, tcp4("192.0.2.1", 80)); /* no prefix */
	EXPECT(NEXT, tcp6("2001:db8::7", 80));
	EXPECT(DROP, tcp6("2001:db8:bad::7", 80)); /* the longest prefix */
	EXPECT(DROP, tcp6("2001:db9::7", 80));
	CHECK(run(&icmp) == DROP);
	unload();
	load_acl(NEXT, 0);
	rule4("10.1.0.0", 16, &web);
	EXPECT(NEXT, tcp4("10.1.2.3", 91));
	CHECK(run(&icmp) == DROP);
	unload();
	load_acl(NEXT, 1);
	rule4("10.0.0.1", 32, &deny);
	EXPECT(DROP, tcp4("192.0.2.1", 80)); /* the source is the remote */
	unload();
}

static void test_acl_layers(void)
{
	const struct rule web = { { { ALLOW, TCP, 80, 80 } } };
	const struct rule any = { { { ALLOW, TCP, 0, 0 } } };
	struct frame tagged = frame_start(0x8100), twice = frame_start(0x88a8),
		     thrice = frame_start(0x88a8), later = frame_start(0x0800),
		     extended = frame_start(0x86dd), later6 = frame_start(0x86dd),
		     authenticated = frame_start(0x86dd), endless = frame_start(0x86dd);

	load_acl(DROP, 0);
	rule4("10.1.0.0", 16, &web);
	rule4("10.2.0.0", 16, &any);
	rule6("2001:db8::", 32, &web);
	rule6("2001:db8:2::", 48, &any);

	frame_vlan(&tagged, 0x0800);
	frame_ipv4(&tagged, "10.0.0.1", "10.1.0.2", TCP, 0, 20);
	frame_ports(&tagged, 1, 80);
	CHECK(run(&tagged) == NEXT);
	frame_vlan(&twice, 0x8100);
	frame_vlan(&twice, 0x0800);
	frame_ipv4(&twice, "10.0.0.1", "10.1.0.2", TCP, 0, 20);
	frame_ports(&twice, 1, 80);
	CHECK(run(&twice) == NEXT);
	frame_vlan(&thrice, 0x8100);
	frame_vlan(&thrice, 0x8100);
	frame_vlan(&thrice, 0x0800);
	frame_ipv4(&thrice, "10.0.0.1", "10.1.0.2", TCP, 0, 20);
	frame_ports(&thrice, 1, 80);
	CHECK(run(&thrice) == DROP);

	/* Where the port would be stands data that looks like port 80. */
	frame_ipv4(&later, "10.0.0.1", "10.1.0.2", TCP, 100, 20);
	frame_ports(&later, 1, 80);
	CHECK(run(&later) == DROP);
	later.bytes[14 + 17] = 2; /* 10.2.0.2: any port */
	CHECK(run(&later) == NEXT);

	frame_ipv6(&extended, "2001:db8::1", "2001:db8::2", HOPOPTS);
	frame_extension(&extended, ROUTING, 0);
	frame_extension(&extended, FRAGMENT, 0);
	frame_extension(&extended, TCP, 0);
	frame_ports(&extended, 1, 80);
	CHECK(run(&extended) == NEXT);
	frame_ipv6(&authenticated, "2001:db8::1", "2001:db8::2", AH);
	frame_extension(&authenticated, TCP, 0);
	frame_ports(&authenticated, 1, 80);
	CHECK(run(&authenticated) == NEXT);
	frame_ipv6(&later6, "2001:db8::1", "2001:db8::2", FRAGMENT);
	frame_extension(&later6, TCP, 5);
	frame_ports(&later6, 1, 80);
	CHECK(run(&later6) == DROP);
	later6.bytes[14 + 24 + 5] = 2; /* 2001:db8:2::2: any port */
	CHECK(run(&later6) == NEXT);
	frame_ipv6(&endless, "2001:db8::1", "2001:db8::2", HOPOPTS);
	for (int i = 0; i < 12; i++)
		frame_extension(&endless, HOPOPTS, 0);
	CHECK(run(&endless) == DROP);
	CHECK(count_of("verdicts", 2).packets == 2);
	unload();
}

static void cut(struct frame frame, size_t len)
{
	frame.len = len;
	CHECK(run(&frame) == DROP);
}

/* Behind a VLAN tag: newer kernels let nobody test with a bare IP header that is cut off. */
static struct frame tag(const struct frame *plain, uint16_t type)
{
	struct frame frame = frame_start(0x8100);

	frame_vlan(&frame, type);
	memcpy(frame.bytes + frame.len, plain->bytes + 14, plain->len - 14);
	frame.len += plain->len - 14;
	return frame;
}

static void test_acl_malformed(void)
{
	struct frame plain4 = tcp4("10.1.0.2", 80), plain6 = tcp6("2001:db8::2", 80);
	struct frame four = tag(&plain4, 0x0800), six = tag(&plain6, 0x86dd), bad;
	struct frame icmp = frame_start(0x86dd);
	enum { IP = 18 };

	load_acl(NEXT, 0);
	CHECK(run(&four) == NEXT && run(&six) == NEXT);
	cut(four, IP - 1);
	cut(four, IP + 19);
	cut(four, IP + 20 + 3);
	cut(six, IP + 39);
	cut(six, IP + 40 + 3);
	frame_ipv6(&icmp, "2001:db8::1", "2001:db8::2", ICMPV6);
	cut(icmp, icmp.len);
	bad = four;
	bad.bytes[IP] = 0x65; /* version */
	cut(bad, bad.len);
	bad = four;
	bad.bytes[IP] = 0x44; /* header length */
	cut(bad, bad.len);
	bad = four;
	bad.bytes[IP + 2] = bad.bytes[IP + 3] = 0; /* total length */
	cut(bad, bad.len);
	bad = four;
	bad.bytes[IP] = 0x4f; /* a header longer than the frame */
	bad.bytes[IP + 3] = 60;
	cut(bad, IP + 40);
	bad = six;
	bad.bytes[IP] = 0x40;
	cut(bad, bad.len);
	CHECK(count_of("verdicts", 2).packets == 11);
	unload();
}

int main(void)
{
	if (!getenv("METAD_BPF_DIR"))
		SKIP("METAD_BPF_DIR does not say where the objects are");
	test_simple();
	test_acl_defaults();
	test_acl_rules();
	test_acl_layers();
	test_acl_malformed();
	return 0;
}
