/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a job's life; what it carries is backend.h's business. */
#include "engine/backend.h"

void job_free(struct job *job)
{
	if (!job)
		return;
	for (size_t i = 0; job->outcomes && i < job->plan.n_tasks; i++)
		diag_done(&job->outcomes[i].why);
	free(job->outcomes);
	desired_unref(job->desired);
	catalog_done(&job->catalog);
	free(job->amendments);
	free(job->names);
	observed_done(&job->observed);
	plan_done(&job->plan);
	free(job->meters);
	diag_done(&job->why);
	free(job);
}
