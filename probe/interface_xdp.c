// SPDX-License-Identifier: BSD-2-Clause

/* XDP and AF_XDP on an interface: what its driver says of itself, and what STOQ makes of it. */
#include "probe/interface_xdp.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "probe/facts.h"
#include "probe/netdev.h"
#include "probe/probe_private.h"

/* What fits into a frame of 4096 bytes behind headroom, Ethernet and two VLAN tags. */
#define AF_XDP_MTU_MAX	      3818
/* The same with 16 frames, which a packet may take from Linux 6.6 on. */
#define AF_XDP_MTU_FRAMES_MAX 61418
/* What a driver receives into one page, with room for XDP in front and the kernel's words behind.
 */
#define ONE_BUFFER_MTU	      3498

#define REMEDY_BYTES 96
#define OTHER_CARD   "another network card or driver"

static void answer_feature(struct stoq_probe *probe, bool yes, const char *name, const char *value,
	const char *remedy, const char *why)
{
	if (yes)
		stoq_probe_yes(probe, name, "%s", value);
	else
		stoq_probe_no(probe, name, remedy, "%s", why);
}

/* Packets in several buffers are needed above a certain MTU only. */
static void single_buffer_remedy(char remedy[static REMEDY_BYTES], const char *interface,
	const struct stoq_probe_link *link, int most)
{
	if (link->mtu <= most)
		snprintf(remedy, REMEDY_BYTES,
			"none needed: packets of its MTU of %d fit into one buffer", link->mtu);
	else
		snprintf(remedy, REMEDY_BYTES, "ip link set %s mtu %d", interface, most);
}

static void probe_native(struct stoq_probe *probe, const char *interface,
	const struct stoq_probe_link *link, const struct stoq_netdev *netdev)
{
	char remedy[REMEDY_BYTES];

	/* Its driver offers XDP or not by the queues that it and its peer have. */
	snprintf(remedy, sizeof(remedy), "ethtool -L %s rx N: as many as its peer has to send by",
		interface);
	if (strcmp(link->driver, "veth") == 0)
		answer_feature(probe, netdev->xdp_features & STOQ_NETDEV_XDP_BASIC, "xdp_native",
			"in the driver", remedy, "it has too few receive queues for its peer's");
	else
		answer_feature(probe, netdev->xdp_features & STOQ_NETDEV_XDP_BASIC, "xdp_native",
			"in the driver", OTHER_CARD "; STOQ uses generic XDP until then",
			"the driver offers no XDP");
	single_buffer_remedy(remedy, interface, link, ONE_BUFFER_MTU);
	answer_feature(probe, netdev->xdp_features & STOQ_NETDEV_XDP_REDIRECT, "xdp_redirect",
		"to AF_XDP sockets, too", OTHER_CARD, "the driver cannot redirect packets");
	answer_feature(probe, netdev->xdp_features & STOQ_NETDEV_XDP_FRAGMENTS, "xdp_multi_buffer",
		"packets in several buffers", remedy,
		"the driver gives XDP no packets in several buffers");
}

static void probe_af_xdp_buffers(struct stoq_probe *probe, const char *interface,
	const struct stoq_probe_link *link, const struct stoq_netdev *netdev)
{
	char remedy[REMEDY_BYTES];

	single_buffer_remedy(remedy, interface, link, AF_XDP_MTU_MAX);
	if (!(netdev->xdp_features & STOQ_NETDEV_XDP_FRAGMENTS))
		stoq_probe_no(probe, "af_xdp_multi_buffer", remedy,
			"the driver gives XDP no packets in several buffers");
	else if (!(netdev->xdp_features & STOQ_NETDEV_XDP_ZERO_COPY))
		stoq_probe_yes(probe, "af_xdp_multi_buffer", "when copying");
	else if (netdev->zero_copy_segments > 1)
		stoq_probe_yes(probe, "af_xdp_multi_buffer", "up to %u buffers with zero-copy",
			netdev->zero_copy_segments);
	else
		stoq_probe_no(probe, "af_xdp_multi_buffer", remedy,
			"with zero-copy the driver takes one buffer a packet (zc_max_segs 1)");
}

