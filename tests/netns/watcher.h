/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * A struct watch as the daemon's loop sees it, what it has told, and the small deeds that it is to
 * tell of. All of it happens below WATCH_TOP, in namespaces of the test's own (stage.h).
 */

#include "kernel/watch.h"
#include "netns/stage.h"

#define WATCH_TOP STAGE_DIR "/watch"
#define WATCH_CONF WATCH_TOP "/conf"
#define WATCH_ETC WATCH_TOP "/etc"
#define WATCH_LATER WATCH_ETC "/later/conf" /* another; the last two are not there at first */
#define WATCH_NETNS_DIR WATCH_TOP "/run/netns" /* nor are these */
#define WATCH_BPFFS WATCH_TOP "/bpf"
#define WATCH_LINKS WATCH_BPFFS "/metad/links"

/* Told since the last watcher_forget. */
struct told {
	unsigned int config;
	char netns[512], pins[512]; /* names, a blank after each, "*" for NULL */
};
extern struct told told;

void watcher_start(const char *netns_dir);
/* A configuration without pairs, and with that directory of names. The caller's to unref. */
struct desired *watcher_desired(const char *netns_dir);
void watcher_stop(void);
struct watch *watcher_watch(void);

/* Serves the watch until it has nothing more. Returns how often it woke. */
unsigned int watcher_serve(void);
/*
 * On a slow machine the watch rests between two readings of the mount table, so what is to be told
 * is waited for: up to so many of these.
 */
#define WATCHER_RESTS 100
void watcher_rest(void);
void watcher_settle(void); /* serves until no reading is put off */
void watcher_forget(void); /* settles, then forgets what was told */

/* Whether exactly this has been told since watcher_forget; forgets it. names as in struct told. */
bool watcher_told_config(void);
bool watcher_told_netns(const char *names);
bool watcher_told_pins(const char *names);
bool watcher_told_nothing(void);
/* As the last, and it did not even wake. */
bool watcher_slept(void);

/* How many inotify watches the process has. */
unsigned int watcher_count_watches(void);

/* Deeds. Each is expected to succeed. */
void do_write(const char *path, const char *text);
void do_mkdir(const char *path);
void do_rename(const char *from, const char *to);
void do_symlink(const char *target, const char *path);
void do_unlink(const char *path);
void do_rmdir(const char *path);
void do_mount(const char *source, const char *path, const char *type);
void do_umount(const char *path);
