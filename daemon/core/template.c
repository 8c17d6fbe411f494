/* SPDX-License-Identifier: GPL-2.0-only */
/* Matching, naming and filling in; see template.h. */
#include "core/template.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#define DIGITS_MAX 8 /* of a hash in a name */
#define DIGIT_BITS 5

void template_done(struct template *template)
{
	for (size_t i = 0; i < template->n_globs; i++)
		free(template->globs[i]);
	free(template->globs);
	for (size_t i = 0; i < template->n_labels; i++) {
		free(template->labels[i].key);
		free(template->labels[i].glob);
	}
	free(template->labels);
	free(template->taken);
	config_tree_done(&template->body);
	diag_done(&template->at);
	*template = (struct template){};
}

/* ---- matching ---- */

static bool matches_netns(const struct template *template, const char *netns)
{
	bool any = false, found = false;

	for (size_t i = 0; i < template->n_globs; i++) {
		const char *glob = template->globs[i];

		if (glob[0] == '!') {
			if (fnmatch(glob + 1, netns, 0) == 0)
				return false;
			continue;
		}
		any = true;
		found = found || fnmatch(glob, netns, 0) == 0;
	}
	return found || !any;
}

static bool matches_label(const struct template_label *wanted, const struct template_labels *labels)
{
	bool negated = wanted->glob[0] == '!';

	for (size_t i = 0; i < labels->n; i++)
		if (strcmp(labels->items[i]->key, wanted->key) == 0 &&
		    fnmatch(wanted->glob + negated, labels->items[i]->value, 0) == 0)
			return !negated;
	return negated;
}

bool template_matches(const struct template *template, const char *netns,
		      const struct template_labels *labels)
{
	if (!template->has_match || !matches_netns(template, netns))
		return false;
	for (size_t i = 0; i < template->n_labels; i++)
		if (!matches_label(&template->labels[i], labels))
			return false;
	return true;
}

bool template_matches_many(const struct template *template)
{
	const char *only = NULL;

	for (size_t i = 0; i < template->n_globs; i++) {
		if (template->globs[i][0] == '!')
			continue;
		if (only)
			return true;
		only = template->globs[i];
	}
	return !only || strpbrk(only, "*?[\\");
}

/* ---- naming ---- */

static bool is_device_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c == '.' || c == '-';
}

static bool fits(const char *netns, size_t room)
{
	size_t len = 0;

	for (; netns[len]; len++)
		if (len == room || !is_device_byte(netns[len]))
			return false;
	return true;
}

static void cut(const char *netns, size_t room, char *ret)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t hash = util_hash_mix(util_hash(UTIL_HASH_START, netns, strlen(netns)));
	size_t n_digits = MIN(room, (size_t)DIGITS_MAX), n = 0;

	for (; netns[n] && n < room - n_digits; n++)
		ret[n] = is_device_byte(netns[n]) ? netns[n] : '_';
	for (size_t i = 0; i < n_digits; i++) {
		ret[n++] = digits[hash >> (64 - DIGIT_BITS)];
		hash <<= DIGIT_BITS;
	}
	ret[n] = '\0';
}

void template_device_name(const struct template_pattern *pattern, const char *netns,
			  char ret[static IFNAMSIZ])
{
	char middle[IFNAMSIZ] = "";
	const char *const parts[] = { pattern->before, middle, pattern->after };
	size_t n = 0;

	if (pattern->room && fits(netns, pattern->room))
		memcpy(middle, netns, strlen(netns));
	else if (pattern->room)
		cut(netns, pattern->room, middle);
	memset(ret, 0, IFNAMSIZ);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (const char *c = parts[i]; *c && n < IFNAMSIZ - 1; c++)
			ret[n++] = *c;
}

/* ---- filling in ---- */

struct template_piece template_next_piece(const char **text)
{
	const char *start = *text, *end;

