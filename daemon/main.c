/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metad: opens the parts, ties them to the loop, and runs. All ownership ends here: reconcile,
 * worker, kernel, monitor, watch and server live as long as main does, and go in that order.
 */
#include "base/log.h"
#include "base/message_id.h"
#include "cleanup.h"
#include "engine/reconcile.h"
#include "front/server.h"
#include "kernel/monitor.h"
#include "kernel/watch.h"
#include "kernel/worker.h"
#include "loop.h"
#include "notify.h"
#include "options.h"
#include "shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

struct daemon {
	struct options options;
	char *shipped_dir;
	struct kernel_options kernel_options;
	struct kernel *kernel;
	struct worker *worker;
	struct backend backend;
	struct reconcile_observer observer;
	struct reconcile *reconcile;
	struct monitor *monitor;
	struct watch *watch;
	struct server *server;
	struct loop *loop;
	int lock_fd;
	struct notify notify;
	size_t n_faults; /* of the files, as they were read last */
	bool kinds_told;
	int configured_priority; /* of what is logged; somebody may have asked for another one since */
};

/* ---- what the parts call ---- */

static void on_pair(void *ctx, const char *name, bool gone)
{
	struct daemon *d = ctx;

	notify_note(&d->notify);
	if (d->server)
		server_on_pair(d->server, name, gone);
}

static void log_diag(void *ctx, const struct diag *diag)
{
	struct daemon *d = ctx;
	AUTO_FREE char *text = diag_text(diag);
	const struct log_about about = { .message_id = MESSAGE_CONFIG_BROKEN,
					 .file = diag->file,
					 .line = diag->line };

	d->n_faults++;
	log_line(LOG_ERR, &about, "%s", text ? text : "out of memory");
}

static void log_faults(struct daemon *d, const struct desired *desired)
{
	const struct log_about sound = { .message_id = MESSAGE_CONFIG_SOUND };
	bool was_broken = d->n_faults > 0;

	d->n_faults = 0;
	catalog_each_diag(reconcile_catalog(d->reconcile), desired, log_diag, d);
	if (was_broken && !d->n_faults)
		log_line(LOG_NOTICE, &sound, "the configuration is in order again");
}

static void follow_log_level(struct daemon *d, const struct settings *settings)
{
	int priority = settings->log_priority >= 0 ? settings->log_priority : d->options.log_priority;

	if (priority != d->configured_priority)
		log_set_level(priority);
	d->configured_priority = priority;
}

static void on_loaded(void *ctx)
{
	struct daemon *d = ctx;
	const struct desired *desired = reconcile_desired(d->reconcile);
	const struct log_about about = { .message_id = MESSAGE_CONFIG_READ };

	log_faults(d, desired);
	notify_note(&d->notify);
	if (desired) {
		follow_log_level(d, &desired->settings);
		/* Of what runtimes ask for there may be many a second. */
		log_line(reconcile_is_news(d->reconcile) ? LOG_INFO : LOG_DEBUG, &about,
			 "configuration read: %zu pair%s", desired->n_pairs,
			 desired->n_pairs == 1 ? "" : "s");
		if (watch_follow(d->watch, desired) < 0)
			log_error("out of memory: not all namespaces are watched");
	}
	if (d->server)
		server_on_event(d->server, CALL_LOADED);
}

static void on_amended(void *ctx)
{
	struct daemon *d = ctx;

	if (d->server)
		server_on_event(d->server, CALL_AMENDED);
}

static void on_conflicts(void *ctx)
{
	struct daemon *d = ctx;

	log_faults(d, reconcile_desired(d->reconcile));
	if (d->server)
		server_on_event(d->server, CALL_CONFLICTS);
}

static void on_looked(void *ctx)
{
	struct daemon *d = ctx;

	if (d->server)
		server_on_event(d->server, CALL_LOOKED);
}

static void on_measured(void *ctx)
{
	struct daemon *d = ctx;

	if (d->server)
		server_on_event(d->server, CALL_MEASURED);
}

/* Once, when they are known. */
static void log_kinds(struct daemon *d)
{
	const struct kind_state *kinds = reconcile_kinds(d->reconcile);
	const struct log_about about = { .message_id = MESSAGE_KINDS };

	d->kinds_told = true;
	for (enum kind kind = KIND_META; kind < N_KINDS; kind++)
		log_line(LOG_INFO, &about, "kind %s: %s", kind_name(kind),
			 kinds[kind].usable ? "works" : kinds[kind].why);
}

static void on_answer(void *ctx)
{
	struct daemon *d = ctx;
	struct job *job = worker_take(d->worker);

	if (!job)
		return;
	notify_heard(&d->notify, job);
	reconcile_complete(d->reconcile, job, util_now_ms());
}

static void on_monitor_event(void *ctx, const struct monitor_event *event)
{
	struct daemon *d = ctx;

	if (event->overflow) {
		log_debug("netlink events were lost: looking at everything");
		reconcile_mark_all(d->reconcile);
		return;
	}
	reconcile_mark_link(d->reconcile, event->nsid, event->ifindex, event->name);
}

