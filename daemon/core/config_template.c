/* SPDX-License-Identifier: GPL-2.0-only */
/* See config_template.h. */
#include "core/config_template.h"

#include "core/config_pair.h"

#include <stdio.h>

#define GLOBS_MAX 64
#define NAME_MAX_OF_NETNS 255 /* of a file, which a namespace's name is */

/* What stands for placeholders before there is any namespace: addresses are for documentation. */
#define EXAMPLE_NETNS "example"
#define EXAMPLE_IP "192.0.2.177"
#define EXAMPLE_IP6 "2001:db8::b1"

/* Whether a piece is this word. */
static bool is_word(struct template_piece piece, const char *word)
{
	return strlen(word) == piece.len && memcmp(word, piece.text, piece.len) == 0;
}

/* ---- match ---- */

static bool check_glob(struct reader_file *file, const struct node *node, const char *what,
		       const char *text)
{
	if (strlen(text) > NAME_MAX_OF_NETNS)
		reader_fault(file, node, "%s has %zu bytes; at most %d are allowed", what,
			     strlen(text), NAME_MAX_OF_NETNS);
	else if (strcmp(text, "!") == 0)
		reader_fault(file, node, "%s: there is nothing behind the \"!\"", what);
	else
		return true;
	return false;
}

static void read_glob(struct reader_file *file, const struct node *node, struct template *template)
{
	const char *text;
	char *copy;

	if (!reader_text(file, node, "netns", &text) || !check_glob(file, node, "netns", text))
		return;
	copy = reader_copy(file, text);
	if (!copy || ARRAY_APPEND(template->globs, template->n_globs, copy) < 0) {
		file->out_of_memory = true;
		free(copy);
	}
}

static void read_globs(struct reader_file *file, const struct node *value, void *noun)
{
	if (value->kind == NODE_SCALAR) {
		read_glob(file, value, noun);
		return;
	}
	if (!reader_is_list(file, value, "netns"))
		return;
	if (value->n_children > GLOBS_MAX)
		reader_fault(file, value, "netns: %zu patterns are more than %d", value->n_children,
			     GLOBS_MAX);
	for (size_t i = 0; i < value->n_children && i < GLOBS_MAX; i++)
		read_glob(file, &value->children[i], noun);
}

static void read_label(struct reader_file *file, const struct node *key, struct template *template)
{
	struct template_label label = {};
	const char *text;

	if (!config_label_key_is_valid(key->text)) {
		reader_fault(file, key, "labels: \"%s\" cannot be a label's key", key->text);
		return;
	}
	if (!reader_text(file, key + 1, key->text, &text) ||
	    !check_glob(file, key + 1, key->text, text))
		return;
	label.key = reader_copy(file, key->text);
	label.glob = reader_copy(file, text);
	if (!label.key || !label.glob ||
	    ARRAY_APPEND(template->labels, template->n_labels, label) < 0) {
		file->out_of_memory = true;
		free(label.key);
		free(label.glob);
	}
}

static void read_labels(struct reader_file *file, const struct node *value, void *noun)
{
	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "labels must be a map of keys and patterns");
		return;
	}
	if (value->n_children / 2 > GLOBS_MAX)
		reader_fault(file, value, "%zu labels are more than %d", value->n_children / 2,
			     GLOBS_MAX);
	for (size_t i = 0; i < value->n_children && i < 2 * GLOBS_MAX; i += 2)
		read_label(file, &value->children[i], noun);
}

static void read_match(struct reader_file *file, const struct node *value, void *noun)
{
	static const struct reader_key keys[] = { { "netns", read_globs },
						  { "labels", read_labels },
						  {} };
	struct template *template = noun;

	template->has_match = true;
	reader_map(file, value, "a match", keys, template);
}

/* ---- name ---- */

/* {netns} or {netns:N}; room is 0 for the first. */
static bool read_name_word(struct reader_file *file, const struct node *node,
			   struct template_piece piece, uint64_t *ret_room)
{
	char number[4] = "";
	size_t prefix = strlen("netns:");

