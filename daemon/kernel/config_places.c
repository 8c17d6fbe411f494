/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the configuration is watched; see config_places.h. */
#include "kernel/config_places.h"

#include "files/dropin.h"
#include "kernel/expedite.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB)
#define DIR_EVENTS (FILE_EVENTS | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

static int add_place(struct places *places, enum config_place role, const char *path)
{
	return places_add(places, role, role == CONFIG_PLACE_TARGET ? FILE_EVENTS : DIR_EVENTS,
			  path);
}

/* ---- following ---- */

/* Whether a file, or a directory, of that name in a place says anything. */
static bool is_file_of(enum config_place role, const char *name)
{
	return role == CONFIG_PLACE_DIR ? strcmp(name, DROPIN_SETTINGS) == 0 : dropin_is_name(name);
}

static bool is_dir_of(enum config_place role, const char *name)
{
	if (role == CONFIG_PLACE_DIR)
		return strcmp(name, DROPIN_SETTINGS ".d") == 0;
	return role == CONFIG_PLACE_PAIRS && dropin_is_dir(name);
}

/* Where a link says something should be. Of links that lead to links, the last counts. */
static int add_linked(struct places *places, enum config_place role, const char *dir,
		      const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	AUTO_FREE char *joined = NULL;
	char target[PATH_MAX];
	ssize_t len;

	if (!path)
		return -ENOMEM;
	len = readlink(path, target, sizeof(target) - 1);
	if (len <= 0)
		return 0;
	target[len] = '\0';
	if (target[0] == '/')
		return add_place(places, role, target);
	joined = util_join(dir, target);
	return joined ? add_place(places, role, joined) : -ENOMEM;
}

/* A file that is a link to one elsewhere changes there: that is watched, or awaited. */
static int add_target(struct places *places, const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	struct stat st;

	if (!path)
		return -ENOMEM;
	/* A mask leads to /dev/null, which changes all the time. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	return add_linked(places, CONFIG_PLACE_TARGET, dir, name);
}

static int add_dropins(struct places *places, const char *dir, const char *name)
{
	AUTO_FREE char *path = util_join(dir, name);
	struct stat st;

	if (!path)
		return -ENOMEM;
	/* A link that leads nowhere hides by being there that the directory is not. */
	return stat(path, &st) < 0 ? add_linked(places, CONFIG_PLACE_DROPINS, dir, name)
				   : add_place(places, CONFIG_PLACE_DROPINS, path);
}

/* What a directory leads to: files behind links, and directories of drop-ins. */
static int add_found(struct places *places, enum config_place role, const char *dir)
{
	AUTO_CLOSE_DIR DIR *stream = opendir(dir);
	const struct dirent *entry;
	int r = 0;

	if (!stream)
		return 0;
	while (r == 0 && (entry = readdir(stream))) {
		if (is_dir_of(role, entry->d_name))
			r = add_dropins(places, dir, entry->d_name);
		else if ((entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) &&
			 is_file_of(role, entry->d_name))
			r = add_target(places, dir, entry->d_name);
	}
	return r;
}

/* The list of places grows while it is walked, and is moved by that. */
int config_places_follow(struct places *places)
{
	int r = 0, armed;

	places_remove(places, CONFIG_PLACE_TARGET);
	places_remove(places, CONFIG_PLACE_DROPINS);
	for (size_t i = 0; i < places->n && r == 0; i++) {
		const struct place *place = &places->items[i];
		AUTO_FREE char *path = NULL;

		if (place->role != CONFIG_PLACE_DIR && place->role != CONFIG_PLACE_PAIRS &&
		    place->role != CONFIG_PLACE_DROPINS)
			continue;
		path = strdup(place->path);
		r = path ? add_found(places, place->role, path) : -ENOMEM;
	}
	armed = places_arm(places);
	return r < 0 ? r : armed;
}

int config_places_add(struct places *places, const char *const *dirs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *path = util_join(dirs[i], DROPIN_DIR);
		int r = add_place(places, CONFIG_PLACE_DIR, dirs[i]);

		if (r == 0)
			r = path ? add_place(places, CONFIG_PLACE_PAIRS, path) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return config_places_follow(places);
}

/* ---- telling ---- */

/* A new file with one name is being written, and is told when that is finished; a link is not. */
static bool is_being_written(const struct place *place, const char *name)
{
	AUTO_FREE char *path = util_join(place->path, name);
	struct stat st;

	return path && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/*
 * What is made or written is of interest by its name; what moves or goes may be what others lead
 * through. A link that is made may be either.
 */
bool config_places_is_change(const struct place *place, uint32_t mask, const char *name)
{
	if (!name)
		return true;
	/* The runtime directory has configuration too, and is where metad's own work leaves its mark. */
	if (place->role == CONFIG_PLACE_DIR && strcmp(name, EXPEDITE_MARKER) == 0)
		return false;
	if (mask & (IN_CLOSE_WRITE | IN_ATTRIB))
		return is_file_of(place->role, name);
	if (!(mask & IN_CREATE))
		return true;
	if (mask & IN_ISDIR)
		return is_dir_of(place->role, name) || is_file_of(place->role, name);
	return !is_being_written(place, name);
}
