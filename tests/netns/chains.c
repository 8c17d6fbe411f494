/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps and looks as the daemon's worker would do them; see chains.h. */
#include "netns/chains.h"

#include "kernel/bpf.h"
#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct chains chains;

static const char *need_env(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		SKIP("%s is not set", name);
	return value;
}

static void open_objects(void)
{
	AUTO(diag_done) struct diag why = {};

	CHECK(objects_new(CHAINS_BPFFS, chains.shipped, &chains.objects, &why) == 0);
	CHECK(!why.text);
}

void chains_set(void)
{
	AUTO(diag_done) struct diag why = {};

	chains.shipped = need_env("METAD_BPF_DIR");
	chains.bad = need_env("METAD_TEST_BAD_OBJECT");
	chains.several = need_env("METAD_TEST_SEVERAL_OBJECT");
	chains.wide = need_env("METAD_TEST_WIDE_OBJECT");
	stage_set();
	if (chain_probe(KIND_VETH, &why) < 0)
		SKIP("%s", why.text);
	CHECK(mkdir(CHAINS_BPFFS, 0700) == 0 && mkdir(CHAINS_FILES, 0700) == 0);
	CHECK(mount("bpf", CHAINS_BPFFS, "bpf", 0, NULL) == 0);
	open_objects();
}

void chains_strike(void)
{
	objects_free(chains.objects);
	CHECK(umount2(CHAINS_BPFFS, MNT_DETACH) == 0);
	stage_strike();
}

void chains_restart(void)
{
	objects_free(chains.objects);
	open_objects();
}

/* ---- definitions ---- */

struct program chains_program(const char *name, const char *object, const char *function)
{
	struct program program = { .object = (char *)object, .function = (char *)function };

	snprintf(program.name, sizeof(program.name), "%s", name);
	return program;
}

const char *chains_copy(const char *from, const char *name, size_t version)
{
	static char path[256], temporary[sizeof(path) + 4];
	AUTO_FREE char *bytes = NULL;
	AUTO_CLOSE int fd = -1;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", CHAINS_FILES, name);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	CHECK(util_read_file_at(AT_FDCWD, from, 1 << 20, &bytes, &len) == 0);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	for (size_t i = 0; i < version; i++)
		CHECK(write(fd, "", 1) == 1);
	CHECK(rename(temporary, path) == 0);
	return path;
}

uint64_t chains_digest(const struct program *program)
{
	AUTO(object_done) struct object object = {};

	CHECK(object_look(chains.objects, program, &object) == 0);
	CHECK((object.digest == 0) == (object.why.text != NULL));
	return object.digest;
}

/* ---- pairs ---- */

struct chains_end chains_make(const char *pair, enum side side)
{
	struct pair want = stage_pair(pair, pair, MODE_L3);
	struct netlink_result made = stage_create(&want);
	struct chains_end end = { .hook = { KIND_VETH, side, made.ifindex } };

	CHECK(made.error == 0);
	snprintf(end.pair, sizeof(end.pair), "%s", pair);
	return end;
}

struct chains_end chains_other(const struct chains_end *end)
{
	struct chains_end other = *end;

	other.hook.side = side_other(end->hook.side);
	other.revision = 0;
	return other;
}

int chains_reap(const char *pair, struct diag *why)
{
	AUTO(chain_pins_done) struct chain_pins pins = {};

	CHECK(chain_pins_read(chains.objects, &pins) == 0);
	return chain_reap(chains.objects, &pins, pair, why);
}

void chains_delete(const struct chains_end *end)
{
	AUTO(diag_done) struct diag why = {};

	stage_delete(end->hook.primary_ifindex);
	CHECK(chains_reap(end->pair, &why) == 0);
}

/* ---- steps ---- */

static struct step step_of(enum step_kind kind, const struct chains_end *end, const char *program,
			   uint32_t link_id)
{
	struct step step = { .kind = kind, .side = end->hook.side };

	snprintf(step.slot.program, PROGRAM_NAME_SIZE, "%s", program);
	step.slot.link_id = link_id;
	return step;
}

int chains_attach(struct chains_end *end, const struct program *program, enum place place,
		  const char *anchor, uint32_t anchor_id, struct diag *why)
{
	struct step step = step_of(STEP_ATTACH, end, program->name, 0);

	step.slot.place = place;
	step.slot.digest = chains_digest(program);
	step.slot.anchor_link_id = anchor_id;
	snprintf(step.slot.anchor, PROGRAM_NAME_SIZE, "%s", anchor ? anchor : "");
	return chain_attach(chains.objects, end->pair, &end->hook, &step, program, &end->revision,
			    why);
}

uint32_t chains_append(struct chains_end *end, const struct program *program)
{
	AUTO(diag_done) struct diag why = {};
	AUTO(chains_sight_done) struct chains_sight sight = {};
	int r = chains_attach(end, program, PLACE_TAIL, NULL, 0, &why);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", program->name, why.text ? why.text : strerror(-r));
	CHECK(r == 0);
	sight = chains_look(end);
	CHECK(sight.seen.n_chain > 0);
	return sight.seen.chain[sight.seen.n_chain - 1].link_id;
}

