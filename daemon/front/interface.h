/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* The interfaces' own texts, NUL-terminated; io.metad.varlink is built in as it is. */
extern const char interface_metad[];
extern const char interface_service[];
