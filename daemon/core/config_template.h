/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The entries of "templates:", and the pairs that come of them. */

#include "core/config_reader.h"
#include "core/template.h"

/* Reads one into ret, which is filled as far as it was understood; the caller owns it. */
void config_template_read(struct reader_file *file, const struct node *key, struct template *ret);

/*
 * Reads the body with examples for its placeholders, so that its faults are found before there is
 * any namespace; notes in template what the body uses. pool is NULL where it is not known (yet).
 */
void config_template_check(struct reader_file *file, struct template *template,
			   const struct pool *pool);

/* The pair of one namespace, at the template's place. Faults are in file; the caller owns ret. */
void config_template_pair(struct reader_file *file, const struct template *template,
			  const struct template_values *values, struct pair *ret);