static void on_monitor(void *ctx)
{
	struct daemon *d = ctx;

	if (monitor_drain(d->monitor, on_monitor_event, d) < 0)
		reconcile_mark_all(d->reconcile);
}

static void on_change(void *ctx, enum watch_kind kind, const char *name)
{
	struct daemon *d = ctx;

	switch (kind) {
	case WATCH_CONFIG:
		reconcile_mark_files(d->reconcile);
		break;
	case WATCH_NETNS:
		reconcile_mark_netns(d->reconcile, name);
		break;
	case WATCH_PIN:
		if (name)
			reconcile_mark_pair(d->reconcile, name);
		else
			reconcile_mark_all(d->reconcile);
		break;
	}
}

static void on_watch(void *ctx)
{
	struct daemon *d = ctx;

	if (watch_drain(d->watch, on_change, d) < 0)
		reconcile_mark_all(d->reconcile);
}

static void on_mounts(void *ctx)
{
	struct daemon *d = ctx;

	if (watch_drain_mounts(d->watch, on_change, d) < 0)
		reconcile_mark_all(d->reconcile);
}

static void on_server(void *ctx)
{
	struct daemon *d = ctx;

	server_drain(d->server);
}

static void on_hangup(void *ctx)
{
	struct daemon *d = ctx;

	log_info("SIGHUP: reading the configuration again");
	notify_reloading(&d->notify);
	reconcile_mark_config(d->reconcile);
}

static void on_stop(void *ctx)
{
	struct daemon *d = ctx;

	notify_stopping();
	loop_stop(d->loop);
}

static uint64_t on_turn(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t now_ms = util_now_ms();
	uint64_t watchdog_ms = notify_watchdog(&d->notify, d->reconcile, now_ms);
	uint64_t wake_ms = reconcile_turn(d->reconcile, now_ms);

	wake_ms = MIN(wake_ms, server_turn(d->server, now_ms));
	if (!d->kinds_told && reconcile_is_settled(d->reconcile))
		log_kinds(d);
	notify_tell(&d->notify, d->reconcile);
	return MIN(wake_ms, watchdog_ms);
}

/* ---- opening ---- */

/* error: an errno, positive. */
static void log_no_start(int error, const char *place, const char *why)
{
	const struct log_about about = { .message_id = MESSAGE_NOT_STARTED, .error = error };

	log_line(LOG_ERR, &about, "%s: %s", place, why);
	notify_failed(error, why);
}

static bool fill_kernel_options(struct daemon *d)
{
	d->shipped_dir = shipped_find_dir();
	d->kernel_options = (struct kernel_options){
		.config_dirs = d->options.config_dirs,
		.n_config_dirs = d->options.n_config_dirs,
		.runtime_dir = d->options.runtime_dir,
		.state_dir = d->options.state_dir,
		.netns_dir = d->options.netns_dir,
		.bpffs = d->options.bpffs,
		.shipped_dir = d->shipped_dir,
	};
	return d->shipped_dir != NULL;
}

static int open_kernel(struct daemon *d)
{
	AUTO(diag_done) struct diag why = {};
	static const struct {
		int r, error, exit_code;
	} outcomes[] = {
		{ KERNEL_E_BPFFS, ENOENT, EXIT_CODE_BPFFS },
		{ KERNEL_E_PERMISSION, EPERM, EXIT_CODE_PERMISSION },
		{ KERNEL_E_UNABLE, EOPNOTSUPP, EXIT_CODE_UNABLE },
		{ -EPERM, EPERM, EXIT_CODE_PERMISSION },
		{ -EACCES, EACCES, EXIT_CODE_PERMISSION },
	};
	int r;

	if (!fill_kernel_options(d))
		return EXIT_CODE_INTERNAL;
	r = kernel_new(&d->kernel_options, &d->kernel, &why);
	if (r == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (outcomes[i].r != r)
			continue;
		log_no_start(outcomes[i].error, "cannot start", why.text ? why.text : strerror(outcomes[i].error));
		return outcomes[i].exit_code;
	}
	log_no_start(-r, "cannot start", why.text ? why.text : strerror(-r));
	return EXIT_CODE_INTERNAL;
}

static int open_events(struct daemon *d)
{
	AUTO_FREE char *links_dir = util_join(d->options.bpffs, "metad/links");
	struct watch_options options = {
		.config_dirs = d->options.config_dirs,
		.n_config_dirs = d->options.n_config_dirs,
		.links_dir = links_dir,
	};
	int r = links_dir ? monitor_new(&d->monitor) : -ENOMEM;

	return r == 0 ? watch_new(&options, &d->watch) : r;
}

/* systemd's socket unit may have opened the socket already. */
static int open_server(struct daemon *d)
{
	const struct server_options options = { .path = d->options.socket,
						.fd = notify_take_socket() };

	return server_new(&options, d->reconcile, &d->server);
}

