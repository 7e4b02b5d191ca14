// SPDX-License-Identifier: BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/facts.h"
#include "probe/files.h"
#include "probe/interface_xdp.h"
#include "probe/probe_private.h"

#define PATH_BYTES 384

static void sysfs_path(char path[static PATH_BYTES], const char *interface, const char *file)
{
	snprintf(path, PATH_BYTES, "/sys/class/net/%s/%s", interface, file);
}

/* Receive queues; 0: they cannot be counted. */
static unsigned int count_queues(const struct stoq_probe *probe, const char *interface)
{
	char path[PATH_BYTES], whole[PATH_BYTES + 256];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *folder;

	sysfs_path(path, interface, "queues");
	snprintf(whole, sizeof(whole), "%s%s", probe->root, path);
	folder = opendir(whole);
	while (folder && (entry = readdir(folder)))
		count += strncmp(entry->d_name, "rx-", 3) == 0;
	if (folder)
		closedir(folder);
	return count;
}

static void ask_kernel(const char *interface, struct stoq_probe_link *link)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	*link = (struct stoq_probe_link){.driver = "none"};
	if (fd < 0)
		return;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", interface);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		link->flags = request.ifr_flags;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		link->mtu = request.ifr_mtu;
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
		link->ethernet = request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
	if (stoq_netdev_driver(interface, link->driver))
		snprintf(link->driver, sizeof(link->driver), "none");
	request.ifr_data = (void *)&channels;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		link->queues = channels.combined_count + channels.rx_count;
	close(fd);
}

/* sysfs shows the interfaces of the network namespace that it was mounted in. */
static bool is_in_sysfs(const struct stoq_probe *probe, const char *interface)
{
	char path[PATH_BYTES];
	uint64_t ifindex;

	if (!stoq_probe_is_real(probe))
		return true;
	sysfs_path(path, interface, "ifindex");
	return stoq_probe_read_number(probe, path, &ifindex) == 0 &&
	       ifindex == if_nametoindex(interface);
}

static void probe_queues(struct stoq_probe *probe, const char *interface, unsigned int queues)
{
	if (!queues && is_in_sysfs(probe, interface))
		queues = count_queues(probe, interface);
	if (queues)
		stoq_probe_yes(probe, "queues", "%u", queues);
	else if (!stoq_probe_has_sys(probe))
		stoq_probe_unknown(probe, "queues", "mount -t sysfs sys /sys",
			"the driver does not tell, and /sys is not mounted");
	else
		stoq_probe_unknown(probe, "queues",
			"ip netns exec NAMESPACE stoq probe: it mounts the right /sys",
			"the driver does not tell, and /sys shows another network namespace");
}

static void probe_link(
	struct stoq_probe *probe, const char *interface, const struct stoq_probe_link *link)
{
	char remedy[64];

	snprintf(remedy, sizeof(remedy), "ip link set %s up", interface);
	if (!(link->flags & IFF_UP))
		stoq_probe_no(probe, "link", remedy, "it is down (driver %s, MTU %d)", link->driver,
			link->mtu);
	else if (!(link->flags & IFF_RUNNING))
		stoq_probe_no(probe, "link",
			"connect it, or set the other end up (of a veth: ip link set PEER up)",
			"it has no carrier (driver %s, MTU %d)", link->driver, link->mtu);
	else
		stoq_probe_yes(
			probe, "link", "driver %s, state up, MTU %d", link->driver, link->mtu);
	probe_queues(probe, interface, link->queues);
}

static void probe_interface(struct stoq_probe *probe, const struct if_nameindex *interface)
{
	size_t before = probe->count;
	struct stoq_probe_link link;

	ask_kernel(interface->if_name, &link);
	stoq_probe_topic(probe, "interface", interface->if_name);
	probe_link(probe, interface->if_name, &link);
	stoq_probe_interface_xdp(probe, interface->if_name, &link);
	/* It went away meanwhile, or another one has its name: what was seen is nobody's. */
	if (if_nametoindex(interface->if_name) != interface->if_index)
		probe->count = before;
}

static void probe_all(struct stoq_probe *probe)
{
	struct if_nameindex *interfaces = if_nameindex();

	if (!interfaces) {
		stoq_probe_unknown(
			probe, "list", "", "the kernel does not list them: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; interfaces[i].if_index; i++)
		probe_interface(probe, &interfaces[i]);
	if_freenameindex(interfaces);
}

/* ---- from files alone ---- */

static void probe_files_of(struct stoq_probe *probe, const char *interface)
{
	struct stoq_probe_link link = {.driver = "not asked"};
	char path[PATH_BYTES], state[32];
	uint64_t mtu = 0;

	sysfs_path(path, interface, "mtu");
	if (stoq_probe_read_number(probe, path, &mtu))
		return; /* no interface: bonding_masters */
	link.mtu = (int)mtu;
	sysfs_path(path, interface, "operstate");
	if (stoq_probe_read(probe, path, state, sizeof(state)) > 0 && strcmp(state, "up") == 0)
		link.flags = IFF_UP | IFF_RUNNING;
	stoq_probe_topic(probe, "interface", interface);
	probe_link(probe, interface, &link);
}

static int filter_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strlen(entry->d_name) < IF_NAMESIZE;
}

static void probe_files(struct stoq_probe *probe)
{
	struct dirent **names;
	char whole[PATH_BYTES];
	int count;

	snprintf(whole, sizeof(whole), "%s/sys/class/net", probe->root);
	count = scandir(whole, &names, filter_hidden, alphasort);
	if (count < 0) {
		stoq_probe_unknown(probe, "list", "mount -t sysfs sysfs /sys", "/sys/class/net: %s",
			strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		probe_files_of(probe, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

void stoq_probe_interfaces(struct stoq_probe *probe)
{
	stoq_probe_topic(probe, "interface", NULL);
	if (stoq_probe_is_real(probe))
		probe_all(probe);
	else
		probe_files(probe);
}
