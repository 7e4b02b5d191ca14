// SPDX-License-Identifier: BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/section.h"

#define PATH_BYTES     384
#define INTERFACES_MAX 256

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

/* What the kernel tells of an interface of this process's network namespace. */
struct link {
	char driver[32];
	short flags;
	int mtu;
	unsigned int queues; /* 0: it does not tell */
};

static void ask_kernel(const char *interface, struct link *link)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	*link = (struct link){.driver = "none"};
	if (fd < 0)
		return;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", interface);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		link->flags = request.ifr_flags;
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		link->mtu = request.ifr_mtu;
	request.ifr_data = (void *)&info;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0)
		snprintf(link->driver, sizeof(link->driver), "%.31s", info.driver);
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
	else
		stoq_probe_unknown(probe, "queues", "ip netns exec, which mounts the right /sys",
			"the driver does not tell, and /sys shows another network namespace");
}

static const char *state_name(short flags)
{
	return !(flags & IFF_UP) ? "down" : flags & IFF_RUNNING ? "up" : "no carrier";
}

static void probe_link(struct stoq_probe *probe, const char *interface, const struct link *link)
{
	stoq_probe_yes(probe, "link", "driver %s, state %s, MTU %d", link->driver,
		state_name(link->flags), link->mtu);
	probe_queues(probe, interface, link->queues);
}

static void answer_feature(struct stoq_probe *probe, const struct stoq_probe_xdp *xdp,
	uint64_t feature, const char *name, const char *value, const char *remedy, const char *why)
{
	if ((xdp->features & feature) == feature)
		stoq_probe_yes(probe, name, "%s", value);
	else
		stoq_probe_no(probe, name, remedy, "%s", why);
}

static void probe_zero_copy(struct stoq_probe *probe, const struct stoq_probe_xdp *xdp)
{
	answer_feature(probe, xdp, STOQ_XDP_ACT_XSK_ZEROCOPY, "af_xdp_zero_copy",
		"the driver fills AF_XDP buffers itself",
		"another network card or driver; AF_XDP copies until then",
		"the driver has no zero-copy AF_XDP");
	if (!(xdp->features & STOQ_XDP_ACT_RX_SG))
		stoq_probe_no(probe, "af_xdp_multi_buffer", "an MTU that fits one buffer",
			"the driver gives XDP no packets in several buffers");
	else if (!(xdp->features & STOQ_XDP_ACT_XSK_ZEROCOPY))
		stoq_probe_yes(probe, "af_xdp_multi_buffer", "when copying");
	else if (xdp->zero_copy_segments > 1)
		stoq_probe_yes(probe, "af_xdp_multi_buffer", "up to %u buffers with zero-copy",
			xdp->zero_copy_segments);
	else
		stoq_probe_no(probe, "af_xdp_multi_buffer", "an MTU that fits one buffer",
			"with zero-copy the driver takes one buffer a packet (zc_max_segs 1)");
}

static void probe_features(struct stoq_probe *probe, const struct stoq_probe_xdp *xdp)
{
	answer_feature(probe, xdp, STOQ_XDP_ACT_BASIC, "xdp_native", "in the driver",
		"another network card or driver; STOQ uses generic XDP until then",
		"the driver has no XDP");
	answer_feature(probe, xdp, STOQ_XDP_ACT_REDIRECT, "xdp_redirect", "to AF_XDP sockets, too",
		"another network card or driver", "the driver cannot redirect packets");
	answer_feature(probe, xdp, STOQ_XDP_ACT_RX_SG, "xdp_multi_buffer",
		"packets in several buffers", "an MTU that fits one buffer",
		"the driver gives XDP no packets in several buffers");
	probe_zero_copy(probe, xdp);
}

/* Generic XDP runs behind the driver, whatever that is. */
static void probe_generic(struct stoq_probe *probe)
{
	stoq_probe_yes(probe, "xdp_generic", "behind the driver, slower than native");
	stoq_probe_yes(probe, "af_xdp_copy", "with native or generic XDP");
}

static void probe_loopback(struct stoq_probe *probe)
{
	static const char why[] =
		"STOQ leaves loopback alone: it has no native XDP, and programs for "
		"packets in several buffers crash some kernels there";

	stoq_probe_no(probe, "xdp_native", "none needed: local packets need no filter", "%s", why);
	stoq_probe_no(probe, "xdp_generic", "none needed: local packets need no filter", "%s", why);
	stoq_probe_no(
		probe, "af_xdp_copy", "use UDP sockets: on loopback they are faster", "%s", why);
}

static void unknown_features(struct stoq_probe *probe, int result)
{
	static const char *const names[] = {"xdp_native", "xdp_redirect", "xdp_multi_buffer",
		"af_xdp_zero_copy", "af_xdp_multi_buffer"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (result == -ENOENT)
			stoq_probe_unknown(probe, names[i],
				"Linux 6.3 or newer; or try it: a transport says what became of it",
				"this kernel does not tell (it lacks the netlink family netdev)");
		else
			stoq_probe_unknown(probe, names[i], "", "asking the kernel failed: %s",
				strerror(-result));
}

static void probe_xdp(struct stoq_probe *probe, const char *interface)
{
	struct stoq_probe_xdp xdp;
	int result = stoq_probe_netdev((int)if_nametoindex(interface), &xdp);

	if (result || !xdp.known)
		unknown_features(probe, result ? result : -ENOENT);
	else
		probe_features(probe, &xdp);
	probe_generic(probe);
}

static void probe_interface(struct stoq_probe *probe, const char *interface)
{
	struct link link;

	ask_kernel(interface, &link);
	stoq_probe_topic(probe, "interface", interface);
	probe_link(probe, interface, &link);
	if (link.flags & IFF_LOOPBACK)
		probe_loopback(probe);
	else
		probe_xdp(probe, interface);
}

static void probe_all(struct stoq_probe *probe)
{
	struct if_nameindex *names = if_nameindex();

	if (!names) {
		stoq_probe_unknown(
			probe, "list", "", "the kernel does not list them: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < INTERFACES_MAX && names[i].if_index; i++)
		probe_interface(probe, names[i].if_name);
	if_freenameindex(names);
}

/* ---- from files alone ---- */

static void probe_files_of(struct stoq_probe *probe, const char *interface)
{
	struct link link = {.driver = "not asked"};
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
		if (i < INTERFACES_MAX)
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
