/* SPDX-License-Identifier: GPL-2.0-only */
/* Values out of nodes, and the words for what is wrong with them; see config_reader.h. */
#include "core/config_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define WORD_MAX 64

/* ---- faults ---- */

void reader_fault(struct reader_file *file, const struct node *node, const char *format, ...)
{
	struct diag diag = reader_place(file, node);
	va_list args;

	if (++file->n_faults > READER_FAULTS_MAX) {
		diag_done(&diag);
		return;
	}
	va_start(args, format);
	if (file->n_faults == READER_FAULTS_MAX)
		diag_set(&diag, "more faults follow that are not shown");
	else if (vasprintf(&diag.text, format, args) < 0)
		diag.text = NULL;
	va_end(args);
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
	return (struct diag){ .file = reader_copy(file, file->name),
			      .line = node->line,
			      .column = node->column };
}

/* ---- words ---- */

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	return MIN(MIN(a, b), c);
}

/* How many single-letter changes lie between two words (Levenshtein). */
static unsigned int distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned int row[WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			unsigned int above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

/* A word is near when at most about a third of it differs. */
static bool is_near(const char *word, unsigned int changes)
{
	return changes <= 1 + strlen(word) / 3 && changes < strlen(word);
}

static const struct reader_key *nearest_key(const char *word, const struct reader_key *keys)
{
	const struct reader_key *nearest = NULL;
	unsigned int least = WORD_MAX;

	for (; keys->name; keys++) {
		unsigned int changes = distance(word, keys->name);

		if (changes < least) {
			least = changes;
			nearest = keys;
		}
	}
	return is_near(word, least) ? nearest : NULL;
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

static void fault_unknown(struct reader_file *file, const struct node *key, const char *what,
			  const struct reader_key *keys)
{
	const struct reader_key *nearest = nearest_key(key->text, keys);
	AUTO(diag_done) struct diag known = {};

	if (nearest) {
		reader_fault(file, key, "unknown key \"%s\" in %s; did you mean \"%s\"?", key->text,
			     what, nearest->name);
		return;
	}
	list_keys(keys, &known);
	reader_fault(file, key, "unknown key \"%s\" in %s; known are: %s", key->text, what,
		     known.text ? known.text : "");
}

/* ---- maps ---- */

void reader_map(struct reader_file *file, const struct node *map, const char *what,
		const struct reader_key *keys, void *noun)
{
	if (map->kind != NODE_MAP) {
		reader_fault(file, map, "%s must be a map of keys and values", what);
		return;
	}
	for (size_t i = 0; i < map->n_children; i += 2) {
		const struct node *key = &map->children[i], *value = key + 1;
		const struct reader_key *known = keys;

		while (known->name && strcmp(known->name, key->text) != 0)
			known++;
		if (known->name)
			known->read(file, value, noun);
		else
			fault_unknown(file, key, what, keys);
	}
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
	switch (util_parse_u64(text, min, max, ret)) {
	case 0:
		return true;
	case -ERANGE:
		reader_fault(file, node, "%s: %s is not between %llu and %llu", what, text,
			     (unsigned long long)min, (unsigned long long)max);
		return false;
	default:
		reader_fault(file, node, "%s: \"%s\" is not a number", what, text);
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

bool reader_ip(struct reader_file *file, const struct node *node, const char *what, struct ip *ret)
{
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	if (ip_parse(text, ret) == 0)
		return true;
	reader_fault(file, node, "%s: \"%s\" is not an IP address", what, text);
	return false;
}

bool reader_prefix(struct reader_file *file, const struct node *node, const char *what,
		   struct prefix *ret)
{
	const char *text;

	if (!reader_text(file, node, what, &text))
		return false;
	if (prefix_parse(text, ret) == 0)
		return true;
	reader_fault(file, node, "%s: \"%s\" is not an IP address with a prefix length", what, text);
	return false;
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
