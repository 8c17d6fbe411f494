/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Chains of programs on the two ends of a pair. A chain's entry of ours is a BPF link with a pin
 * (pin.h). Both chains hang on the primary's ifindex: tcx egress and ingress for veth, primary and
 * peer for netkit and meta. All pins are in one flat directory, so that one inotify watch sees
 * every one. Only the worker thread calls this.
 */

#include "core/step.h"
#include "kernel/object.h"
#include "kernel/pin.h"

/* The listing of all links' pins, read once per look; sorted by pair. */
struct chain_pins {
	struct pin *items; /* owned */
	size_t n;
};
int chain_pins_read(struct objects *objects, struct chain_pins *ret);
void chain_pins_done(struct chain_pins *pins);

/* Where a chain hangs. */
struct chain_hook {
	enum kind kind;
	enum side side;
	int primary_ifindex; /* in the namespace of the calling thread */
};

/* Whether the running kernel has the hook of the kind (veth: tcx, Linux 6.6). */
int chain_probe(enum kind kind, struct diag *why);

/*
 * Reads the chain into ret->chain, n_chain and revision: ours are those whose link is pinned for
 * this pair and side. A link whose pin was removed is foreign for as long as the kernel takes to
 * detach it, a grace period. The pair's pins for this side whose link is not in the chain any more
 * are counted into *ret_n_defunct.
 */
int chain_look(struct objects *objects, const struct chain_pins *pins, const char *pair,
	       const struct chain_hook *hook, struct sighted_end *ret, unsigned int *ret_n_defunct);

/* Reads the run counts again. May be called on any thread: programs are asked for by id. */
void chain_refresh(struct slot *slots, size_t n);

/* Pins of a pair that has no device: all defunct. */
unsigned int chain_count_pins(const struct chain_pins *pins, const char *pair);
/* Those of them that are defunct, where somebody else has a device of that name: links of ours may
 * still be at work there, as when the device's mark was taken off. */
unsigned int chain_count_defunct(struct objects *objects, const struct chain_pins *pins,
				 const char *pair);

/*
 * The steps. revision is what the chain's must be before, 0: any; -ESTALE when it is not, or when
 * what a step speaks of has gone. It becomes what it is after this step and no other change: so the
 * next step finds out what somebody else did in between. Attach pins before it returns: a crash in
 * between closes the link's only fd and so undoes it. why is filled where there is more to say than
 * the errno does.
 */
int chain_attach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why);
int chain_update(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, const struct program *program, uint64_t *revision,
		 struct diag *why);
int chain_detach(struct objects *objects, const char *pair, const struct chain_hook *hook,
		 const struct step *step, uint64_t *revision, struct diag *why);
/* Unpins every link of the pair, of those in the listing, that has no device any more. The listing
 * may be older: what it lacks is for the next look. */
int chain_reap(struct objects *objects, const struct chain_pins *pins, const char *pair,
	       struct diag *why);
