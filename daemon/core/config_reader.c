/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values out of nodes, and the words for what is wrong with them; see config_reader.h. Owns how a
 * fault is worded and how many are shown; never knows what a pair is. A file of nothing but faults
 * costs no more than a good one.
 */
#include "core/config_reader.h"

#include "base/word.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 400 /* bytes of a fault that are shown */

/* ---- faults ---- */

/*
 * Faults quote the file, and a file can hold anything: what would move a terminal's cursor becomes
 * '?', and what nobody would read to its end is cut.
 */
static void make_printable(char *text)
{
	static const char more[] = "...";
	size_t len = TEXT_MAX;

	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
		/* U+0080 to U+009F: terminals take them for escapes as well. */
		else if (*c == '\xc2' && (c[1] & 0xe0) == 0x80)
			memset(c, '?', 2);
	}
	if (strlen(text) < TEXT_MAX + sizeof(more))
		return;
	while ((text[len] & 0xc0) == 0x80)
		len--;
	memcpy(text + len, more, sizeof(more));
}

void reader_fault(struct reader_file *file, const struct node *node, const char *format, ...)
{
	struct diag diag;
	va_list args;

	if (++file->n_faults > READER_FAULTS_MAX)
		return;
	diag = reader_place(file, node);
	va_start(args, format);
	if (vasprintf(&diag.text, format, args) < 0)
		diag.text = NULL;
	va_end(args);
	if (diag.text)
		make_printable(diag.text);
	else
		file->out_of_memory = true;
	if (diag_list_add(file->diags, &diag) < 0)
		file->out_of_memory = true;
}

char *reader_copy(struct reader_file *file, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		file->out_of_memory = true;
	return copy;
}

struct diag reader_place(struct reader_file *file, const struct node *node)
{
	return (struct diag){ .file = reader_copy(file, node->file),
			      .line = node->line,
			      .column = node->column };
}

const char *reader_where(const struct diag *place, const struct diag *from,
			 char buf[static READER_WHERE_SIZE])
{
	if (strcmp(place->file, from->file) == 0)
		snprintf(buf, READER_WHERE_SIZE, "in line %u", place->line);
	else
		snprintf(buf, READER_WHERE_SIZE, "at %.250s:%u:%u", place->file, place->line,
			 place->column);
	return buf;
}

/* ---- words ---- */

static const char *nearest_key(const char *word, const struct reader_key *keys)
{
	struct word_search search = word_search(word);

	for (; keys->name; keys++)
		word_search_try(&search, keys->name);
	return word_search_result(&search);
}

static void list_keys(const struct reader_key *keys, struct diag *ret)
{
	for (; keys->name; keys++) {
		if (ret->text)
			diag_set(ret, "%s, %s", ret->text, keys->name);
		else
			diag_set(ret, "%s", keys->name);
	}
}

void reader_fault_unknown(struct reader_file *file, const struct node *node, const char *sort,
			  const char *word, const char *what, const struct reader_key *keys)
{
	/* Comparing words takes its time, and a file can hold millions. */
	bool shown = file->n_faults < READER_FAULTS_MAX;
	const char *nearest = shown ? nearest_key(word, keys) : NULL;
	AUTO(diag_done) struct diag known = {};

	if (nearest) {
		reader_fault(file, node, "unknown %s \"%s\" in %s; did you mean \"%s\"?", sort,
			     word, what, nearest);
		return;
	}
	if (shown)
		list_keys(keys, &known);
	reader_fault(file, node, "unknown %s \"%s\" in %s; known are: %s", sort, word, what,
		     known.text ? known.text : "");
}

/* ---- what may stand only once ---- */

void reader_once_add(struct reader_file *file, struct reader_once *once, const struct node *node,
		     const void *key, size_t len)
{
	struct reader_entry entry = { .node = node };

	memcpy(entry.key, key, len);
	if (ARRAY_APPEND(once->entries, once->n, entry) < 0)
		file->out_of_memory = true;
}

