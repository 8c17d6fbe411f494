/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases: random rounds of owners that come, go and come back, of restarts and of pools that change,
 * with the laws of lease.h after each; then the cases whose very numbers matter, the text, and cost.
 */
#include "core/config.h"
#include "core/lease.h"
#include "unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Pools of a text, as a round takes them. */
struct world {
	struct config config;
	const struct pool *pools[8];
};

static void world_init(struct world *world, const char *text)
{
	const struct config_part part = { .path = (char *)"p.yaml",
					  .bytes = (char *)text,
					  .len = strlen(text) };
	AUTO(diag_list_done) struct diag_list diags = {};

	*world = (struct world){};
	CHECK(config_parse(CONFIG_PAIRS, &part, 1, NULL, &world->config, &diags) == 0);
	CHECK(world->config.n_pools <= ARRAY_SIZE(world->pools));
	for (size_t i = 0; i < world->config.n_pools; i++)
		world->pools[i] = &world->config.pools[i];
}

static void world_done(struct world *world)
{
	config_done(&world->config);
}

/* What one owner wants, and what comes of it. */
struct ask {
	const char *owner;
	size_t pool;
	enum family family;
	struct ip ip; /* AF_UNSPEC: none was to be had */
};

static void run_round(struct leases *leases, const struct world *world, struct ask *asks, size_t n,
		      const struct ip *reserved, size_t n_reserved)
{
	AUTO(lease_round_done) struct lease_round round = {};

	CHECK(lease_round_begin(&round, leases, world->pools, world->config.n_pools,
				LEASE_UNKNOWN_DROP) == 0);
	for (size_t i = 0; i < n_reserved; i++)
		CHECK(lease_round_reserve(&round, &reserved[i]) == 0);
	for (size_t i = 0; i < n; i++) {
		asks[i].ip = (struct ip){};
		lease_round_keep(&round, world->pools[asks[i].pool]->name, asks[i].owner,
				 asks[i].family, &asks[i].ip);
	}
	CHECK(lease_round_release(&round) == 0);
	for (size_t i = 0; i < n; i++) {
		int r = asks[i].ip.family
				? 0
				: lease_round_take(&round, world->pools[asks[i].pool],
						   asks[i].owner, asks[i].family, &asks[i].ip);

		CHECK(r == 0 || r == LEASE_E_EXHAUSTED);
		CHECK((r == 0) == (asks[i].ip.family != 0));
	}
}

/* A round of owners, given as words, of the first pool's IPv4 addresses. */
static void simple_round(struct leases *leases, const struct world *world, const char *owners,
			 struct ask ret[static 16])
{
	static char words[256];
	size_t n = 0;

	CHECK(strlen(owners) < sizeof(words));
	strcpy(words, owners);
	for (char *at = NULL, *word = strtok_r(words, " ", &at); word;
	     word = strtok_r(NULL, " ", &at))
		ret[n++] = (struct ask){ .owner = word };
	run_round(leases, world, ret, n, NULL, 0);
}

static const struct lease *find(const struct leases *leases, const char *pool, const char *owner,
				enum family family)
{
	for (size_t i = 0; i < leases->n; i++)
		if (strcmp(leases->items[i].pool, pool) == 0 &&
		    strcmp(leases->items[i].owner, owner) == 0 &&
		    pool_family(&leases->items[i].ip) == family)
			return &leases->items[i];
	return NULL;
}

static const struct lease *find_ip(const struct leases *leases, const struct ip *ip)
{
	for (size_t i = 0; i < leases->n; i++)
		if (ip_equal(&leases->items[i].ip, ip))
			return &leases->items[i];
	return NULL;
}

/* ---- the laws ---- */

static bool is_among(const struct ip *ip, const struct ip *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(ip, &ips[i]))
			return true;
	return false;
}

static void check_sound(const struct leases *leases, const struct world *world,
			const struct ip *reserved, size_t n_reserved)
{
	for (size_t i = 0; i < leases->n; i++) {
		const struct lease *lease = &leases->items[i];
		const struct pool *pool = NULL;

		for (size_t j = 0; j < world->config.n_pools; j++)
			if (strcmp(world->pools[j]->name, lease->pool) == 0)
				pool = world->pools[j];
		CHECK(pool && pool_contains(pool, &lease->ip));
		CHECK(!is_among(&lease->ip, reserved, n_reserved));
		CHECK(find_ip(leases, &lease->ip) == lease);
		CHECK(find(leases, lease->pool, lease->owner, pool_family(&lease->ip)) == lease);
	}
}

