/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains: what the kernel says of them joined with our pins, and the steps that change them. The
 * chain's revision is compared by the kernel itself where it attaches; everything else that could
 * have changed in between is a missing link, which is stale.
 */
#include "kernel/chain.h"

#include "kernel/bpf.h"

#include <errno.h>

static enum bpf_hook hook_of(const struct chain_hook *hook)
{
	bool peer = hook->side == SIDE_PEER;

	/* What the peer sends comes in at the host end of a veth. */
	if (!kind_has_policy(hook->kind))
		return peer ? BPF_HOOK_TCX_INGRESS : BPF_HOOK_TCX_EGRESS;
	return peer ? BPF_HOOK_PEER : BPF_HOOK_PRIMARY;
}

int chain_probe(enum kind kind, struct diag *why)
{
	struct bpf_chain chain;
	int r;

	if (kind_has_policy(kind))
		return 0;
	r = bpf_chain_query(1 /* the loopback device of every namespace */, BPF_HOOK_TCX_INGRESS,
			    &chain);
	if (r == -EINVAL) {
		diag_set(why, "this kernel has no tcx (CONFIG_NET_XGRESS, Linux 6.6)");
		return -EOPNOTSUPP;
	}
	if (r == -EPERM)
		diag_set(why, "asking for tcx programs is not permitted (CAP_NET_ADMIN, CAP_BPF)");
	return r;
}

/* ---- looking ---- */

static int compare_pins(const void *a, const void *b)
{
	return strcmp(((const struct pin *)a)->pair, ((const struct pin *)b)->pair);
}

static int on_link_pin(void *ctx, const char *name)
{
	struct chain_pins *pins = ctx;
	struct pin pin;

	return pin_parse_link(name, &pin) ? ARRAY_APPEND(pins->items, pins->n, pin) : 0;
}

int chain_pins_read(struct objects *objects, struct chain_pins *ret)
{
	AUTO(chain_pins_done) struct chain_pins pins = {};
	int r = pin_each(objects_dir(objects), PIN_LINKS, on_link_pin, &pins);

	/* Somebody removed the directory and so every link: it is made again, and they will be. */
	if (r == -ENOENT)
		r = objects_make_dirs(objects);
	if (r < 0)
		return r;
	if (pins.n)
		qsort(pins.items, pins.n, sizeof(*pins.items), compare_pins);
	*ret = STEAL(pins);
	return 0;
}

void chain_pins_done(struct chain_pins *pins)
{
	free(pins->items);
	*pins = (struct chain_pins){};
}

