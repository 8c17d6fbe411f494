/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Words for rtnetlink refusals that the kernel gives only a number for. */

#include <stdint.h>

/* "RTM_NEWLINK"; never NULL. */
const char *netlink_type_name(uint16_t type);

/* What error (-errno) means as the answer to a request of this type; never NULL. */
const char *netlink_words(uint16_t type, int error);