static void probe_af_xdp(struct stoq_probe *probe, const char *interface,
	const struct stoq_probe_link *link, const struct stoq_netdev *netdev)
{
	char remedy[REMEDY_BYTES];

	snprintf(remedy, sizeof(remedy), "ip link set %s mtu %d", interface, AF_XDP_MTU_MAX);
	if (!(netdev->xdp_features & STOQ_NETDEV_XDP_REDIRECT))
		stoq_probe_no(probe, "af_xdp_copy", OTHER_CARD "; use UDP sockets until then",
			"the driver gives AF_XDP no packets, and behind generic XDP they are "
			"joined "
			"already (GRO)");
	else if (link->mtu > AF_XDP_MTU_MAX && !stoq_netdev_has_several_frames())
		stoq_probe_no(probe, "af_xdp_copy", remedy,
			"a packet of its MTU of %d does not fit into a frame of 4096 bytes, and it may take "
			"several from Linux 6.6 on (as root)",
			link->mtu);
	else if (link->mtu > AF_XDP_MTU_FRAMES_MAX)
		stoq_probe_no(probe, "af_xdp_copy", remedy,
			"a packet of its MTU of %d does not fit into 16 frames of 4096 bytes",
			link->mtu);
	else
		stoq_probe_yes(probe, "af_xdp_copy", "the kernel copies each frame");
	answer_feature(probe, netdev->xdp_features & STOQ_NETDEV_XDP_ZERO_COPY, "af_xdp_zero_copy",
		"the driver fills AF_XDP buffers itself", OTHER_CARD "; AF_XDP copies until then",
		"the driver has no zero-copy AF_XDP");
	probe_af_xdp_buffers(probe, interface, link, netdev);
}

/* ---- where there is nothing to ask about ---- */

static const char *const native_names[] = {"xdp_native", "xdp_redirect", "xdp_multi_buffer"};
static const char *const af_xdp_names[] = {
	"af_xdp_copy", "af_xdp_zero_copy", "af_xdp_multi_buffer"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Neither the filter nor AF_XDP, whatever the driver can. */
static void none_of_it(
	struct stoq_probe *probe, const char *why, const char *for_xdp, const char *for_af_xdp)
{
	stoq_probe_no(probe, "xdp_native", for_xdp, "%s", why);
	stoq_probe_no(probe, "xdp_generic", for_xdp, "%s", why);
	stoq_probe_no(probe, "af_xdp_copy", for_af_xdp, "%s", why);
}

static void unknown_features(
	struct stoq_probe *probe, const char *const *names, size_t count, int result)
{
	for (size_t i = 0; i < count; i++)
		if (result == -ENOTSUP)
			stoq_probe_unknown(probe, names[i],
				"Linux 6.3 or newer; or try it: a transport says what became of it",
				"this kernel does not tell (it lacks the netlink family netdev)");
		else
			stoq_probe_unknown(probe, names[i], "", "asking the kernel failed: %s",
				strerror(-result));
}

static void probe_ethernet(
	struct stoq_probe *probe, const char *interface, const struct stoq_probe_link *link)
{
	bool has_af_xdp = stoq_probe_try_af_xdp() != -EAFNOSUPPORT;
	struct stoq_netdev netdev;
	int result = stoq_netdev_ask((int)if_nametoindex(interface), &netdev);

	if (result)
		unknown_features(probe, native_names, COUNT(native_names), result);
	else
		probe_native(probe, interface, link, &netdev);
	/* It runs behind the driver, whatever that is. */
	stoq_probe_yes(probe, "xdp_generic", "behind the driver, slower than native");
	for (size_t i = 0; !has_af_xdp && i < COUNT(af_xdp_names); i++)
		stoq_probe_no(probe, af_xdp_names[i], "a kernel with CONFIG_XDP_SOCKETS",
			"this kernel has no AF_XDP sockets");
	if (has_af_xdp && result)
		unknown_features(probe, af_xdp_names, COUNT(af_xdp_names), result);
	else if (has_af_xdp)
		probe_af_xdp(probe, interface, link, &netdev);
}

void stoq_probe_interface_xdp(
	struct stoq_probe *probe, const char *interface, const struct stoq_probe_link *link)
{
	if (link->flags & IFF_LOOPBACK)
		none_of_it(probe,
			"STOQ leaves loopback alone: it has no native XDP, and programs for "
			"packets "
			"in several buffers crash some kernels there",
			"none needed: local packets need no filter",
			"none needed: on loopback UDP sockets are faster");
	else if (!link->ethernet)
		none_of_it(probe,
			"it is no Ethernet interface, and STOQ's program and AF_XDP read Ethernet "
			"frames",
			"use the Ethernet interface below it, which carries its packets",
			"use UDP sockets");
	else
		probe_ethernet(probe, interface, link);
}