	if (is_word(piece, "netns")) {
		*ret_room = 0;
		return true;
	}
	if (piece.len <= prefix || memcmp(piece.text, "netns:", prefix) != 0) {
		reader_fault(file, node,
			     "name: unknown placeholder \"{%.*s}\"; known are: {netns}, {netns:N}",
			     (int)piece.len, piece.text);
		return false;
	}
	snprintf(number, sizeof(number), "%.*s", (int)(piece.len - prefix), piece.text + prefix);
	if (piece.len - prefix < sizeof(number) &&
	    util_parse_u64(number, TEMPLATE_NETNS_MIN, IFNAMSIZ - 1, ret_room) == 0)
		return true;
	reader_fault(file, node, "name: \"{%.*s}\" is not {netns:N} with an N between %d and %d",
		     (int)piece.len, piece.text, TEMPLATE_NETNS_MIN, IFNAMSIZ - 1);
	return false;
}

static bool append_name_text(char *part, struct template_piece piece)
{
	size_t len = strlen(part);

	if (len + piece.len >= IFNAMSIZ)
		return false;
	memcpy(part + len, piece.text, piece.len);
	part[len + piece.len] = '\0';
	return true;
}

/* Fits what {netns} may take to what is left of a device's name. */
static void fit_room(struct reader_file *file, const struct node *node, uint64_t asked,
		     struct template_pattern *pattern)
{
	size_t fixed = strlen(pattern->before) + strlen(pattern->after);

	if (fixed + TEMPLATE_NETNS_MIN >= IFNAMSIZ)
		reader_fault(file, node,
			     "name: \"%s\" leaves {netns} less than the %d bytes that it needs: "
			     "%zu are around it, and a device's name has at most %d",
			     node->text, TEMPLATE_NETNS_MIN, fixed, IFNAMSIZ - 1);
	else if (fixed + asked >= IFNAMSIZ)
		reader_fault(file, node,
			     "name: \"%s\" can have %zu bytes; a device's name has at most %d",
			     node->text, fixed + (size_t)asked, IFNAMSIZ - 1);
	pattern->room = asked ? asked : IFNAMSIZ - 1 - MIN(fixed, (size_t)IFNAMSIZ - 2);
}

static void check_name_bytes(struct reader_file *file, const struct node *node,
			     const struct template_pattern *pattern)
{
	char fixed[2 * IFNAMSIZ];

	/* Any letter will do for {netns}; a name of its own can be too short, or ".". */
	snprintf(fixed, sizeof(fixed), "%s%s%s", pattern->before, pattern->room ? "x" : "",
		 pattern->after);
	if (!device_name_is_valid(fixed))
		reader_fault(file, node,
			     "name: \"%s\" is not a device's name: letters, digits, '_', '-' "
			     "and '.'",
			     node->text);
}

static void read_name(struct reader_file *file, const struct node *value, void *noun)
{
	struct template_pattern *pattern = &((struct template *)noun)->pattern;
	struct template_piece piece;
	bool has_netns = false;
	uint64_t room = 0;
	const char *at;

	if (!reader_text(file, value, "name", &at))
		return;
	while ((piece = template_next_piece(&at)).kind != TEMPLATE_PIECE_END) {
		if (piece.kind == TEMPLATE_PIECE_OPEN) {
			reader_fault(file, value, "name: \"%s\" lacks a '}'", value->text);
			return;
		}
		if (piece.kind == TEMPLATE_PIECE_TEXT) {
			if (append_name_text(has_netns ? pattern->after : pattern->before, piece))
				continue;
			reader_fault(file, value,
				     "name: \"%s\" is longer than a device's name, which has at "
				     "most %d bytes",
				     value->text, IFNAMSIZ - 1);
			return;
		}
		if (has_netns) {
			reader_fault(file, value, "name: only one {netns} can be in it");
			return;
		}
		if (!read_name_word(file, value, piece, &room))
			return;
		has_netns = true;
	}
	if (has_netns)
		fit_room(file, value, room, pattern);
	check_name_bytes(file, value, pattern);
}

/* ---- the rest ---- */

static void read_pool(struct reader_file *file, const struct node *value, void *noun)
{
	struct template *template = noun;
	const char *text;

	if (!reader_text(file, value, "pool", &text))
		return;
	if (config_program_name_is_valid(text))
		snprintf(template->pool, sizeof(template->pool), "%s", text);
	else
		reader_fault(file, value, "pool: \"%s\" cannot be the name of a pool", text);
}

