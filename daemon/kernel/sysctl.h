/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * /proc/sys of the namespace the calling thread is in (the kernel resolves /proc/sys/net by the
 * reading thread). Keys use dots; "net.ipv4.conf.eth0/100.rp_filter" writes a dot inside a part as
 * a slash, as sysctl(8) does.
 */

#include "base/diag.h"

/* The value without its newline, inner white space made single blanks; owned by the caller. */
int sysctl_read(const char *key, char **ret);
/* 0 or -errno with why. */
int sysctl_write(const char *key, const char *value, struct diag *why);
