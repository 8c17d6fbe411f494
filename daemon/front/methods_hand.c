/* SPDX-License-Identifier: GPL-2.0-only */
/* io.metad: devices that change hands. */
#include "core/hand.h"
#include "front/amend.h"
#include "front/front.h"
#include "front/netns.h"
#include "interface_methods.h"

#include <errno.h>
#include <stdio.h>

/* ---- answers ---- */

static int refuse(struct call *call, const struct hand *hand)
{
	static const char *const errors[] = {
		[HAND_NO_DEVICE] = ERROR_METAD_NO_SUCH_DEVICE,
		[HAND_NO_PAIR] = ERROR_METAD_NOT_APAIR,
		[HAND_IS_OURS] = ERROR_METAD_ALREADY_MANAGED,
		[HAND_NOT_OURS] = ERROR_METAD_NOT_MANAGED,
		[HAND_NO_NETNS] = ERROR_METAD_NAMESPACE_UNREACHABLE,
		[HAND_UNFIT] = ERROR_METAD_NOT_ADOPTABLE,
		[HAND_READ_ONLY] = ERROR_METAD_STORAGE_READ_ONLY,
		[HAND_FAILED] = ERROR_METAD_HANDOVER_FAILED,
	};

	return call_error(call, errors[hand->result],
			  json_pack("{s:s, s:s}",
				    hand->result == HAND_READ_ONLY ? "file" : "device",
				    hand->result == HAND_READ_ONLY ? hand->file : hand->name,
				    "why", hand->why.text ? hand->why.text : strerror(ENOMEM)));
}

static json_t *tell_notes(const struct hand *hand)
{
	json_t *array = json_array();

	for (size_t i = 0; i < hand->notes.n; i++)
		json_array_append_new(array, json_string(hand->notes.items[i].text));
	return array;
}

static json_t *tell_adopted(const struct hand *hand)
{
	return json_pack("{s:s, s:s*, s:o}", "file", hand->file, "content", hand->content, "notes",
			 tell_notes(hand));
}

/* As NotRuntime has it; owned by the caller. */
static char *place_of(const struct diag *at)
{
	char *place = NULL;

	return at->file && asprintf(&place, "%s:%u", at->file, at->line) >= 0 ? place : NULL;
}

static json_t *tell_released(const struct hand *hand)
{
	AUTO_FREE char *place = place_of(&hand->declared_at);
	json_t *pins = json_array();

	for (size_t i = 0; i < hand->n_pins; i++)
		json_array_append_new(pins, json_string(hand->pins[i]));
	return json_pack("{s:o, s:s*, s:s*, s:o}", "pins", pins, "removed", hand->file, "declaredAt",
			 place, "notes", tell_notes(hand));
}

/* ---- calls ---- */

static void release_hand(struct call *call)
{
	hand_unref(call->data);
}

static int continue_hand(struct call *call, unsigned int why)
{
	const struct hand *hand = call->data;

	if (!hand->over)
		return 0;
	if (hand->result != HAND_DONE)
		return refuse(call, hand);
	return call_reply(call, hand->verb == HAND_ADOPT ? tell_adopted(hand)
							  : tell_released(hand));
}

/* Takes hand. */
static int begin(struct call *call, struct hand *hand)
{
	call_wait(call, continue_hand, release_hand, hand);
	call->events = CALL_AMENDED;
	return reconcile_hand(call->front->reconcile, hand);
}

static int adopt(struct call *call)
{
	const char *device = call_text(call, "device");
	struct hand *hand;
	int r;

	if (!device_name_is_valid(device))
		return amend_refuse_parameter(call, "device");
	hand = hand_new(HAND_ADOPT, device);
	if (!hand)
		return -ENOMEM;
	hand->runtime = call_flag(call, "runtime");
	hand->dry_run = call_flag(call, "dryRun");
	hand->caller = call->caller->pid;
	r = netns_read(call, &hand->netns, &hand->netns_fd);
	if (r == 0)
		return begin(call, hand);
	hand_unref(hand);
	return r == -EINVAL ? amend_refuse_parameter(call, "netns") : r;
}

METHOD(metad_adopt) = {
	.run = adopt, .action = "io.metad.manage-pairs", .pair = "device", .netns = "netns"
};

static int release(struct call *call)
{
	const char *name = call_text(call, "pair");
	struct hand *hand;

	if (!device_name_is_valid(name))
		return amend_refuse_parameter(call, "pair");
	hand = hand_new(HAND_RELEASE, name);
	return hand ? begin(call, hand) : -ENOMEM;
}

METHOD(metad_release) = { .run = release, .action = "io.metad.manage-pairs", .pair = "pair" };
