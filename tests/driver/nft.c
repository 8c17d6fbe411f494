// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of netfilter, as nft.h says.
 */
#include "nft.h"

#include "tap.h"

void nft_load(const char *ruleset)
{
	FILE *pipe = popen("nft -f -", "w");

	if (!pipe || fputs(ruleset, pipe) < 0 || pclose(pipe))
		bail_out("nft does not take:\n%s", ruleset);
}

void nft_flush(void)
{
	nft_load("flush ruleset\n");
}

long long nft_packets(const char *table, const char *counter)
{
	char command[128], line[256];
	long long n = -1;
	FILE *pipe;

	snprintf(command, sizeof(command), "nft list counter %s %s", table, counter);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		sscanf(line, " packets %lld", &n);
	if (!pipe || pclose(pipe) || n < 0)
		bail_out("nft knows no counter %s %s", table, counter);
	return n;
}