static int compare_places(const struct node *a, const struct node *b)
{
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->column > b->column) - (a->column < b->column);
}

static int compare_entries(const void *a, const void *b)
{
	const struct reader_entry *x = a, *y = b;
	int r = memcmp(x->key, y->key, sizeof(x->key));

	return r ? r : compare_places(x->node, y->node);
}

void reader_once_check(struct reader_file *file, struct reader_once *once, const char *what)
{
	struct reader_entry *entries = once->entries;

	if (once->n)
		qsort(entries, once->n, sizeof(*entries), compare_entries);
	for (size_t i = 1; i < once->n; i++)
		if (memcmp(entries[i - 1].key, entries[i].key, sizeof(entries[i].key)) == 0)
			reader_fault(file, entries[i].node, "%s is already in line %u", what,
				     entries[i - 1].node->line);
}

void reader_once_done(struct reader_once *once)
{
	free(once->entries);
	*once = (struct reader_once){};
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int r = strcmp(x->text, y->text);

	return r ? r : compare_places(x, y);
}

static void check_map_keys(struct reader_file *file, const struct node *map)
{
	size_t n = map->n_children / 2;
	AUTO_FREE const struct node **keys = calloc(n + 1, sizeof(*keys));

	if (!keys) {
		file->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		keys[i] = &map->children[2 * i];
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (strcmp(keys[i]->text, keys[i - 1]->text) == 0)
			reader_fault(file, keys[i], "key \"%s\" is already in line %u",
				     keys[i]->text, keys[i - 1]->line);
}

void reader_check_keys(struct reader_file *file, const struct node *node)
{
	if (node->kind == NODE_MAP)
		check_map_keys(file, node);
	for (size_t i = 0; i < node->n_children; i++)
		reader_check_keys(file, &node->children[i]);
}

/* ---- maps ---- */

bool reader_map(struct reader_file *file, const struct node *map, const char *what,
		const struct reader_key *keys, void *noun)
{
	bool all_known = true;

	if (map->kind != NODE_MAP) {
		reader_fault(file, map, "%s must be a map of keys and values", what);
		return false;
	}
	for (size_t i = 0; i < map->n_children; i += 2) {
		const struct node *key = &map->children[i], *value = key + 1;
		const struct reader_key *known = keys;

		while (known->name && strcmp(known->name, key->text) != 0)
			known++;
		if (known->name)
			known->read(file, value, noun);
		else
			reader_fault_unknown(file, key, "key", key->text, what, keys);
		all_known &= known->name != NULL;
	}
	return all_known;
}

const struct node *reader_find(const struct node *map, const char *key)
{
	for (size_t i = 0; map->kind == NODE_MAP && i < map->n_children; i += 2)
		if (strcmp(map->children[i].text, key) == 0)
			return &map->children[i + 1];
	return NULL;
}

bool reader_is_list(struct reader_file *file, const struct node *node, const char *what)
{
	if (node->kind == NODE_LIST)
		return true;
	reader_fault(file, node, "%s must be a list", what);
	return false;
}

/* ---- values ---- */

bool reader_text(struct reader_file *file, const struct node *node, const char *what,
		 const char **ret)
{
	if (node->kind != NODE_SCALAR) {
		reader_fault(file, node, "%s must be a single value", what);
		return false;
	}
	if (!node->text[0]) {
		reader_fault(file, node, "%s is empty", what);
		return false;
	}
	*ret = node->text;
	return true;
}

bool reader_number(struct reader_file *file, const struct node *node, const char *what,
		   uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	if (node->quoted) {
		reader_fault(file, node, "%s: \"%s\" is text; a number has no quotes", what, text);
		return false;
	}
	/* YAML 1.1 would read 010 as eight: whoever writes that means something else than ten. */
	if (text[0] == '0' && text[1]) {
		reader_fault(file, node, "%s: \"%s\" is not a decimal number", what, text);
		return false;
	}
	switch (util_parse_u64(text, min, max, ret)) {
	case 0:
		return true;
	case -ERANGE:
		reader_fault(file, node, "%s: %s is not between %llu and %llu", what, text,
			     (unsigned long long)min, (unsigned long long)max);
		return false;
	default:
		reader_fault(file, node, "%s: \"%s\" is not a decimal number", what, text);
		return false;
	}
}

bool reader_bool(struct reader_file *file, const struct node *node, const char *what, bool *ret)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off" };
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !node->quoted; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i % 2 == 0;
			return true;
		}
	}
	reader_fault(file, node, "%s: \"%s\" is not true or false", what, text);
	return false;
}