static void read_pair(struct reader_file *file, const struct node *value, void *noun)
{
	struct template *template = noun;

	if (value->kind != NODE_MAP) {
		reader_fault(file, value, "a template's pair must be a map of keys and values");
		return;
	}
	config_tree_done(&template->body);
	if (config_tree_copy(value, &template->body) < 0)
		file->out_of_memory = true;
}

void config_template_read(struct reader_file *file, const struct node *key, struct template *ret)
{
	static const struct reader_key keys[] = { { "match", read_match },
						  { "name", read_name },
						  { "pool", read_pool },
						  { "pair", read_pair },
						  {} };
	const struct node *value = key + 1, *name;
	size_t n_faults = file->n_faults;

	*ret = (struct template){ .at = reader_place(file, key) };
	config_name_read(file, key, "template", ret->name);
	if (!reader_map(file, value, "a template", keys, ret))
		return;
	name = reader_find(value, "name");
	if (!name)
		reader_fault(file, key, "template \"%s\" needs \"name:\"", key->text);
	if (!reader_find(value, "pair"))
		reader_fault(file, key, "template \"%s\" needs \"pair:\"", key->text);
	if (name && file->n_faults == n_faults && !ret->pattern.room && template_matches_many(ret))
		reader_fault(file, name,
			     "name: \"%s\" needs {netns}: more than one namespace can match",
			     name->text);
}

/* ---- the body ---- */

static const struct reader_key placeholders[] = {
	{ "netns", NULL }, { "name", NULL }, { "ip", NULL }, { "ip6", NULL }, {}
};

/* While a body is looked through. */
struct body_check {
	struct reader_file *file;
	struct template *template;
	const struct pool *pool; /* NULL: not known */
};

static void check_address_word(const struct body_check *check, const struct node *node,
			       enum template_use use)
{
	struct template *template = check->template;

	template->uses |= use;
	if (!template->pool[0])
		reader_fault(check->file, node, "{ip%s} needs the template to have a \"pool:\"",
			     use == TEMPLATE_USE_IP6 ? "6" : "");
	else if (use == TEMPLATE_USE_IP6 && check->pool && !check->pool->size[FAMILY_IPV6])
		reader_fault(check->file, node, "{ip6}: pool \"%s\" has no IPv6 addresses",
			     template->pool);
}

static void check_word(const struct body_check *check, const struct node *node,
		       struct template_piece piece)
{
	char word[64];

	if (is_word(piece, "ip"))
		check_address_word(check, node, TEMPLATE_USE_IP);
	else if (is_word(piece, "ip6"))
		check_address_word(check, node, TEMPLATE_USE_IP6);
	if (is_word(piece, "ip") || is_word(piece, "ip6") || is_word(piece, "name") ||
	    is_word(piece, "netns"))
		return;
	snprintf(word, sizeof(word), "%.*s", (int)piece.len, piece.text);
	reader_fault_unknown(check->file, node, "placeholder", word, "a template's pair",
			     placeholders);
}

/* YAML takes {ip} without quotes for a map. */
static bool is_bare_placeholder(const struct node *node)
{
	if (node->kind != NODE_MAP || node->n_children != 2 ||
	    !config_tree_is_null(&node->children[1]))
		return false;
	for (const struct reader_key *known = placeholders; known->name; known++)
		if (strcmp(known->name, node->children[0].text) == 0)
			return true;
	return false;
}

static void check_text(const struct body_check *check, const struct node *node)
{
	const char *at = node->text;
	struct template_piece piece;

	while ((piece = template_next_piece(&at)).kind != TEMPLATE_PIECE_END) {
		if (piece.kind == TEMPLATE_PIECE_OPEN)
			reader_fault(check->file, node,
				     "\"%s\" lacks a '}'; a brace that is meant is written \"{{\"",
				     node->text);
		else if (piece.kind == TEMPLATE_PIECE_WORD)
			check_word(check, node, piece);
	}
}

static void check_placeholders(const struct body_check *check, const struct node *node)
{
	if (is_bare_placeholder(node))
		reader_fault(check->file, node, "a placeholder needs quotes: \"{%s}\"",
			     node->children[0].text);
	else if (node->kind == NODE_SCALAR)
		check_text(check, node);
	for (size_t i = 0; i < node->n_children; i++)
		if (node->kind == NODE_LIST || i % 2)
			check_placeholders(check, &node->children[i]);
}

