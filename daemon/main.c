/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metad: opens the parts, ties them to the loop, and runs. All ownership ends here: reconcile,
 * worker, kernel, monitor, watch and server live as long as main does, and go in that order.
 */
#include "base/log.h"
#include "cleanup.h"
#include "engine/reconcile.h"
#include "kernel/monitor.h"
#include "kernel/watch.h"
#include "kernel/worker.h"
#include "loop.h"
#include "options.h"
#include "server.h"
#include "shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

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
	bool ready; /* systemd has been told */
};

/* ---- what the parts call ---- */

static void on_pair(void *ctx, const char *name, bool gone)
{
	struct daemon *d = ctx;

	if (d->server)
		server_on_pair(d->server, name, gone);
}

static void log_diag(void *ctx, const struct diag *diag)
{
	AUTO_FREE char *text = diag_text(diag);

	log_error("%s", text ? text : "out of memory");
}

static void on_loaded(void *ctx)
{
	struct daemon *d = ctx;
	const struct desired *desired = reconcile_desired(d->reconcile);

	catalog_each_diag(reconcile_catalog(d->reconcile), desired, log_diag, NULL);
	if (desired) {
		log_set_level(desired->settings.log_priority >= 0 ? desired->settings.log_priority
								   : d->options.log_priority);
		log_info("configuration read: %zu pairs", desired->n_pairs);
		if (watch_follow(d->watch, desired) < 0)
			log_error("out of memory: not all namespaces are watched");
	}
	if (d->server)
		server_on_loaded(d->server);
}

static void on_answer(void *ctx)
{
	struct daemon *d = ctx;
	struct job *job = worker_take(d->worker);

	if (job)
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
		reconcile_mark_config(d->reconcile);
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
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)util_now_ms() * 1000ULL);
	d->ready = false;
	reconcile_mark_config(d->reconcile);
}

static void on_stop(void *ctx)
{
	struct daemon *d = ctx;

	sd_notify(0, "STOPPING=1");
	loop_stop(d->loop);
}

static uint64_t on_turn(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t wake_ms = reconcile_turn(d->reconcile, util_now_ms());

	if (!d->ready && reconcile_is_settled(d->reconcile)) {
		d->ready = true;
		sd_notifyf(0, "READY=1\nSTATUS=%zu pairs", reconcile_n_pairs(d->reconcile));
	}
	return wake_ms;
}

/* ---- opening ---- */

static int open_kernel(struct daemon *d)
{
	AUTO(diag_done) struct diag why = {};
	int r;

	d->shipped_dir = shipped_find_dir();
	if (!d->shipped_dir)
		return EXIT_CODE_INTERNAL;
	d->kernel_options = (struct kernel_options){
		.config_dirs = d->options.config_dirs,
		.n_config_dirs = d->options.n_config_dirs,
		.runtime_dir = d->options.runtime_dir,
		.state_dir = d->options.state_dir,
		.netns_dir = d->options.netns_dir,
		.bpffs = d->options.bpffs,
		.shipped_dir = d->shipped_dir,
	};
	r = kernel_new(&d->kernel_options, &d->kernel, &why);
	if (r == 0)
		return 0;
	log_error("%s", why.text ? why.text : strerror(-r));
	switch (r) {
	case KERNEL_E_BPFFS:
		return EXIT_CODE_BPFFS;
	case KERNEL_E_PERMISSION:
		return EXIT_CODE_PERMISSION;
	case KERNEL_E_UNABLE:
		return EXIT_CODE_UNABLE;
	default:
		return r == -EPERM || r == -EACCES ? EXIT_CODE_PERMISSION : EXIT_CODE_INTERNAL;
	}
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
	struct server_options options = { .path = d->options.socket, .fd = -1 };

	if (sd_listen_fds(1) > 0)
		options.fd = SD_LISTEN_FDS_START;
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
	d->observer = (struct reconcile_observer){ d, on_pair, on_loaded };
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
		log_error("cannot start: %s", strerror(-r));
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
	util_close(&d->lock_fd);
	free(d->shipped_dir);
	free(d->options.socket);
}

/* One metad to a runtime directory: two would undo what the other does. Held until the end. */
static int take_lock(struct daemon *d)
{
	AUTO_FREE char *path = util_join(d->options.runtime_dir, "lock");

	if (mkdir(d->options.runtime_dir, 0755) < 0 && errno != EEXIST) {
		log_error("%s: %s", d->options.runtime_dir, strerror(errno));
		return EXIT_CODE_INTERNAL;
	}
	d->lock_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("%s: %s", path ? path : "lock",
			  errno == EWOULDBLOCK ? "metad is running already; systemctl stop metad.socket metad" : strerror(errno));
		return EXIT_CODE_INTERNAL;
	}
	return 0;
}

static int clean_up(struct daemon *d)
{
	int exit_code;

	d->options.n_config_dirs = 0;
	d->options.state_dir = NULL;
	exit_code = open_kernel(d);
	if (exit_code == 0 && cleanup_run(d->kernel, d->options.bpffs) < 0)
		exit_code = EXIT_CODE_INTERNAL;
	return exit_code;
}

static int run(struct daemon *d)
{
	int exit_code = open_all(d);

	if (exit_code == 0) {
		log_info("metad " METAD_VERSION " listens at %s", d->options.socket);
		reconcile_mark_config(d->reconcile);
		loop_run(d->loop, on_turn, d);
		log_info("stopped; pairs and programs stay as they are");
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
	signal(SIGPIPE, SIG_IGN);
	exit_code = take_lock(&d);
	if (exit_code == 0)
		exit_code = d.options.cleanup ? clean_up(&d) : run(&d);
	close_all(&d);
	return exit_code;
}
