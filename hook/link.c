// SPDX-License-Identifier: BSD-2-Clause
#include "hook/link.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of linux/if_arp.h, which does not go with net/if_arp.h. */
#define ARPHRD_IP6GRE 823

int stoq_link_type(const char *interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type = -1;
	struct ifreq request = {0};

	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, interface);
	type = ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : request.ifr_hwaddr.sa_family;
	close(fd);
	return type;
}

/*
 * Tunnels without link layer headers of their own: at the tc hook their packets begin with the IP
 * header (WireGuard and tun: ARPHRD_NONE; net/ipv4/ipip.c, ip_gre.c, net/ipv6/sit.c, ip6_tunnel.c).
 */
static int is_bare(int type)
{
	static const int bare[] = {ARPHRD_NONE, ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT,
		ARPHRD_IPGRE, ARPHRD_IP6GRE, ARPHRD_RAWIP};

	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
		if (type == bare[i])
			return 1;
	return 0;
}

int stoq_link_of(const char *interface, enum stoq_link *link, struct stoq_error *error)
{
	int type = stoq_link_type(interface);

	if (type < 0)
		return stoq_error_set(error, type,
			"cannot ask the kernel what kind of interface %s is: %s", interface,
			strerror(-type));
	*link = type == ARPHRD_LOOPBACK ? STOQ_LINK_LOOPBACK
		: is_bare(type)		? STOQ_LINK_BARE
					: STOQ_LINK_ETHERNET;
	if (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK || is_bare(type))
		return 0;
	return stoq_error_set(error, -EOPNOTSUPP,
		"packets of interface %s begin with neither an Ethernet nor an IP header (link "
		"type %d): the program cannot read them. Attach it where the same packets pass "
		"another interface, if there is one",
		interface, type);
}
