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
	struct bpf_chain chain = {};
	int r = bpf_chain_query(hook->primary_ifindex, hook_of(hook), &chain);

	/* The device went after the links were dumped: nothing is in its chain. */
	if (r == -ENODEV)
		r = 0;
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

void chain_refresh(struct slot *slots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = &slots[i];
		struct bpf_program_facts facts;

		if (bpf_program_describe_id(slot->prog_id, &facts) < 0)
			continue;
		slot->run_count = facts.run_count;
		slot->run_time_ns = facts.run_time_ns;
	}
}

/* ---- steps ---- */

static int query(const struct chain_hook *hook, struct bpf_chain *ret)
{
	return bpf_chain_query(hook->primary_ifindex, hook_of(hook), ret);
}

static struct pin pin_of(const char *pair, const struct chain_hook *hook, const char *program,
			 uint32_t link_id)
{
	struct pin pin = { .side = hook->side, .link_id = link_id };

	memcpy(pin.pair, pair, strnlen(pair, IFNAMSIZ - 1));
	memcpy(pin.program, program, strnlen(program, PROGRAM_NAME_SIZE - 1));
	return pin;
}

/*
 * The youngest of our links of a definition in the chain: the one that an earlier step of the task
 * attached. 0: none. Asks for single pins, because the listing of all grows with the machine.
 */
static uint32_t find_youngest(struct objects *objects, const char *pair,
			      const struct chain_hook *hook, const char *program,
			      const struct bpf_chain *chain)
{
	uint32_t youngest = 0;

	for (size_t i = 0; i < chain->n; i++) {
		uint32_t id = chain->entries[i].link_id;
		struct pin pin = pin_of(pair, hook, program, id);
		AUTO_FREE char *path = pin_link_path(objects_dir(objects), &pin);

		if (id > youngest && path && access(path, F_OK) == 0)
			youngest = id;
	}
	return youngest;
}

static int position_of(struct objects *objects, const char *pair, const struct chain_hook *hook,
		       const struct step *step, const struct bpf_chain *chain,
		       struct bpf_position *ret)
{
	ret->place = step->slot.place;
	ret->anchor_link_id = step->slot.anchor_link_id;
	if (ret->place != PLACE_TAIL && !ret->anchor_link_id)
		ret->anchor_link_id = find_youngest(objects, pair, hook, step->slot.anchor, chain);
	return ret->place == PLACE_TAIL || ret->anchor_link_id ? 0 : -ENOENT;
}

/* The kernel takes none of the chain's programs a second time. */
static int program_for(struct objects *objects, const struct bpf_chain *chain,
		       const struct step *step, const struct program *program, int *ret_fd,
		       struct diag *why)
{
	uint32_t avoid[CHAIN_MAX + 1], id;

	for (size_t i = 0; i < chain->n; i++)
		avoid[i] = chain->entries[i].prog_id;
	return object_program_fd(objects, program, step->slot.digest, avoid, chain->n, ret_fd, &id,
				 why);
}

/*
 * A change of ours is one more. The kernel's own number would have what somebody else did meanwhile
 * in it; it is asked for where it was not known, and where it starts anew with an empty chain.
 */
static void advance(const struct chain_hook *hook, uint64_t *revision)
{
	struct bpf_chain chain;

	if (query(hook, &chain) < 0)
		*revision = 0;
	else if (*revision && chain.n)
		++*revision;
	else
		*revision = chain.revision;
}

/* Why attaching failed, and what that means: not as it was seen, or a failure. */
static int say_not_attached(int error, const struct step *step, struct diag *why)
{
	if (error == -ENOENT)
		diag_set(why, "program %s is not in the chain any more", step->slot.anchor);
	if (error == -ESTALE)
		diag_set(why, "the chain has changed since it was looked at");
	if (error == -ERANGE)
		diag_set(why, "the chain is full: the kernel takes %d programs", CHAIN_MAX + 1);
	return error == -ENOENT ? -ESTALE : error;
}