bool reader_word(struct reader_file *file, const struct node *node, const char *what,
		 const char *const *words, size_t n, unsigned int *ret)
{
	AUTO(diag_done) struct diag list = {};
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret = i;
			return true;
		}
		if (list.text)
			diag_set(&list, "%s, %s", list.text, words[i]);
		else
			diag_set(&list, "%s", words[i]);
	}
	reader_fault(file, node, "%s: \"%s\" is not one of %s", what, text,
		     list.text ? list.text : "");
	return false;
}

static bool is_zero(const struct ip *ip)
{
	static const struct ip zero;

	return memcmp(ip->bytes, zero.bytes, sizeof(zero.bytes)) == 0;
}

/* The kernel refuses others, or takes them and forgets them: they would be put back for ever. */
static bool check_unicast(struct reader_file *file, const struct node *node, const char *what,
			  const struct ip *ip)
{
	bool multicast = ip->family == AF_INET6 ? ip->bytes[0] == 0xff
						: (ip->bytes[0] & 0xf0) == 0xe0;

	if (!multicast && !is_zero(ip))
		return true;
	reader_fault(file, node, "%s: %s is %s; a unicast address is needed", what, node->text,
		     multicast ? "multicast" : "the unspecified address");
	return false;
}

bool reader_ip(struct reader_file *file, const struct node *node, const char *what, struct ip *ret)
{
	const char *text;
	struct ip ip;

	if (!reader_text(file, node, what, &text))
		return false;
	if (ip_parse(text, &ip) < 0) {
		reader_fault(file, node, "%s: \"%s\" is not an IP address", what, text);
		return false;
	}
	if (!check_unicast(file, node, what, &ip))
		return false;
	*ret = ip;
	return true;
}

bool reader_prefix(struct reader_file *file, const struct node *node, const char *what,
		   struct prefix *ret)
{
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	if (prefix_parse(text, ret) == 0)
		return true;
	reader_fault(file, node, "%s: \"%s\" is not an IP address with a prefix length", what,
		     text);
	return false;
}

bool reader_address(struct reader_file *file, const struct node *node, const char *what,
		    struct prefix *ret)
{
	struct prefix prefix;

	if (!reader_prefix(file, node, what, &prefix) ||
	    !check_unicast(file, node, what, &prefix.ip))
		return false;
	*ret = prefix;
	return true;
}

bool reader_mac(struct reader_file *file, const struct node *node, uint8_t ret[static MAC_LEN])
{
	static const uint8_t zero[MAC_LEN];
	uint8_t mac[MAC_LEN];
	const char *text;

	if (!reader_text(file, node, "mac", &text))
		return false;
	if (mac_parse(text, mac) < 0) {
		reader_fault(file, node, "mac: \"%s\" is not a MAC address", text);
		return false;
	}
	if ((mac[0] & 1) || memcmp(mac, zero, MAC_LEN) == 0) {
		reader_fault(file, node, "mac: %s is %s; a device needs a unicast address", text,
			     mac[0] & 1 ? "multicast" : "zero");
		return false;
	}
	memcpy(ret, mac, MAC_LEN);
	return true;
}