static int tie(struct daemon *d)
{
	int r = loop_watch_fd(d->loop, worker_fd(d->worker), on_answer, d);

	if (r == 0)
		r = loop_watch_fd(d->loop, monitor_fd(d->monitor), on_monitor, d);
	if (r == 0)
		r = loop_watch_fd(d->loop, watch_fd(d->watch), on_watch, d);
	if (r == 0)
		r = loop_watch_exception(d->loop, watch_mounts_fd(d->watch), on_mounts, d);
	if (r == 0)
		r = loop_watch_fd(d->loop, server_fd(d->server), on_server, d);
	if (r == 0)
		r = loop_watch_signal(d->loop, SIGHUP, on_hangup, d);
	if (r == 0)
		r = loop_watch_signal(d->loop, SIGTERM, on_stop, d);
	if (r == 0)
		r = loop_watch_signal(d->loop, SIGINT, on_stop, d);
	return r;
}

/* Listens before the first look, so that nothing can change unseen in between. */
static int open_all(struct daemon *d)
{
	int r = open_kernel(d);

	if (r)
		return r;
	d->observer = (struct reconcile_observer){ d,		on_pair,   on_loaded,	on_conflicts,
						      on_amended, on_looked, on_measured };
	r = worker_new(d->kernel, &d->worker);
	if (r == 0) {
		d->backend = worker_backend(d->worker);
		r = reconcile_new(&d->backend, &d->observer, &d->reconcile);
	}
	if (r == 0)
		r = open_events(d);
	if (r == 0)
		r = loop_new(&d->loop);
	if (r == 0)
		r = open_server(d);
	if (r == 0)
		r = tie(d);
	if (r < 0)
		log_no_start(-r, "cannot start", strerror(-r));
	return r < 0 ? EXIT_CODE_INTERNAL : 0;
}

static void close_all(struct daemon *d)
{
	server_free(d->server);
	worker_free(d->worker);
	reconcile_free(d->reconcile);
	watch_free(d->watch);
	monitor_free(d->monitor);
	loop_free(d->loop);
	kernel_free(d->kernel);
	notify_done(&d->notify);
	util_close(&d->lock_fd);
	free(d->shipped_dir);
	free(d->options.socket);
}

static int exit_code_of_lock(int error)
{
	return error == EACCES || error == EPERM ? EXIT_CODE_PERMISSION : EXIT_CODE_INTERNAL;
}

/* One metad to a runtime directory: two would undo what the other does. Held until the end. */
static int take_lock(struct daemon *d)
{
	AUTO_FREE char *path = util_join(d->options.runtime_dir, "lock");

	if (mkdir(d->options.runtime_dir, 0755) < 0 && errno != EEXIST) {
		int error = errno;

		log_no_start(error, d->options.runtime_dir, strerror(error));
		return exit_code_of_lock(error);
	}
	d->lock_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;

		log_no_start(error, path ? path : "lock",
			     error == EWOULDBLOCK ? "metad is running already; systemctl stop "
						    "metad.socket metad"
						  : strerror(error));
		return exit_code_of_lock(error);
	}
	return 0;
}

static int clean_up(struct daemon *d)
{
	enum cleanup_mode mode = d->options.dry_run ? CLEANUP_SAY : CLEANUP_REMOVE;
	int r = fill_kernel_options(d) ? cleanup_run(&d->kernel_options, mode) : -ENOMEM;

	if (r == -EPERM || r == -EACCES)
		return EXIT_CODE_PERMISSION;
	return r ? EXIT_CODE_INTERNAL : 0;
}

static int run(struct daemon *d)
{
	const struct log_about started = { .message_id = MESSAGE_STARTED };
	const struct log_about stopped = { .message_id = MESSAGE_STOPPED };
	int exit_code = open_all(d);

	if (exit_code == 0) {
		log_line(LOG_INFO, &started, "metad " METAD_VERSION " listens at %s", d->options.socket);
		reconcile_mark_config(d->reconcile);
		loop_run(d->loop, on_turn, d);
		log_line(LOG_INFO, &stopped, "stopped; pairs and programs stay as they are");
	}
	return exit_code;
}

int main(int argc, char **argv)
{
	struct daemon d = { .lock_fd = -1 };
	int exit_code = 0;

	if (options_parse(argc, argv, &d.options, &exit_code) < 0)
		return exit_code;
	log_set_level(d.options.log_priority);
	d.configured_priority = d.options.log_priority;
	notify_init(&d.notify, util_now_ms());
	signal(SIGPIPE, SIG_IGN);
	/* Only looking disturbs nobody. */
	if (!d.options.dry_run)
		exit_code = take_lock(&d);
	if (exit_code == 0)
		exit_code = d.options.cleanup ? clean_up(&d) : run(&d);
	close_all(&d);
	return exit_code;
}