/* The pair's pins as a range. */
static const struct pin *pins_of(const struct chain_pins *pins, const char *pair, size_t *ret_n)
{
	size_t low = 0, n = pins->n, end;

	while (n) {
		size_t half = n / 2;

		if (strcmp(pins->items[low + half].pair, pair) < 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	for (end = low; end < pins->n && strcmp(pins->items[end].pair, pair) == 0; end++)
		;
	*ret_n = end - low;
	return pins->items + low;
}

unsigned int chain_count_pins(const struct chain_pins *pins, const char *pair)
{
	size_t n;

	pins_of(pins, pair, &n);
	return n;
}

static const struct pin *find_pin(const struct pin *pins, size_t n, enum side side,
				  uint32_t link_id)
{
	for (size_t i = 0; i < n; i++)
		if (pins[i].side == side && pins[i].link_id == link_id)
			return &pins[i];
	return NULL;
}

static void fill_slot(struct objects *objects, const struct bpf_entry *entry,
		      const struct pin *pin, struct slot *ret)
{
	char program[PROGRAM_NAME_SIZE];
	struct bpf_program_facts facts;

	ret->foreign = !pin;
	ret->prog_id = entry->prog_id;
	ret->link_id = entry->link_id;
	if (pin) {
		memcpy(ret->program, pin->program, PROGRAM_NAME_SIZE);
		/* A program whose pin somebody removed is of unknown content: it is updated. */
		if (!object_identify(objects, entry->prog_id, program, &ret->digest) ||
		    strcmp(program, pin->program) != 0)
			ret->digest = 0;
	}
	if (bpf_program_describe_id(entry->prog_id, &facts) < 0)
		return;
	memcpy(ret->kernel_name, facts.name, sizeof(ret->kernel_name));
	ret->run_count = facts.run_count;
	ret->run_time_ns = facts.run_time_ns;
}

int chain_look(struct objects *objects, const struct chain_pins *pins, const char *pair,
	       const struct chain_hook *hook, struct sighted_end *ret, unsigned int *ret_n_defunct)
{
	size_t n_pins, n_found = 0, n_side = 0;
	const struct pin *own = pins_of(pins, pair, &n_pins);
	struct bpf_chain chain;
	int r = bpf_chain_query(hook->primary_ifindex, hook_of(hook), &chain);

	if (r == -ENODEV)
		return 0;
	for (size_t i = 0; r == 0 && i < chain.n; i++) {
		const struct pin *pin =
			find_pin(own, n_pins, hook->side, chain.entries[i].link_id);
		struct slot slot = {};

		n_found += pin != NULL;
		fill_slot(objects, &chain.entries[i], pin, &slot);
		r = ARRAY_APPEND(ret->chain, ret->n_chain, slot);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_pins; i++)
		n_side += own[i].side == hook->side;
	ret->revision = chain.revision;
	*ret_n_defunct = n_side - n_found;
	return 0;
}

void chain_refresh(struct sighted_end *end)
{
	for (size_t i = 0; i < end->n_chain; i++) {
		struct slot *slot = &end->chain[i];
		struct bpf_program_facts facts;

		if (bpf_program_describe_id(slot->prog_id, &facts) < 0)
			continue;
		slot->run_count = facts.run_count;
		slot->run_time_ns = facts.run_time_ns;
	}
}

/* ---- steps ---- */

static int open_link(struct objects *objects, const struct pin *pin, int *ret_fd)
{
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), pin);

	return path ? bpf_open_pin(path, ret_fd) : -ENOMEM;
}

static struct pin pin_of(const char *pair, const struct chain_hook *hook, const struct step *step,
			 uint32_t link_id)
{
	struct pin pin = { .side = hook->side, .link_id = link_id };

	memcpy(pin.pair, pair, strnlen(pair, IFNAMSIZ - 1));
	memcpy(pin.program, step->slot.program, PROGRAM_NAME_SIZE);
	return pin;
}

/* The youngest link of a definition: the one that an earlier step of this task attached. */
static int find_youngest(struct objects *objects, const char *pair, const struct chain_hook *hook,
			 const char *program, uint32_t *ret_link_id)
{
	AUTO(chain_pins_done) struct chain_pins pins = {};
	const struct pin *own;
	uint32_t youngest = 0;
	size_t n;
	int r = chain_pins_read(objects, &pins);

	if (r < 0)
		return r;
	own = pins_of(&pins, pair, &n);
	for (size_t i = 0; i < n; i++)
		if (own[i].side == hook->side && strcmp(own[i].program, program) == 0)
			youngest = MAX(youngest, own[i].link_id);
	if (!youngest)
		return -ESTALE;
	*ret_link_id = youngest;
	return 0;
}

static int position_of(struct objects *objects, const char *pair, const struct chain_hook *hook,
		       const struct step *step, uint64_t revision, struct bpf_position *ret)
{
	ret->place = step->slot.place;
	ret->anchor_link_id = step->slot.anchor_link_id;
	ret->revision = revision;
	if (ret->place == PLACE_TAIL || ret->anchor_link_id)
		return 0;
	return find_youngest(objects, pair, hook, step->slot.anchor, &ret->anchor_link_id);
}

