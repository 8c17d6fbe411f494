/* SPDX-License-Identifier: GPL-2.0-only */
/* Places and their watches; see places.h. */
#include "kernel/places.h"

#include <errno.h>
#include <libgen.h>
#include <sys/inotify.h>

#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF)
#define GONE_EVENTS (SELF_EVENTS | IN_IGNORED | IN_UNMOUNT)
#define ANCESTOR_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
#define EVENTS_SIZE 65536 /* bytes a read */

int places_init(struct places *places)
{
	*places = (struct places){ .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	return places->fd < 0 ? -errno : 0;
}

static void place_done(struct place *place)
{
	free(place->path);
	free(place->real);
	free(place->awaited);
}

void places_done(struct places *places)
{
	for (size_t i = 0; i < places->n; i++)
		place_done(&places->items[i]);
	free(places->items);
	free(places->stale);
	util_close(&places->fd);
	*places = (struct places){ .fd = -1 };
}

int places_add(struct places *places, int role, uint32_t events, const char *path)
{
	struct place place = { .role = role, .events = events, .wd = -1 };
	int r;

	for (size_t i = 0; i < places->n; i++)
		if (places->items[i].role == role && strcmp(places->items[i].path, path) == 0)
			return 0;
	place.path = strdup(path);
	r = place.path ? ARRAY_APPEND(places->items, places->n, place) : -ENOMEM;
	if (r < 0)
		place_done(&place);
	return r;
}

/* Without memory the watch stays, and costs wakeups. */
static void leave_watch(struct places *places, int wd)
{
	if (wd >= 0)
		(void)ARRAY_APPEND(places->stale, places->n_stale, wd);
}

void places_remove(struct places *places, int role)
{
	size_t kept = 0;

	for (size_t i = 0; i < places->n; i++) {
		struct place *place = &places->items[i];

		if (place->role != role) {
			places->items[kept++] = *place;
			continue;
		}
		leave_watch(places, place->wd);
		place_done(place);
	}
	places->n = kept;
}

/* ---- arming ---- */

/* The watch's number, or -errno. A watch that is set already keeps its number. */
static int add_watch(struct places *places, const char *path, uint32_t events)
{
	int wd = inotify_add_watch(places->fd, path, events | SELF_EVENTS | IN_MASK_ADD);

	return wd < 0 ? -errno : wd;
}

/* Whether an error says that the path leads nowhere, and not that there can be no watch. */
static bool is_absence(int error)
{
	return error != -ENOSPC && error != -ENOMEM;
}

/* "/run" of "/run/netns"; "/" and "." are their own. Owned by the caller. */
static char *parent_of(const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	return copy ? strdup(dirname(copy)) : NULL;
}

/* Watches the nearest ancestor that exists; ret_missing is the first part of the path that does not. */
static int watch_ancestor(struct places *places, struct place *place, char **ret_missing)
{
	AUTO_FREE char *missing = strdup(place->path);
	AUTO_FREE char *parent = NULL;

	for (;;) {
		int wd;

		parent = missing ? parent_of(missing) : NULL;
		if (!parent)
			return -ENOMEM;
		wd = add_watch(places, parent, ANCESTOR_EVENTS);
		if (wd >= 0) {
			place->wd = wd;
			place->awaited = strdup(basename(missing));
			*ret_missing = STEAL(missing);
			return place->awaited ? 0 : -ENOMEM;
		}
		if (!is_absence(wd) || strcmp(parent, missing) == 0)
			return wd;
		free(missing);
		missing = STEAL(parent);
	}
}

static int watch_path(struct places *places, struct place *place)
{
	for (;;) {
		AUTO_FREE char *missing = NULL;
		int wd = add_watch(places, place->path, place->events), r;

		leave_watch(places, place->wd);
		free(place->awaited);
		place->awaited = NULL;
		place->wd = MAX(wd, -1);
		if (wd >= 0 || !is_absence(wd))
			return MIN(wd, 0);
		r = watch_ancestor(places, place, &missing);
		/* It may have come into being before its ancestor was watched. */
		if (r < 0 || wd != -ENOENT || access(missing, F_OK) < 0)
			return r;
	}
}

static int arm(struct places *places, struct place *place)
{
	int old_wd = place->wd;
	bool was_there = !place->awaited;
	int r = watch_path(places, place);

	if (place->wd == old_wd)
		return r;
	/* What has never been watched has not changed: nobody can have looked at it yet. */
	if (old_wd >= 0 && (was_there || !place->awaited))
		place->changed = true;
	free(place->real);
	place->real = place->awaited ? NULL : realpath(place->path, NULL);
	return r;
}

static bool is_used(const struct places *places, int wd)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->items[i].wd == wd)
			return true;
	return false;
}

int places_arm(struct places *places)
{
	int r = 0;

	places->must_arm = false;
	for (size_t i = 0; i < places->n; i++) {
		int error = arm(places, &places->items[i]);

		r = r < 0 ? r : error;
	}
	/* Those of directories that are gone have gone with them; that they fail is no news. */
	for (size_t i = 0; i < places->n_stale; i++)
		if (!is_used(places, places->stale[i]))
			inotify_rm_watch(places->fd, places->stale[i]);
	free(places->stale);
	places->stale = NULL;
	places->n_stale = 0;
	return r;
}

/* ---- draining ---- */

static void tell(struct places *places, const struct place *place,
		 const struct inotify_event *event, place_fn fn, void *ctx)
{
	const char *name = event->len ? event->name : NULL;

	if (event->mask & GONE_EVENTS)
		places->must_arm = true;
	else if (place->awaited)
		places->must_arm |= name && strcmp(name, place->awaited) == 0;
	else if (event->mask & place->events)
		fn(ctx, place, event->mask, name);
}

static void tell_event(struct places *places, const struct inotify_event *event, place_fn fn,
		       void *ctx)
{
	for (size_t i = 0; i < places->n; i++) {
		if (event->mask & IN_Q_OVERFLOW)
			places->items[i].changed = true;
		else if (places->items[i].wd == event->wd)
			tell(places, &places->items[i], event, fn, ctx);
	}
	places->must_arm |= (event->mask & IN_Q_OVERFLOW) != 0;
}

static int read_events(struct places *places, place_fn fn, void *ctx)
{
	_Alignas(struct inotify_event) char buffer[EVENTS_SIZE];
	ssize_t len = read(places->fd, buffer, sizeof(buffer));

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (const char *p = buffer; p < buffer + len;) {
		const struct inotify_event *event = (const void *)p;

		tell_event(places, event, fn, ctx);
		p += sizeof(*event) + event->len;
	}
	return 0;
}

int places_drain(struct places *places, place_fn fn, void *ctx)
{
	int r = read_events(places, fn, ctx);

	if (r == 0 && places->must_arm)
		r = places_arm(places);
	for (size_t i = 0; i < places->n; i++) {
		struct place *place = &places->items[i];

		if (place->changed)
			fn(ctx, place, 0, NULL);
		place->changed = false;
	}
	return r;
}
