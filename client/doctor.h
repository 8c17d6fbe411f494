/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What the machine lacks for metad, and how to get it. A check looks at one thing and says what it
 * found, in words for people; what metad says of itself counts more than what can be guessed. The
 * checks change nothing.
 */

#include "client/kernel_config.h"
#include "client/outlook.h"

#include <sys/utsname.h>

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE, /* worth knowing; metad works without */
	VERDICT_FAIL, /* metad does not work, or not as it should */
};

struct doctor {
	const struct cli *cli;
	struct utsname kernel;
	struct kernel_config config;
	json_t *status, *capabilities, *pairs; /* owned; what metad says; NULL: it does not */
	char *silence; /* owned; why it does not */
	json_t *findings; /* owned; an array */
};

/* how: to get what is not there; NULL: nothing is to be done. */
__attribute__((format(printf, 5, 6))) void doctor_find(struct doctor *doctor, const char *about,
						       enum verdict verdict, const char *how,
						       const char *format, ...);

/* Of metad's list of kinds or features; NULL: metad does not say. */
const json_t *doctor_ask(const struct doctor *doctor, const char *list, const char *name);

/* How many processes in this network namespace have that name; ret_first, if not NULL: one's id. */
size_t doctor_count_processes(const char *name, pid_t *ret_first);

/* What systemd says of a unit ("metad.service", "ActiveState"), "" where it says nothing. */
bool doctor_systemd_runs(void);
void doctor_ask_unit(const char *unit, const char *property, char *buf, size_t size);
bool doctor_unit_is(const char *unit, const char *property, const char *value);

/* The checks; about is what their findings are about. */
void doctor_kernel(struct doctor *doctor, const char *about);
void doctor_kinds(struct doctor *doctor, const char *about);
void doctor_options(struct doctor *doctor, const char *about);
void doctor_bpffs(struct doctor *doctor, const char *about);
void doctor_btf(struct doctor *doctor, const char *about);
void doctor_jit(struct doctor *doctor, const char *about);
void doctor_unprivileged(struct doctor *doctor, const char *about);
void doctor_expedite(struct doctor *doctor, const char *about);

void doctor_capabilities(struct doctor *doctor, const char *about);
void doctor_libbpf(struct doctor *doctor, const char *about);
void doctor_programs(struct doctor *doctor, const char *about);
void doctor_namespaces(struct doctor *doctor, const char *about);
void doctor_group(struct doctor *doctor, const char *about);
void doctor_managers(struct doctor *doctor, const char *about);

void doctor_others(struct doctor *doctor, const char *about);
void doctor_service(struct doctor *doctor, const char *about);
void doctor_socket(struct doctor *doctor, const char *about);
void doctor_configuration(struct doctor *doctor, const char *about);
void doctor_features(struct doctor *doctor, const char *about);
void doctor_pairs(struct doctor *doctor, const char *about);
