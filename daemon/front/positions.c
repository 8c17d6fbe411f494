/* SPDX-License-Identifier: GPL-2.0-only */
/* See positions.h. */
#include "front/positions.h"

size_t positions_behind(struct reconcile *reconcile, const char *last)
{
	size_t low = 0, n = reconcile_n_pairs(reconcile);
	struct status status;

	while (n) {
		size_t half = n / 2;

		reconcile_status_at(reconcile, low + half, 0, &status);
		if (strcmp(status.name, last) <= 0) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}
