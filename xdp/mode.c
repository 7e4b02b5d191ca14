// SPDX-License-Identifier: BSD-2-Clause
#include "xdp/mode.h"

#include <stdbool.h>
#include <string.h>

#include "probe/netdev.h"

static const struct {
	const char *name, *text;
} modes[] = {
	[STOQ_XDP_AUTO] = {"auto", "native XDP or tc ingress"},
	[STOQ_XDP_NATIVE] = {"native", "native XDP"},
	[STOQ_XDP_GENERIC] = {"generic", "generic XDP"},
	[STOQ_XDP_TC] = {"tc", "tc ingress"},
};

const char *stoq_xdp_mode_name(enum stoq_xdp_mode mode)
{
	return modes[mode].name;
}

const char *stoq_xdp_mode_text(enum stoq_xdp_mode mode)
{
	return modes[mode].text;
}

/*
 * Drivers whose packets are super-packets only as long as there is no XDP program: veth_xdp_set() takes
 * NETIF_F_GSO_SOFTWARE from the other end (drivers/net/veth.c), virtnet_xdp_set() the guest's offloads
 * (drivers/net/virtio_net.c), and tun_build_skb() is for frames without a vnet header's GSO
 * (drivers/net/tun.c).
 */
static bool loses_offloads(const char *driver)
{
	static const char *const drivers[] = {"veth", "virtio_net", "tun"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i], driver) == 0)
			return true;
	return false;
}

enum stoq_xdp_mode stoq_xdp_mode_of(const char *interface)
{
	char driver[STOQ_NETDEV_DRIVER_BYTES];

	stoq_netdev_driver(interface, driver);
	return loses_offloads(driver) ? STOQ_XDP_TC : STOQ_XDP_NATIVE;
}
