/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs on the running kernel: where pins may be, what files are taken for, what is loaded
 * when, which maps go from one instance to the next, and what refusals say.
 */
#include "kernel/bpf.h"
#include "netns/chains.h"
#include "unit/test.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DETAIL_MAX (64u << 10)

static bool is_private_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700;
}

static void test_where_pins_may_be(void)
{
	AUTO(diag_done) struct diag why = {};
	struct objects *objects;

	CHECK(objects_new(STAGE_DIR, chains.shipped, &objects, &why) == -EINVAL);
	CHECK(stage_says(&why, " is not a BPF file system (mount -t bpf bpf " STAGE_DIR ")"));
	diag_done(&why);
	CHECK(objects_new(STAGE_DIR "/no", chains.shipped, &objects, &why) == -ENOENT);
	CHECK(stage_says(&why, STAGE_DIR "/no: No such file"));
	CHECK(strcmp(objects_dir(chains.objects), CHAINS_BPFFS "/metad") == 0);
	CHECK(is_private_dir(CHAINS_BPFFS "/metad") && is_private_dir(CHAINS_BPFFS "/metad/links"));
	CHECK(is_private_dir(CHAINS_BPFFS "/metad/programs"));
}

static void test_digest(void)
{
	AUTO_FREE char *from = util_join(chains.shipped, "count.o");
	struct program shipped = chains_program("a", "count", NULL);
	struct program named = chains_program("a", "count", "count");
	struct program missing = chains_program("b", "nosuch", NULL);
	struct program away = chains_program("c", "/nosuch/object.o", NULL);
	struct program copied = chains_program("d", chains_copy(from, "d.o", 0), NULL);
	AUTO(object_done) struct object object = {}, elsewhere = {};
	uint64_t digest = chains_digest(&shipped);

	CHECK(digest && digest == chains_digest(&copied));
	CHECK(chains_digest(&named) != digest && chains_digest(&shipped) == digest);
	chains_copy(from, "d.o", 1);
	CHECK(chains_digest(&copied) && chains_digest(&copied) != digest);
	chains_copy(from, "d.o", 0);
	CHECK(chains_digest(&copied) == digest);
	CHECK(object_look(chains.objects, &missing, &object) == 0 && object.digest == 0);
	CHECK(stage_says(&object.why, "no shipped object is called \"nosuch\" ("));
	CHECK(object_look(chains.objects, &away, &elsewhere) == 0 && elsewhere.digest == 0);
	CHECK(stage_says(&elsewhere.why, "/nosuch/object.o: No such file"));
}

/* ---- instances ---- */

static uint32_t load(const struct program *program, const uint32_t *avoid, size_t n_avoid)
{
	AUTO(diag_done) struct diag why = {};
	char name[PROGRAM_NAME_SIZE];
	uint64_t digest = chains_digest(program), found;
	uint32_t id;
	int fd, r;

	r = object_program_fd(chains.objects, program, digest, avoid, n_avoid, &fd, &id, &why);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", program->name, why.text ? why.text : "?");
	CHECK(r == 0);
	close(fd);
	CHECK(object_identify(chains.objects, id, name, &found));
	CHECK(strcmp(name, program->name) == 0 && found == digest);
	return id;
}

/* The id of the program's map whose name ends so; 0: none. */
static uint32_t map_id(uint32_t prog_id, const char *suffix)
{
	__u32 ids[8] = {}, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids) };
	AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(prog_id);

	CHECK(fd >= 0 && bpf_prog_get_info_by_fd(fd, &info, &len) == 0);
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		AUTO_CLOSE int map_fd = bpf_map_get_fd_by_id(ids[i]);
		struct bpf_map_info map = {};
		__u32 map_len = sizeof(map);

		CHECK(map_fd >= 0 && bpf_map_get_info_by_fd(map_fd, &map, &map_len) == 0);
		if (strstr(map.name, suffix))
			return ids[i];
	}
	return 0;
}

static void test_one_instance_serves_all(void)
{
	struct program a = chains_program("one", "count", NULL);
	struct program b = chains_program("another", "count", NULL);
	size_t n = chains_count(PIN_PROGRAMS);
	char name[PROGRAM_NAME_SIZE];
	uint32_t id = load(&a, NULL, 0), second, avoid[2];
	uint64_t digest;

	CHECK(load(&a, NULL, 0) == id && chains_count(PIN_PROGRAMS) == n + 1);
	avoid[0] = id;
	second = load(&a, avoid, 1);
	CHECK(second != id && chains_count(PIN_PROGRAMS) == n + 2);
	CHECK(load(&a, avoid, 1) == second);
	avoid[1] = second;
	CHECK(load(&a, &avoid[1], 1) == id);
	/* Two definitions of one object have counters of their own. */
	CHECK(map_id(load(&b, NULL, 0), "counted") != map_id(id, "counted"));
	CHECK(map_id(second, "counted") == map_id(id, "counted"));
	chains_restart();
	CHECK(load(&a, avoid, 1) == second && chains_count(PIN_PROGRAMS) == n + 3);
	CHECK(!object_identify(chains.objects, UINT32_MAX, name, &digest));
}