static int pin_link(struct objects *objects, const struct pin *pin, int link_fd, struct diag *why)
{
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), pin);
	int r = path ? bpf_pin(link_fd, path) : -ENOMEM;

	if (r < 0)
		diag_set(why, "cannot pin the link as %s: %s", path ? path : "?", strerror(-r));
	return r;
}

int chain_attach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why)
{
	AUTO_CLOSE int prog_fd = -1, link_fd = -1;
	struct bpf_position position = { .revision = *revision };
	struct bpf_chain chain;
	uint32_t link_id;
	struct pin pin;
	int r = query(hook, &chain);

	if (r == 0)
		r = program_for(objects, &chain, step, program, &prog_fd, why);
	if (r < 0)
		return r;
	r = position_of(objects, pair, hook, step, &chain, &position);
	if (r == 0)
		r = bpf_chain_attach(prog_fd, hook->primary_ifindex, hook_of(hook), &position,
				     &link_fd, &link_id);
	if (r < 0)
		return say_not_attached(r, step, why);
	pin = pin_of(pair, hook, step->slot.program, link_id);
	r = pin_link(objects, &pin, link_fd, why);
	if (r == 0)
		advance(hook, revision);
	return r;
}

int chain_update(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why)
{
	AUTO_CLOSE int prog_fd = -1, link_fd = -1;
	struct pin pin = pin_of(pair, hook, step->slot.program, step->slot.link_id);
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), &pin);
	struct bpf_chain chain;
	int r = query(hook, &chain);

	if (r == 0)
		r = program_for(objects, &chain, step, program, &prog_fd, why);
	if (r < 0)
		return r;
	r = path ? bpf_open_pin(path, &link_fd) : -ENOMEM;
	if (r == 0)
		r = bpf_link_replace(link_fd, prog_fd);
	if (r == -ENOENT || r == -ENOLINK) {
		diag_set(why, "program %s is not in the chain any more", step->slot.program);
		return -ESTALE;
	}
	if (r == 0)
		advance(hook, revision);
	return r;
}

int chain_detach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, uint64_t *revision, struct diag *why)
{
	AUTO_CLOSE int link_fd = -1;
	struct pin pin = pin_of(pair, hook, step->slot.program, step->slot.link_id);
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
	advance(hook, revision);
	return 0;
}

/* The device of a pinned link, 0: it is defunct. */
static int ifindex_of(const char *path, int *ret)
{
	AUTO_CLOSE int link_fd = -1;
	int r = path ? bpf_open_pin(path, &link_fd) : -ENOMEM;

	return r == 0 ? bpf_link_ifindex(link_fd, ret) : r;
}

unsigned int chain_count_defunct(struct objects *objects, const struct chain_pins *pins,
				 const char *pair)
{
	unsigned int count = 0;
	size_t n;
	const struct pin *own = pins_of(pins, pair, &n);

	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *path = pin_link_path(objects_dir(objects), &own[i]);
		int ifindex = 0;

		count += ifindex_of(path, &ifindex) == 0 && ifindex == 0;
	}
	return count;
}

static int reap_pin(struct objects *objects, const struct pin *pin, struct diag *why)
{
	AUTO_FREE char *path = pin_link_path(objects_dir(objects), pin);
	int ifindex = 0;
	int r = ifindex_of(path, &ifindex);

	/* Only a link that is known to be defunct: unpinning detaches any other. */
	if (r == 0 && ifindex == 0 && unlink(path) < 0)
		r = -errno;
	if (r == 0 || r == -ENOENT)
		return 0;
	diag_set(why, "%s: %s", path ? path : "?", strerror(-r));
	return r;
}

int chain_reap(struct objects *objects, const struct chain_pins *pins, const char *pair,
	       struct diag *why)
{
	size_t n;
	const struct pin *own = pins_of(pins, pair, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = reap_pin(objects, &own[i], why);
	return r;
}