/* Nothing that could be given out is left, not even a released address. */
static void check_exhausted(const struct leases *leases, const struct pool *pool,
			    enum family family, const struct ip *reserved, size_t n_reserved)
{
	for (pool_number i = 0; i < pool->size[family]; i++) {
		const struct pool_span *span = pool_span_at(pool, family, i);
		const struct ip ip = pool_ip(family, span->first + (i - span->before));
		const struct lease *lease = find_ip(leases, &ip);

		CHECK(lease || is_among(&ip, reserved, n_reserved));
		CHECK(!lease || !lease->released || strcmp(lease->pool, pool->name) != 0);
	}
}

/* Whoever had an address that he can still have has it; only the oldest released ones are lost. */
static void check_stable(const struct leases *before, const struct leases *after,
			 const struct world *world, const struct ask *asks, size_t n,
			 const struct ip *reserved, size_t n_reserved)
{
	for (size_t i = 0; i < n; i++) {
		const struct pool *pool = world->pools[asks[i].pool];
		const struct lease *had = find(before, pool->name, asks[i].owner, asks[i].family);

		if (had && pool_contains(pool, &had->ip) &&
		    !is_among(&had->ip, reserved, n_reserved))
			CHECK(ip_equal(&had->ip, &asks[i].ip));
		if (!asks[i].ip.family) {
			check_exhausted(after, pool, asks[i].family, reserved, n_reserved);
			CHECK(!find(after, pool->name, asks[i].owner, asks[i].family));
		} else {
			CHECK(find(after, pool->name, asks[i].owner, asks[i].family)->released ==
			      0);
		}
	}
}

static bool is_in_pool(const struct world *world, const struct lease *lease)
{
	for (size_t i = 0; i < world->config.n_pools; i++)
		if (strcmp(world->pools[i]->name, lease->pool) == 0)
			return pool_contains(world->pools[i], &lease->ip);
	return false;
}

/* Of two that were released, the later one is not lost before the earlier one. */
static void check_order(const struct leases *before, const struct leases *after,
			const struct world *world, const struct ip *reserved, size_t n_reserved)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct lease *lost = &before->items[i];
		const struct lease *now = find_ip(after, &lost->ip);

		/* Those that nobody could have kept were not lost to the new owner. */
		if (!lost->released || !now || strcmp(now->owner, lost->owner) == 0 ||
		    !is_in_pool(world, lost))
			continue;
		for (size_t j = 0; j < before->n; j++) {
			const struct lease *other = &before->items[j];
			const struct lease *kept = find_ip(after, &other->ip);

			CHECK(!other->released || other->released >= lost->released ||
			      strcmp(other->pool, lost->pool) != 0 ||
			      pool_family(&other->ip) != pool_family(&lost->ip) || !kept ||
			      !kept->released || is_among(&other->ip, reserved, n_reserved));
		}
	}
}

static void check_same(const struct leases *a, const struct leases *b)
{
	AUTO_FREE char *texts[2] = {};
	size_t lens[2];

	CHECK(lease_write(a, &texts[0], &lens[0]) == 0);
	CHECK(lease_write(b, &texts[1], &lens[1]) == 0);
	CHECK(lens[0] == lens[1] && memcmp(texts[0], texts[1], lens[0]) == 0);
	free(texts[1]);
}

static void restart(struct leases *leases)
{
	AUTO(diag_list_done) struct diag_list diags = {};
	AUTO_FREE char *text = NULL;
	struct leases read = {};
	size_t len;

	CHECK(lease_write(leases, &text, &len) == 0);
	CHECK(lease_parse("leases", text, len, &read, &diags) == 0 && diags.n == 0);
	check_same(leases, &read);
	leases_done(leases);
	*leases = read;
}

/* ---- random rounds ---- */

static uint64_t random_state;

static size_t dice(size_t n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % n;
}

#define N_OWNERS 24

static const char *const worlds[] = {
	"pools:\n"
	"  a: {ipv4: 10.0.0.0/28, ipv6: 'fd00::/64'}\n"
	"  b: {ipv4: [10.0.0.8/29, 10.0.1.0/30], exclude: 10.0.0.10}\n",
	"pools:\n"
	"  a: {ipv4: 10.0.0.0/29, ipv6: 'fd00::/125'}\n"
	"  b: {ipv4: [10.0.0.8/29, 10.0.1.0/30]}\n",
	"pools:\n"
	"  a: {ipv4: [10.0.0.0/28, 10.0.2.0/24]}\n",
};

