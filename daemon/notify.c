/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See notify.h. A daemon whose loop turns but whose worker hangs in the kernel is no use to
 * anybody, so the watchdog is fed for answers of the kernel and for nothing else.
 */
#include "notify.h"

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define SOCKET_NAME "varlink"
#define ASK_AGAIN 8 /* a kernel that answered with an error is asked again so often in a period */

void notify_init(struct notify *notify, uint64_t now_ms)
{
	uint64_t limit_us = 0;

	*notify = (struct notify){ .stale = true };
	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	notify->period_ms = MAX(limit_us / 2000, 1);
	notify->feed_ms = notify->ask_ms = now_ms + notify->period_ms;
}

void notify_done(struct notify *notify)
{
	free(notify->status);
	*notify = (struct notify){};
}

/* ---- the socket ---- */

static void free_names(char ***names)
{
	for (char **name = *names; name && *name; name++)
		free(*name);
	free(*names);
}

int notify_take_socket(void)
{
	AUTO(free_names) char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	int taken = -1;

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(names[i], SOCKET_NAME) != 0)
			log_warning("a file descriptor is named %s, not " SOCKET_NAME ": closed", names[i]);
		else if (taken >= 0)
			log_warning("more than one file descriptor is named " SOCKET_NAME ": closed");
		else if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
			log_warning("the file descriptor named " SOCKET_NAME
				    " is no listening stream socket: closed");
		else
			taken = fd;
		if (taken != fd)
			close(fd);
	}
	return taken;
}

/* ---- how it is ---- */

void notify_note(struct notify *notify)
{
	notify->stale = true;
}

static void count_fault(void *ctx, const struct diag *diag)
{
	size_t *n_faults = ctx;

	++*n_faults;
}

/* "12 pairs: 11 ready, 1 waiting; 1 fault in the configuration"; NULL: out of memory. */
static char *make_status(struct reconcile *reconcile)
{
	size_t n = reconcile_n_pairs(reconcile), n_faults = 0, len = 0;
	size_t counts[STATE_FAILED + 1] = {};
	AUTO_FREE char *text = NULL;
	FILE *out = open_memstream(&text, &len);
	const char *separator = ": ";

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct status status;

		reconcile_status_at(reconcile, i, 0, &status);
		counts[status.state]++;
	}
	fprintf(out, "%zu pair%s", n, n == 1 ? "" : "s");
	for (enum state state = 0; state < ARRAY_SIZE(counts); state++) {
		if (!counts[state])
			continue;
		fprintf(out, "%s%zu %s", separator, counts[state], state_name(state));
		separator = ", ";
	}
	catalog_each_diag(reconcile_catalog(reconcile), reconcile_desired(reconcile), count_fault,
			  &n_faults);
	if (n_faults)
		fprintf(out, "; %zu fault%s in the configuration", n_faults, n_faults == 1 ? "" : "s");
	return fclose(out) == 0 ? STEAL(text) : NULL;
}

void notify_tell(struct notify *notify, struct reconcile *reconcile)
{
	char *status;

	if (!reconcile_is_settled(reconcile) || (notify->ready && !notify->stale))
		return;
	status = make_status(reconcile);
	if (!notify->ready || !notify->status || !status || strcmp(notify->status, status) != 0)
		sd_notifyf(0, "%sSTATUS=%s", notify->ready ? "" : "READY=1\n", status ? status : "");
	notify->ready = true;
	notify->stale = false;
	free(notify->status);
	notify->status = status;
}

/* A moment before the signal was sent, as one that is rounded may be, is no answer to it. */
void notify_reloading(struct notify *notify)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify->ready = false;
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_failed(int error, const char *why)
{
	sd_notifyf(0, "STATUS=%s\nERRNO=%d", why, error);
}

/* ---- the watchdog ---- */

void notify_heard(struct notify *notify, const struct job *job)
{
	switch (job->kind) {
	case JOB_LOAD:
	case JOB_EXPAND:
	case JOB_DRAFT:
	case JOB_ADOPT:
	case JOB_RELEASE:
		break;
	case JOB_LOOK:
	case JOB_RUN:
	case JOB_MEASURE:
	case JOB_PING:
		notify->heard |= !job->error;
		break;
	}
}

uint64_t notify_watchdog(struct notify *notify, struct reconcile *reconcile, uint64_t now_ms)
{
	if (!notify->period_ms)
		return UINT64_MAX;
	if (now_ms < notify->feed_ms)
		return notify->feed_ms - now_ms;
	if (notify->heard) {
		sd_notify(0, "WATCHDOG=1");
		notify->heard = false;
		notify->feed_ms = notify->ask_ms = now_ms + notify->period_ms;
		return notify->period_ms;
	}
	/* An answer is on its way, and brings a turn. */
	if (reconcile_is_busy(reconcile))
		return UINT64_MAX;
	if (now_ms >= notify->ask_ms) {
		reconcile_mark_ping(reconcile);
		notify->ask_ms = now_ms + MAX(notify->period_ms / ASK_AGAIN, 1);
	}
	return notify->ask_ms - now_ms;
}
