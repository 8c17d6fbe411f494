/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as numbers, and what of them a pool has; see pool.h. */
#include "core/pool.h"

void pool_done(struct pool *pool)
{
	for (enum family family = 0; family < N_FAMILIES; family++)
		free(pool->spans[family]);
	diag_done(&pool->at);
	*pool = (struct pool){};
}

int pool_add_span(struct pool *pool, enum family family, pool_number first, pool_number last)
{
	struct pool_span span = { .first = first, .last = last, .before = pool->size[family] };
	int r = ARRAY_APPEND(pool->spans[family], pool->n_spans[family], span);

	if (r == 0)
		pool->size[family] += last - first + 1;
	return r;
}

const struct pool_span *pool_span_at(const struct pool *pool, enum family family, pool_number i)
{
	size_t low = 0, high = pool->n_spans[family];

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (pool->spans[family][middle].before <= i)
			low = middle;
		else
			high = middle;
	}
	return &pool->spans[family][low];
}

bool pool_contains(const struct pool *pool, const struct ip *ip)
{
	enum family family = pool_family(ip);
	pool_number number = pool_number_of(ip);
	size_t low = 0, high = pool->n_spans[family];

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct pool_span *span = &pool->spans[family][middle];

		if (number < span->first)
			high = middle;
		else if (number > span->last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

enum family pool_family(const struct ip *ip)
{
	return ip->family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
}

pool_number pool_number_of(const struct ip *ip)
{
	size_t len = ip->family == AF_INET6 ? 16 : 4;
	pool_number number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | ip->bytes[i];
	return number;
}

struct ip pool_ip(enum family family, pool_number number)
{
	struct ip ip = { .family = family == FAMILY_IPV6 ? AF_INET6 : AF_INET };

	for (size_t i = family == FAMILY_IPV6 ? 16 : 4; i-- > 0; number >>= 8)
		ip.bytes[i] = (uint8_t)number;
	return ip;
}

pool_number pool_last_of(const struct prefix *prefix)
{
	unsigned int host_bits = (prefix->ip.family == AF_INET6 ? 128 : 32) - prefix->len;
	pool_number rest = host_bits == 128 ? ~(pool_number)0 : ((pool_number)1 << host_bits) - 1;

	return pool_number_of(&prefix->ip) | rest;
}

const char *pool_number_text(pool_number number, char buf[static POOL_NUMBER_SIZE])
{
	char *digit = buf + POOL_NUMBER_SIZE - 1;

	*digit = '\0';
	do {
		*--digit = (char)('0' + (int)(number % 10));
		number /= 10;
	} while (number);
	return digit;
}