static size_t random_asks(char owners[N_OWNERS][8], struct ask *ret, const struct world *world)
{
	size_t n = 0, most = 1 + dice(N_OWNERS);

	for (size_t i = 0; i < most; i++) {
		struct ask ask = { .owner = owners[i], .pool = i % world->config.n_pools };

		if (dice(4) == 0)
			continue;
		ask.family = world->pools[ask.pool]->size[FAMILY_IPV6] ? i / 2 % 2 : FAMILY_IPV4;
		ret[n++] = ask;
	}
	return n;
}

static void random_rounds(uint64_t seed)
{
	struct world all[ARRAY_SIZE(worlds)];
	AUTO(leases_done) struct leases leases = {};
	struct ip reserved[3];
	char owners[N_OWNERS][8];
	size_t world = 0, n_reserved = 0;

	random_state = seed * 0x9e3779b97f4a7c15ULL;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		world_init(&all[i], worlds[i]);
	for (size_t i = 0; i < N_OWNERS; i++)
		snprintf(owners[i], sizeof(owners[i]), "o%zu", i);
	for (size_t round = 0; round < 30; round++) {
		AUTO(leases_done) struct leases before = {}, twin = {};
		struct ask asks[N_OWNERS], twins[N_OWNERS];
		size_t n;

		if (dice(10) == 0)
			world = dice(ARRAY_SIZE(all));
		if (dice(5) == 0)
			for (n_reserved = 0; n_reserved < dice(4); n_reserved++)
				reserved[n_reserved] = pool_ip(FAMILY_IPV4, 0x0a000000 + dice(16));
		if (dice(3) == 0)
			restart(&leases);
		n = random_asks(owners, asks, &all[world]);
		memcpy(twins, asks, sizeof(twins));
		CHECK(leases_copy(&leases, &before) == 0 && leases_copy(&leases, &twin) == 0);
		leases.changed = false;
		run_round(&leases, &all[world], asks, n, reserved, n_reserved);
		run_round(&twin, &all[world], twins, n, reserved, n_reserved);
		check_same(&leases, &twin);
		check_sound(&leases, &all[world], reserved, n_reserved);
		check_stable(&before, &leases, &all[world], asks, n, reserved, n_reserved);
		check_order(&before, &leases, &all[world], reserved, n_reserved);
		if (!leases.changed)
			check_same(&before, &leases);
	}
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		world_done(&all[i]);
}

/* ---- cases ---- */

/* Addresses must not change with versions: they are in routers and in people's heads. */
static void test_addresses_for_ever(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	char text[IP_TEXT_SIZE];
	struct ask asks[] = { { .owner = "pod/pod-1" },
			      { .owner = "pod/pod-2" },
			      { .owner = "pod/pod-1", .family = FAMILY_IPV6 } };

	world_init(&world, "pools: {pods: {ipv4: 10.88.0.0/16, ipv6: 'fd00:88::/64'}}");
	run_round(&leases, &world, asks, 3, NULL, 0);
	CHECK(strcmp(ip_text(&asks[0].ip, text), "10.88.211.37") == 0);
	CHECK(strcmp(ip_text(&asks[1].ip, text), "10.88.154.229") == 0);
	CHECK(strcmp(ip_text(&asks[2].ip, text), "fd00:88::371a:63e0:bfb6:971a") == 0);
}

static void test_exhaustion(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	struct ask asks[16];
	struct ip a, b;

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/30}}");
	simple_round(&leases, &world, "a b c", asks);
	a = asks[0].ip;
	b = asks[1].ip;
	CHECK(a.family && b.family && !asks[2].ip.family && leases.n == 2);
	/* c waits; then a goes, and c has what it had. */
	simple_round(&leases, &world, "b c", asks);
	CHECK(ip_equal(&asks[0].ip, &b) && ip_equal(&asks[1].ip, &a));
	/* a is back and has nothing; it does not take what others have. */
	simple_round(&leases, &world, "a b c", asks);
	CHECK(!asks[0].ip.family && ip_equal(&asks[1].ip, &b) && ip_equal(&asks[2].ip, &a));
}

/* After a restart owners come one by one: none takes what another is about to come back for. */
static void test_owners_come_back(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	struct ask first[16], asks[16];

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/29}}");
	simple_round(&leases, &world, "a b c d", first);
	restart(&leases);
	simple_round(&leases, &world, "", asks);
	simple_round(&leases, &world, "d", asks);
	CHECK(ip_equal(&asks[0].ip, &first[3].ip));
	/* Two are free: x and y get those, and z what was released first, which was a's. */
	simple_round(&leases, &world, "x y d", asks);
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 4; j++)
			CHECK(!ip_equal(&asks[i].ip, &first[j].ip));
	simple_round(&leases, &world, "x y z d c", asks);
	CHECK(ip_equal(&asks[2].ip, &first[0].ip));
	CHECK(ip_equal(&asks[3].ip, &first[3].ip) && ip_equal(&asks[4].ip, &first[2].ip));
	CHECK(find(&leases, "p", "b", FAMILY_IPV4)->released && !find(&leases, "p", "a", 0));
}

