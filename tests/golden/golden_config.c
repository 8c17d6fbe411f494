/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people are told of a configuration file. Each NAME.yaml of a directory is parsed, and what
 * comes of it (its nouns with all defaults filled in, or its diagnostics) must be NAME.txt to the
 * byte. Files in NAME.yaml.d are its drop-ins. A file whose name begins with "settings" is read as metad.yaml. With --update the expected
 * files are written instead; the difference is for people to review.
 */
#include "core/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static void print_attrs(FILE *out, const struct attrs *attrs)
{
	static const struct {
		enum attr attr;
		const char *name;
		size_t offset;
	} numbers[] = {
		{ ATTR_MTU, "mtu", offsetof(struct attrs, mtu) },
		{ ATTR_TXQUEUELEN, "txqueuelen", offsetof(struct attrs, txqueuelen) },
		{ ATTR_GSO_MAX_SIZE, "gso", offsetof(struct attrs, gso_max_size) },
		{ ATTR_GRO_MAX_SIZE, "gro", offsetof(struct attrs, gro_max_size) },
		{ ATTR_GSO_IPV4_MAX_SIZE, "gso-ipv4", offsetof(struct attrs, gso_ipv4_max_size) },
		{ ATTR_GRO_IPV4_MAX_SIZE, "gro-ipv4", offsetof(struct attrs, gro_ipv4_max_size) },
	};
	char mac[IP_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (attrs->has & numbers[i].attr)
			fprintf(out, " %s %u", numbers[i].name,
				*(const uint32_t *)((const char *)attrs + numbers[i].offset));
	if (attrs->has & ATTR_MAC)
		fprintf(out, " mac %s", mac_text(attrs->mac, mac));
	if (attrs->has & ATTR_LINKLOCAL)
		fprintf(out, " linklocal %s", attrs->linklocal ? "yes" : "no");
	if (attrs->has & ATTR_UP)
		fprintf(out, " %s", attrs->up ? "up" : "down");
	fputc('\n', out);
}

static void print_end(FILE *out, const struct end *end, enum side side)
{
	char text[ROUTE_TEXT_SIZE], mac[IP_TEXT_SIZE];

	fprintf(out, "  %s %s: policy %s scrub %s", side_name(side), end->attrs.name,
		policy_name(end->policy), scrub_name(end->scrub));
	print_attrs(out, &end->attrs);
	for (size_t i = 0; i < end->n_addresses; i++)
		fprintf(out, "    address %s\n", prefix_text(&end->addresses[i].prefix, text));
	for (size_t i = 0; i < end->n_routes; i++)
		fprintf(out, "    route %s\n", route_text(&end->routes[i], text));
	for (size_t i = 0; i < end->n_neighbours; i++)
		fprintf(out, "    neighbour %s %s\n", ip_text(&end->neighbours[i].ip, text),
			mac_text(end->neighbours[i].mac, mac));
	for (size_t i = 0; i < end->n_sysctls; i++)
		fprintf(out, "    sysctl %s = %s\n", end->sysctls[i].key, end->sysctls[i].value);
	for (size_t i = 0; i < end->n_uses; i++)
		fprintf(out, "    program %s (%u:%u)\n", end->uses[i].program, end->uses[i].at.line,
			end->uses[i].at.column);
}

static void print_pair(FILE *out, const struct pair *pair)
{
	static const char *const by[] = { "name", "path", "pid" };

	fprintf(out, "pair %s (%u:%u): kind %s mode %s recreate %s headroom %u tailroom %u\n",
		pair->name, pair->at.line, pair->at.column, kind_name(pair->kind),
		mode_name(pair->mode), pair->recreate == RECREATE_NEVER ? "never" : "auto",
		pair->headroom, pair->tailroom);
	fprintf(out, "  namespace by %s: %s", by[pair->netns.by], pair->netns.text);
	if (pair->netns.cookie)
		fprintf(out, ", the one with cookie %llu", (unsigned long long)pair->netns.cookie);
	fputc('\n', out);
	if (pair->template[0])
		fprintf(out, "  over template %s%s\n", pair->template,
			pair->overrides ? "" : ", which is done");
	for (size_t i = 0; i < pair->n_labels; i++)
		fprintf(out, "  label %s = %s\n", pair->labels[i].key, pair->labels[i].value);
	for (enum side side = 0; side < N_SIDES; side++)
		print_end(out, &pair->end[side], side);
}

static void print_tree(FILE *out, const struct node *node)
{
	static const char *const brackets[] = { [NODE_LIST] = "[]", [NODE_MAP] = "{}" };

	if (node->kind == NODE_SCALAR) {
		fputs(node->text, out);
		return;
	}
	fputc(brackets[node->kind][0], out);
	for (size_t i = 0; i < node->n_children; i++) {
		if (i)
			fputs(node->kind == NODE_MAP && i % 2 ? ": " : ", ", out);
		print_tree(out, &node->children[i]);
	}
	fputc(brackets[node->kind][1], out);
}

static void print_settings(FILE *out, const struct config *config)
{
	const struct settings *settings = &config->settings;

	fprintf(out, "settings: audit %llums expedite %s statistics %s log %d addresses %s\n",
		(unsigned long long)settings->audit_ms, settings->expedite ? "yes" : "no",
		settings->statistics ? "yes" : "no", settings->log_priority,
		settings->duplicate_addresses ? "shared" : "unique");
	fputs("  kinds", out);
	for (size_t i = 0; i < settings->n_kinds; i++)
		fprintf(out, " %s", kind_name(settings->kinds[i]));
	fprintf(out, "\n  limits: pairs %u connections %u a user %u\n", settings->max_pairs,
		settings->max_connections, settings->max_connections_per_user);
	if (settings->group)
		fprintf(out, "  group \"%s\" (%u:%u)\n", settings->group, settings->group_at.line,
			settings->group_at.column);
	for (size_t i = 0; i < settings->n_netns_dirs; i++)
		fprintf(out, "  names in %s\n", settings->netns_dirs[i]);
	if (config->defaults.n_children) {
		fputs("  defaults ", out);
		print_tree(out, &config->defaults);
		fputc('\n', out);
	}
}

static void print_pool(FILE *out, const struct pool *pool)
{
	char number[POOL_NUMBER_SIZE], first[IP_TEXT_SIZE], last[IP_TEXT_SIZE];

	fprintf(out, "pool %s (%u:%u):\n", pool->name, pool->at.line, pool->at.column);
	for (enum family family = 0; family < N_FAMILIES; family++) {
		if (pool->n_spans[family])
			fprintf(out, "  %s addresses\n",
				pool_number_text(pool->size[family], number));
		for (size_t i = 0; i < pool->n_spans[family]; i++) {
			const struct ip ips[] = {
				pool_ip(family, pool->spans[family][i].first),
				pool_ip(family, pool->spans[family][i].last),
			};

			fprintf(out, "    %s to %s\n", ip_text(&ips[0], first),
				ip_text(&ips[1], last));
		}
	}
}

static void print_template(FILE *out, const struct template *template)
{
	const struct template_pattern *pattern = &template->pattern;
	char text[IP_TEXT_SIZE];

	fprintf(out, "template %s (%u:%u): name %s", template->name, template->at.line,
		template->at.column, pattern->before);
	if (pattern->room)
		fprintf(out, "{netns:%zu}%s", pattern->room, pattern->after);
	fprintf(out, " pool %s%s%s%s\n", template->pool[0] ? template->pool : "(none)",
		template->uses & TEMPLATE_USE_IP ? " {ip}" : "",
		template->uses & TEMPLATE_USE_IP6 ? " {ip6}" : "",
		template->has_match ? "" : ", matches nothing");
	for (size_t i = 0; i < template->n_globs; i++)
		fprintf(out, "  namespace %s\n", template->globs[i]);
	for (size_t i = 0; i < template->n_labels; i++)
		fprintf(out, "  label %s = %s\n", template->labels[i].key,
			template->labels[i].glob);
	for (size_t i = 0; i < template->n_taken; i++)
		fprintf(out, "  takes %s\n", ip_text(&template->taken[i], text));
	fputs("  pair ", out);
	print_tree(out, &template->body);
	fputc('\n', out);
}

static void print_config(FILE *out, enum config_kind kind, const struct config *config)
{
	if (kind == CONFIG_SETTINGS)
		print_settings(out, config);
	for (size_t i = 0; i < config->n_programs; i++)
		fprintf(out, "program %s (%u:%u): object %s function %s\n",
			config->programs[i].name, config->programs[i].at.line,
			config->programs[i].at.column, config->programs[i].object,
			config->programs[i].function ? config->programs[i].function : "(any)");
	for (size_t i = 0; i < config->n_pools; i++)
		print_pool(out, &config->pools[i]);
	for (size_t i = 0; i < config->n_templates; i++)
		print_template(out, &config->templates[i]);
	for (size_t i = 0; i < config->n_pairs; i++)
		print_pair(out, &config->pairs[i]);
	if (kind == CONFIG_PAIRS)
		fprintf(out, "%zu pairs, %zu programs\n", config->n_pairs, config->n_programs);
}

struct parts {
	struct config_part items[8]; /* own their bytes and, but for the first, their paths */
	size_t n;
};

static void parts_done(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		free(parts->items[i].path);
		free(parts->items[i].bytes);
	}
}

