/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration as it is or would be; see outlook.h. */
#include "client/outlook.h"

#include <ctype.h>
#include <errno.h>

void outlook_done(struct outlook *outlook)
{
	desired_unref(outlook->desired);
	catalog_done(&outlook->catalog);
	dropin_files_done(&outlook->files);
	dropin_list_done(&outlook->list);
	*outlook = (struct outlook){};
}

int outlook_make(const struct cli *cli, const struct dropin_draft *draft, struct outlook *ret)
{
	AUTO(outlook_done) struct outlook outlook = {};
	AUTO(diag_done) struct diag why = {};

	if (dropin_list(cli->config_dirs, cli->n_config_dirs, draft, draft != NULL, &outlook.list,
			&why) < 0)
		return complain(EXIT_NOT_OK, "%s%s%s", why.file ? why.file : "", why.file ? ": " : "",
				why.text ? why.text : "out of memory");
	if (dropin_read_list(&outlook.list, &outlook.files) < 0 ||
	    catalog_update(&outlook.catalog, outlook.files.items, outlook.files.n) < 0 ||
	    catalog_join(&outlook.catalog, NULL, &outlook.desired) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	*ret = STEAL(outlook);
	return 0;
}

/* ---- faults ---- */

struct fault {
	const struct diag *diag; /* borrowed */
	char *words; /* owned; file and text without what changes when a file is changed or copied */
};

struct faults {
	const struct cli *cli;
	struct fault *items; /* owned */
	size_t n;
	bool out_of_memory;
};

static void faults_done(struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		free(faults->items[i].words);
	free(faults->items);
}

/* Behind ":12:3", which is another place in words about the same thing. */
static const char *skip_place(const char *text)
{
	while (text[0] == ':' && isdigit((unsigned char)text[1]))
		text += 1 + strspn(text + 1, "0123456789");
	return text;
}

/* Behind "/etc/metad" of a path. */
static const char *skip_dir(const struct cli *cli, const char *text)
{
	for (size_t i = 0; i < cli->n_config_dirs; i++) {
		size_t len = strlen(cli->config_dirs[i]);

		if (strncmp(text, cli->config_dirs[i], len) == 0 && text[len] == '/')
			return text + len;
	}
	return text;
}

static char *words_of(const struct cli *cli, const struct diag *diag)
{
	const char *text = diag->text ? diag->text : "";
	const char *file = diag->file ? skip_dir(cli, diag->file) : "";
	char *words = malloc(strlen(file) + strlen(text) + 2);
	size_t n;

	if (!words)
		return NULL;
	n = stpcpy(words, file) - words;
	words[n++] = '\n';
	while (*(text = skip_dir(cli, skip_place(text))))
		words[n++] = *text++;
	words[n] = '\0';
	return words;
}

static void collect(void *ctx, const struct diag *diag)
{
	struct faults *faults = ctx;
	struct fault fault = { diag, words_of(faults->cli, diag) };

	if (fault.words && ARRAY_APPEND(faults->items, faults->n, fault) == 0)
		return;
	free(fault.words);
	faults->out_of_memory = true;
}

static int compare_faults(const void *a, const void *b)
{
	return strcmp(((const struct fault *)a)->words, ((const struct fault *)b)->words);
}

static int sort_faults(const struct outlook *outlook, struct faults *ret)
{
	catalog_each_diag(&outlook->catalog, outlook->desired, collect, ret);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_faults);
	return ret->out_of_memory ? -ENOMEM : 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int r = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	return r ? r : diag_compare_place(x, y);
}

static int add_copy(const struct diag *diag, struct diag_list *list)
{
	struct diag copy = {};
	int r = diag_copy(diag, &copy);

	return r < 0 ? r : diag_list_add(list, &copy);
}

int outlook_new_faults(const struct cli *cli, const struct outlook *before,
		       const struct outlook *after, struct diag_list *ret)
{
	AUTO(faults_done) struct faults old = { .cli = cli };
	AUTO(faults_done) struct faults now = { .cli = cli };
	int r = sort_faults(before, &old);

	if (r == 0)
		r = sort_faults(after, &now);
	for (size_t i = 0, j = 0; i < now.n && r == 0; i++) {
		int order = -1;

		while (j < old.n && (order = compare_faults(&old.items[j], &now.items[i])) < 0)
			j++;
		if (j < old.n && order == 0)
			j++;
		else
			r = add_copy(now.items[i].diag, ret);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_places);
	return r;
}

/* ---- pairs ---- */

void outlook_each_only(const struct outlook *outlook, const struct outlook *other,
		       void (*fn)(void *ctx, const char *pair), void *ctx)
{
	for (size_t i = 0; i < outlook->desired->n_pairs; i++)
		if (!desired_find_pair(other->desired, outlook->desired->pairs[i].name))
			fn(ctx, outlook->desired->pairs[i].name);
}