/* The order of going outlives a restart. */
static void test_released_before_a_restart(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	struct ask first[16], asks[16];

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/30}}");
	simple_round(&leases, &world, "a b", first);
	simple_round(&leases, &world, "b", asks);
	simple_round(&leases, &world, "a", asks);
	simple_round(&leases, &world, "", asks);
	CHECK(find(&leases, "p", "a", FAMILY_IPV4)->released == 3);
	restart(&leases);
	simple_round(&leases, &world, "a", asks);
	simple_round(&leases, &world, "", asks);
	simple_round(&leases, &world, "c", asks);
	CHECK(ip_equal(&asks[0].ip, &first[1].ip) && find(&leases, "p", "a", FAMILY_IPV4));
}

static void test_reserved(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	struct ask asks[] = { { .owner = "a" }, { .owner = "b" } };
	struct ip had;

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/30}}");
	run_round(&leases, &world, asks, 1, NULL, 0);
	had = asks[0].ip;
	/* Somebody declares what a has: a moves, and b finds nothing. */
	run_round(&leases, &world, asks, 2, &had, 1);
	CHECK(asks[0].ip.family && !ip_equal(&asks[0].ip, &had) && !asks[1].ip.family);
	CHECK(leases.n == 1);
}

static void test_undeclared_pools(void)
{
	AUTO(world_done) struct world world, other;
	AUTO(leases_done) struct leases leases = {};
	AUTO(lease_round_done) struct lease_round round = {};
	struct ask asks[] = { { .owner = "a" } };

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/30}}");
	world_init(&other, "pools: {q: {ipv4: 10.0.0.0/30}}");
	run_round(&leases, &world, asks, 1, NULL, 0);
	CHECK(lease_round_begin(&round, &leases, other.pools, 1, LEASE_UNKNOWN_KEEP) == 0);
	CHECK(lease_round_release(&round) == 0);
	CHECK(leases.n == 1 && !leases.items[0].released);
	lease_round_done(&round);
	run_round(&leases, &other, NULL, 0, NULL, 0);
	CHECK(leases.n == 0);
}

static void test_few_released_are_kept(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	static char owners[LEASE_RELEASED_MAX + 10][8];
	static struct ask asks[LEASE_RELEASED_MAX + 10];

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/16}}");
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		snprintf(owners[i], sizeof(owners[i]), "o%06zu", i);
		asks[i] = (struct ask){ .owner = owners[i] };
	}
	run_round(&leases, &world, asks, ARRAY_SIZE(asks), NULL, 0);
	CHECK(leases.n == ARRAY_SIZE(asks));
	/* The first goes last. */
	run_round(&leases, &world, asks, 1, NULL, 0);
	CHECK(leases.n == LEASE_RELEASED_MAX + 1);
	run_round(&leases, &world, NULL, 0, NULL, 0);
	CHECK(leases.n == LEASE_RELEASED_MAX && find(&leases, "p", "o000000", FAMILY_IPV4));
	CHECK(!find(&leases, "p", "o000010", FAMILY_IPV4) &&
	      find(&leases, "p", "o000011", FAMILY_IPV4));
}

/* ---- text ---- */

static void expect_parse(const char *bytes, size_t len, const char *said, const char *written)
{
	AUTO(diag_list_done) struct diag_list diags = {};
	AUTO(leases_done) struct leases leases = {};
	AUTO_FREE char *text = NULL;
	char lines[2048] = "";
	size_t text_len;

	CHECK(lease_parse("leases", bytes, len, &leases, &diags) == 0);
	for (size_t i = 0; i < diags.n; i++) {
		AUTO_FREE char *line = diag_text(&diags.items[i]);

		strcat(strcat(lines, line), "\n");
	}
	if (strcmp(lines, said) != 0)
		fprintf(stderr, "said:\n%s", lines);
	CHECK(strcmp(lines, said) == 0);
	CHECK(lease_write(&leases, &text, &text_len) == 0);
	if (strcmp(strchr(text, '\n') + 1, written) != 0)
		fprintf(stderr, "wrote:\n%s", text);
	CHECK(strcmp(strchr(text, '\n') + 1, written) == 0);
}