static void test_state_goes_on(void)
{
	struct program first = chains_program("s", chains_copy(chains.several, "s.o", 0), "first");
	struct program second = chains_program("t", first.object, "second");
	uint32_t old = load(&first, NULL, 0), old_second = load(&second, NULL, 0);

	CHECK(map_id(old, ".bss") && !map_id(old, ".data") && map_id(old_second, ".data"));
	chains_copy(chains.several, "s.o", 1);
	CHECK(load(&first, NULL, 0) != old);
	CHECK(map_id(load(&first, NULL, 0), ".bss") == map_id(old, ".bss"));
	/* What the object gives a value gets the new object's. */
	CHECK(map_id(load(&second, NULL, 0), ".data") != map_id(old_second, ".data"));
}

static void test_maps_that_do_not_fit(void)
{
	struct program program = chains_program("u", chains_copy(chains.several, "u.o", 0), "first");
	uint32_t id = load(&program, NULL, 0);

	chains_copy(chains.wide, "u.o", 0);
	CHECK(map_id(load(&program, NULL, 0), ".bss") != map_id(id, ".bss"));
}

static void test_pin_removed_by_hand(void)
{
	struct program program = chains_program("v", "count", NULL);
	uint32_t id = load(&program, NULL, 0), other;
	AUTO_CLOSE int user = bpf_prog_get_fd_by_id(id);

	CHECK(user >= 0 && unlink(chains_program_pin(&program, id)) == 0);
	other = load(&program, NULL, 0);
	CHECK(other != id && load(&program, NULL, 0) == other);
	CHECK(access(chains_program_pin(&program, other), F_OK) == 0);
}

/* It is still the one: a second would be loaded each time. */
static void test_pin_that_cannot_be_opened(void)
{
	struct program program = chains_program("y", "count", NULL);
	uint32_t id = load(&program, NULL, 0), other;
	uint64_t digest = chains_digest(&program);
	AUTO(diag_done) struct diag why = {};
	int fd;

	CHECK(chmod(chains_program_pin(&program, id), 0) == 0);
	chains_override_modes(false);
	CHECK(object_program_fd(chains.objects, &program, digest, NULL, 0, &fd, &other, &why) ==
	      -EACCES);
	chains_override_modes(true);
	CHECK(load(&program, NULL, 0) == id);
}

static void test_reap(void)
{
	AUTO_FREE char *from = util_join(chains.shipped, "pass.o");
	struct program program = chains_program("reaped", chains_copy(from, "reaped.o", 0), NULL);
	uint32_t old = load(&program, NULL, 0), oldest_of_new, spare, used[1] = { old };
	struct object keep = {};
	char name[PROGRAM_NAME_SIZE];
	uint64_t digest;

	chains_copy(from, "reaped.o", 1);
	oldest_of_new = load(&program, NULL, 0);
	spare = load(&program, &oldest_of_new, 1);
	memcpy(keep.program, program.name, PROGRAM_NAME_SIZE);
	keep.digest = chains_digest(&program);
	CHECK(objects_reap(chains.objects, used, 1, &keep, 1) == 0);
	CHECK(object_identify(chains.objects, old, name, &digest));
	CHECK(object_identify(chains.objects, oldest_of_new, name, &digest));
	CHECK(!object_identify(chains.objects, spare, name, &digest));
	CHECK(chains_count(PIN_PROGRAMS) == 2);
	CHECK(objects_reap(chains.objects, NULL, 0, &keep, 1) == 0);
	CHECK(!object_identify(chains.objects, old, name, &digest));
	CHECK(chains_count(PIN_PROGRAMS) == 1);
	CHECK(load(&program, NULL, 0) == oldest_of_new);
	CHECK(bpf_prog_get_fd_by_id(old) == -ENOENT && bpf_prog_get_fd_by_id(spare) == -ENOENT);
}

/* ---- refusals ---- */

static int refused(const struct program *program, struct diag *ret)
{
	uint64_t digest = chains_digest(program);
	size_t n = chains_count(PIN_PROGRAMS);
	uint32_t id;
	int fd, r;

	diag_done(ret);
	r = object_program_fd(chains.objects, program, digest, NULL, 0, &fd, &id, ret);
	CHECK(r < 0 && ret->text && chains_count(PIN_PROGRAMS) == n);
	return r;
}

