/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases as lines of text; see lease.h. Somebody may have edited the file, or a disk have lost a
 * part of it: each line is judged by itself.
 */
#include "core/lease.h"

#include <errno.h>
#include <stdio.h>

#define LINE_MAX_BYTES 2048 /* the longest owner has 64 + 255 bytes, each of them perhaps %XX */
#define FAULTS_MAX 100

/* Bytes that a line cannot have within an owner. */
static bool must_escape(unsigned char c)
{
	return c <= ' ' || c == 0x7f || c == '%' || c == '#';
}

static void write_owner(FILE *out, const char *owner)
{
	for (const char *c = owner; *c; c++) {
		if (must_escape(*c))
			fprintf(out, "%%%02X", (unsigned char)*c);
		else
			fputc(*c, out);
	}
}

int lease_write(const struct leases *leases, char **ret, size_t *ret_len)
{
	char *text = NULL, ip[IP_TEXT_SIZE];
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool bad;

	if (!out)
		return -ENOMEM;
	fprintf(out, "# Addresses of pools and who has them: pool, owner, address.\n");
	for (size_t i = 0; i < leases->n; i++) {
		const struct lease *lease = &leases->items[i];

		fprintf(out, "%s ", lease->pool);
		write_owner(out, lease->owner);
		fprintf(out, " %s", ip_text(&lease->ip, ip));
		if (lease->released)
			fprintf(out, " released %llu", (unsigned long long)lease->released);
		fputc('\n', out);
	}
	bad = ferror(out);
	if (fclose(out) != 0 || bad) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

/* ---- reading ---- */

/* A lease with its line, until it is known to be the only one. */
struct entry {
	struct lease lease;
	unsigned int line;
};

struct lease_file {
	const char *name;
	struct diag_list *diags;
	size_t n_faults;
	struct entry *entries;
	size_t n;
};

static void lease_file_done(struct lease_file *file)
{
	for (size_t i = 0; i < file->n; i++)
		free(file->entries[i].lease.owner);
	free(file->entries);
}

static int fault(struct lease_file *file, unsigned int line, const char *text)
{
	AUTO(diag_done) struct diag diag = { .line = line, .column = 1 };

	if (++file->n_faults > FAULTS_MAX)
		return 0;
	diag.file = strdup(file->name);
	diag.text = strdup(text);
	if (!diag.file || !diag.text)
		return -ENOMEM;
	return diag_list_add(file->diags, &diag);
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place. */
static bool unescape(char *owner)
{
	char *to = owner;

	for (const char *from = owner; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = digit_of(from[1]);
		low = high < 0 ? -1 : digit_of(from[2]);
		if (low < 0 || high * 16 + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

/* The words of a line; NULL: it is a lease. */
static const char *parse_words(char *line, struct lease *ret, char **ret_owner)
{
	char *at = NULL, *pool = strtok_r(line, " ", &at), *owner = strtok_r(NULL, " ", &at);
	char *ip = strtok_r(NULL, " ", &at), *word = strtok_r(NULL, " ", &at);
	char *number = strtok_r(NULL, " ", &at);

	if (!ip || strtok_r(NULL, " ", &at) || !word != !number)
		return "not \"pool owner address\", nor \"pool owner address released N\"";
	if (strlen(pool) >= POOL_NAME_SIZE)
		return "the pool's name is too long";
	if (!unescape(owner))
		return "the owner has a '%' that is not followed by a byte in hexadecimal";
	if (ip_parse(ip, &ret->ip) < 0)
		return "not an IP address";
	if (word && (strcmp(word, "released") != 0 ||
		     util_parse_u64(number, 1, UINT64_MAX / 2, &ret->released) < 0))
		return "not \"released\" and a number";
	memcpy(ret->pool, pool, strlen(pool));
	*ret_owner = owner;
	return NULL;
}

static int parse_line(struct lease_file *file, const char *bytes, size_t len, unsigned int number)
{
	char line[LINE_MAX_BYTES], *owner = NULL;
	struct entry entry = { .line = number };
	const char *why;
	int r;

	if (len == 0 || bytes[0] == '#')
		return 0;
	if (len >= sizeof(line))
		return fault(file, number, "the line is too long");
	if (memchr(bytes, '\0', len))
		return fault(file, number, "the line has a NUL character");
	memcpy(line, bytes, len);
	line[len] = '\0';
	why = parse_words(line, &entry.lease, &owner);
	if (why)
		return fault(file, number, why);
	entry.lease.owner = strdup(owner);
	r = entry.lease.owner ? ARRAY_APPEND(file->entries, file->n, entry) : -ENOMEM;
	if (r < 0)
		free(entry.lease.owner);
	return r;
}

static int compare_lines(const struct entry *x, const struct entry *y)
{
	return (x->line > y->line) - (x->line < y->line);
}

static int compare_ips(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = memcmp(&x->lease.ip, &y->lease.ip, sizeof(x->lease.ip));

	return r ? r : compare_lines(x, y);
}

static int compare_owners(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->lease.pool, y->lease.pool);

	if (r == 0)
		r = strcmp(x->lease.owner, y->lease.owner);
	if (r == 0)
		r = (int)x->lease.ip.family - (int)y->lease.ip.family;
	return r ? r : compare_lines(x, y);
}

static bool same_ip(const struct entry *a, const struct entry *b)
{
	return ip_equal(&a->lease.ip, &b->lease.ip);
}

static bool same_owner(const struct entry *a, const struct entry *b)
{
	return strcmp(a->lease.pool, b->lease.pool) == 0 &&
	       strcmp(a->lease.owner, b->lease.owner) == 0 &&
	       a->lease.ip.family == b->lease.ip.family;
}

/* Of equals the first line stays. */
static int leave_out(struct lease_file *file, int (*compare)(const void *, const void *),
		     bool (*same)(const struct entry *, const struct entry *), const char *why)
{
	size_t kept = 0;
	int r = 0;

	if (file->n)
		qsort(file->entries, file->n, sizeof(*file->entries), compare);
	for (size_t i = 0; i < file->n; i++) {
		struct entry *entry = &file->entries[i];

		if (kept && same(&file->entries[kept - 1], entry)) {
			free(entry->lease.owner);
			if (r == 0)
				r = fault(file, entry->line, why);
		} else {
			file->entries[kept++] = *entry;
		}
	}
	file->n = kept;
	return r;
}

static int take_entries(struct lease_file *file, struct leases *ret)
{
	AUTO(leases_done) struct leases leases = {};

	for (size_t i = 0; i < file->n; i++) {
		struct lease *lease = &file->entries[i].lease;

		if (ARRAY_APPEND(leases.items, leases.n, *lease) < 0)
			return -ENOMEM;
		lease->owner = NULL;
		leases.sequence = MAX(leases.sequence, lease->released);
	}
	*ret = STEAL(leases);
	return 0;
}

int lease_parse(const char *file_name, const char *bytes, size_t len, struct leases *ret,
		struct diag_list *diags)
{
	AUTO(lease_file_done) struct lease_file file = { .name = file_name, .diags = diags };
	const char *end = bytes + len;
	unsigned int number = 0;
	int r = 0;

	while (bytes < end && r == 0) {
		const char *eol = memchr(bytes, '\n', end - bytes);

		r = parse_line(&file, bytes, (eol ? eol : end) - bytes, ++number);
		bytes = eol ? eol + 1 : end;
	}
	if (r == 0)
		r = leave_out(&file, compare_ips, same_ip,
			      "the address is somebody's already, in a line before");
	if (r == 0)
		r = leave_out(&file, compare_owners, same_owner,
			      "the owner has an address of this pool already, in a line before");
	return r == 0 ? take_entries(&file, ret) : r;
}
