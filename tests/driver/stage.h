/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * Where a case plays: two network namespaces of its own, so that indices and names begin anew, and links
 * that have to be there.
 */

#include <unistd.h>

#include "rtnl.h"
#include "tap.h"

struct stage {
	struct rtnl here, there;
	int netns_fd; /* of there */
};

static inline void stage_open(struct stage *stage)
{
	netns_isolate();
	stage->netns_fd = netns_new();
	if (rtnl_open(&stage->here) || rtnl_open_in(&stage->there, stage->netns_fd))
		bail_out("no netlink socket");
}

static inline void stage_close(struct stage *stage)
{
	rtnl_close(&stage->here);
	rtnl_close(&stage->there);
	close(stage->netns_fd);
}

/* All zero when it is not there, so that what follows fails row by row. */
static inline struct link_state the_link(struct rtnl *rtnl, const char *name)
{
	struct link_state link = { 0 };
	int err = link_get(rtnl, name, &link);

	if (err)
		ok_err(err, 0, "there is a link %s", name);
	return link;
}
