// SPDX-License-Identifier: BSD-2-Clause
#include "flow/vlans.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"

#define VLAN_FOLDER "/proc/net/vlan"
#define DEPTH	    4 /* tags behind one another */

static int add(struct stoq_flow_vlans *vlans, const struct stoq_flow_vlan *vlan)
{
	void *items = stoq_array_room(
		vlans->items, vlans->count, &vlans->capacity, sizeof(*vlans->items));

	if (!items)
		return -ENOMEM;
	vlans->items = items;
	vlans->items[vlans->count++] = *vlan;
	return 0;
}

void stoq_flow_vlans_free(struct stoq_flow_vlans *vlans)
{
	free(vlans->items);
	*vlans = (struct stoq_flow_vlans){0};
}

/* What the kernel says of a VLAN's interface; false: it is no VLAN. */
static bool ask(int control, int command, const char *interface, struct vlan_ioctl_args *answer)
{
	*answer = (struct vlan_ioctl_args){.cmd = command};
	snprintf(answer->device1, sizeof(answer->device1), "%s", interface);
	return ioctl(control, SIOCGIFVLAN, answer) == 0;
}

/* An address, once for each interface below the one that has it. */
static int list_address(struct stoq_flow_vlans *vlans, int control, const struct ifaddrs *entry)
{
	struct stoq_flow_vlan vlan = {0};
	struct vlan_ioctl_args answer;
	int result = 0;

	if (stoq_flow_end_of_address(&vlan.address, entry->ifa_addr) ||
		!ask(control, GET_VLAN_VID_CMD, entry->ifa_name, &answer))
		return 0;
	vlan.id = (uint16_t)answer.u.VID;
	snprintf(vlan.below, sizeof(vlan.below), "%s", entry->ifa_name);
	for (int i = 0; !result && i < DEPTH; i++) {
		if (!ask(control, GET_VLAN_REALDEV_NAME_CMD, vlan.below, &answer))
			break;
		snprintf(vlan.below, sizeof(vlan.below), "%.*s", IF_NAMESIZE - 1, answer.u.device2);
		result = add(vlans, &vlan);
	}
	return result;
}

int stoq_flow_vlans_list(struct stoq_flow_vlans *vlans)
{
	int control, result = 0;
	struct ifaddrs *addresses = NULL;

	*vlans = (struct stoq_flow_vlans){0};
	/* Where it is not, asking would have the kernel load a module for nothing. */
	if (access(VLAN_FOLDER, F_OK))
		return 0;
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control >= 0 && getifaddrs(&addresses) == 0) {
		for (const struct ifaddrs *entry = addresses; !result && entry;
			entry = entry->ifa_next)
			result = list_address(vlans, control, entry);
		freeifaddrs(addresses);
	}
	if (control >= 0)
		close(control);
	if (result)
		stoq_flow_vlans_free(vlans);
	return result;
}

static bool is_tagged(const struct stoq_flow_known *known, const struct stoq_flow_vlan *vlan)
{
	return stoq_flow_end_same_address(&known->host, &vlan->address) ||
	       stoq_flow_end_same_address(&known->controller, &vlan->address);
}

int stoq_flow_vlans_identify(
	const struct stoq_flow_vlans *vlans, struct stoq_flow_identities *identities)
{
	size_t untagged = identities->count;
	int result = 0;

	for (size_t i = 0; i < untagged; i++) {
		for (size_t n = 0; !result && n < vlans->count; n++) {
			struct stoq_flow_known known = identities->items[i];

			if (!is_tagged(&known, &vlans->items[n]))
				continue;
			known.vlan_id = vlans->items[n].id;
			result = stoq_flow_identities_add(identities, &known);
		}
	}
	return result;
}
