/* SPDX-License-Identifier: GPL-2.0-only */
/* See config_settings.h. */
#include "core/config_settings.h"

#include "core/config_defaults.h"

#include <syslog.h>

#define NETNS_DIRS_MAX 16
#define CONNECTIONS_MAX 65536

static struct settings *settings_of(void *noun)
{
	return &((struct config *)noun)->settings;
}

static void read_audit(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t ms = 0;
	const char *text;

	if (!reader_text(file, value, "audit", &text))
		return;
	if (strcmp(text, "never") != 0 && (util_parse_duration_ms(text, &ms) < 0 || ms < 100)) {
		reader_fault(file, value,
			     "audit: \"%s\" is not \"never\" nor a time from 100ms on, "
			     "such as 30s or 5min",
			     text);
		return;
	}
	settings_of(noun)->audit_ms = ms;
}

static void read_expedite(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "never", "auto" };
	unsigned int word;

	if (reader_word(file, value, "expedite", words, ARRAY_SIZE(words), &word))
		settings_of(noun)->expedite = word;
}

static void read_statistics(struct reader_file *file, const struct node *value, void *noun)
{
	reader_bool(file, value, "statistics", &settings_of(noun)->statistics);
}

static void read_duplicate_addresses(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "refuse", "allow" };
	unsigned int word;

	if (reader_word(file, value, "duplicate_addresses", words, ARRAY_SIZE(words), &word))
		settings_of(noun)->duplicate_addresses = word;
}

static void read_kind(struct reader_file *file, const struct node *value, struct settings *settings)
{
	static const char *const words[] = { "meta", "netkit", "veth" };
	unsigned int word;

	if (!reader_word(file, value, "kinds", words, ARRAY_SIZE(words), &word))
		return;
	if (settings_allow(settings, KIND_META + word))
		reader_fault(file, value, "kinds: %s is there already", words[word]);
	else
		settings->kinds[settings->n_kinds++] = KIND_META + word;
}

static void read_kinds(struct reader_file *file, const struct node *value, void *noun)
{
	struct settings *settings = settings_of(noun);

	if (!reader_is_list(file, value, "kinds"))
		return;
	if (!value->n_children)
		reader_fault(file, value, "kinds: no device can be made without any");
	settings->n_kinds = 0;
	for (size_t i = 0; i < value->n_children; i++)
		read_kind(file, &value->children[i], settings);
}

static void read_netns_dir(struct reader_file *file, const struct node *value,
			   struct settings *settings)
{
	const char *text;
	char *copy;

	if (!reader_text(file, value, "netns_dirs", &text))
		return;
	if (text[0] != '/') {
		reader_fault(file, value, "netns_dirs: \"%s\" does not begin with '/'", text);
		return;
	}
	copy = reader_copy(file, text);
	for (size_t len = copy ? strlen(copy) : 0; len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = '\0';
	for (size_t i = 0; copy && i < settings->n_netns_dirs; i++) {
		if (strcmp(settings->netns_dirs[i], copy) == 0) {
			reader_fault(file, value, "netns_dirs: %s is there already", copy);
			free(copy);
			return;
		}
	}
	if (copy && ARRAY_APPEND(settings->netns_dirs, settings->n_netns_dirs, copy) < 0) {
		file->out_of_memory = true;
		free(copy);
	}
}

static void read_netns_dirs(struct reader_file *file, const struct node *value, void *noun)
{
	if (!reader_is_list(file, value, "netns_dirs"))
		return;
	if (!value->n_children || value->n_children > NETNS_DIRS_MAX) {
		reader_fault(file, value, "netns_dirs: %zu directories are not between 1 and %d",
			     value->n_children, NETNS_DIRS_MAX);
		return;
	}
	for (size_t i = 0; i < value->n_children; i++)
		read_netns_dir(file, &value->children[i], settings_of(noun));
}

/* A name as useradd(8) makes them; "" is nobody. */
static void read_group(struct reader_file *file, const struct node *value, void *noun)
{
	struct settings *settings = settings_of(noun);
	const char *text = value->text;

	if (value->kind != NODE_SCALAR || (!text[0] && !value->quoted) || strlen(text) > 32 ||
	    strpbrk(text, ": ,\t\n/")) {
		reader_fault(file, value, "group: the name of a group is needed; \"\" is nobody");
		return;
	}
	free(settings->group);
	settings->group = reader_copy(file, text);
	diag_done(&settings->group_at);
	settings->group_at = reader_place(file, value);
}

static void read_log_level(struct reader_file *file, const struct node *value, void *noun)
{
	static const char *const words[] = { "err", "warning", "notice", "info", "debug" };
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
	unsigned int word;

	if (reader_word(file, value, "log_level", words, ARRAY_SIZE(words), &word))
		settings_of(noun)->log_priority = priorities[word];
}

static void read_max_pairs(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "pairs", 1, PAIRS_MAX, &number))
		settings_of(noun)->max_pairs = number;
}

static void read_max_connections(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "connections", 8, CONNECTIONS_MAX, &number))
		settings_of(noun)->max_connections = number;
}

static void read_max_per_user(struct reader_file *file, const struct node *value, void *noun)
{
	uint64_t number;

	if (reader_number(file, value, "connections_per_user", 1, CONNECTIONS_MAX, &number))
		settings_of(noun)->max_connections_per_user = number;
}

static void read_limits(struct reader_file *file, const struct node *value, void *noun)
{
	static const struct reader_key keys[] = { { "pairs", read_max_pairs },
						  { "connections", read_max_connections },
						  { "connections_per_user", read_max_per_user },
						  {} };

	reader_map(file, value, "limits", keys, noun);
}

static void read_defaults(struct reader_file *file, const struct node *value, void *noun)
{
	config_defaults_read(file, value, noun);
}

void config_settings_read(struct reader_file *file, const struct node *root,
			  struct config *config)
{
	static const struct reader_key keys[] = { { "audit", read_audit },
						  { "defaults", read_defaults },
						  { "duplicate_addresses",
						    read_duplicate_addresses },
						  { "expedite", read_expedite },
						  { "group", read_group },
						  { "kinds", read_kinds },
						  { "limits", read_limits },
						  { "log_level", read_log_level },
						  { "netns_dirs", read_netns_dirs },
						  { "statistics", read_statistics },
						  {} };

	reader_map(file, root, "the settings", keys, config);
}