static void test_text(void)
{
	static const char good[] = "# a comment\n\nq b 10.0.0.1\n"
				   "p t/%20%25%0A%23\xc3\xb6 fd00::1 released 7\np a 10.0.0.2\n";
	static const char bad[] = "p\np a\np a 10.0.0.1 released\np a 10.0.0.1 released 0\n"
				  "p a 10.0.0.1 gone 1\np a 10.0.0.1 released 1 2\np a 10.0.0\n"
				  "p a%2 10.0.0.1\np a%00 10.0.0.1\np a\0b 10.0.0.1\n"
				  "p good 10.0.0.1\nq other 10.0.0.1\np good 10.0.0.2\n"
				  "p good fd00::1";

	expect_parse("", 0, "", "");
	expect_parse(good, strlen(good), "",
		     "p a 10.0.0.2\np t/%20%25%0A%23\xc3\xb6 fd00::1 released 7\nq b 10.0.0.1\n");
	expect_parse(
		bad, sizeof(bad) - 1,
		"leases:1:1: not \"pool owner address\", nor \"pool owner address released N\"\n"
		"leases:2:1: not \"pool owner address\", nor \"pool owner address released N\"\n"
		"leases:3:1: not \"pool owner address\", nor \"pool owner address released N\"\n"
		"leases:4:1: not \"released\" and a number\n"
		"leases:5:1: not \"released\" and a number\n"
		"leases:6:1: not \"pool owner address\", nor \"pool owner address released N\"\n"
		"leases:7:1: not an IP address\n"
		"leases:8:1: the owner has a '%' that is not followed by a byte in "
		"hexadecimal\n"
		"leases:9:1: the owner has a '%' that is not followed by a byte in "
		"hexadecimal\n"
		"leases:10:1: the line has a NUL character\n"
		"leases:12:1: the address is somebody's already, in a line before\n"
		"leases:13:1: the owner has an address of this pool already, in a line before\n",
		"p good 10.0.0.1\np good fd00::1\n");
}

static void test_any_owner(void)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	char owner[320] = {};
	struct ask asks[] = { { .owner = owner } };

	world_init(&world, "pools: {p: {ipv4: 10.0.0.0/16}}");
	for (size_t i = 0; i < sizeof(owner) - 1; i++)
		owner[i] = (char)(1 + i % 255);
	run_round(&leases, &world, asks, 1, NULL, 0);
	restart(&leases);
	CHECK(strcmp(leases.items[0].owner, owner) == 0);
}

static void test_garbage(void)
{
	char bytes[4096];

	for (size_t i = 0; i < 2000; i++) {
		AUTO(diag_list_done) struct diag_list diags = {};
		AUTO(leases_done) struct leases leases = {};
		static const char likely[] = "pq a%2F 10.\nfd:released \n 1";

		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = i % 2 ? likely[dice(sizeof(likely))] : (char)dice(256);
		CHECK(lease_parse("leases", bytes, 1 + dice(sizeof(bytes)), &leases, &diags) == 0);
		CHECK(diags.n <= 100);
		restart(&leases);
	}
}

/* ---- cost ---- */

static double seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* All of a pool, then all of it again, then one too many, again and again. */
static void test_cost(const char *pool, size_t n, enum family family)
{
	AUTO(world_done) struct world world;
	AUTO(leases_done) struct leases leases = {};
	struct ask *asks = calloc(n, sizeof(*asks));
	char(*owners)[16] = calloc(n, sizeof(*owners));
	double start = seconds();

	CHECK(asks && owners);
	world_init(&world, pool);
	for (size_t i = 0; i < n; i++) {
		snprintf(owners[i], sizeof(owners[i]), "pod/pod-%zu", i);
		asks[i] = (struct ask){ .owner = owners[i], .family = family };
	}
	run_round(&leases, &world, asks, n, NULL, 0);
	printf("%zu leases of %s: %.0f ms\n", n, pool, (seconds() - start) * 1e3);
	run_round(&leases, &world, asks, n, NULL, 0);
	CHECK(seconds() - start < 10);
	free(asks);
	free(owners);
}

int main(void)
{
	for (uint64_t seed = 1; seed <= 1000; seed++)
		random_rounds(seed);
	test_addresses_for_ever();
	test_exhaustion();
	test_owners_come_back();
	test_released_before_a_restart();
	test_reserved();
	test_undeclared_pools();
	test_few_released_are_kept();
	test_text();
	test_any_owner();
	test_garbage();
	test_cost("pools: {p: {ipv6: 'fd00::/64'}}", 65534, FAMILY_IPV6);
	test_cost("pools: {p: {ipv4: 10.0.0.0/16}}", 65534, FAMILY_IPV4);
	test_cost("pools: {p: {ipv4: 10.0.0.0/16}}", 100000, FAMILY_IPV4);
	return 0;
}