/* The chain's programs: the kernel takes none of them a second time. */
static int program_for(struct objects *objects, const struct chain_hook *hook,
		       const struct step *step, const struct program *program, int *ret_fd,
		       struct diag *why)
{
	uint32_t avoid[CHAIN_MAX + 1], id;
	struct bpf_chain chain;
	int r = bpf_chain_query(hook->primary_ifindex, hook_of(hook), &chain);

	if (r < 0)
		return r;
	for (size_t i = 0; i < chain.n; i++)
		avoid[i] = chain.entries[i].prog_id;
	return object_program_fd(objects, program, step->slot.digest, avoid, chain.n, ret_fd, &id,
				 why);
}

static void refresh_revision(const struct chain_hook *hook, uint64_t *revision)
{
	struct bpf_chain chain;

	*revision = bpf_chain_query(hook->primary_ifindex, hook_of(hook), &chain) == 0
			    ? chain.revision : 0;
}

int chain_attach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why)
{
	AUTO_CLOSE int prog_fd = -1, link_fd = -1;
	AUTO_FREE char *path = NULL;
	struct bpf_position position;
	uint32_t link_id = 0;
	struct pin pin;
	int r = program_for(objects, hook, step, program, &prog_fd, why);

	if (r == 0)
		r = position_of(objects, pair, hook, step, *revision, &position);
	if (r == 0)
		r = bpf_chain_attach(prog_fd, hook->primary_ifindex, hook_of(hook), &position,
				     &link_fd, &link_id);
	/* The anchor is gone, or the chain is not the one that was planned for. */
	if (r == -ENOENT || r == -ESTALE)
		return -ESTALE;
	if (r < 0)
		return r;
	pin = pin_of(pair, hook, step, link_id);
	path = pin_link_path(objects_dir(objects), &pin);
	r = path ? bpf_pin(link_fd, path) : -ENOMEM;
	if (r < 0) {
		diag_set(why, "cannot pin the link as %s: %s", path ? path : "?", strerror(-r));
		return r;
	}
	refresh_revision(hook, revision);
	return 0;
}

int chain_update(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why)
{
	AUTO_CLOSE int prog_fd = -1, link_fd = -1;
	struct pin pin = pin_of(pair, hook, step, step->slot.link_id);
	int r = program_for(objects, hook, step, program, &prog_fd, why);

	if (r < 0)
		return r;
	r = open_link(objects, &pin, &link_fd);
	if (r == 0)
		r = bpf_link_replace(link_fd, prog_fd);
	if (r == -ENOENT || r == -ENOLINK)
		return -ESTALE;
	if (r == 0)
		refresh_revision(hook, revision);
	return r;
}

int chain_detach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, uint64_t *revision, struct diag *why)
{
	AUTO_CLOSE int link_fd = -1;
	struct pin pin = pin_of(pair, hook, step, step->slot.link_id);
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), &pin);
	int r = path ? bpf_open_pin(path, &link_fd) : -ENOMEM;

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = bpf_link_take_out(link_fd);
	if (r < 0 && r != -ENOLINK) {
		diag_set(why, "%s: %s", path ? path : "?", strerror(-r));
		return r;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	refresh_revision(hook, revision);
	return 0;
}

static int reap_pin(struct objects *objects, const struct pin *pin, struct diag *why)
{
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), pin);
	AUTO_CLOSE int link_fd = -1;
	int ifindex = 0;

	if (!path)
		return -ENOMEM;
	if (bpf_open_pin(path, &link_fd) == 0 && bpf_link_ifindex(link_fd, &ifindex) == 0 &&
	    ifindex != 0)
		return 0;
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	diag_set(why, "%s: %s", path, strerror(errno));
	return -errno;
}

int chain_reap(struct objects *objects, const char *pair, struct diag *why)
{
	AUTO(chain_pins_done) struct chain_pins pins = {};
	const struct pin *own;
	size_t n;
	int r = chain_pins_read(objects, &pins);

	if (r < 0)
		return r;
	own = pins_of(&pins, pair, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = reap_pin(objects, &own[i], why);
	return r;
}