void config_template_pair(struct reader_file *file, const struct template *template,
			  const struct template_values *values, struct pair *ret)
{
	AUTO(config_tree_done) struct node body = {};
	const struct node key = { .kind = NODE_SCALAR,
				  .file = template->at.file,
				  .line = template->at.line,
				  .column = template->at.column,
				  .text = (char *)values->name };

	if (template_fill(&template->body, values, &body) == 0) {
		config_pair_read(file, &key, &body, values->netns, ret);
		memcpy(ret->template, template->name, sizeof(ret->template));
		return;
	}
	*ret = (struct pair){};
	file->out_of_memory = true;
}

/* A fault that quotes an example says so: nobody has written it. */
static void explain(struct reader_file *file, size_t n_before, const struct template_values *values)
{
	const struct {
		const char *example, *word;
	} known[] = {
		{ values->ip, "ip" },
		{ values->ip6, "ip6" },
		{ values->name, "name" },
		{ values->netns, "netns" },
	};

	for (size_t i = n_before; i < file->diags->n; i++) {
		struct diag *diag = &file->diags->items[i];

		for (size_t j = 0; j < ARRAY_SIZE(known); j++) {
			AUTO_FREE char *text = NULL;

			if (!diag->text || !strstr(diag->text, known[j].example))
				continue;
			text = STEAL(diag->text);
			diag_set(diag, "%s (%s is an example of {%s})", text, known[j].example,
				 known[j].word);
			file->out_of_memory |= !diag->text;
			break;
		}
	}
}

static bool is_example(const struct ip *ip)
{
	char text[IP_TEXT_SIZE];

	ip_text(ip, text);
	return strcmp(text, EXAMPLE_IP) == 0 || strcmp(text, EXAMPLE_IP6) == 0;
}

/* Addresses that the template has as they are are not for its pool to give out. */
static void note_taken(struct reader_file *file, struct template *template, const struct pair *pair)
{
	for (enum side side = 0; side < N_SIDES; side++) {
		const struct end *end = &pair->end[side];

		for (size_t i = 0; i < end->n_addresses; i++)
			if (!is_example(&end->addresses[i].prefix.ip) &&
			    ARRAY_APPEND(template->taken, template->n_taken,
					 end->addresses[i].prefix.ip) < 0)
				file->out_of_memory = true;
	}
}

static void read_example(struct reader_file *file, struct template *template, const char *ip)
{
	AUTO(pair_done) struct pair pair = {};
	size_t n_before = file->diags->n, n_faults = file->n_faults;
	bool one = template->has_match && !template_matches_many(template);
	char name[IFNAMSIZ];
	struct template_values values = {
		.netns = EXAMPLE_NETNS, .name = name, .ip = ip, .ip6 = EXAMPLE_IP6
	};

	for (size_t i = 0; one && i < template->n_globs; i++)
		if (template->globs[i][0] != '!')
			values.netns = template->globs[i];
	template_device_name(&template->pattern, values.netns, name);
	/* What is wrong with the name has been said. */
	if (!device_name_is_valid(name))
		values.name = EXAMPLE_NETNS;
	config_template_pair(file, template, &values, &pair);
	if (file->n_faults > n_faults)
		explain(file, n_before, &values);
	else
		note_taken(file, template, &pair);
}

/* Whether the body is good with this address, which nobody is told. */
static bool try_example(struct reader_file *file, struct template *template, const char *ip)
{
	AUTO(diag_list_done) struct diag_list diags = {};
	struct reader_file trial = { .diags = &diags };

	read_example(&trial, template, ip);
	file->out_of_memory |= trial.out_of_memory;
	return trial.n_faults == 0;
}

void config_template_check(struct reader_file *file, struct template *template,
			   const struct pool *pool)
{
	const struct body_check check = { .file = file, .template = template, .pool = pool };
	size_t n_faults = file->n_faults;

	/* Without a body there is a fault already. */
	if (template->body.kind == NODE_MAP)
		check_placeholders(&check, &template->body);
	if (template->body.kind != NODE_MAP || file->n_faults > n_faults)
		return;
	if (pool)
		read_example(file, template, pool->size[FAMILY_IPV4] ? EXAMPLE_IP : EXAMPLE_IP6);
	else if (!try_example(file, template, EXAMPLE_IP) &&
		 !try_example(file, template, EXAMPLE_IP6))
		read_example(file, template, EXAMPLE_IP);
}
