/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of a hand-over; see hand.h. */
#include "core/hand.h"

#include <stdarg.h>
#include <stdio.h>

struct hand *hand_new(enum hand_verb verb, const char *name)
{
	struct hand *hand = calloc(1, sizeof(*hand));

	if (!hand)
		return NULL;
	hand->n_refs = 1;
	hand->verb = verb;
	hand->netns_fd = -1;
	snprintf(hand->name, sizeof(hand->name), "%s", name);
	return hand;
}

struct hand *hand_ref(struct hand *hand)
{
	hand->n_refs++;
	return hand;
}

void hand_unref(struct hand *hand)
{
	if (!hand || --hand->n_refs)
		return;
	free(hand->netns.text);
	util_close(&hand->netns_fd);
	free(hand->file);
	free(hand->content);
	for (size_t i = 0; i < hand->n_pins; i++)
		free(hand->pins[i]);
	free(hand->pins);
	diag_done(&hand->why);
	diag_list_done(&hand->notes);
	diag_done(&hand->declared_at);
	free(hand);
}

static char *text_of(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}

enum hand_result hand_refuse(struct hand *hand, enum hand_result result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diag_done(&hand->why);
	hand->why.text = text_of(format, args);
	va_end(args);
	hand->result = result;
	return result;
}

void hand_note(struct hand *hand, const char *format, ...)
{
	struct diag note = {};
	va_list args;

	va_start(args, format);
	note.text = text_of(format, args);
	va_end(args);
	/* Without memory for it, it is not told. */
	if (note.text)
		diag_list_add(&hand->notes, &note);
}
