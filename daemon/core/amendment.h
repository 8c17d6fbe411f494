/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What somebody asks to have declared otherwise, while metad runs: a pair more or less, or files on
 * trial. The noun travels from who asks through the engine to whoever writes files, and back with
 * what came of it.
 */

#include "core/model.h"

#include <sys/types.h>

enum amendment_kind {
	AMEND_CREATE, /* a pair, as a file of its own in the runtime directory */
	AMEND_DELETE, /* such a file */
	AMEND_TRY, /* files, as if they were there; one trial at a time */
	AMEND_CONFIRM, /* the trial's files are written */
	AMEND_REVERT, /* the trial is over */
};

enum amendment_fault {
	AMEND_OK,
	AMEND_E_EXISTS, /* CREATE: there is such a pair; why says where it is declared */
	AMEND_E_DECLARATION, /* CREATE, TRY: diags says what is wrong with what is to be declared */
	AMEND_E_TEMPLATE, /* CREATE: no file declares such a template */
	AMEND_E_NETNS, /* CREATE: there is no such namespace, or nothing names it */
	AMEND_E_NOT_RUNTIME, /* DELETE: another file declares it; why says which */
	AMEND_E_STORAGE, /* a file cannot be written */
	AMEND_E_TRIAL, /* TRY: there is another trial */
	AMEND_E_NO_TRIAL, /* CONFIRM, REVERT: there is none, or another */
	AMEND_E_NOT_CONVERGED, /* it was undone: pair and why say who is not ready */
	AMEND_E_INTERNAL, /* error */
};

/* What a file of pairs.d is to be, or metad.yaml. */
struct amendment_file {
	char *name; /* owned; without directory */
	char *bytes; /* owned; NULL: it is not to be there */
	size_t len;
};

struct amendment {
	enum amendment_kind kind;

	/* CREATE, DELETE */
	char pair[IFNAMSIZ]; /* CREATE: may be empty, and is the template's then */
	char *template; /* owned; CREATE: NULL: none */
	char *declaration; /* owned; CREATE: a pair's keys as JSON or YAML; NULL: none */
	struct netns_ref netns; /* CREATE: text NULL: it is in the declaration, or an fd */
	int netns_fd; /* owned; CREATE: -1: none */
	pid_t caller; /* CREATE: who asks: what it is in is no lasting name; 0: unknown */
	bool existed; /* DELETE: out */

	/* TRY; CONFIRM and REVERT by number */
	struct amendment_file *files; /* owned */
	size_t n_files;
	bool runtime; /* until the next boot */
	uint64_t confirm_ms; /* TRY: that long; 0: it is confirmed as soon as all is well */
	uint64_t resume_ms; /* CONFIRM: when the trial ends if the files cannot be written */
	uint64_t trial; /* out of TRY; 0 with CONFIRM and REVERT: whichever there is */

	/* What came of it. made: it is so, whether or not the files could be read afterwards. */
	bool made;
	enum amendment_fault fault;
	int error; /* STORAGE, INTERNAL: -errno */
	struct diag why;
	struct diag_list diags;
};
#define AMENDMENT_NONE (struct amendment){ .netns_fd = -1 }

void amendment_done(struct amendment *amendment);

/* Notes a fault, the first one; why may be NULL. Returns the fault. */
__attribute__((format(printf, 3, 4))) enum amendment_fault amendment_fail(struct amendment *amendment,
								    enum amendment_fault fault,
								    const char *why, ...);

/* The file of a runtime pair, below pairs.d. Owned by the caller, NULL: out of memory. */
char *amendment_file_name(const char *pair);

/*
 * The file's text: the declaration, laid over the template and in the namespace that the amendment names.
 * Faults of the declaration's form are in amendment->diags; whether it makes sense is seen when it is
 * read as a file. 0, AMEND_E_DECLARATION or -ENOMEM.
 */
int amendment_text(struct amendment *amendment, char **ret, size_t *ret_len);
