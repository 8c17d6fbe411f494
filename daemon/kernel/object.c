/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Program definitions, their files and their loaded instances; see object.h. What is loaded is
 * known from the names of the pins alone, so a restart costs one readdir. A refusal is remembered
 * for the content it was about: a thousand pairs with a bad program ask the verifier once.
 */
#include "kernel/object.h"

#include "kernel/bpf.h"
#include "kernel/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define OBJECT_BYTES_MAX (64u << 20)

/* A loaded and pinned program. */
struct instance {
	char program[PROGRAM_NAME_SIZE];
	uint64_t digest;
	uint32_t id;
};

/* A file's digest as long as the file looks the same; function is part of the digest. */
struct reading {
	char program[PROGRAM_NAME_SIZE];
	char *path, *function; /* owned; function NULL: none named */
	struct stat st;
	uint64_t digest;
};

struct refusal {
	char program[PROGRAM_NAME_SIZE];
	uint64_t digest;
	int error;
	struct diag why;
};

struct objects {
	char *dir; /* <bpffs>/metad; owned, as all here */
	char *shipped_dir;
	struct instance *instances;
	size_t n_instances;
	struct reading *readings;
	size_t n_readings;
	struct refusal *refusals;
	size_t n_refusals;
};

/* ---- life ---- */

static int make_dir(const char *path, struct diag *why)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	diag_set(why, "cannot make %s: %s", path, strerror(errno));
	return -errno;
}

static int check_bpffs(const char *bpffs, struct diag *why)
{
	struct statfs fs;

	if (statfs(bpffs, &fs) < 0) {
		diag_set(why, "%s: %s", bpffs, strerror(errno));
		return -errno;
	}
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	diag_set(why, "%s is not a BPF file system (mount -t bpf bpf %s)", bpffs, bpffs);
	return -EINVAL;
}

static int on_program_pin(void *ctx, const char *name)
{
	struct objects *objects = ctx;
	struct instance instance;

	if (!pin_parse_program(name, instance.program, &instance.digest, &instance.id))
		return 0;
	return ARRAY_APPEND(objects->instances, objects->n_instances, instance);
}

static int make_dirs(struct objects *objects, struct diag *why)
{
	AUTO_FREE char *links = util_join(objects->dir, PIN_LINKS);
	AUTO_FREE char *programs = util_join(objects->dir, PIN_PROGRAMS);
	int r;

	if (!links || !programs)
		return -ENOMEM;
	r = make_dir(objects->dir, why);
	if (r == 0)
		r = make_dir(links, why);
	return r == 0 ? make_dir(programs, why) : r;
}

int objects_make_dirs(struct objects *objects)
{
	AUTO(diag_done) struct diag why = {};

	return make_dirs(objects, &why);
}

static int prepare(struct objects *objects, struct diag *why)
{
	int r = make_dirs(objects, why);

	return r == 0 ? pin_each(objects->dir, PIN_PROGRAMS, on_program_pin, objects) : r;
}

int objects_new(const char *bpffs, const char *shipped_dir, struct objects **ret, struct diag *why)
{
	struct objects *objects;
	int r = check_bpffs(bpffs, why);

	if (r < 0)
		return r;
	objects = calloc(1, sizeof(*objects));
	if (!objects)
		return -ENOMEM;
	objects->dir = util_join(bpffs, "metad");
	objects->shipped_dir = strdup(shipped_dir);
	r = objects->dir && objects->shipped_dir ? prepare(objects, why) : -ENOMEM;
	if (r < 0) {
		objects_free(objects);
		return r;
	}
	*ret = objects;
	return 0;
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	for (size_t i = 0; i < objects->n_readings; i++) {
		free(objects->readings[i].path);
		free(objects->readings[i].function);
	}
	for (size_t i = 0; i < objects->n_refusals; i++)
		diag_done(&objects->refusals[i].why);
	free(objects->instances);
	free(objects->readings);
	free(objects->refusals);
	free(objects->dir);
	free(objects->shipped_dir);
	free(objects);
}

const char *objects_dir(const struct objects *objects)
{
	return objects->dir;
}

/* ---- files ---- */

static char *object_path(const struct objects *objects, const struct program *program)
{
	char *path;

	if (program->object[0] == '/')
		return strdup(program->object);
	if (asprintf(&path, "%s/%s.o", objects->shipped_dir, program->object) < 0)
		return NULL;
	return path;
}

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static struct reading *find_reading(struct objects *objects, const char *program)
{
	for (size_t i = 0; i < objects->n_readings; i++)
		if (strcmp(objects->readings[i].program, program) == 0)
			return &objects->readings[i];
	return NULL;
}