int chains_update(struct chains_end *end, const struct program *program, uint32_t link_id,
		  struct diag *why)
{
	struct step step = step_of(STEP_UPDATE, end, program->name, link_id);

	step.slot.digest = chains_digest(program);
	return chain_update(chains.objects, end->pair, &end->hook, &step, program, &end->revision,
			    why);
}

int chains_detach(struct chains_end *end, const char *program, uint32_t link_id)
{
	AUTO(diag_done) struct diag why = {};
	struct step step = step_of(STEP_DETACH, end, program, link_id);

	return chain_detach(chains.objects, end->pair, &end->hook, &step, &end->revision, &why);
}

/* ---- looks ---- */

struct chains_sight chains_look(const struct chains_end *end)
{
	AUTO(chain_pins_done) struct chain_pins pins = {};
	struct chains_sight sight = {};

	CHECK(chain_pins_read(chains.objects, &pins) == 0);
	CHECK(chain_look(chains.objects, &pins, end->pair, &end->hook, &sight.seen,
			 &sight.n_defunct) == 0);
	return sight;
}

void chains_sight_done(struct chains_sight *sight)
{
	free(sight->seen.chain);
	*sight = (struct chains_sight){};
}

bool chains_read(const struct chains_end *end, const char *words)
{
	AUTO(chains_sight_done) struct chains_sight sight = chains_look(end);
	AUTO_FREE char *text = calloc(sight.seen.n_chain + 1, PROGRAM_NAME_SIZE + 3);
	char *at = text;

	CHECK(text);
	for (size_t i = 0; i < sight.seen.n_chain; i++) {
		const struct slot *slot = &sight.seen.chain[i];

		CHECK(slot->foreign == (slot->program[0] == '\0') && slot->prog_id);
		at += sprintf(at, slot->foreign ? "%s(%s)" : "%s%s", i ? " " : "",
			      slot->foreign ? slot->kernel_name : slot->program);
	}
	if (strcmp(text, words) == 0)
		return true;
	fprintf(stderr, "the chain reads: %s\n", text);
	return false;
}

struct slot chains_slot(const struct chains_end *end, size_t i)
{
	AUTO(chains_sight_done) struct chains_sight sight = chains_look(end);

	CHECK(i < sight.seen.n_chain);
	return sight.seen.chain[i];
}

size_t chains_length(const struct chains_end *end)
{
	AUTO(chains_sight_done) struct chains_sight sight = chains_look(end);

	return sight.seen.n_chain;
}

unsigned int chains_defunct(const struct chains_end *end)
{
	AUTO(chains_sight_done) struct chains_sight sight = chains_look(end);

	return sight.n_defunct;
}

int chains_intrude(const struct chains_end *end, const char *object, enum place place,
		   uint32_t anchor_id)
{
	AUTO(diag_done) struct diag why = {};
	AUTO_FREE char *path = util_join(chains.shipped, object);
	AUTO_CLOSE int prog_fd = -1;
	struct bpf_position position = { .place = place, .anchor_link_id = anchor_id };
	bool peer = end->hook.side == SIDE_PEER;
	uint32_t link_id;
	int link_fd;

	CHECK(path && bpf_program_load_file(path, NULL, 0, &prog_fd, &why) == 0);
	CHECK(bpf_chain_attach(prog_fd, end->hook.primary_ifindex,
			       peer ? BPF_HOOK_TCX_INGRESS : BPF_HOOK_TCX_EGRESS, &position,
			       &link_fd, &link_id) == 0);
	return link_fd;
}

const char *chains_pin(const struct chains_end *end, const char *program, uint32_t link_id)
{
	static char path[512];
	struct pin pin = { .side = end->hook.side, .link_id = link_id };
	AUTO_FREE char *text = NULL;

	memcpy(pin.pair, end->pair, IFNAMSIZ);
	snprintf(pin.program, sizeof(pin.program), "%s", program);
	text = pin_link_path(objects_dir(chains.objects), &pin);
	CHECK(text);
	snprintf(path, sizeof(path), "%s", text);
	return path;
}

const char *chains_program_pin(const struct program *program, uint32_t id)
{
	static char path[512];
	AUTO_FREE char *text = pin_program_path(objects_dir(chains.objects), program->name,
						chains_digest(program), id);

	CHECK(text);
	snprintf(path, sizeof(path), "%s", text);
	return path;
}

static int count_name(void *ctx, const char *name)
{
	++*(size_t *)ctx;
	return 0;
}

size_t chains_count(const char *sub)
{
	size_t n = 0;

	CHECK(pin_each(objects_dir(chains.objects), sub, count_name, &n) == 0);
	return n;
}

void chains_override_modes(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	CHECK(syscall(SYS_capget, &header, sets) == 0);
	sets[0].effective &= ~(1u << CAP_DAC_OVERRIDE);
	if (on)
		sets[0].effective |= 1u << CAP_DAC_OVERRIDE;
	CHECK(syscall(SYS_capset, &header, sets) == 0);
}
