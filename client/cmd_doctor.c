/* SPDX-License-Identifier: GPL-2.0-only */
/* metactl doctor: what this machine lacks, whether metad runs or not. */
#include "client/doctor.h"
#include "client/output.h"
#include "client/pairs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *about;
	void (*run)(struct doctor *doctor, const char *about);
} checks[] = {
	{ "kernel", doctor_kernel },
	{ "options", doctor_options },
	{ "kinds", doctor_kinds },
	{ "bpffs", doctor_bpffs },
	{ "types", doctor_btf },
	{ "compiler", doctor_jit },
	{ "privileges", doctor_unprivileged },
	{ "expedite", doctor_expedite },
	{ "capabilities", doctor_capabilities },
	{ "libbpf", doctor_libbpf },
	{ "programs", doctor_programs },
	{ "namespaces", doctor_namespaces },
	{ "group", doctor_group },
	{ "managers", doctor_managers },
	{ "metad", doctor_others },
	{ "service", doctor_service },
	{ "socket", doctor_socket },
	{ "configuration", doctor_configuration },
	{ "features", doctor_features },
	{ "pairs", doctor_pairs },
};

static const char *const verdicts[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_NOTE] = "note",
	[VERDICT_FAIL] = "fail",
};

/* ---- findings ---- */

void doctor_find(struct doctor *doctor, const char *about, enum verdict verdict, const char *how,
		 const char *format, ...)
{
	AUTO_FREE char *what = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&what, format, args);
	va_end(args);
	if (r < 0)
		return;
	json_array_append_new(doctor->findings,
			      json_pack("{s:s, s:s, s:s, s:s*}", "about", about, "verdict",
					verdicts[verdict], "what", what, "how", how));
}

const json_t *doctor_ask(const struct doctor *doctor, const char *list, const char *name)
{
	const json_t *from = strcmp(list, "kinds") == 0 ? doctor->status : doctor->capabilities;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(from, list), i, item)
		if (strcmp(text_of(item, "name"), name) == 0)
			return item;
	return NULL;
}

/* ---- metad ---- */

/* Connecting would make systemd start it, which is not for this to do. */
static bool would_start_metad(const struct cli *cli)
{
	return strcmp(cli->socket, CLI_SOCKET) == 0 && doctor_systemd_runs() &&
	       doctor_unit_is("metad.socket", "ActiveState", "active") &&
	       doctor_unit_is("metad.service", "ActiveState", "inactive");
}

static char *explain_silence(int error)
{
	return strdup(error == -ECONNREFUSED || error == -ENOENT ? "nobody listens there"
								  : strerror(-error));
}

static void ask_metad(struct doctor *doctor)
{
	AUTO(conn_close) struct conn *conn = NULL;
	int r;

	if (would_start_metad(doctor->cli)) {
		doctor->silence = strdup("it is not started before somebody asks it for something");
		return;
	}
	r = conn_try(doctor->cli, &conn);
	if (r < 0) {
		doctor->silence = explain_silence(r);
		return;
	}
	if (conn_call(conn, "Status", NULL, &doctor->status) != 0) {
		doctor->silence = strdup("it gives no answer");
		return;
	}
	(void)conn_call(conn, "Capabilities", NULL, &doctor->capabilities);
	(void)pairs_ask(conn, &doctor->pairs);
}

/* ---- text ---- */

#define ABOUT 14 /* columns */

/* Words of a text in lines of the terminal, each behind so many blanks but the first. */
static void print_wrapped(const char *text, size_t indent)
{
	size_t width = term_width(), used = indent;

	for (;;) {
		size_t len = strcspn(text, " ");
		AUTO_FREE char *word = strndup(text, len);
		size_t columns = word ? term_text_width(word) : len;

		if (used > indent && used + 1 + columns > width) {
			printf("\n%*s", (int)indent, "");
			used = indent;
		} else if (used > indent) {
			putchar(' ');
			used++;
		}
		printf("%.*s", (int)len, text);
		used += columns;
		if (!text[len])
			break;
		text += len + 1;
	}
}

static void view_finding(const struct cli *cli, const json_t *finding)
{
	static const char *const dots[] = { "●", "○", "×" };
	static const enum colour colours[] = { COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD };
	enum verdict verdict = VERDICT_OK;

	while (strcmp(text_of(finding, "verdict"), verdicts[verdict]) != 0)
		verdict++;
	printf("%s%s%s %-*s ", term_colour(colours[verdict]), dots[verdict], term_reset(), ABOUT,
	       text_of(finding, "about"));
	print_wrapped(text_of(finding, "what"), ABOUT + 3);
	putchar('\n');
	if (!has_text(finding, "how"))
		return;
	printf("%*s%s→ ", ABOUT + 3, "", term_colour(COLOUR_STRONG));
	print_wrapped(text_of(finding, "how"), ABOUT + 5);
	printf("%s\n", term_reset());
}

static size_t count(const json_t *findings, enum verdict verdict)
{
	size_t n = 0, i;
	json_t *finding;

	json_array_foreach((json_t *)findings, i, finding)
		n += strcmp(text_of(finding, "verdict"), verdicts[verdict]) == 0;
	return n;
}

static void view_findings(const struct cli *cli, const json_t *findings)
{
	size_t n_fails = count(findings, VERDICT_FAIL), n_notes = count(findings, VERDICT_NOTE), i;
	json_t *finding;

	json_array_foreach((json_t *)findings, i, finding)
		view_finding(cli, finding);
	if (!cli->no_legend)
		printf("\n%zu failure%s, %zu note%s\n", n_fails, n_fails == 1 ? "" : "s", n_notes,
		       n_notes == 1 ? "" : "s");
}

/* ---- the command ---- */

static void doctor_done(struct doctor *doctor)
{
	kernel_config_done(&doctor->config);
	json_decref(doctor->status);
	json_decref(doctor->capabilities);
	json_decref(doctor->pairs);
	json_decref(doctor->findings);
	free(doctor->silence);
}

static int cmd_doctor(const struct cli *cli, int argc, char **argv)
{
	AUTO(doctor_done) struct doctor doctor = { .cli = cli, .findings = json_array() };

	uname(&doctor.kernel);
	if (!doctor.findings || kernel_config_read(doctor.kernel.release, &doctor.config) < 0)
		return complain(EXIT_NOT_OK, "out of memory");
	ask_metad(&doctor);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i].run(&doctor, checks[i].about);
	output(cli, doctor.findings, view_findings);
	return count(doctor.findings, VERDICT_FAIL) ? EXIT_NOT_OK : 0;
}

static const struct option_type doctor_options_taken[] = { OPTION_CONFIG_DIR };

const struct command command_doctor = {
	.name = "doctor",
	.family = FAMILY_OTHER,
	.help = "what this machine lacks for metad, and how to get it",
	.details = "With metad running or not: the kernel, the BPF file system, libbpf, the unit and\n"
		   "its capabilities, other managers of devices, the configuration. What metad says\n"
		   "of itself counts more than what can be guessed without it.\n"
		   "\n"
		   "Exit status: 0 nothing fails (there may be notes), 1 something does.",
	COMMAND_OPTIONS(doctor_options_taken),
	.is_paged = true,
	.run = cmd_doctor,
};