static int digest_file(const char *path, const char *function, uint64_t *ret)
{
	AUTO_FREE char *bytes = NULL;
	size_t len;
	uint64_t digest;
	int r = util_read_file_at(AT_FDCWD, path, OBJECT_BYTES_MAX, &bytes, &len);

	if (r < 0)
		return r;
	digest = util_hash(UTIL_HASH_START, bytes, len);
	if (function)
		digest = util_hash(digest, function, strlen(function));
	*ret = digest ? digest : 1; /* 0 means: cannot be read */
	return 0;
}

static int remember_reading(struct objects *objects, const struct program *program, char **path,
			    const struct stat *st, uint64_t digest)
{
	struct reading *old = find_reading(objects, program->name);
	struct reading reading = { .st = *st, .digest = digest };

	memcpy(reading.program, program->name, PROGRAM_NAME_SIZE);
	reading.function = program->function ? strdup(program->function) : NULL;
	if (program->function && !reading.function)
		return -ENOMEM;
	reading.path = STEAL(*path);
	if (!old)
		return ARRAY_APPEND(objects->readings, objects->n_readings, reading);
	free(old->path);
	free(old->function);
	*old = reading;
	return 0;
}

static void say_missing(const struct program *program, const char *path, int error,
			struct diag *why)
{
	if (error == -ENOENT && program->object[0] != '/')
		diag_set(why, "no shipped object is called \"%s\" (%s)", program->object, path);
	else
		diag_set(why, "%s: %s", path, strerror(-error));
}

int object_look(struct objects *objects, const struct program *program, struct object *ret)
{
	AUTO_FREE char *path = object_path(objects, program);
	const struct reading *known = find_reading(objects, program->name);
	struct object object = {};
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	memcpy(object.program, program->name, PROGRAM_NAME_SIZE);
	r = stat(path, &st) < 0 ? -errno : 0;
	if (r == 0 && known && same_file(&known->st, &st) && strcmp(known->path, path) == 0 &&
	    same_string(known->function, program->function)) {
		object.digest = known->digest;
	} else if (r == 0) {
		r = digest_file(path, program->function, &object.digest);
		if (r == 0 && remember_reading(objects, program, &path, &st, object.digest) < 0)
			return -ENOMEM;
	}
	if (r < 0)
		say_missing(program, path, r, &object.why);
	*ret = object;
	return 0;
}

/* ---- instances ---- */

static bool is_avoided(uint32_t id, const uint32_t *avoid, size_t n_avoid)
{
	for (size_t i = 0; i < n_avoid; i++)
		if (avoid[i] == id)
			return true;
	return false;
}

static char *instance_path(const struct objects *objects, const struct instance *instance)
{
	return pin_program_path(objects->dir, instance->program, instance->digest, instance->id);
}

static void forget_instance(struct objects *objects, size_t i)
{
	objects->instances[i] = objects->instances[--objects->n_instances];
}

/* An instance of this content that may be used; -ENOENT: there is none. */
static int open_instance(struct objects *objects, const char *program, uint64_t digest,
			 const uint32_t *avoid, size_t n_avoid, int *ret_fd, uint32_t *ret_id)
{
	for (size_t i = 0; i < objects->n_instances;) {
		const struct instance *instance = &objects->instances[i];
		AUTO_FREE char *path = NULL;
		int r;

		if (strcmp(instance->program, program) != 0 || instance->digest != digest ||
		    is_avoided(instance->id, avoid, n_avoid)) {
			i++;
			continue;
		}
		path = instance_path(objects, instance);
		r = path ? bpf_open_pin(path, ret_fd) : -ENOMEM;
		if (r == 0)
			*ret_id = instance->id;
		if (r != -ENOENT)
			return r;
		/* Somebody removed the pin. */
		forget_instance(objects, i);
	}
	return -ENOENT;
}

/* The youngest instance of the definition, whatever its content; 0: none. */
static uint32_t youngest_id(const struct objects *objects, const char *program)
{
	uint32_t youngest = 0;

	for (size_t i = 0; i < objects->n_instances; i++)
		if (strcmp(objects->instances[i].program, program) == 0)
			youngest = MAX(youngest, objects->instances[i].id);
	return youngest;
}

static int pin_instance(struct objects *objects, const char *program, uint64_t digest, int fd,
			uint32_t *ret_id)
{
	struct instance instance = { .digest = digest };
	struct bpf_program_facts facts;
	AUTO_FREE char *path = NULL;
	int r = bpf_program_describe(fd, &facts);

	if (r < 0)
		return r;
	memcpy(instance.program, program, PROGRAM_NAME_SIZE);
	instance.id = facts.id;
	path = instance_path(objects, &instance);
	r = path ? bpf_pin(fd, path) : -ENOMEM;
	if (r == 0)
		r = ARRAY_APPEND(objects->instances, objects->n_instances, instance);
	if (r == 0)
		*ret_id = instance.id;
	return r;
}