static void test_verifier(void)
{
	struct program bad = chains_program("bad", chains_copy(chains.bad, "bad.o", 0), NULL);
	uint64_t digest = chains_digest(&bad);
	AUTO(diag_done) struct diag why = {}, again = {};
	uint32_t id;
	int fd;

	CHECK(refused(&bad, &why) == -EACCES);
	CHECK(stage_says(&why, "bad.o: the verifier refused program bad: "));
	CHECK(stage_says(&why, "invalid mem access"));
	CHECK(why.detail && strstr(why.detail, "R0") && strstr(why.detail, "processed "));
	CHECK(strlen(why.detail) <= DETAIL_MAX);
	/* The same answer, without even the file. */
	CHECK(unlink(bad.object) == 0);
	CHECK(object_program_fd(chains.objects, &bad, digest, NULL, 0, &fd, &id, &again) ==
	      -EACCES);
	CHECK(strcmp(again.text, why.text) == 0 && strcmp(again.detail, why.detail) == 0);
}

static void test_bad_content_replaces_nothing(void)
{
	AUTO_FREE char *good = util_join(chains.shipped, "count.o");
	struct program program = chains_program("worse", chains_copy(chains.bad, "w.o", 0), NULL);
	struct chains_end end = chains_make("mtworse", SIDE_PRIMARY);
	AUTO(diag_done) struct diag why = {};
	uint32_t id;

	CHECK(refused(&program, &why) == -EACCES);
	chains_copy(good, "w.o", 0);
	id = chains_append(&end, &program);
	chains_copy(chains.bad, "w.o", 1);
	diag_done(&why);
	CHECK(chains_update(&end, &program, id, &why) == -EACCES && why.detail);
	diag_done(&why);
	CHECK(chains_attach(&end, &program, PLACE_TAIL, NULL, 0, &why) == -EACCES && why.detail);
	CHECK(chains_read(&end, "worse") && chains_slot(&end, 0).link_id == id);
	/* The refusal of before is not taken for one of what is good again. */
	chains_copy(good, "w.o", 2);
	diag_done(&why);
	CHECK(chains_update(&end, &program, id, &why) == 0);
	chains_delete(&end);
}

static void test_choice_of_function(void)
{
	struct program unnamed = chains_program("f", chains.several, NULL);
	struct program unknown = chains_program("f", chains.several, "third");
	struct program xdp = chains_program("f", chains.several, "other");
	struct chains_end end = chains_make("mtchoice", SIDE_PEER);
	AUTO(diag_done) struct diag why = {};

	CHECK(refused(&unnamed, &why) == -ENOENT);
	CHECK(stage_says(&why, "more than one program, name one: first, second, other"));
	CHECK(refused(&unknown, &why) == -ENOENT);
	CHECK(stage_says(&why, "has no program \"third\"; it has: first, second, other"));
	/* It is a failure to say, not a chain that has changed. */
	diag_done(&why);
	CHECK(chains_attach(&end, &unknown, PLACE_TAIL, NULL, 0, &why) == -ENOENT);
	CHECK(stage_says(&why, "has no program \"third\""));
	CHECK(refused(&xdp, &why) == -EPROTOTYPE);
	CHECK(stage_says(&why, "program other is not of type sched_cls (section \"tc\")"));
	chains_delete(&end);
}

static void test_no_object(void)
{
	const char *path = CHAINS_FILES "/text";
	struct program text = chains_program("text", path, NULL);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	AUTO(diag_done) struct diag why = {};

	CHECK(fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10);
	CHECK(refused(&text, &why) < 0);
	CHECK(stage_says(&why, path) && stage_says(&why, "ELF"));
}

static void test_changed_meanwhile(void)
{
	AUTO_FREE char *from = util_join(chains.shipped, "pass.o");
	struct program program = chains_program("w", chains_copy(from, "z.o", 0), NULL);
	uint64_t digest = chains_digest(&program);
	AUTO(diag_done) struct diag why = {};
	uint32_t id;
	int fd;

	chains_copy(from, "z.o", 1);
	CHECK(object_program_fd(chains.objects, &program, digest, NULL, 0, &fd, &id, &why) ==
	      -ESTALE);
	CHECK(stage_says(&why, "z.o has changed since it was looked at"));
}

/* The last test: what is given up does not come back. */
static void test_without_capabilities(void)
{
	struct program program = chains_program("x", "pass", NULL);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = {};
	AUTO(diag_done) struct diag why = {};

	sets[0].effective = sets[0].permitted = 1u << CAP_DAC_OVERRIDE;
	CHECK(syscall(SYS_capset, &header, sets) == 0);
	CHECK(refused(&program, &why) == -EPERM);
	CHECK(stage_says(&why, "CAP_BPF"));
}

int main(void)
{
	chains_set();
	test_where_pins_may_be();
	test_digest();
	test_one_instance_serves_all();
	test_state_goes_on();
	test_maps_that_do_not_fit();
	test_pin_removed_by_hand();
	test_pin_that_cannot_be_opened();
	test_reap();
	test_verifier();
	test_bad_content_replaces_nothing();
	test_choice_of_function();
	test_no_object();
	test_changed_meanwhile();
	test_without_capabilities();
	return 0;
}
