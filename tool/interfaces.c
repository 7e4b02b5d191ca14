// SPDX-License-Identifier: BSD-2-Clause
#include "tool/interfaces.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool tool_interface_is_watched(const struct tool_interface *interface)
{
	static const char *const stacked[] = {
		"bridge", "bonding", "team", "802.1Q VLAN Support", "macvlan", "ipvlan"};

	if (!(interface->flags & IFF_UP))
		return false;
	if (interface->hatype == ARPHRD_LOOPBACK)
		return true;
	if (interface->hatype != ARPHRD_ETHER)
		return false;
	for (size_t i = 0; i < sizeof(stacked) / sizeof(stacked[0]); i++)
		if (strcmp(interface->driver, stacked[i]) == 0)
			return false;
	return true;
}

/* What cannot be asked stays 0: the interface went away meanwhile, and is not up then. */
static void describe(int fd, struct tool_interface *interface)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, interface->name, sizeof(request.ifr_name));
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
		interface->hatype = request.ifr_hwaddr.sa_family;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		interface->flags = (unsigned short)request.ifr_flags;
	stoq_netdev_driver(interface->name, interface->driver);
}

static int fill(struct tool_interface **list, size_t *count, const struct if_nameindex *names)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t found = 0;

	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (names[found].if_index)
		found++;
	*list = calloc(found + 1, sizeof(**list));
	*count = *list ? found : 0;
	for (size_t i = 0; i < *count; i++) {
		snprintf((*list)[i].name, sizeof((*list)[i].name), "%s", names[i].if_name);
		describe(fd, &(*list)[i]);
	}
	close(fd);
	return *list ? 0 : -ENOMEM;
}

int tool_interfaces_list(struct tool_interface **list, size_t *count, struct stoq_error *error)
{
	struct if_nameindex *names = if_nameindex();
	int result = names ? fill(list, count, names) : -errno;

	if (names)
		if_freenameindex(names);
	if (result)
		return stoq_error_set(error, result,
			"cannot list the network interfaces: %s. Name them with -i",
			strerror(-result));
	return 0;
}
