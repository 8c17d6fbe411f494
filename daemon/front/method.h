/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/*
 * What carries out a method. interface_methods.h, which interface.py makes, declares one for each
 * method of the .varlink files: without a definition metad does not link, and a definition of what
 * is in no file does not compile.
 *
 *	METHOD(metad_reload) = { .run = reload, .action = "io.metad.reload" };
 */

struct call;

struct method {
	/* Answers call, or leaves in it how it goes on (call.h). 0 or -errno: the connection ends. */
	int (*run)(struct call *call);
	/* Of systemd/io.metad.policy: what who is not privileged needs; NULL: it is open to all. */
	const char *action;
	/* Names of the parameters that say which pair and which namespace it is about; NULL: none. */
	const char *pair, *netns;
};

#define METHOD(name) __typeof__(name) name
