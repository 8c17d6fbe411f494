/* SPDX-License-Identifier: GPL-2.0-only */
/* How metad itself is; see doctor.h. */
#include "client/doctor.h"

#include <stdio.h>
#include <sys/wait.h>

/* ---- the service ---- */

bool doctor_systemd_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* unit and property are words of ours. */
void doctor_ask_unit(const char *unit, const char *property, char *buf, size_t size)
{
	char command[160];
	FILE *in;

	buf[0] = '\0';
	snprintf(command, sizeof(command), "exec systemctl show -P %s %s 2>/dev/null", property, unit);
	in = popen(command, "re");
	if (!in)
		return;
	if (!fgets(buf, size, in))
		buf[0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	pclose(in);
}

bool doctor_unit_is(const char *unit, const char *property, const char *value)
{
	char said[80];

	doctor_ask_unit(unit, property, said, sizeof(said));
	return strcmp(said, value) == 0;
}

static void check_state(struct doctor *doctor, const char *about)
{
	char state[80];

	doctor_ask_unit("metad.service", "ActiveState", state, sizeof(state));
	if (strcmp(state, "failed") == 0)
		doctor_find(doctor, about, VERDICT_FAIL, "journalctl -u metad -x says why",
			    "metad.service has failed");
	else if (strcmp(state, "active") == 0)
		doctor_find(doctor, about, VERDICT_OK, NULL, "metad.service is active");
	else if (doctor->status)
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "metad runs, but not as metad.service, which is %s", state);
	else
		doctor_find(doctor, about, VERDICT_FAIL, "systemctl start metad",
			    "metad.service is %s", state);
}

/* Each would take back what the other does. */
void doctor_others(struct doctor *doctor, const char *about)
{
	size_t n = doctor_count_processes("metad", NULL);

	if (n > 1)
		doctor_find(doctor, about, VERDICT_FAIL, "end all of them but one",
			    "%zu of it run in this network namespace", n);
}

void doctor_service(struct doctor *doctor, const char *about)
{
	char enabled[80];

	if (!doctor_systemd_runs()) {
		doctor_find(doctor, about, VERDICT_NOTE, NULL,
			    "systemd does not run here; metad is started by something else");
		return;
	}
	if (doctor_unit_is("metad.service", "LoadState", "not-found")) {
		doctor_find(doctor, about, doctor->status ? VERDICT_NOTE : VERDICT_FAIL,
			    "meson install, or package metad; then systemctl daemon-reload",
			    "systemd knows no metad.service");
		return;
	}
	doctor_ask_unit("metad.service", "UnitFileState", enabled, sizeof(enabled));
	if (strncmp(enabled, "masked", 6) == 0)
		doctor_find(doctor, about, VERDICT_FAIL, "systemctl unmask metad",
			    "metad.service is masked, so it cannot be started");
	else if (strcmp(enabled, "disabled") == 0)
		doctor_find(doctor, about, VERDICT_NOTE, "systemctl enable metad",
			    "metad.service is not started at boot");
	check_state(doctor, about);
}

void doctor_socket(struct doctor *doctor, const char *about)
{
	const char *version = text_of(doctor->status, "version");

	if (!doctor->status)
		doctor_find(doctor, about, VERDICT_FAIL,
			    doctor_systemd_runs() ? "systemctl enable --now metad" : "start metad",
			    "metad does not answer at %s: %s", doctor->cli->socket,
			    doctor->silence ? doctor->silence : "out of memory");
	else if (strcmp(version, METAD_VERSION) != 0)
		doctor_find(doctor, about, VERDICT_NOTE, "systemctl restart metad",
			    "metad %s answers, and this is metactl " METAD_VERSION, version);
	else
		doctor_find(doctor, about, VERDICT_OK, NULL, "metad %s answers at %s", version,
			    doctor->cli->socket);
}

/* ---- what it does ---- */

/* metad's own judgement of its files; without it, that of the files as they are. */
void doctor_configuration(struct doctor *doctor, const char *about)
{
	AUTO(outlook_done) struct outlook outlook = {};
	size_t n = json_array_size(json_object_get(doctor->status, "diagnostics"));

	if (!doctor->status) {
		if (outlook_make(doctor->cli, NULL, &outlook) != 0)
			return;
		n = outlook.desired->conflicts.n + outlook.catalog.troubles.n;
		for (size_t i = 0; i < outlook.catalog.n_files; i++)
			n += outlook.catalog.files[i].diags.n;
	}
	if (n)
		doctor_find(doctor, about, VERDICT_FAIL,
			    doctor->status ? "metactl status" : "metactl check",
			    "%zu thing%s wrong with files", n, n == 1 ? " is" : "s are");
	else if (doctor->status && !is_true(doctor->status, "loaded"))
		doctor_find(doctor, about, VERDICT_NOTE, NULL, "metad has not read it yet");
	else
		doctor_find(doctor, about, VERDICT_OK, NULL, "nothing is wrong with files");
}

/* What it says of kinds, and of what else has a check of its own, is told there. */
static bool has_own_check(const char *feature)
{
	return strcmp(feature, "expedite") == 0 || strcmp(feature, "btf") == 0;
}

void doctor_features(struct doctor *doctor, const char *about)
{
	const json_t *features = json_object_get(doctor->capabilities, "features");
	size_t n_missing = 0, i;
	json_t *feature;

	json_array_foreach((json_t *)features, i, feature) {
		if (is_true(feature, "usable") || has_own_check(text_of(feature, "name")))
			continue;
		n_missing++;
		doctor_find(doctor, about, VERDICT_NOTE, NULL, "%s: %s", text_of(feature, "name"),
			    text_of(feature, "why"));
	}
	if (features && !n_missing)
		doctor_find(doctor, about, VERDICT_OK, NULL, "metad can use all that it knows of");
}

void doctor_pairs(struct doctor *doctor, const char *about)
{
	size_t n = json_array_size(doctor->pairs), n_ready = 0, i;
	json_t *pair;

	if (!doctor->pairs)
		return;
	json_array_foreach(doctor->pairs, i, pair)
		n_ready += strcmp(text_of(pair, "state"), "ready") == 0;
	if (n_ready < n)
		doctor_find(doctor, about, VERDICT_NOTE, "metactl status",
			    "%zu of %zu are not ready", n - n_ready, n);
	else
		doctor_find(doctor, about, VERDICT_OK, NULL, "all %zu are ready", n);
}
