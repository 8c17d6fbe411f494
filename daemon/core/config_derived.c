/* SPDX-License-Identifier: GPL-2.0-only */
/* See config_derived.h. */
#include "core/config_derived.h"

#include "core/config_pair.h"

#include <errno.h>

void config_derived_read(struct reader_file *file, const struct node *key,
			 const struct node *value, struct pair *ret)
{
	AUTO(config_tree_done) struct node own = {};
	const struct node *peer;

	if (config_tree_copy(value, &own) < 0) {
		*ret = (struct pair){};
		file->out_of_memory = true;
		return;
	}
	/* A null takes away what the template says; of what the pair says itself it is no value. */
	config_tree_drop_nulls(&own);
	config_pair_read(file, key, &own, NULL, ret);
	ret->overrides = value;
	/* That there is a peer with a namespace has been said where it is not so. */
	peer = reader_find(&own, "peer");
	if (peer && !reader_find(peer, "name"))
		memset(ret->end[SIDE_PEER].attrs.name, 0, IFNAMSIZ);
}

/* Lays what the pair says on a template's body; that it is of the template is no part of the pair. */
static int lay(const struct pair *derived, struct node *body)
{
	AUTO(config_tree_done) struct node over = {};
	int r = config_tree_copy(derived->overrides, &over);

	for (size_t i = 0; r == 0 && i < over.n_children; i += 2) {
		struct node *value = &over.children[i + 1];

		if (strcmp(over.children[i].text, "template") != 0)
			continue;
		config_tree_done(value);
		value->text = strdup("");
		r = value->text ? 0 : -ENOMEM;
	}
	return r == 0 ? config_tree_merge(body, &over) : r;
}

int config_derived_uses(const struct pair *derived, const struct template *template,
			unsigned int *ret)
{
	AUTO(config_tree_done) struct node body = {};
	int r = config_tree_copy(&template->body, &body);

	if (r == 0)
		r = lay(derived, &body);
	*ret = template_uses(&body);
	return r;
}

void config_derived_pair(struct reader_file *file, const struct pair *derived,
			 const struct template *template, const struct template_values *values,
			 struct pair *ret)
{
	AUTO(config_tree_done) struct node body = {};
	const struct node key = { .kind = NODE_SCALAR,
				  .file = derived->at.file,
				  .line = derived->at.line,
				  .column = derived->at.column,
				  .text = (char *)derived->name };

	if (template_fill(&template->body, values, &body) < 0 || lay(derived, &body) < 0) {
		*ret = (struct pair){};
		file->out_of_memory = true;
		return;
	}
	config_pair_read(file, &key, &body, NULL, ret);
	memcpy(ret->template, derived->template, sizeof(ret->template));
}