static int add_part(struct parts *parts, int dir_fd, const char *path)
{
	struct config_part part = {};
	int r = util_read_file_at(dir_fd, path, CONFIG_BYTES_MAX, &part.bytes, &part.len);

	if (r < 0 || parts->n == ARRAY_SIZE(parts->items))
		return r < 0 ? r : -E2BIG;
	part.path = strdup(path);
	parts->items[parts->n++] = part;
	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".yaml") == 0;
}

/* NAME.yaml, and what NAME.yaml.d has. */
static int read_parts(int dir_fd, const char *name, struct parts *ret)
{
	AUTO_FREE char *below = NULL;
	struct dirent **entries = NULL;
	int r = add_part(ret, dir_fd, name), n;

	if (r < 0 || asprintf(&below, "%s.d", name) < 0)
		return r < 0 ? r : -ENOMEM;
	n = scandirat(dir_fd, below, &entries, is_yaml, alphasort);
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *path = util_join(below, entries[i]->d_name);

		if (r == 0)
			r = path ? add_part(ret, dir_fd, path) : -ENOMEM;
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int print_file(FILE *out, const char *name, const struct parts *parts)
{
	enum config_kind kind = strncmp(name, "settings", 8) ? CONFIG_PAIRS : CONFIG_SETTINGS;
	AUTO(config_done) struct config config = {};
	AUTO(diag_list_done) struct diag_list diags = {};
	int r = config_parse(kind, parts->items, parts->n, NULL, &config, &diags);

	if (r < 0)
		return r;
	for (size_t i = 0; i < diags.n; i++) {
		AUTO_FREE char *text = diag_text(&diags.items[i]);

		fprintf(out, "%s\n", text);
	}
	if (r == 0)
		print_config(out, kind, &config);
	return 0;
}

static int write_file(int dir_fd, const char *name, const char *text, size_t len)
{
	AUTO_CLOSE int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	return write(fd, text, len) == (ssize_t)len ? 0 : -EIO;
}

/* 0: as expected, or updated; 1: not. */
static int check_file(int dir_fd, const char *name, bool update)
{
	AUTO_FREE char *expected = NULL, *expected_name = NULL, *got = NULL;
	AUTO(parts_done) struct parts parts = {};
	size_t expected_len, got_len;
	FILE *out = open_memstream(&got, &got_len);
	int r = read_parts(dir_fd, name, &parts);

	if (!out)
		return -ENOMEM;
	if (r == 0)
		r = print_file(out, name, &parts);
	fclose(out);
	if (r < 0)
		return r;
	if (asprintf(&expected_name, "%.*s.txt", (int)(strlen(name) - strlen(".yaml")), name) < 0)
		return -ENOMEM;
	if (update)
		return write_file(dir_fd, expected_name, got, got_len);
	r = util_read_file_at(dir_fd, expected_name, CONFIG_BYTES_MAX, &expected, &expected_len);
	if (r == 0 && expected_len == got_len && memcmp(expected, got, got_len) == 0)
		return 0;
	printf("%s: not as expected; got:\n%s", name, got);
	return 1;
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && strcmp(argv[2], "--update") == 0;
	struct dirent **entries;
	int dir_fd, n, n_bad = 0;

	if (argc != 2 && !update) {
		fprintf(stderr, "usage: %s DIRECTORY [--update]\n", argv[0]);
		return 2;
	}
	dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = dir_fd < 0 ? -1 : scandir(argv[1], &entries, is_yaml, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no files\n", argv[1]);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		int r = check_file(dir_fd, entries[i]->d_name, update);

		if (r < 0)
			printf("%s: %s\n", entries[i]->d_name, strerror(-r));
		n_bad += r != 0;
		free(entries[i]);
	}
	free(entries);
	close(dir_fd);
	printf("%d files, %d not as expected\n", n, n_bad);
	return n_bad ? 1 : 0;
}