	if (!start[0])
		return (struct template_piece){ TEMPLATE_PIECE_END, start, 0 };
	if (start[0] != '{') {
		*text += strcspn(start, "{");
		return (struct template_piece){ TEMPLATE_PIECE_TEXT, start, *text - start };
	}
	if (start[1] == '{') {
		*text += 2;
		return (struct template_piece){ TEMPLATE_PIECE_TEXT, start, 1 };
	}
	end = strchr(start, '}');
	if (!end) {
		*text += strlen(start);
		return (struct template_piece){ TEMPLATE_PIECE_OPEN, start, *text - start };
	}
	*text = end + 1;
	return (struct template_piece){ TEMPLATE_PIECE_WORD, start + 1, end - start - 1 };
}

/* What a piece becomes. */
static struct template_piece value_of(struct template_piece piece,
				      const struct template_values *values)
{
	const struct {
		const char *word, *value;
	} known[] = {
		{ "netns", values->netns },
		{ "name", values->name },
		{ "ip", values->ip },
		{ "ip6", values->ip6 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known) && piece.kind == TEMPLATE_PIECE_WORD; i++)
		if (strlen(known[i].word) == piece.len &&
		    memcmp(known[i].word, piece.text, piece.len) == 0 && known[i].value)
			return (struct template_piece){ TEMPLATE_PIECE_TEXT, known[i].value,
							strlen(known[i].value) };
	return piece;
}

static char *fill_text(const char *text, const struct template_values *values)
{
	struct template_piece piece;
	const char *at = text;
	size_t len = 0;
	char *filled;

	while ((piece = template_next_piece(&at)).kind != TEMPLATE_PIECE_END)
		len += value_of(piece, values).len;
	filled = malloc(len + 1);
	if (!filled)
		return NULL;
	at = text;
	len = 0;
	while ((piece = template_next_piece(&at)).kind != TEMPLATE_PIECE_END) {
		piece = value_of(piece, values);
		memcpy(filled + len, piece.text, piece.len);
		len += piece.len;
	}
	filled[len] = '\0';
	return filled;
}

static int fill_children(const struct node *node, const struct template_values *values,
			 struct node *ret)
{
	for (size_t i = 0; i < node->n_children; i++) {
		bool is_key = node->kind == NODE_MAP && i % 2 == 0;
		struct node child;
		int r = is_key ? config_tree_copy(&node->children[i], &child)
			       : template_fill(&node->children[i], values, &child);

		if (r == 0)
			r = ARRAY_APPEND(ret->children, ret->n_children, child);
		else
			return r;
		if (r < 0) {
			config_tree_done(&child);
			return r;
		}
	}
	return 0;
}

int template_fill(const struct node *node, const struct template_values *values, struct node *ret)
{
	AUTO(config_tree_done) struct node filled = *node;
	int r = 0;

	filled.children = NULL;
	filled.n_children = 0;
	filled.text = node->text ? fill_text(node->text, values) : NULL;
	if (node->text && !filled.text)
		return -ENOMEM;
	if (node->n_children)
		r = fill_children(node, values, &filled);
	if (r < 0)
		return r;
	*ret = STEAL(filled);
	return 0;
}

static unsigned int use_of(struct template_piece piece)
{
	if (piece.kind != TEMPLATE_PIECE_WORD)
		return 0;
	if (piece.len == 2 && memcmp(piece.text, "ip", 2) == 0)
		return TEMPLATE_USE_IP;
	return piece.len == 3 && memcmp(piece.text, "ip6", 3) == 0 ? TEMPLATE_USE_IP6 : 0;
}

unsigned int template_uses(const struct node *node)
{
	const char *at = node->text ? node->text : "";
	struct template_piece piece;
	unsigned int uses = 0;

	while ((piece = template_next_piece(&at)).kind != TEMPLATE_PIECE_END)
		uses |= use_of(piece);
	for (size_t i = 0; i < node->n_children; i++)
		uses |= template_uses(&node->children[i]);
	return uses;
}