static struct refusal *find_refusal(const struct objects *objects, const char *program)
{
	for (size_t i = 0; i < objects->n_refusals; i++)
		if (strcmp(objects->refusals[i].program, program) == 0)
			return &objects->refusals[i];
	return NULL;
}

/*
 * Only what the content itself caused: lack of memory or rights may be better next time. One per
 * definition, so that a log of every attempt of its author is not kept.
 */
static void remember_refusal(struct objects *objects, const char *program, uint64_t digest,
			     int error, const struct diag *why)
{
	struct refusal refusal = { .digest = digest, .error = error };
	struct refusal *old = find_refusal(objects, program);

	if (error == -ENOMEM || error == -EPERM || error == -EAGAIN || error == -EMFILE ||
	    error == -ENFILE)
		return;
	memcpy(refusal.program, program, PROGRAM_NAME_SIZE);
	if (diag_copy(why, &refusal.why) < 0)
		return;
	if (old) {
		diag_done(&old->why);
		*old = refusal;
	} else if (ARRAY_APPEND(objects->refusals, objects->n_refusals, refusal) < 0) {
		diag_done(&refusal.why);
	}
}

static int load_instance(struct objects *objects, const struct program *program, uint64_t digest,
			 int *ret_fd, uint32_t *ret_id, struct diag *why)
{
	AUTO_FREE char *path = object_path(objects, program);
	AUTO(object_done) struct object now = {};
	uint32_t like_id = youngest_id(objects, program->name);
	AUTO_CLOSE int fd = -1;
	int r = path ? object_look(objects, program, &now) : -ENOMEM;

	if (r < 0)
		return r;
	if (now.digest != digest) {
		diag_set(why, "%s has changed since it was looked at", path);
		return -ESTALE;
	}
	r = bpf_program_load_file(path, program->function, like_id, &fd, why);
	if (r < 0) {
		remember_refusal(objects, program->name, digest, r, why);
		return r;
	}
	r = pin_instance(objects, program->name, digest, fd, ret_id);
	if (r < 0) {
		diag_set(why, "cannot pin program %s: %s", program->name, strerror(-r));
		return r;
	}
	*ret_fd = STEAL_FD(fd);
	return 0;
}

int object_program_fd(struct objects *objects, const struct program *program, uint64_t digest,
		      const uint32_t *avoid, size_t n_avoid, int *ret_fd, uint32_t *ret_id,
		      struct diag *why)
{
	const struct refusal *refusal = find_refusal(objects, program->name);
	int r;

	if (refusal && refusal->digest == digest) {
		diag_done(why);
		diag_copy(&refusal->why, why);
		return refusal->error;
	}
	r = open_instance(objects, program->name, digest, avoid, n_avoid, ret_fd, ret_id);
	if (r != -ENOENT)
		return r;
	return load_instance(objects, program, digest, ret_fd, ret_id, why);
}

bool object_identify(struct objects *objects, uint32_t prog_id,
		     char ret_program[static PROGRAM_NAME_SIZE], uint64_t *ret_digest)
{
	for (size_t i = 0; i < objects->n_instances; i++) {
		if (objects->instances[i].id != prog_id)
			continue;
		memcpy(ret_program, objects->instances[i].program, PROGRAM_NAME_SIZE);
		*ret_digest = objects->instances[i].digest;
		return true;
	}
	return false;
}

/* The newest content stays for the next pair that wants it; of it one instance is enough. */
static bool is_kept(const struct objects *objects, size_t i, const struct object *keep,
		    size_t n_keep)
{
	const struct instance *instance = &objects->instances[i];
	bool newest = false;

	for (size_t k = 0; k < n_keep; k++)
		newest |= keep[k].digest == instance->digest &&
			  strcmp(keep[k].program, instance->program) == 0;
	for (size_t j = 0; newest && j < objects->n_instances; j++)
		if (j != i && objects->instances[j].digest == instance->digest &&
		    objects->instances[j].id < instance->id &&
		    strcmp(objects->instances[j].program, instance->program) == 0)
			return false;
	return newest;
}

int objects_reap(struct objects *objects, const uint32_t *used_ids, size_t n_used,
		 const struct object *keep, size_t n_keep)
{
	for (size_t i = 0; i < objects->n_instances;) {
		const struct instance *instance = &objects->instances[i];
		AUTO_FREE char *path = NULL;

		if (is_avoided(instance->id, used_ids, n_used) ||
		    is_kept(objects, i, keep, n_keep)) {
			i++;
			continue;
		}
		path = instance_path(objects, instance);
		if (!path)
			return -ENOMEM;
		unlink(path);
		forget_instance(objects, i);
	}
	return 0;
}
