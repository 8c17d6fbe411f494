/* SPDX-License-Identifier: GPL-2.0-only */
/* What an editor shows; see sheet.h. */
#include "client/sheet.h"

#include <stdio.h>

#define BEGIN "### What stands between this line\n"
#define END "### and this line is saved. What follows is there to be read.\n"

static const char new_pairs[] = "# A new file. It is saved when it says more than this.\n"
				"#\n"
				"# pairs:\n"
				"#   web0:                       # the device on the host\n"
				"#     addresses: [192.0.2.1/32]\n"
				"#     routes: [{to: 10.1.0.2/32}]\n"
				"#     programs: [count]\n"
				"#     peer:\n"
				"#       netns: web              # a name in /run/netns\n"
				"#       name: eth0\n"
				"#       addresses: [10.1.0.2/24]\n";

static const char new_settings[] =
	"# A new file. It is saved when it says more than this; these are "
	"the defaults.\n"
	"#\n"
	"# audit: 120s\n"
	"# expedite: auto\n"
	"# statistics: true\n";

/* Each line behind "# ", so that none of it counts. */
static void print_commented(FILE *out, const char *bytes, size_t len)
{
	bool at_begin = true;

	for (size_t i = 0; i < len; i++) {
		if (at_begin)
			fputs(bytes[i] == '\n' ? "#" : "# ", out);
		fputc(bytes[i] ? bytes[i] : '?', out);
		at_begin = bytes[i] == '\n';
	}
	if (!at_begin)
		fputc('\n', out);
}

/* The file and its drop-ins, but for the one that is edited. */
static void print_others(FILE *out, const struct target *target, const struct outlook *outlook)
{
	for (size_t i = 0; i < outlook->files.n; i++) {
		const struct catalog_source *source = &outlook->files.items[i];

		if (source->kind != target->draft.kind || strcmp(source->name, target->name) != 0)
			continue;
		for (size_t j = 0; j < source->n_parts; j++) {
			const struct config_part *part = &source->parts[j];

			if (!part->bytes || strcmp(part->path, target->path) == 0)
				continue;
			fprintf(out, "\n### %s\n", part->path);
			print_commented(out, part->bytes, part->len);
		}
	}
}

static void print_dropin(FILE *out, const struct target *target, const struct outlook *outlook,
			 const struct original *original)
{
	fprintf(out, "### %s, laid over %s key by key; \"key: null\" takes one away.\n" BEGIN "\n",
		target->path, target->name);
	if (original->is_there)
		fwrite(original->bytes, 1, original->len, out);
	fputs("\n" END, out);
	print_others(out, target, outlook);
}

/* The whole of the file that counts now, to be changed. */
static void print_whole(FILE *out, const struct target *target, const struct outlook *outlook,
			const struct original *original)
{
	const struct dropin_entry *counting = target_counting(target, outlook);
	AUTO_FREE char *bytes = NULL;
	size_t len = 0;

	if (original->is_there)
		fwrite(original->bytes, 1, original->len, out);
	else if (counting && dropin_read_entry(counting, &bytes, &len) == 0)
		fwrite(bytes, 1, len, out);
	else
		fputs(target->draft.kind == CONFIG_SETTINGS ? new_settings : new_pairs, out);
}

int sheet_make(const struct target *target, const struct outlook *outlook,
	       const struct original *original, char **ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return complain(EXIT_NOT_OK, "out of memory");
	if (target->dropin)
		print_dropin(out, target, outlook, original);
	else
		print_whole(out, target, outlook, original);
	if (fclose(out) != 0)
		return complain(EXIT_NOT_OK, "out of memory");
	if (strlen(text) != len)
		return complain(EXIT_NOT_OK, "%s contains a NUL character: it is no text to edit",
				original->path);
	*ret = STEAL(text);
	return 0;
}

/* The line itself, not its words somewhere else; NULL: it is gone. */
static char *find_mark(char *text, const char *mark)
{
	for (char *at = strstr(text, mark); at; at = strstr(at + 1, mark))
		if (at == text || at[-1] == '\n')
			return at;
	return NULL;
}

char *sheet_take(char *text)
{
	char *begin = find_mark(text, BEGIN), *end, *line;

	begin = begin ? begin + strlen(BEGIN) : text;
	end = find_mark(begin, END);
	if (!end)
		end = begin + strlen(begin);
	while (end > begin && strchr(" \t\r\n", end[-1]))
		end--;
	if (end > begin)
		*end++ = '\n';
	*end = '\0';
	/* Blank lines go, the indentation of the first that is not stays. */
	for (line = begin; *line && strchr(" \t\r\n", *line); line++)
		if (*line == '\n')
			begin = line + 1;
	return begin;
}
