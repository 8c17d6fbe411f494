/* SPDX-License-Identifier: GPL-2.0-only */
/* See refusal.h. An error without a line of its own is told by its name. */
#include "client/refusal.h"

#include "client/fault.h"

#include <stdio.h>

#define WORDS_MAX 1024

/* words may have "{parameter}" in it, which is what the error says of it. */
static const struct {
	const char *error, *words;
	const char *method; /* NULL: any */
} refusals[] = {
	{ "io.metad.NoSuchPair", "pair \"{pair}\" is not known to metad" },
	{ "io.metad.NotLoaded", "metad has not read its configuration yet" },
	{ "io.metad.CannotLook", "metad cannot look at the kernel: {why}" },
	{ "io.metad.PairExists", "there is a pair {pair} already: {why}" },
	{ "io.metad.InvalidDeclaration", "what is to be declared is wrong, and nothing of it is in force" },
	{ "io.metad.NoSuchTemplate", "no file declares template \"{template}\"" },
	{ "io.metad.NoSuchNamespace", "{why}" },
	{ "io.metad.NotConverged", "{pair} is declared no longer, but not gone: {why}", "Delete" },
	{ "io.metad.NotConverged", "the trial is over, but {pair} is not ready: {why}", "Revert" },
	{ "io.metad.NotConverged", "{pair} did not become ready, and all is as before: {why}" },
	{ "io.metad.NotRuntime", "{pair} is declared in a file, at {declaredAt}: take it out there" },
	{ "io.metad.StorageFailed", "cannot write {why}" },
	{ "io.metad.TrialUnderWay", "there is a trial already (metactl status): metactl confirm or revert ends it" },
	{ "io.metad.NoTrial", "there is no trial" },
	{ "io.metad.Reverted", "the trial was not confirmed: all is as before" },
	{ "io.metad.NoSuchDevice", "{why}" },
	{ "io.metad.NotAPair", "{why}" },
	{ "io.metad.AlreadyManaged", "{why}" },
	{ "io.metad.NotManaged", "{why}" },
	{ "io.metad.NamespaceUnreachable", "{why}" },
	{ "io.metad.NotAdoptable", "{why}" },
	{ "io.metad.StorageReadOnly", "{why} (--runtime)" },
	{ "io.metad.HandoverFailed", "{why}" },
	{ "org.varlink.service.PermissionDenied",
	  "permission denied: this needs root, metad's group or polkit's consent" },
	{ "org.varlink.service.InvalidParameter", "metad does not take what is said as {parameter}" },
	{ "org.varlink.service.MethodNotFound", "this metad does not know {method}: it is an older one" },
	{ "io.systemd.InteractiveAuthenticationRequired",
	  "permission denied: somebody must authenticate; try it from a terminal" },
};

static void fill(const char *words, const json_t *parameters, char ret[static WORDS_MAX])
{
	size_t len = 0;

	ret[0] = '\0';
	while (*words && len < WORDS_MAX - 1) {
		size_t plain = strcspn(words, "{"), key_len;
		char key[64];

		len += snprintf(ret + len, WORDS_MAX - len, "%.*s", (int)plain, words);
		words += plain;
		if (!*words || len >= WORDS_MAX - 1)
			return;
		key_len = strcspn(words, "}");
		snprintf(key, sizeof(key), "%.*s", (int)key_len - 1, words + 1);
		len += snprintf(ret + len, WORDS_MAX - len, "%s", text_of(parameters, key));
		words += key_len + 1;
	}
}

int refusal_complain(const char *method, const json_t *message)
{
	const char *error = text_of(message, "error");
	const json_t *parameters = json_object_get(message, "parameters");
	const json_t *diagnostics = json_object_get(parameters, "diagnostics");
	char words[WORDS_MAX];

	if (json_array_size(diagnostics))
		fault_print_all(diagnostics, FAULT_MARK, FAULT_METADS_PATHS);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (strcmp(error, refusals[i].error) != 0 ||
		    (refusals[i].method && strcmp(method, refusals[i].method) != 0))
			continue;
		fill(refusals[i].words, parameters, words);
		return complain(EXIT_NOT_OK, "%s", words);
	}
	return complain(EXIT_NOT_OK, "metad refused: %s", error);
}
