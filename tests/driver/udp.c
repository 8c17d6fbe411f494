// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams by IPv4 and IPv6, as udp.h says.
 */
#include "udp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtnl.h"
#include "tap.h"

int udp_socket(int netns, const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int family = strchr(address, ':') ? AF_INET6 : AF_INET, home = netns_current(), fd, err;

	netns_enter(netns);
	inet_pton(AF_INET, address, &at.sin_addr);
	inet_pton(AF_INET6, address, &at6.sin6_addr);
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = family == AF_INET ? bind(fd, (struct sockaddr *)&at, sizeof(at))
				: bind(fd, (struct sockaddr *)&at6, sizeof(at6));
	if (fd < 0 || err)
		bail_out("UDP on %s: %m", address);
	netns_enter(home);
	close(home);
	return fd;
}

void udp_send(int fd, const char *address, uint16_t port, const char *text)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (strchr(address, ':')) {
		inet_pton(AF_INET6, address, &to6.sin6_addr);
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to6, sizeof(to6));
	} else {
		inet_pton(AF_INET, address, &to.sin_addr);
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to));
	}
}

bool udp_receives(int fd, const char *text, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char got[64] = "";

	return poll(&pollfd, 1, timeout_ms) == 1 && recv(fd, got, sizeof(got) - 1, 0) > 0 &&
	       !strcmp(got, text);
}
