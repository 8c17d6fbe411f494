/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread, a queue each way, and an eventfd that says when an answer waits. The engine has one
 * job under way at a time, so a queue is a single place.
 */
#include "kernel/worker.h"

#include "kernel/chain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

struct worker {
	struct kernel *kernel; /* borrowed; used by the thread only */
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct job *todo, *done; /* owned; NULL: none */
	bool stopping;
	int fd;
};

static void *run(void *arg)
{
	struct worker *worker = arg;

	pthread_mutex_lock(&worker->lock);
	while (!worker->stopping) {
		struct job *job = STEAL(worker->todo);

		if (!job) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		kernel_do(worker->kernel, job);
		pthread_mutex_lock(&worker->lock);
		worker->done = job;
		eventfd_write(worker->fd, 1);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int worker_new(struct kernel *kernel, struct worker **ret)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->kernel = kernel;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = worker->fd < 0 ? -errno : start_thread(worker);
	if (r < 0) {
		util_close(&worker->fd);
		free(worker);
		return r;
	}
	*ret = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	job_free(worker->todo);
	job_free(worker->done);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	util_close(&worker->fd);
	free(worker);
}

static int submit(void *ctx, struct job *job)
{
	struct worker *worker = ctx;
	int r = -EBUSY;

	pthread_mutex_lock(&worker->lock);
	if (!worker->todo && !worker->done) {
		worker->todo = job;
		pthread_cond_signal(&worker->wake);
		r = 0;
	}
	pthread_mutex_unlock(&worker->lock);
	return r;
}

static void refresh(void *ctx, struct slot *slots, size_t n)
{
	chain_refresh(slots, n);
}

struct backend worker_backend(struct worker *worker)
{
	return (struct backend){ .ctx = worker, .submit = submit, .refresh = refresh };
}

int worker_fd(const struct worker *worker)
{
	return worker->fd;
}

struct job *worker_take(struct worker *worker)
{
	eventfd_t count;
	struct job *job;

	eventfd_read(worker->fd, &count);
	pthread_mutex_lock(&worker->lock);
	job = STEAL(worker->done);
	pthread_mutex_unlock(&worker->lock);
	return job;
}
